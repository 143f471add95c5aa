//! How many threads the HTTP/2 connections of a server may take beside their first ones.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long no thread is asked for after the system refused one.
const COOL_DOWN: Duration = Duration::from_millis(10);

/// The threads that held-up connections are relieved with, counted for the whole server.
#[derive(Debug)]
pub(crate) struct Places {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    /// Somebody came in vain since one was had last.
    short: bool,
    refused: Option<Instant>,
}

impl Places {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one more thread may be started.
    pub(super) fn take(&self) -> bool {
        let mut state = self.lock();
        let cool = state.refused.is_none_or(|at| at.elapsed() >= COOL_DOWN);
        let free = cool && state.taken < self.most;
        state.short = !free;
        if free {
            state.refused = None;
            state.taken += 1;
        }
        free
    }

    pub(super) fn give_back(&self) {
        self.lock().taken -= 1;
    }

    /// The system has no thread for now.
    pub(super) fn refused(&self) {
        let mut state = self.lock();
        state.refused = Some(Instant::now());
        state.short = true;
    }

    /// Whether a thread that nobody needs now is wanted elsewhere.
    pub(super) fn is_short(&self) -> bool {
        self.lock().short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_taken_than_there_are() {
        let places = Places::new(2);
        assert!(places.take() && places.take());
        assert!(!places.is_short());
        assert!(!places.take() && places.is_short());
        places.give_back();
        assert!(places.take() && !places.is_short());
        assert!(!Places::new(0).take());
    }

    #[test]
    fn a_system_that_refused_is_left_alone_for_a_while() {
        let places = Places::new(2);
        assert!(places.take());
        places.give_back();
        places.refused();
        assert!(!places.take() && places.is_short());
        places.lock().refused = Instant::now().checked_sub(COOL_DOWN);
        assert!(places.take());
    }
}
