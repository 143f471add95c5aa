use std::io;
use std::thread::available_parallelism;

use crate::process::pin_to;

/// Which core the servers have for themselves, and which the load generator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpus {
    cores: Option<Cores>,
}

#[derive(Debug, Clone, Copy)]
struct Cores {
    server: usize,
    load: usize,
}

impl Cpus {
    /// Pins this thread to the load generator's core. With one core only nothing is pinned, which
    /// is said.
    pub(crate) fn divide(server: usize, load: usize) -> io::Result<Self> {
        if available_parallelism()?.get() < 2 {
            eprintln!("WARNING: one core only: server and load generator will share it");
            return Ok(Self { cores: None });
        }
        pin_to(load)?;
        Ok(Self { cores: Some(Cores { server, load }) })
    }

    /// Runs `start` so that the processes it starts are on the servers' core.
    pub(crate) fn on_the_servers<T>(&self, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let Some(cores) = self.cores else { return start() };
        pin_to(cores.server)?;
        let started = start();
        pin_to(cores.load)?;
        started
    }
}
