//! Limits of time that are as short as the machine lets them be.

use std::time::Duration;

/// The limit was over before the test had come to what it is about, as a machine may be so busy; with what came instead.
#[derive(Debug)]
pub struct TooSlow(String);

impl TooSlow {
    /// Says what came instead.
    pub fn because(what: impl std::fmt::Debug) -> Self {
        Self(format!("{what:?}"))
    }
}

/// Runs a test of what happens when a limit of time is over, with limits that grow until one is long enough for the
/// machine.
///
/// Such a test waits for its limit, so that it should be short; but it also needs other things to happen before, and
/// however long it is, some machine will be slower. The test returns [`TooSlow`] when what came is what a slow machine
/// would lead to: it is right if it is right with any limit.
///
/// # Panics
///
/// When seconds are not enough either.
pub fn growing(first: Duration, mut test: impl FnMut(Duration) -> Result<(), TooSlow>) {
    let mut limit = first;
    while let Err(TooSlow(what)) = test(limit) {
        assert!(limit < Duration::from_secs(8), "with a limit of {limit:?}: {what}");
        limit *= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_grow_until_one_is_long_enough() {
        let mut limits = Vec::new();
        growing(Duration::from_millis(100), |limit| {
            limits.push(limit.as_millis());
            if limits.len() == 3 { Ok(()) } else { Err(TooSlow::because("slow")) }
        });
        assert_eq!(limits, [100, 400, 1600]);
    }

    #[test]
    #[should_panic(expected = "with a limit of 8s: \"never\"")]
    fn what_never_comes_is_a_failure() {
        growing(Duration::from_secs(2), |_| Err(TooSlow::because("never")));
    }
}
