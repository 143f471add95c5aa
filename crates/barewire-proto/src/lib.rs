//! The seam between sans-IO protocols and the drivers that move their bytes and time.
//!
//! A *protocol* is a state machine that never touches a socket, a clock or an executor. It is fed bytes
//! through its [`Input`], it is told the time through [`Protocol::handle_timeout`], and it answers with
//! events, with bytes in its [`Output`] and with the instant at which it wants to be woken. A *driver*
//! moves those bytes and that time, and knows nothing of what they mean.
//!
//! ```text
//!   transport ──read──▶ Input ──▶ ┌──────────┐ ──poll_event──▶ application
//!                                 │ Protocol │
//!   transport ◀─write── Output ◀──└──────────┘ ◀──commands──── application
//!                                   ▲      │
//!                  handle_timeout ──┘      └──▶ poll_timeout
//! ```
//!
//! Who writes a web application does not need this crate: take `barewire`. It is for people who write a
//! protocol, a driver, or a program that embeds a protocol in an event loop of its own.
//!
//! # The loop
//!
//! A complete blocking driver, for any protocol:
//!
//! ```
//! use barewire_proto::{Buf, Protocol};
//! use std::io::{self, ErrorKind, Read, Write};
//! use std::net::{Shutdown, TcpStream};
//! use std::time::{Duration, Instant};
//!
//! fn drive<P: Protocol>(
//!     protocol: &mut P,
//!     mut stream: &TcpStream,
//!     mut on_event: impl FnMut(&mut P, P::Event),
//! ) -> io::Result<()> {
//!     loop {
//!         protocol.handle_timeout(Instant::now());
//!         // An error is final: its farewell is in the output by now, and is still written below.
//!         while let Ok(Some(event)) = protocol.poll_event() {
//!             on_event(protocol, event);
//!         }
//!         while protocol.output().has_remaining() {
//!             let output = protocol.output();
//!             let n = output.chunk().len();
//!             stream.write_all(output.chunk())?;
//!             output.advance(n);
//!         }
//!         if protocol.is_closed() {
//!             return Ok(());
//!         }
//!         if protocol.output().is_finished() {
//!             stream.shutdown(Shutdown::Write)?;
//!         }
//!         // Waiting ends with what comes, or at the protocol's deadline.
//!         let left = |at: Instant| at.saturating_duration_since(Instant::now());
//!         let wait = protocol.poll_timeout().map(|at| left(at).max(Duration::from_millis(1)));
//!         if !protocol.wants_read() {
//!             std::thread::sleep(wait.unwrap_or_default());
//!             continue;
//!         }
//!         stream.set_read_timeout(wait)?;
//!         match stream.read(protocol.input().spare(4096)) {
//!             Ok(0) => protocol.input().close(),
//!             Ok(n) => protocol.input().commit(n),
//!             Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
//!             Err(error) => return Err(error),
//!         }
//!     }
//! }
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod input;
mod output;
mod protocol;
mod status;
mod timers;

pub use bytes::{Buf, Bytes};
pub use input::Input;
pub use output::{COPY_THRESHOLD, Output};
pub use protocol::Protocol;
pub use status::Status;
pub use timers::Timers;
