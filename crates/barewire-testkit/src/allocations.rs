//! Counting allocations, for the seventh rule of the contract.
//!
//! A counting allocator needs `unsafe`, which is forbidden here, so it is `stats_alloc`'s. A test binary
//! that wants to count installs it, and holds one test only, since it counts for the whole process:
//!
//! ```
//! use barewire_testkit::allocations::{self, INSTRUMENTED_SYSTEM, StatsAlloc, System};
//!
//! #[global_allocator]
//! static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;
//!
//! let mut kept = Vec::with_capacity(100);
//! assert_eq!(allocations::during(|| kept.push(1)), 0);
//! assert_eq!(allocations::during(|| kept.extend([0; 100])), 1);
//! ```

pub use std::alloc::System;

pub use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// How many times memory was allocated or grown by what `f` does, on any thread. Zero where the counting
/// allocator is not installed.
pub fn during(f: impl FnOnce()) -> usize {
    let region = stats_alloc::Region::new(&INSTRUMENTED_SYSTEM);
    f();
    let change = region.change();
    change.allocations + change.reallocations
}
