//! What the tests of every protocol crate share: vectors, the contract as a suite, pairs in memory.
//!
//! Not published. A protocol crate says once how it is built, answered and written down, by implementing
//! [`Subject`]; everything here then works on it:
//!
//! - [`vectors`] reads the tables under `tests/vectors/`, and [`run`] feeds them whole, byte by byte, at
//!   every split and at random ones;
//! - [`contract`] checks the seven rules of [`Protocol`](barewire_proto::Protocol) on any sample input;
//! - [`pair`] puts a client and a server into one struct, with a clock that the test moves and a
//!   [`link`] that splits, delays and cuts from a seed;
//! - [`limits`] runs tests of time limits with longer ones where the machine is slow;
//! - [`allocations`] counts allocations in a test binary that asks for it.
//!
//! Nothing here opens a socket or sleeps, and every random choice follows from a seed, so that what fails
//! once fails again.

#![forbid(unsafe_code)]

pub mod allocations;
pub mod clock;
pub mod contract;
#[cfg(test)]
mod echo;
pub mod limits;
pub mod link;
pub mod pair;
pub mod random;
pub mod run;
pub mod subject;
pub mod transcript;
pub mod vectors;

pub use clock::Clock;
pub use link::Link;
pub use pair::Pair;
pub use random::Random;
pub use run::{Drain, Outcome, Run};
pub use subject::Subject;
pub use transcript::Transcript;
pub use vectors::Vector;
