//! Shared helpers of the cross-crate tests.

pub mod exchange;
pub mod port;
pub mod process;
pub mod scratch;

/// The examples of the README compile, and those that do not serve for ever run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
