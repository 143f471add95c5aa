//! The alarms of connections, on a thread of their own.
//!
//! The reactor looks through its timers at every turn, which costs as much as parsing a request does, and a
//! connection's deadlines hardly ever pass. So they are kept out of it: the thread sleeps until the earliest.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Instant;

use super::Sleep;

/// A future that is ready at an instant. Cancel-safe.
#[derive(Debug)]
pub(super) enum Alarm {
    Clock(Entry),
    /// The system has no thread left for the clock: the reactor keeps the time.
    Reactor(Sleep),
}

#[derive(Debug)]
pub(super) struct Entry {
    clock: &'static Clock,
    at: Instant,
    /// Set with the waker that is registered.
    key: Option<(u64, Waker)>,
    fired: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Clock {
    state: Mutex<State>,
    earlier: Condvar,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    alarms: BTreeMap<(Instant, u64), (Waker, Arc<AtomicBool>)>,
}

impl Alarm {
    pub(super) fn at(at: Instant) -> Self {
        match Clock::get() {
            Some(clock) => Self::Clock(Entry { clock, at, key: None, fired: Arc::default() }),
            None => Self::Reactor(Sleep::until(at)),
        }
    }
}

impl Future for Alarm {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut *self {
            Self::Clock(entry) => entry.poll(cx),
            Self::Reactor(sleep) => Pin::new(sleep).poll(cx),
        }
    }
}

impl Entry {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.fired.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        if self.key.as_ref().is_some_and(|(_, waker)| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        self.remove();
        if self.at <= Instant::now() {
            self.fired.store(true, Ordering::Release);
            return Poll::Ready(());
        }
        let mut state = self.clock.lock();
        let id = state.next;
        state.next += 1;
        let alarm = (cx.waker().clone(), Arc::clone(&self.fired));
        state.alarms.insert((self.at, id), alarm);
        let is_earliest = state.alarms.first_key_value().is_some_and(|(key, _)| key.1 == id);
        drop(state);
        if is_earliest {
            self.clock.earlier.notify_one();
        }
        self.key = Some((id, cx.waker().clone()));
        Poll::Pending
    }

    fn remove(&mut self) {
        if let Some((id, _)) = self.key.take() {
            self.clock.lock().alarms.remove(&(self.at, id));
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.remove();
    }
}

impl Clock {
    fn get() -> Option<&'static Self> {
        static CLOCK: OnceLock<Option<&'static Clock>> = OnceLock::new();
        *CLOCK.get_or_init(|| {
            let clock: &'static Self = Box::leak(Box::default());
            let run = move || clock.run();
            let thread = thread::Builder::new().name("barewire-clock".to_owned()).spawn(run);
            thread.is_ok().then_some(clock)
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let mut due = Vec::new();
            while let Some(alarm) = state.alarms.first_entry().filter(|first| first.key().0 <= now)
            {
                due.push(alarm.remove());
            }
            if !due.is_empty() {
                drop(state);
                for (waker, fired) in due {
                    fired.store(true, Ordering::Release);
                    // One that panics must not end the clock of everybody else.
                    let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
                }
                state = self.lock();
                continue;
            }
            let earliest = state.alarms.first_key_value().map(|(key, _)| key.0);
            state = match earliest {
                None => self.earlier.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let waited = self.earlier.wait_timeout(state, at - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Wake;
    use std::time::Duration;

    use futures_lite::future::{block_on, or, zip};

    use super::*;

    #[test]
    fn alarms_go_off_in_their_order_and_not_before_their_time() {
        let start = Instant::now();
        let wait = |ms: u64| async move {
            Alarm::at(start + Duration::from_millis(ms)).await;
            Instant::now()
        };
        assert!(block_on(wait(0)) >= start);
        // The one that is far away is there before.
        let far = async {
            wait(60_000).await;
            None
        };
        let early =
            block_on(or(far, async { Some(wait(20).await) })).expect("it is the earlier one");
        assert!(early >= start + Duration::from_millis(20));
        let (late, early) = block_on(zip(wait(60), wait(40)));
        assert!(early >= start + Duration::from_millis(40));
        assert!(late >= start + Duration::from_millis(60));
    }

    #[test]
    fn a_waker_that_panics_silences_no_other_alarm() {
        struct Panics;
        impl Wake for Panics {
            fn wake(self: Arc<Self>) {
                std::panic::resume_unwind(Box::new("on purpose"));
            }
        }
        let soon = Instant::now() + Duration::from_millis(5);
        let mut panics = Alarm::at(soon);
        let waker = Waker::from(Arc::new(Panics));
        assert!(Pin::new(&mut panics).poll(&mut Context::from_waker(&waker)).is_pending());
        let late = async {
            async_io::Timer::after(Duration::from_secs(20)).await;
            false
        };
        let goes_off = async {
            Alarm::at(soon + Duration::from_millis(5)).await;
            true
        };
        assert!(block_on(or(goes_off, late)));
    }

    #[test]
    fn a_dropped_alarm_is_forgotten() {
        let far = Instant::now() + Duration::from_secs(3600);
        let mut alarm = Alarm::at(far);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut alarm).poll(&mut cx).is_pending());
        let held = |clock: &Clock| clock.lock().alarms.keys().any(|key| key.0 == far);
        let clock = Clock::get().expect("a thread");
        assert!(held(clock));
        drop(alarm);
        assert!(!held(clock));
    }
}
