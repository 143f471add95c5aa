//! Notices handlers that hold their thread up.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

/// How long a handler may run before another thread takes its connection over: once or twice this.
const TICK: Duration = Duration::from_millis(1);

/// So many ticks a connection may do nothing before it is not looked at any more.
const QUIET: u32 = 100;

/// How long the monitor waits for something to look at before its thread ends.
const IDLE: Duration = Duration::from_secs(10);

/// A connection of threads, as the monitor sees it.
pub(super) trait Watch: Send + Sync {
    /// A number that changes whenever a handler begins or ends; odd while one runs.
    fn progress(&self) -> u64;

    /// The handler that was running at `progress` still is: somebody else should go on with the connection.
    fn relieve(&self, progress: u64);

    /// It is not looked at any more: at the next handler it has to be watched again.
    fn forgotten(&self);

    /// Whether it is to be looked at again although it was forgotten.
    fn reclaim(&self) -> bool;
}

/// Looks after all connections of a server on which handlers run, from one thread. Under load that costs nothing
/// for a request, and without it there is no thread.
#[derive(Default)]
pub(crate) struct Monitor {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    watched: Vec<Watched>,
    running: bool,
}

struct Watched {
    who: Weak<dyn Watch>,
    seen: u64,
    quiet: u32,
}

impl Monitor {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks after a connection; `start` gives the monitor a thread when it has none.
    pub(super) fn watch(self: &Arc<Self>, who: Weak<dyn Watch>, start: impl FnOnce(Shift)) {
        let mut state = self.lock();
        state.watched.push(Watched { who, seen: 0, quiet: 0 });
        let runs = std::mem::replace(&mut state.running, true);
        drop(state);
        match runs {
            true => self.news.notify_one(),
            false => start(Shift { monitor: Arc::clone(self), begun: false }),
        }
    }

    /// Looks until there has been nothing to look at for a while.
    fn run(&self) {
        let mut state = self.lock();
        loop {
            if state.watched.is_empty() {
                let waited = self.news.wait_timeout(state, IDLE);
                let (waited, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                state = waited;
                if timeout.timed_out() && state.watched.is_empty() {
                    state.running = false;
                    return;
                }
                continue;
            }
            let mut watched = std::mem::take(&mut state.watched);
            drop(state);
            thread::sleep(TICK);
            watched.retain_mut(Watched::look);
            state = self.lock();
            state.watched.append(&mut watched);
        }
    }
}

/// A thread of the monitor's, or what should have become one.
pub(super) struct Shift {
    monitor: Arc<Monitor>,
    begun: bool,
}

impl Shift {
    pub(super) fn run(mut self) {
        self.begun = true;
        self.monitor.run();
    }
}

impl Drop for Shift {
    fn drop(&mut self) {
        if !self.begun {
            let mut state = self.monitor.lock();
            state.running = false;
            let watched = std::mem::take(&mut state.watched);
            drop(state);
            for watched in watched {
                // At the next handler somebody tries again.
                watched.who.upgrade().into_iter().for_each(|who| who.forgotten());
            }
        }
    }
}

impl Watched {
    /// Whether to look again.
    fn look(&mut self) -> bool {
        let Some(who) = self.who.upgrade() else { return false };
        let now = who.progress();
        if now != self.seen {
            self.seen = now;
            self.quiet = 0;
        } else if !now.is_multiple_of(2) {
            who.relieve(now);
        } else {
            self.quiet += 1;
            if self.quiet > QUIET {
                who.forgotten();
                // A handler may have begun in between, and found that it was still watched.
                return who.progress() != now && who.reclaim();
            }
        }
        true
    }
}
