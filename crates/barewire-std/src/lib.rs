//! barewire on blocking std sockets and threads.
//!
//! [`Std`] is the runtime that `barewire`'s client and server are given; with it, they need no async runtime.
//! The sockets are usable in their own right: [`TcpStream`] and [`UnixStream`] are [`Read`](std::io::Read) and
//! [`Write`](std::io::Write), with `BufReader`, lines and the rest from [`std::io`].
//!
//! An echo server, and a client that talks to it:
//!
//! ```
//! use barewire_std::{TcpListener, TcpStream};
//! use std::io::{self, BufRead, BufReader, Write};
//! use std::thread;
//!
//! let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap(), &Default::default())?;
//! let addr = listener.get_ref().local_addr()?;
//! thread::spawn(move || {
//!     while let Ok((stream, _)) = listener.accept_blocking() {
//!         thread::spawn(move || io::copy(&mut &stream, &mut &stream));
//!     }
//! });
//!
//! let (reader, mut writer) = TcpStream::connect(addr, None)?.split();
//! writer.write_all(b"hello\n")?;
//! let mut line = String::new();
//! BufReader::new(reader).read_line(&mut line)?;
//! assert_eq!(line, "hello\n");
//! # std::io::Result::Ok(())
//! ```
//!
//! # Futures that block
//!
//! What is written over [`Runtime`](barewire_rt::Runtime) runs here without change: each future does its work
//! when it is polled, blocks the thread while it does, and is ready then. So two of them do not go on at the
//! same time in one task; two tasks do, since each is a thread. The exception is a
//! [`Driver`](barewire_rt::Driver)'s future, which blocks in [`Transport::wait`](barewire_rt::Transport::wait)
//! and knows what it waits for.

#![forbid(unsafe_code)]

mod acceptor;
mod alarm;
mod connect;
mod driver;
mod half;
mod link;
mod outside;
mod poll;
mod runtime;
mod stream;
mod task;
mod tcp;
mod timer;
mod udp;
mod unix;

pub use driver::{Driver, Duplex};
pub use half::{ReadHalf, WriteHalf};
pub use runtime::Std;
pub use stream::Stream;
pub use task::JoinHandle;
pub use tcp::{TcpListener, TcpStream};
pub use timer::Sleep;
pub use udp::UdpSocket;
pub use unix::{UnixListener, UnixStream};
