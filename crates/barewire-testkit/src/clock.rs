//! The time of a test: it stands still until the test moves it.

use std::time::{Duration, Instant};

/// A clock that only the test moves.
///
/// Protocol crates forbid themselves to ask for the time, their tests included; a test takes its instants
/// from here.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    now: Instant,
}

impl Clock {
    /// A clock that stands at some instant with room before and after it.
    pub fn start() -> Self {
        // Some platforms count from boot: an instant before the first one must exist for the tests that
        // turn the clock back.
        let start = Instant::now() + Duration::from_secs(3600);
        Self { start, now: start }
    }

    /// The current instant.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// How far the clock was moved since it was made.
    pub fn elapsed(&self) -> Duration {
        self.now.duration_since(self.start)
    }

    /// Moves the clock forward.
    pub fn advance(&mut self, by: Duration) {
        self.now += by;
    }

    /// Moves the clock to an instant; one in the past is ignored.
    pub fn advance_to(&mut self, instant: Instant) {
        self.now = self.now.max(instant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_until_moved_and_never_goes_back() {
        let mut clock = Clock::start();
        let start = clock.now();
        clock.advance(Duration::from_secs(2));
        clock.advance_to(start);
        assert_eq!(clock.now(), start + Duration::from_secs(2));
        assert_eq!(clock.elapsed(), Duration::from_secs(2));
    }
}
