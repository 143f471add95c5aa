//! The table of the code alone: no socket, no runtime, nothing but bytes in memory.

mod alone;
mod barewire;
mod case;
mod heads;
mod hpack;
mod http2;
mod hyper;
mod hyper_http2;
mod like_hyper;
mod messages;
mod tls;

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

use self::case::Case;
use crate::error::{Doing, Error};
use crate::instructions::collected;
use crate::process::{machine, pin_to};
use crate::stats::Spread;
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How often each case is timed, in turn with the others
    #[arg(long, default_value_t = 101)]
    rounds: usize,
    /// Only cases whose name contains this
    #[arg(long, default_value = "")]
    matching: String,
    /// Leave the instructions out
    #[arg(long)]
    no_instructions: bool,
    /// Run one case so many times and print nothing: what callgrind is given
    #[arg(long, hide = true)]
    repeat: Option<u64>,
}

/// Each timing runs a case as often as this takes.
const TIMING: Duration = Duration::from_millis(2);

pub(crate) fn run(options: &Options, cpu: usize) -> Result<(), Error> {
    let sources = [
        alone::cases(),
        like_hyper::cases(),
        hyper::cases(),
        hyper_http2::cases(),
        barewire::cases(),
        hpack::cases(),
        heads::cases(),
        http2::cases(),
        tls::cases(),
    ];
    let mut cases: Vec<_> = sources.into_iter().flatten().collect();
    cases.retain(|case| case.full_name().contains(&options.matching));
    if let Some(times) = options.repeat {
        for case in &cases {
            (case.prepare)()(times);
        }
        return Ok(());
    }
    pin_to(cpu).doing("pin this program")?;
    println!("{}; core {cpu}; medians of {} timings", machine(), options.rounds);
    for group in case::GROUPS {
        let cases: Vec<_> = cases.iter().filter(|case| case.group == group).collect();
        if cases.is_empty() {
            continue;
        }
        println!("\n{group}\n");
        let mut table = Table::new(["", "ns", "instructions"]);
        for (case, nanoseconds) in cases.iter().zip(time(&cases, options.rounds)) {
            let instructions = match options.no_instructions {
                true => "-".to_owned(),
                false => format!("{:.0}", instructions(case)?),
            };
            table.row([case.name.to_owned(), format!("{nanoseconds:.1}"), instructions]);
        }
        print!("{table}");
    }
    Ok(())
}

/// Nanoseconds for one run of each case: medians over interleaved rounds.
fn time(cases: &[&Case], rounds: usize) -> Vec<f64> {
    let mut prepared: Vec<_> = cases.iter().map(|case| (case.prepare)()).collect();
    let times: Vec<_> = prepared.iter_mut().map(|work| times_that_take(work, TIMING)).collect();
    let mut samples = vec![Vec::with_capacity(rounds); cases.len()];
    for _ in 0..rounds {
        for ((work, &times), samples) in prepared.iter_mut().zip(&times).zip(&mut samples) {
            samples.push(seconds(work, times) * 1e9 / times as f64);
        }
    }
    let medians = samples.into_iter().map(|samples| Spread::of(samples).map(|it| it.median));
    medians.map(Option::unwrap_or_default).collect()
}

/// The time of this thread on its core: what others take in between is not in it.
fn seconds(work: &mut case::Work, times: u64) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let started = now();
    work(times);
    now() - started
}

fn times_that_take(work: &mut case::Work, duration: Duration) -> u64 {
    let mut times = 1;
    loop {
        let elapsed = seconds(work, times);
        if elapsed >= duration.as_secs_f64() / 2.0 {
            let scale = duration.as_secs_f64() / elapsed;
            return (times as f64 * scale).ceil() as u64;
        }
        times *= 2;
    }
}

/// Instructions for one run of a case: the difference of two runs of this program under callgrind.
fn instructions(case: &Case) -> Result<f64, Error> {
    const FEW: u64 = 200;
    const MANY: u64 = 1200;
    let before = total(case, FEW)?;
    let after = total(case, MANY)?;
    Ok((after as f64 - before as f64) / (MANY - FEW) as f64)
}

fn total(case: &Case, times: u64) -> Result<u64, Error> {
    let missing = Error::MissingTool { program: "valgrind" };
    let program = std::env::current_exe().doing("find this program")?;
    let directory = TempDir::new().doing("make a directory for callgrind")?;
    let log = directory.path().join("log");
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--log-file={}", log.display()))
        .arg(program)
        .args(["micro", "--repeat", &times.to_string(), "--matching", &case.full_name()])
        .stdin(Stdio::null())
        .status();
    if !status.map_err(|_| missing)?.success() {
        return Err(Error::NoTotals { program: "callgrind" });
    }
    let log = fs::read_to_string(log).doing("read what callgrind wrote")?;
    collected(&log).ok_or(Error::NoTotals { program: "callgrind" })
}
