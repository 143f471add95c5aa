use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use barewire_rt::JoinError;

/// Runs `work` on a thread of its own.
pub(crate) fn start<T: Send + 'static>(
    stack_size: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let outcome = Arc::new(Outcome(Mutex::new(State::Running(None))));
    let thread = thread::Builder::new().name("barewire".into()).stack_size(stack_size);
    let started = thread.spawn({
        let outcome = Arc::clone(&outcome);
        move || outcome.set(JoinError::catch(work))
    });
    if let Err(error) = started {
        outcome.set(Err(JoinError::NotStarted(error.kind())));
    }
    JoinHandle(outcome)
}

/// Waits for a task. Dropping it leaves the task running; cancel-safe.
pub struct JoinHandle<T>(Arc<Outcome<T>>);

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(result) => Poll::Ready(result),
            State::Running(replaced) => {
                *state = State::Running(Some(cx.waker().clone()));
                drop(state);
                // A waker may drop anything, so not under the lock.
                drop(replaced);
                Poll::Pending
            }
            State::Taken => Poll::Ready(Err(JoinError::Cancelled)),
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}

struct Outcome<T>(Mutex<State<T>>);

enum State<T> {
    Running(Option<Waker>),
    Done(Result<T, JoinError>),
    Taken,
}

impl<T> Outcome<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, result: Result<T, JoinError>) {
        let before = std::mem::replace(&mut *self.lock(), State::Done(result));
        if let State::Running(Some(waker)) = before {
            waker.wake();
        }
    }
}
