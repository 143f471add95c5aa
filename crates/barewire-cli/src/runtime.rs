//! The choice of a runtime.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use async_global_executor::GlobalExecutorConfig;
use barewire::async_std::AsyncStd;
use barewire::rt::Spawn;
use barewire::smol::Smol;
use barewire::std::Std;
use clap::ValueEnum;

use crate::Error;

/// The runtimes by the names that users know them by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runtime {
    /// Async: a few threads for any number of connections
    Smol,
    /// The same on async-std, which is discontinued
    AsyncStd,
    /// Blocking sockets, with a thread for each connection
    Std,
}

/// Something to run that is written once, for whichever runtime was chosen.
pub(crate) trait Program {
    fn run<R: Spawn>(self, runtime: R) -> Result<(), Error>;
}

/// So much stack for each thread of a connection that JSON may be nested as deeply as its parser permits.
const STACK_SIZE: usize = 1024 * 1024;

impl Runtime {
    /// Runs `program` on so many threads; one for each core where nothing was said.
    pub(crate) fn run(
        self,
        threads: Option<NonZeroUsize>,
        program: impl Program,
    ) -> Result<(), Error> {
        if self == Self::Std {
            return match threads {
                None => program.run(Std::with_stack_size(STACK_SIZE)),
                Some(_) => Err(Error::ThreadsOfStd),
            };
        }
        let threads = threads.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get);
        match self {
            Self::Smol => program.run(Smol::with_threads(threads).map_err(Error::Threads)?),
            Self::AsyncStd | Self::Std => {
                start_async_std(threads);
                program.run(AsyncStd)
            }
        }
    }

    /// Runs `program` where there is nothing else to run beside it.
    pub(crate) fn run_alone(self, program: impl Program) -> Result<(), Error> {
        self.run((self != Self::Std).then_some(NonZeroUsize::MIN), program)
    }
}

/// Starts the executor below async-std, which by itself takes the number of threads from the environment.
fn start_async_std(threads: usize) {
    let config = GlobalExecutorConfig::default()
        .with_min_threads(threads)
        .with_max_threads(threads)
        .with_thread_name_fn(|| "async-std/runtime".into());
    async_global_executor::init_with_config(config);
}
