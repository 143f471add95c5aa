use std::io;
use std::sync::Arc;
use std::thread;

use async_executor::Executor;
use barewire_rt::async_io::OnAsyncIo;
use barewire_rt::{JoinError, Spawn};
use smol::channel::{self, Sender};

use crate::task::{JoinHandle, when_woken};

/// The smol runtime: a cheap handle.
///
/// The default runs its tasks on smol's global executor, whose threads `SMOL_THREADS` sets (one by default); a
/// server on one core gets a second thread hop for each event that way. With an executor of its own, made by
/// [`with_threads`](Self::with_threads) or given to [`with_executor`](Self::with_executor), the thread that
/// calls [`block_on`](Spawn::block_on) runs tasks and reactor itself.
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
    /// Runs tasks on this executor. Somebody has to run it: [`block_on`](Spawn::block_on) does as long as it
    /// lasts.
    pub fn with_executor(executor: Arc<Executor<'static>>) -> Self {
        Self { own: Some(Arc::new(Own { executor, _running: None })) }
    }

    /// Runs tasks on an executor of its own with so many threads: the one that calls
    /// [`block_on`](Spawn::block_on), and `threads - 1` that are started here and end when the last clone of
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
            None => smol::spawn(JoinError::catch_in(future)).into(),
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
            Some(own) => async_io::block_on(own.executor.run(when_woken(future))),
            None => async_io::block_on(future),
        }
    }
}
