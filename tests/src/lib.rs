//! Shared helpers of the cross-crate tests.

pub mod exchange;
pub mod process;
pub mod scratch;
