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
//! A complete blocking driver, for any protocol over any stream:
//!
//! ```
//! use barewire_proto::{Buf, Protocol};
//! use std::io::{self, Read, Write};
//!
//! fn drive<P: Protocol>(
//!     protocol: &mut P,
//!     stream: &mut (impl Read + Write),
//!     mut on_event: impl FnMut(&mut P, P::Event),
//! ) -> io::Result<()> {
//!     while !protocol.is_closed() {
//!         // An error is final: its farewell is in the output by now, and the loop below still writes it.
//!         while let Ok(Some(event)) = protocol.poll_event() {
//!             on_event(protocol, event);
//!         }
//!         while protocol.output().has_remaining() {
//!             let n = stream.write(protocol.output().chunk())?;
//!             protocol.output().advance(n);
//!         }
//!         if protocol.wants_read() {
//!             let n = stream.read(protocol.input().spare(4096))?;
//!             if n == 0 { protocol.input().close() } else { protocol.input().commit(n) }
//!         }
//!     }
//!     Ok(())
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
