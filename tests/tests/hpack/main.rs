//! HPACK beside other people's: the wire stories of hpack-test-case, and Python's hpack both ways.

mod python;
mod stories;
mod story;
