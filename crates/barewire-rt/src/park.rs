//! Futures on a thread that may block: for blocking runtimes, and for what offers itself without async.

use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

/// A thread that waits to be woken.
///
/// Whether it was woken is kept here, and not in the thread's own token, which one waiter inside of another
/// on the same thread would take away.
struct Parked {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::AcqRel) && self.thread.id() != thread::current().id() {
            self.thread.unpark();
        }
    }
}

struct Parker {
    parked: Arc<Parked>,
    waker: Waker,
}

impl Parker {
    fn new() -> Self {
        let parked = Arc::new(Parked { thread: thread::current(), woken: AtomicBool::new(false) });
        Self { waker: parked.clone().into(), parked }
    }

    /// Waits for a wake, until `deadline` at the latest; whether there was one.
    fn park(&self, deadline: Option<Instant>) -> bool {
        loop {
            if self.parked.woken.swap(false, Ordering::AcqRel) {
                return true;
            }
            match deadline {
                None => thread::park(),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    thread::park_timeout(left);
                }
            }
        }
    }
}

thread_local! {
    static SPARE: Cell<Option<Parker>> = const { Cell::new(None) };
}

/// Polls until ready; between polls the thread is parked, until `deadline` at the latest. `None` when that
/// has passed first.
///
/// ```
/// use barewire_rt::park::block_until;
/// use std::task::Poll;
/// use std::time::{Duration, Instant};
///
/// let deadline = Instant::now() + Duration::from_millis(1);
/// assert_eq!(block_until(Some(deadline), |_| Poll::<()>::Pending), None);
/// assert_eq!(block_until(Some(deadline), |_| Poll::Ready(42)), Some(42));
/// ```
pub fn block_until<T>(
    deadline: Option<Instant>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    with_parker(|parker| {
        loop {
            if let Poll::Ready(output) = poll(&mut Context::from_waker(&parker.waker)) {
                break Some(output);
            }
            if !parker.park(deadline) {
                break None;
            }
        }
    })
}

/// Takes steps until one is the last; between two of them the thread is parked until it is woken, or until the
/// instant that the step has named.
pub fn block_on_steps<T>(
    mut step: impl FnMut(&mut Context<'_>) -> Result<T, Option<Instant>>,
) -> T {
    with_parker(|parker| {
        loop {
            match step(&mut Context::from_waker(&parker.waker)) {
                Ok(output) => break output,
                Err(deadline) => {
                    parker.park(deadline);
                }
            }
        }
    })
}

fn with_parker<T>(wait: impl FnOnce(&Parker) -> T) -> T {
    // One that is in use further up the stack is not there: then this is one more.
    let parker = SPARE.try_with(Cell::take).ok().flatten().unwrap_or_else(Parker::new);
    parker.parked.woken.store(false, Ordering::Release);
    let output = wait(&parker);
    // While the thread ends there is no place to keep it, and no need to.
    let _ = SPARE.try_with(|spare| spare.set(Some(parker)));
    output
}

/// Runs a future to its end on this thread, which is parked while the future waits.
///
/// ```
/// assert_eq!(barewire_rt::park::block_on(async { 40 + 2 }), 42);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        // Without a deadline it only ends with the output.
        if let Some(output) = block_until(None, |cx| future.as_mut().poll(cx)) {
            return output;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    #[test]
    fn wakes_from_this_thread_and_from_others_are_seen() {
        let mut rounds = 0;
        block_on(poll_fn(|cx| {
            rounds += 1;
            match rounds {
                1 => cx.waker().wake_by_ref(),
                2 => {
                    let waker = cx.waker().clone();
                    thread::spawn(move || waker.wake());
                }
                _ => return Poll::Ready(()),
            }
            Poll::Pending
        }));
        assert_eq!(rounds, 3);
    }

    #[test]
    fn one_inside_of_another_takes_no_wake_away() {
        let mut woken = false;
        block_on(poll_fn(|cx| {
            if std::mem::replace(&mut woken, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            let mut inner = false;
            block_on(poll_fn(|cx| {
                cx.waker().wake_by_ref();
                if std::mem::replace(&mut inner, true) { Poll::Ready(()) } else { Poll::Pending }
            }));
            Poll::Pending
        }));
    }

    #[test]
    fn a_deadline_ends_the_wait() {
        let deadline = Instant::now() + Duration::from_millis(5);
        let output = block_until(Some(deadline), |_| Poll::<()>::Pending);
        assert!(output.is_none() && Instant::now() >= deadline);
    }
}
