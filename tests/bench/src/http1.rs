//! The table of plaintext requests.

use std::fmt;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use clap::Args;

use crate::error::{Doing, Error, row_only};
use crate::load::{Load, LoadError, Stop};
use crate::process::{busy_time, cpu_time};
use crate::request::{self, Head};
use crate::server::{BASELINE, Running, Server, Servers};
use crate::stats::Spread;
use crate::table::Table;

/// The body that `GET /` is answered with.
pub(crate) const HELLO: &str = "Hello, World!";

/// Work of others, as a share of one core, above which the figures are not to be kept.
const QUIET: f64 = 0.04;

const WARM_UP: Duration = Duration::from_millis(100);

/// What a server still does after its last answer is its cost too; and the scheduler counts the
/// time of a thread only once that sleeps.
const SETTLE: Duration = Duration::from_millis(2);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How often the servers are started anew
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How often each is measured in a round, in turn with the others
    #[arg(long, default_value_t = 8)]
    slices: usize,
    /// How long each measurement takes
    #[arg(long, default_value_t = 0.15)]
    seconds: f64,
    /// Connections, and after an x the depth of pipelining; comma-separated
    #[arg(long, value_delimiter = ',', default_values = ["1", "64", "512", "64x16"])]
    loads: Vec<Shape>,
    /// The head that requests have
    #[arg(long, value_enum, default_value_t = Head::Small)]
    request: Head,
}

/// How many connections, and how many requests in flight on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) connections: usize,
    pub(crate) depth: u32,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.connections, self.depth) {
            (1, 1) => write!(f, "1 connection"),
            (connections, 1) => write!(f, "{connections} connections"),
            (connections, depth) => write!(f, "{connections} connections, pipelined by {depth}"),
        }
    }
}

impl FromStr for Shape {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (connections, depth) = text.split_once('x').unwrap_or((text, "1"));
        Ok(Self { connections: connections.parse()?, depth: depth.parse()? })
    }
}

/// What one measurement of one server gave.
#[derive(Debug, Clone, Copy)]
struct Sample {
    answers: u64,
    elapsed: Duration,
    /// Of the server, and of this program.
    cpu: Duration,
    own_cpu: Duration,
    /// Of all processes together.
    all_cpu: Duration,
}

impl Sample {
    fn requests_per_second(&self) -> f64 {
        self.answers as f64 / self.elapsed.as_secs_f64()
    }

    fn cpu_micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.answers as f64
    }

    fn server_busy(&self) -> f64 {
        self.cpu.as_secs_f64() / self.elapsed.as_secs_f64()
    }
}

/// One server's measurements in time's order; `None` where one failed, which was said when it did.
type Samples = Vec<Option<Sample>>;

pub(crate) fn run(servers: &Servers, options: &Options) -> Result<(), Error> {
    let rows: Vec<_> = servers.iter().filter(|server| server.answers_plaintext()).collect();
    let mut results = vec![vec![Samples::new(); rows.len()]; options.loads.len()];
    for round in 0..options.rounds {
        for (shape, results) in options.loads.iter().zip(&mut results) {
            eprintln!("round {}/{}: {shape}", round + 1, options.rounds);
            let mut contestants = Vec::with_capacity(rows.len());
            for server in &rows {
                let contestant = Contestant::enter(servers, server, *shape, options);
                contestants.push(row_only(contestant, server.name)?);
            }
            for slice in 0..options.slices {
                // Each turn begins with another server, so that none always follows the same one.
                for row in (0..rows.len()).map(|row| (row + slice) % rows.len()) {
                    let Some(contestant) = &mut contestants[row] else {
                        results[row].push(None);
                        continue;
                    };
                    let sample = row_only(contestant.measure(options), rows[row].name)?;
                    if sample.is_none() {
                        contestants[row] = None;
                    }
                    results[row].push(sample);
                }
            }
        }
    }
    report(&rows, options, &results);
    Ok(())
}

/// A server that runs, with its connections open.
struct Contestant {
    name: &'static str,
    load: Load,
    shape: Shape,
    server: Running,
}

impl Contestant {
    fn enter(
        servers: &Servers,
        server: &Server,
        shape: Shape,
        options: &Options,
    ) -> Result<Self, Error> {
        let running = servers.start(server, &[], 0)?;
        let failed = |source: LoadError| Error::Load { name: server.name, source };
        let request = request::get(options.request, &running.address().to_string(), "/");
        let mut load =
            Load::connect(running.address(), shape.connections, request, HELLO).map_err(failed)?;
        load.run(shape.depth, Stop::After(WARM_UP)).map_err(failed)?;
        Ok(Self { name: server.name, load, shape, server: running })
    }

    fn measure(&mut self, options: &Options) -> Result<Sample, Error> {
        let before = self.cpu_times()?;
        let duration = Duration::from_secs_f64(options.seconds);
        let run = self.load.run(self.shape.depth, Stop::After(duration));
        let run = run.map_err(|source| Error::Load { name: self.name, source })?;
        thread::sleep(SETTLE);
        let after = self.cpu_times()?;
        let [cpu, own_cpu, all_cpu] =
            [0, 1, 2].map(|which: usize| after[which].saturating_sub(before[which]));
        Ok(Sample { answers: run.answers, elapsed: run.elapsed, cpu, own_cpu, all_cpu })
    }

    /// Of the server, of this program, of all.
    fn cpu_times(&self) -> Result<[Duration; 3], Error> {
        let of = |pid| cpu_time(pid).doing("read a process's CPU time");
        let all = busy_time().doing("read /proc/stat")?;
        Ok([of(self.server.pid())?, of(std::process::id())?, all])
    }
}

fn report(rows: &[&Server], options: &Options, results: &[Vec<Samples>]) {
    println!(
        "HTTP/1.1 plaintext, {} head; medians of {} rounds of {} interleaved slices of {} s",
        if options.request == Head::Small { "small" } else { "browser's" },
        options.rounds,
        options.slices,
        options.seconds,
    );
    let baseline = rows.iter().position(|server| server.name == BASELINE);
    let mut overview = Table::new(
        ["CPU per request, hyper = 1.00".to_owned()]
            .into_iter()
            .chain(options.loads.iter().map(Shape::to_string)),
    );
    let mut overview_rows: Vec<_> = rows.iter().map(|row| vec![row.name.to_owned()]).collect();
    for (shape, results) in options.loads.iter().zip(results) {
        println!("\n{shape}\n");
        let mut table = Table::new([
            "server",
            "requests/s",
            "CPU us/request",
            "of hyper",
            "quartiles",
            "server's core busy",
        ]);
        let reference = baseline.map(|row| &results[row]);
        for (row, server) in rows.iter().enumerate() {
            let (cells, ratio) = cells(&results[row], reference);
            table.row([server.name.to_owned()].into_iter().chain(cells));
            overview_rows[row].push(ratio);
        }
        print!("{table}");
    }
    for row in overview_rows {
        overview.row(row);
    }
    println!("\n{overview}");
    let samples = || results.iter().flatten().flatten().flatten();
    let total = |part: fn(&Sample) -> Duration| samples().map(part).sum::<Duration>();
    let known = total(|sample| sample.cpu + sample.own_cpu);
    let others = total(|sample| sample.all_cpu).saturating_sub(known).as_secs_f64()
        / total(|sample| sample.elapsed + SETTLE).as_secs_f64();
    println!("Work of others during the measurements: {:.1} % of one core.", others * 100.0);
    if others > QUIET {
        println!("NOT QUIET: measure again when nothing else runs.");
    }
}

/// The cells of one row, and its entry in the overview.
fn cells(samples: &Samples, reference: Option<&Samples>) -> (Vec<String>, String) {
    let median = |value: fn(&Sample) -> f64| {
        Spread::of(samples.iter().flatten().map(value).collect()).map(|spread| spread.median)
    };
    let paired = samples.iter().zip(reference.into_iter().flatten());
    let ratios = paired.filter_map(|(sample, reference)| {
        Some(sample.as_ref()?.cpu_micros() / reference.as_ref()?.cpu_micros())
    });
    let Some((ratio, micros)) = Spread::of(ratios.collect()).zip(median(Sample::cpu_micros)) else {
        return (vec!["failed".to_owned()], "failed".to_owned());
    };
    let per_second = median(Sample::requests_per_second).unwrap_or_default();
    let busy = median(Sample::server_busy).unwrap_or_default() * 100.0;
    let cells = vec![
        format!("{per_second:.0}"),
        format!("{micros:.2}"),
        format!("{:.2}", ratio.median),
        format!("{:.2} to {:.2}", ratio.low, ratio.high),
        format!("{busy:.0} %"),
    ];
    (cells, format!("{:.2} ({micros:.2} us)", ratio.median))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_connections_and_depth() {
        assert_eq!("64".parse(), Ok(Shape { connections: 64, depth: 1 }));
        assert_eq!("64x16".parse(), Ok(Shape { connections: 64, depth: 16 }));
        assert!("x".parse::<Shape>().is_err());
    }
}
