use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use async_executor::{FallibleTask, Task};
use barewire_rt::JoinError;
use futures_lite::FutureExt;

/// Waits for a task. Dropping it leaves the task running; cancel-safe.
pub struct JoinHandle<T>(Option<FallibleTask<Result<T, JoinError>>>);

impl<T> From<Task<Result<T, JoinError>>> for JoinHandle<T> {
    fn from(task: Task<Result<T, JoinError>>) -> Self {
        Self(Some(task.fallible()))
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Some(task) => task.poll(cx).map(|ended| ended.unwrap_or(Err(JoinError::Cancelled))),
            None => Poll::Ready(Err(JoinError::Cancelled)),
        }
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.detach();
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}

/// Polls a future only when it was woken itself.
///
/// An executor's `run` polls the future that it is given whenever any task is woken: an accept loop would pay
/// system calls for each event of each connection.
pub(crate) async fn when_woken<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let gate =
        Arc::new(Gate { woken: AtomicBool::new(true), outer: Mutex::new(Waker::noop().clone()) });
    let waker = Waker::from(Arc::clone(&gate));
    poll_fn(|cx| {
        // Before the flag is looked at, so that a wake that comes later goes to this waker.
        gate.outer.lock().unwrap_or_else(PoisonError::into_inner).clone_from(cx.waker());
        if !gate.woken.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        future.as_mut().poll(&mut Context::from_waker(&waker))
    })
    .await
}

struct Gate {
    woken: AtomicBool,
    outer: Mutex<Waker>,
}

impl Wake for Gate {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        let outer = self.outer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        outer.wake();
    }
}
