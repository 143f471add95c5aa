use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_lite::FutureExt;

/// A task ended without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinError {
    /// The runtime that the task ran on is gone.
    Cancelled,
    /// The system had no thread left for it; the task was dropped without having run.
    NotStarted(io::ErrorKind),
    /// It panicked. The message went to the panic hook.
    Panicked,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("the task's runtime is gone"),
            Self::NotStarted(kind) => write!(f, "no thread could be started for the task: {kind}"),
            Self::Panicked => f.write_str("the task panicked"),
        }
    }
}

impl std::error::Error for JoinError {}

impl JoinError {
    /// The error of a task that panicked. What the panic carried is dropped here; a destructor in it that panics
    /// in turn ends nobody.
    pub fn panicked(payload: Box<dyn Any + Send>) -> Self {
        if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            // It may go on like that for ever.
            std::mem::forget(another);
        }
        Self::Panicked
    }

    /// Runs a closure and turns a panic in it into an error: for runtimes, whose threads must live on.
    ///
    /// # Errors
    ///
    /// It panicked.
    pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Self> {
        // What the closure captured goes with the panic: nobody looks at its state afterwards.
        catch_unwind(AssertUnwindSafe(work)).map_err(Self::panicked)
    }

    /// As [`catch`](Self::catch), for a future. As cancel-safe as that one is.
    ///
    /// # Errors
    ///
    /// It panicked.
    pub async fn catch_in<F: Future>(future: F) -> Result<F::Output, Self> {
        AssertUnwindSafe(future).catch_unwind().await.map_err(Self::panicked)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::resume_unwind;

    use super::*;

    /// What a panic carries may panic too, when nobody wants it.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            resume_unwind(Box::new("on purpose"));
        }
    }

    #[test]
    fn a_panic_whose_payload_panics_is_one_panic() {
        let caught = JoinError::catch(|| -> () { resume_unwind(Box::new(Bomb)) });
        assert_eq!(caught, Err(JoinError::Panicked));
        let caught = JoinError::catch_in(async { resume_unwind(Box::new(Bomb)) });
        let caught: Result<(), _> = futures_lite::future::block_on(caught);
        assert_eq!(caught, Err(JoinError::Panicked));
    }
}
