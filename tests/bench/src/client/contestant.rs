//! A client that runs, and what one turn of it costs.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Doing, Error};
use crate::process::{busy_time, cpu_time};
use crate::server::Running;

/// In which a client opens its connections.
const WARM_UP: u64 = 100;

/// The scheduler counts the time of a thread only once that sleeps.
const SETTLE: Duration = Duration::from_millis(2);

/// What one measurement of one client gave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    answers: u64,
    pub(super) elapsed: Duration,
    cpu: Duration,
    /// What was worked meanwhile by neither the client, nor the server, nor this program.
    pub(super) others: Duration,
}

impl Sample {
    pub(super) fn requests_per_second(&self) -> f64 {
        self.answers as f64 / self.elapsed.as_secs_f64()
    }

    pub(super) fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.answers as f64
    }
}

/// A client with its connections open, which waits for its next turn.
pub(super) struct Contestant {
    name: &'static str,
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Contestant {
    /// Starts a client on this program's own core, which sleeps meanwhile.
    pub(super) fn enter(
        name: &'static str,
        program: &str,
        server: &Running,
        at_once: usize,
    ) -> Result<Self, Error> {
        let own = std::env::current_exe().doing("find this program's own directory")?;
        let program = own.parent().unwrap_or(Path::new(".")).join(program);
        let mut command = Command::new(program);
        command.arg(format!("http://{}/", server.address())).arg(at_once.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().doing("start a client")?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::Client { name });
        };
        let stdout = BufReader::new(stdout);
        let mut contestant = Self { name, child, stdin, stdout };
        contestant.take_turn(WARM_UP)?;
        Ok(contestant)
    }

    pub(super) fn measure(&mut self, server: &Running, milliseconds: u64) -> Result<Sample, Error> {
        let before = self.cpu_times(server)?;
        let start = Instant::now();
        let answers = self.take_turn(milliseconds)?;
        let elapsed = start.elapsed();
        thread::sleep(SETTLE);
        let after = self.cpu_times(server)?;
        let [cpu, known, all] =
            [0, 1, 2].map(|which: usize| after[which].saturating_sub(before[which]));
        Ok(Sample { answers, elapsed, cpu, others: all.saturating_sub(known) })
    }

    /// Of the client; of it, the server and this program; of all.
    fn cpu_times(&self, server: &Running) -> Result<[Duration; 3], Error> {
        let of = |pid| cpu_time(pid).doing("read a process's CPU time");
        let client = of(self.child.id())?;
        let known = client + of(server.pid())? + of(std::process::id())?;
        Ok([client, known, busy_time().doing("read /proc/stat")?])
    }

    fn take_turn(&mut self, milliseconds: u64) -> Result<u64, Error> {
        let name = self.name;
        let ended = |_| Error::Client { name };
        writeln!(self.stdin, "{milliseconds}").map_err(ended)?;
        let mut line = String::new();
        self.stdout.read_line(&mut line).map_err(ended)?;
        match line.trim().parse() {
            Ok(answers) if answers > 0 => Ok(answers),
            _ => Err(Error::Client { name }),
        }
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        // It may have ended by itself; that is not for a destructor to report.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
