//! The `h2` crate beside us, and face to face with us: in memory, polled by hand, without a runtime.

mod cases;
mod meeting;
mod peer;
mod verdict;

// What reads the tables for our own tests reads them here.
#[allow(dead_code, reason = "not all of it is needed here")]
#[path = "../../../../crates/barewire-h2/tests/support/wire.rs"]
mod words;

pub use cases::{Windows, tables, trailers, windows};
pub use meeting::{Meeting, Outcome, Tasks};
pub use peer::{collect, fields, joined, send};
pub use verdict::{Verdict, ours, theirs};
pub use words::translate;
