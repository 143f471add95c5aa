use std::sync::Once;

use async_std::task;
use barewire_rt::async_io::{OnAsyncIo, look_ahead};
use barewire_rt::{JoinError, Spawn};

use crate::JoinHandle;

/// The async-std runtime: a cheap handle.
///
/// There is one executor for each process; `ASYNC_STD_THREAD_COUNT` sets its threads, one for each core by
/// default. The thread that calls [`block_on`](Spawn::block_on) does not run tasks, it only helps the reactor.
///
/// ```
/// use barewire_async_std::AsyncStd;
/// use barewire_rt::{Runtime, Spawn};
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
