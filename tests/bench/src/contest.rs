//! Servers under load in turn: requests per second and CPU per request, beside the baseline.

use std::fmt::Display;
use std::thread;
use std::time::Duration;

use crate::error::{Doing, Error, row_only};
use crate::load::{Generator, LoadError, Stop};
use crate::process::{busy_time, cpu_time};
use crate::server::{BASELINE, Running, Server, Servers};
use crate::stats::{median, ratios};
use crate::table::Table;

/// Work of others, as a share of one core, above which the figures are not to be kept.
const QUIET: f64 = 0.04;

const WARM_UP: Duration = Duration::from_millis(100);

/// What a server still does after its last answer is its cost too; and the scheduler counts the
/// time of a thread only once that sleeps.
const SETTLE: Duration = Duration::from_millis(2);

/// What is measured, and how often.
pub(crate) struct Contest<'a, L> {
    pub(crate) servers: &'a Servers,
    pub(crate) rows: Vec<&'a Server>,
    pub(crate) loads: &'a [L],
    /// How often the servers are started anew.
    pub(crate) rounds: usize,
    /// How often each is measured in a round, in turn with the others.
    pub(crate) slices: usize,
    /// How long each measurement takes.
    pub(crate) slice: Duration,
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

impl<L: Display> Contest<'_, L> {
    /// Measures, and prints the tables below `title`. `connect` opens a load's connections to a server.
    pub(crate) fn run(
        &self,
        title: &str,
        connect: impl Fn(&Running, &L) -> Result<Generator, LoadError>,
    ) -> Result<(), Error> {
        let mut results = vec![vec![Samples::new(); self.rows.len()]; self.loads.len()];
        for round in 0..self.rounds {
            for (load, results) in self.loads.iter().zip(&mut results) {
                eprintln!("round {}/{}: {load}", round + 1, self.rounds);
                self.round(load, &connect, results)?;
            }
        }
        println!(
            "{title}; medians of {} rounds of {} interleaved slices of {} s",
            self.rounds,
            self.slices,
            self.slice.as_secs_f64(),
        );
        self.report(&results);
        Ok(())
    }

    fn round(
        &self,
        load: &L,
        connect: impl Fn(&Running, &L) -> Result<Generator, LoadError>,
        results: &mut [Samples],
    ) -> Result<(), Error> {
        let mut contestants = Vec::with_capacity(self.rows.len());
        for server in &self.rows {
            let running = self.servers.start(server, &[], 0)?;
            let contestant = Contestant::enter(server.name, running, |at| connect(at, load));
            contestants.push(row_only(contestant, server.name)?);
        }
        for slice in 0..self.slices {
            // Each turn begins with another server, so that none always follows the same one.
            for row in (0..self.rows.len()).map(|row| (row + slice) % self.rows.len()) {
                let Some(contestant) = &mut contestants[row] else {
                    results[row].push(None);
                    continue;
                };
                let sample = row_only(contestant.measure(self.slice), self.rows[row].name)?;
                if sample.is_none() {
                    contestants[row] = None;
                }
                results[row].push(sample);
            }
        }
        Ok(())
    }

    fn report(&self, results: &[Vec<Samples>]) {
        let baseline = self.rows.iter().position(|server| server.name == BASELINE);
        let mut overview = Table::new(
            ["CPU per request, hyper = 1.00".to_owned()]
                .into_iter()
                .chain(self.loads.iter().map(L::to_string)),
        );
        let mut overview_rows: Vec<_> =
            self.rows.iter().map(|row| vec![row.name.to_owned()]).collect();
        for (load, results) in self.loads.iter().zip(results) {
            println!("\n{load}\n");
            let mut table = Table::new([
                "server",
                "requests/s",
                "CPU us/request",
                "of hyper",
                "quartiles",
                "server's core busy",
            ]);
            let reference = baseline.map(|row| &results[row]);
            for (row, server) in self.rows.iter().enumerate() {
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
}

/// A server that runs, with its connections open.
struct Contestant {
    name: &'static str,
    load: Generator,
    server: Running,
}

impl Contestant {
    fn enter(
        name: &'static str,
        server: Running,
        connect: impl FnOnce(&Running) -> Result<Generator, LoadError>,
    ) -> Result<Self, Error> {
        let failed = |source: LoadError| Error::Load { name, source };
        let mut load = connect(&server).map_err(failed)?;
        load(Stop::After(WARM_UP)).map_err(failed)?;
        Ok(Self { name, load, server })
    }

    fn measure(&mut self, slice: Duration) -> Result<Sample, Error> {
        let before = self.cpu_times()?;
        let run = (self.load)(Stop::After(slice));
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

/// The cells of one row, and its entry in the overview.
fn cells(samples: &Samples, reference: Option<&Samples>) -> (Vec<String>, String) {
    let ratios = reference.and_then(|reference| ratios(samples, reference, Sample::cpu_micros));
    let Some((ratio, micros)) = ratios.zip(median(samples, Sample::cpu_micros)) else {
        return (vec!["failed".to_owned()], "failed".to_owned());
    };
    let per_second = median(samples, Sample::requests_per_second).unwrap_or_default();
    let busy = median(samples, Sample::server_busy).unwrap_or_default() * 100.0;
    let cells = vec![
        format!("{per_second:.0}"),
        format!("{micros:.2}"),
        format!("{:.2}", ratio.median),
        format!("{:.2} to {:.2}", ratio.low, ratio.high),
        format!("{busy:.0} %"),
    ];
    (cells, format!("{:.2} ({micros:.2} us)", ratio.median))
}
