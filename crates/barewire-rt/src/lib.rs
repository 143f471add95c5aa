//! The seam between barewire and runtimes, and the one driver for every protocol.
//!
//! [`Runtime`] is what the client and the server need of a runtime: sockets and time. [`Spawn`] adds tasks
//! and a pool for blocking work; the server's accept loop needs it, a connection never does. [`Transport`]
//! is a byte stream as a [`Driver`] wants it, and [`Driver`] drives any
//! [`Protocol`](barewire_proto::Protocol) over any transport.
//!
//! Who writes an application takes `barewire`; this crate is for people who add a runtime or a transport.
//!
//! # Blocking runtimes
//!
//! A blocking runtime implements the same traits by blocking: its futures are ready when first polled. What
//! makes that safe is the last step of the driver, [`Transport::wait`]: a transport blocks there and
//! nowhere else, with everything that could wake it (reading, writing, the deadline) in its hands.
//!
//! # Features
//!
//! `async-io`, off by default: the module of that name, sockets and timers for runtimes on the reactor of the
//! crate `async-io`.

#![forbid(unsafe_code)]

#[cfg(feature = "async-io")]
pub mod async_io;
mod budget;
mod connect;
mod driver;
pub mod park;
mod runtime;
pub mod socket;
mod task;
mod transport;

pub use barewire_proto as proto;
pub use budget::{Budget, ReadSize};
pub use connect::{CONNECT_STAGGER, ConnectError, connect_any, interleave};
pub use driver::{Driver, DriverError, NextEvent};
pub use futures_io::{AsyncRead, AsyncWrite};
pub use runtime::{Listener, PeerAddr, Runtime, Spawn, UdpSocket};
pub use task::JoinError;
pub use transport::{Interest, Interrupter, Io, LazyTimer, Transport, Waiter};
