use std::sync::Once;
use std::time::Duration;

use async_std::task;
use barewire_rt::async_io::{OnAsyncIo, look_ahead};
use barewire_rt::{JoinError, Runtime, Spawn};

use crate::{JoinHandle, Sleep};

/// The async-std runtime: a cheap handle.
///
/// There is one executor for each process; `ASYNC_STD_THREAD_COUNT` sets its threads, one for each core by
/// default. The thread that calls [`block_on`](Self::block_on) does not run tasks, it only helps the reactor.
///
/// ```
/// use barewire_async_std::AsyncStd;
/// use std::time::Duration;
///
/// let answer = AsyncStd.block_on(async {
///     let task = AsyncStd.spawn(async {
///         AsyncStd.sleep(Duration::from_millis(1)).await;
///         42
///     });
///     // An error only if it panicked.
///     task.await
/// });
/// assert_eq!(answer, Ok(42));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AsyncStd;

/// What [`Spawn`] and [`Runtime`] have, for programs that name this runtime and need not import the traits.
impl AsyncStd {
    /// [`Spawn::block_on`]: runs a future to its end on this thread.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        Spawn::block_on(self, future)
    }

    /// [`Spawn::spawn`]: runs a future as a task of its own.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Spawn::spawn(self, future)
    }

    /// [`Spawn::spawn_blocking`]: runs a closure where it may block.
    pub fn spawn_blocking<F, T>(&self, work: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Spawn::spawn_blocking(self, work)
    }

    /// [`Runtime::sleep`]: a future that is ready after a duration.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        Runtime::sleep(self, duration)
    }
}

impl OnAsyncIo for AsyncStd {
    const NAME: &'static str = "async-std";
}

impl Spawn for AsyncStd {
    type JoinHandle<T: Send + 'static> = JoinHandle<T>;

    fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        static LOOKING: Once = Once::new();
        LOOKING.call_once(|| drop(task::spawn(look_ahead())));
        task::spawn(JoinError::catch_in(future)).into()
    }

    fn spawn_blocking<F, T>(&self, work: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        task::spawn_blocking(move || JoinError::catch(work)).into()
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        task::block_on(future)
    }
}
