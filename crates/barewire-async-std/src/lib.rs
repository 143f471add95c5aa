//! barewire on async-std: sockets, timers, tasks.
//!
//! **async-std is discontinued** ([RUSTSEC-2025-0052]), and its authors name smol as the way on. This adapter
//! is complete and tested for programs that are built on async-std; new ones take `barewire-smol`, which has
//! the same sockets: replacing [`AsyncStd`] by `Smol` is all there is to do.
//!
//! [`AsyncStd`] is the runtime that `barewire`'s client and server are given. The sockets are usable in their
//! own right: [`TcpStream`], [`TcpListener`], [`UdpSocket`], [`UnixStream`] and [`UnixListener`] are futures-io
//! streams, with `BufReader`, lines and the rest from `async_std::io`.
//!
//! An echo server, and a client that talks to it:
//!
//! ```
//! use async_std::io::{self, BufReader, WriteExt, prelude::BufReadExt};
//! use barewire_async_std::{AsyncStd, TcpStream};
//! use barewire_rt::{Listener, PeerAddr, Runtime};
//!
//! let runtime = AsyncStd::default();
//! runtime.block_on(async {
//!     let listener = runtime.listen_tcp("127.0.0.1:0".parse().unwrap(), &Default::default())?;
//!     let PeerAddr::Tcp(addr) = listener.local_addr()? else { unreachable!() };
//!     async_std::task::spawn(async move {
//!         while let Ok((stream, _)) = listener.accept().await {
//!             let (mut reader, mut writer) = stream.split();
//!             async_std::task::spawn(async move { io::copy(&mut reader, &mut writer).await });
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
//! # Streams of async-std
//!
//! The sockets here live in [`barewire_rt::async_io`], on the reactor that async-std itself waits on.
//! async-std's own streams do not say when they are readable, which costs a system call for each message; one
//! that exists already is taken over without loss, as long as nothing of it sits in a buffer:
//!
//! ```
//! # async_std::task::block_on(async {
//! use barewire_async_std::TcpStream;
//! use std::os::fd::OwnedFd;
//!
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let addr = listener.local_addr()?;
//! let theirs = async_std::net::TcpStream::connect(addr).await?;
//! let ours = TcpStream::try_from(OwnedFd::from(theirs))?;
//! # drop(ours);
//! # std::io::Result::Ok(()) }).unwrap();
//! ```
//!
//! [RUSTSEC-2025-0052]: https://rustsec.org/advisories/RUSTSEC-2025-0052.html

#![forbid(unsafe_code)]

mod runtime;
mod task;

pub use barewire_rt::async_io::{
    ReadHalf, Sleep, Stream, TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream, WriteHalf,
};
pub use runtime::AsyncStd;
pub use task::JoinHandle;
