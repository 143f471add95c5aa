use std::io;
use std::sync::{Arc, Once};
use std::thread;
use std::time::Duration;

use async_executor::Executor;
use barewire_rt::async_io::{OnAsyncIo, look_ahead};
use barewire_rt::{JoinError, Runtime, Spawn};
use smol::channel::{self, Sender};

use crate::Sleep;
use crate::task::{JoinHandle, when_woken};

/// The smol runtime: a cheap handle.
///
/// The default runs its tasks on smol's global executor, whose threads `SMOL_THREADS` sets (one by default); a
/// server on one core gets a second thread hop for each event that way. With an executor of its own, made by
/// [`with_threads`](Self::with_threads) or given to [`with_executor`](Self::with_executor), the thread that
/// calls [`block_on`](Self::block_on) runs tasks and reactor itself.
///
/// ```
/// use barewire_smol::Smol;
/// use std::time::Duration;
///
/// let smol = Smol::with_threads(1)?;
/// let answer = smol.block_on(async {
///     let sleeper = smol.clone();
///     let task = smol.spawn(async move {
///         sleeper.sleep(Duration::from_millis(1)).await;
///         42
///     });
///     // An error only if it panicked, or the executor is gone.
///     task.await
/// });
/// assert_eq!(answer, Ok(42));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Smol {
    own: Option<Arc<Own>>,
}

#[derive(Debug)]
struct Own {
    executor: Arc<Executor<'static>>,
    /// The other threads end when it is dropped.
    _running: Option<Sender<()>>,
}

impl Smol {
    /// Runs tasks on this executor. Somebody has to run it: [`block_on`](Self::block_on) does as long as it
    /// lasts.
    pub fn with_executor(executor: Arc<Executor<'static>>) -> Self {
        Self { own: Some(Arc::new(Own { executor, _running: None })) }
    }

    /// Runs tasks on an executor of its own with so many threads: the one that calls
    /// [`block_on`](Self::block_on), and `threads - 1` that are started here and end when the last clone of
    /// this handle is dropped.
    ///
    /// With one thread, tasks only run during `block_on`.
    ///
    /// # Errors
    ///
    /// The system has no threads left.
    pub fn with_threads(threads: usize) -> io::Result<Self> {
        let executor = Arc::new(Executor::new());
        let (running, ended) = channel::bounded::<()>(1);
        for n in 1..threads {
            let executor = Arc::clone(&executor);
            let ended = ended.clone();
            let run = move || {
                // Nothing is ever sent: it fails when the last handle is gone.
                let _gone = async_io::block_on(executor.run(ended.recv()));
            };
            thread::Builder::new().name(format!("barewire-smol-{n}")).spawn(run)?;
        }
        Ok(Self { own: Some(Arc::new(Own { executor, _running: Some(running) })) })
    }
}

/// What [`Spawn`] and [`Runtime`] have, for programs that name this runtime and need not import the traits.
impl Smol {
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

impl OnAsyncIo for Smol {
    const NAME: &'static str = "smol";
}

impl Spawn for Smol {
    type JoinHandle<T: Send + 'static> = JoinHandle<T>;

    fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match &self.own {
            Some(own) => own.executor.spawn(JoinError::catch_in(future)).into(),
            None => {
                static LOOKING: Once = Once::new();
                LOOKING.call_once(|| smol::spawn(look_ahead()).detach());
                smol::spawn(JoinError::catch_in(future)).into()
            }
        }
    }

    fn spawn_blocking<F, T>(&self, work: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        smol::unblock(move || JoinError::catch(work)).into()
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        match &self.own {
            Some(own) => {
                // Cancelled at the end: who else runs the executor may wait until it has no task left.
                let _looking = own.executor.spawn(look_ahead());
                async_io::block_on(own.executor.run(when_woken(future)))
            }
            None => async_io::block_on(future),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread::ThreadId;

    use futures_lite::future;

    use super::*;

    fn runs_on(smol: &Smol) -> ThreadId {
        smol.block_on(smol.spawn(async { thread::current().id() })).unwrap()
    }

    #[test]
    fn one_thread_runs_everything_on_the_one_that_blocks() {
        assert_eq!(runs_on(&Smol::with_threads(1).unwrap()), thread::current().id());
        assert_ne!(runs_on(&Smol::default()), thread::current().id());
        let executor = Arc::new(Executor::new());
        assert_eq!(runs_on(&Smol::with_executor(executor)), thread::current().id());
    }

    #[test]
    fn more_threads_run_tasks_while_nobody_blocks_on_it() {
        let smol = Smol::with_threads(2).unwrap();
        let (sender, receiver) = mpsc::channel();
        drop(smol.spawn(async move { sender.send(thread::current().id()).unwrap() }));
        assert_ne!(receiver.recv().unwrap(), thread::current().id());
    }

    #[test]
    fn a_task_outlives_its_handle() {
        let (sender, receiver) = mpsc::channel();
        let smol = Smol::with_threads(1).unwrap();
        drop(smol.spawn(async move { sender.send(()).unwrap() }));
        smol.block_on(future::yield_now());
        receiver.recv().unwrap();
    }

    #[test]
    fn a_handle_tells_that_the_executor_is_gone() {
        let smol = Smol::with_threads(1).unwrap();
        let handle = smol.spawn(future::pending::<()>());
        drop(smol);
        assert_eq!(async_io::block_on(handle), Err(JoinError::Cancelled));
    }

    #[test]
    fn what_is_blocked_on_is_polled_for_its_own_wakes_only() {
        let smol = Smol::with_threads(1).unwrap();
        let mut polls = 0;
        smol.block_on(async {
            let mut others = smol.spawn(async {
                for _ in 0..1000 {
                    future::yield_now().await;
                }
            });
            future::poll_fn(|cx| {
                polls += 1;
                std::pin::Pin::new(&mut others).poll(cx)
            })
            .await
        })
        .unwrap();
        assert_eq!(polls, 2);
    }
}
