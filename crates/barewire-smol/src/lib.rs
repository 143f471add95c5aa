//! barewire on smol: sockets, timers, tasks.
//!
//! [`Smol`] is the runtime that `barewire`'s client and server are given. The sockets are usable in their own
//! right: [`TcpStream`], [`TcpListener`], [`UdpSocket`], [`UnixStream`] and [`UnixListener`] are futures-io
//! streams, with `BufReader`, lines and the rest from `futures_lite::io`.
//!
//! An echo server, and a client that talks to it:
//!
//! ```
//! use barewire_rt::{Listener, PeerAddr, Runtime};
//! use barewire_smol::{Smol, TcpStream};
//! use futures_lite::io::{self, AsyncBufReadExt, AsyncWriteExt, BufReader};
//!
//! let smol = Smol::default();
//! smol.block_on(async {
//!     let listener = smol.listen_tcp("127.0.0.1:0".parse().unwrap(), &Default::default())?;
//!     let PeerAddr::Tcp(addr) = listener.local_addr()? else { unreachable!() };
//!     let accepting = smol.clone();
//!     smol.spawn(async move {
//!         while let Ok((stream, _)) = listener.accept().await {
//!             let (reader, writer) = stream.split();
//!             accepting.spawn(io::copy(reader, writer));
//!         }
//!     });
//!
//!     let (reader, mut writer) = TcpStream::connect(addr, None).await?.split();
//!     writer.write_all(b"hello\n").await?;
//!     let mut line = String::new();
//!     BufReader::new(reader).read_line(&mut line).await?;
//!     assert_eq!(line, "hello\n");
//!     std::io::Result::Ok(())
//! })?;
//! # std::io::Result::Ok(())
//! ```
//!
//! The sockets and timers live in [`barewire_rt::async_io`], which the adapter for async-std shares: both
//! runtimes wait on the same reactor.

#![forbid(unsafe_code)]

mod runtime;
mod task;

pub use barewire_rt::async_io::{
    ReadHalf, Sleep, Stream, TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream, WriteHalf,
};
pub use runtime::Smol;
pub use task::JoinHandle;
