//! What every client under test shares: it waits for its turn, asks until that ends, and tells how often.
//!
//! A client is started with a URL and the number of requests it has under way at once. For each line on its
//! standard input, a number of milliseconds, it asks for so long and then prints how many answers it had.

use std::env;
use std::fmt::Display;
use std::io::{self, Lines, StdinLock, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The body that is asked for.
pub const HELLO: &[u8] = b"Hello, World!";

/// The turns of one client.
pub struct Turns {
    /// What is asked for.
    pub url: String,
    /// How many requests are under way at once.
    pub at_once: usize,
    commands: Lines<StdinLock<'static>>,
}

impl Turns {
    /// As the command line has it.
    pub fn from_args() -> io::Result<Self> {
        let mut arguments = env::args().skip(1);
        let usage = || io::Error::other("usage: CLIENT URL REQUESTS_AT_ONCE");
        let url = arguments.next().ok_or_else(usage)?;
        let at_once = arguments.next().and_then(|n| n.parse().ok()).ok_or_else(usage)?;
        Ok(Self { url, at_once, commands: io::stdin().lines() })
    }

    /// Waits for the next turn, and tells when it ends; `None` when there is no more.
    pub fn wait(&mut self) -> io::Result<Option<Instant>> {
        let Some(line) = self.commands.next() else { return Ok(None) };
        let milliseconds = line?.trim().parse().map_err(io::Error::other)?;
        Ok(Some(Instant::now() + Duration::from_millis(milliseconds)))
    }

    /// Ends a turn.
    pub fn done(&self, answers: u64) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{answers}")?;
        stdout.flush()
    }

    /// Takes all turns with a function that runs one: with what is under way at once, until then.
    pub fn take(
        mut self,
        mut run: impl FnMut(&str, usize, Instant) -> io::Result<u64>,
    ) -> io::Result<()> {
        while let Some(until) = self.wait()? {
            let answers = run(&self.url, self.at_once, until)?;
            self.done(answers)?;
        }
        Ok(())
    }

    /// Takes all turns with a function that asks once and blocks: on this thread, or on as many as there are
    /// requests under way at once.
    pub fn block<E: Display>(
        mut self,
        ask: impl Fn(&str) -> Result<(), E> + Sync,
    ) -> io::Result<()> {
        if self.at_once == 1 {
            return self.take(|url, _, until| ask_until(until, || ask(url).map_err(failed)));
        }
        let url = self.url.clone();
        let over = AtomicBool::new(false);
        let until = Mutex::new(Instant::now());
        let answers = AtomicU64::new(0);
        let gate = Barrier::new(self.at_once + 1);
        thread::scope(|scope| {
            for _ in 0..self.at_once {
                scope.spawn(|| {
                    loop {
                        gate.wait();
                        if over.load(Ordering::Relaxed) {
                            return;
                        }
                        let until = *until.lock().unwrap_or_else(PoisonError::into_inner);
                        match ask_until(until, || ask(&url).map_err(failed)) {
                            Ok(n) => answers.fetch_add(n, Ordering::Relaxed),
                            Err(error) => {
                                eprintln!("{error}");
                                std::process::exit(1);
                            }
                        };
                        gate.wait();
                    }
                });
            }
            let mut run = || -> io::Result<()> {
                while let Some(end) = self.wait()? {
                    *until.lock().unwrap_or_else(PoisonError::into_inner) = end;
                    gate.wait();
                    gate.wait();
                    self.done(answers.swap(0, Ordering::Relaxed))?;
                }
                Ok(())
            };
            let ended = run();
            over.store(true, Ordering::Relaxed);
            gate.wait();
            ended
        })
    }
}

fn ask_until(until: Instant, ask: impl Fn() -> io::Result<()>) -> io::Result<u64> {
    let mut answers = 0;
    while Instant::now() < until {
        ask()?;
        answers += 1;
    }
    Ok(answers)
}

/// Any client's error, for who runs it.
pub fn failed(error: impl Display) -> io::Error {
    io::Error::other(error.to_string())
}

/// Fails unless the answer is the one that was asked for.
pub fn check(status: u16, body: &[u8]) -> io::Result<()> {
    match (status, body) {
        (200, HELLO) => Ok(()),
        _ => Err(io::Error::other(format!("status {status}, {} bytes", body.len()))),
    }
}
