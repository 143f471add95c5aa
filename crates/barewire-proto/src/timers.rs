use std::time::Instant;

/// A small table of deadlines, indexed by a protocol's own documented enum.
///
/// ```
/// use barewire_proto::Timers;
/// use std::time::{Duration, Instant};
///
/// #[derive(Clone, Copy)]
/// enum Timer { Head, Idle }
///
/// let start = Instant::now();
/// let mut timers = Timers::<2>::default();
/// timers.set(Timer::Head as usize, start + Duration::from_secs(10));
/// timers.set(Timer::Idle as usize, start + Duration::from_secs(5));
/// assert_eq!(timers.next(), Some(start + Duration::from_secs(5)));
/// assert!(!timers.expire(Timer::Head as usize, start + Duration::from_secs(9)));
/// assert!(timers.expire(Timer::Idle as usize, start + Duration::from_secs(9)));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Timers<const N: usize>([Option<Instant>; N]);

impl<const N: usize> Default for Timers<N> {
    fn default() -> Self {
        Self([None; N])
    }
}

impl<const N: usize> Timers<N> {
    /// Arms a timer, or moves it. An index outside of the table is ignored.
    pub fn set(&mut self, timer: usize, at: Instant) {
        if let Some(slot) = self.0.get_mut(timer) {
            *slot = Some(at);
        }
    }

    /// Disarms a timer.
    pub fn clear(&mut self, timer: usize) {
        if let Some(slot) = self.0.get_mut(timer) {
            *slot = None;
        }
    }

    /// Disarms all timers.
    pub fn clear_all(&mut self) {
        self.0 = [None; N];
    }

    /// When a timer is due, if it is armed.
    pub fn get(&self, timer: usize) -> Option<Instant> {
        self.0.get(timer).copied().flatten()
    }

    /// Whether a timer is armed.
    pub fn is_set(&self, timer: usize) -> bool {
        self.get(timer).is_some()
    }

    /// The earliest deadline in the table.
    pub fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }

    /// Disarms a timer that is due at `now` and says whether it was.
    pub fn expire(&mut self, timer: usize, now: Instant) -> bool {
        let due = self.get(timer).is_some_and(|at| at <= now);
        if due {
            self.clear(timer);
        }
        due
    }
}
