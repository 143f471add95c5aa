//! The table of system calls per request.
//!
//! strace stops the server at each call, and so changes what it counts: while a server is held up
//! its next request arrives, and what it would have waited for is there already. perf counts without
//! holding anything up, where the system lets it.

mod perf;
mod strace;

use std::fmt::Display;

use clap::Args;

use crate::error::{Error, row_only};
use crate::http1::{self, Shape};
use crate::load::{Generator, LoadError, Run, Stop};
use crate::request::Head;
use crate::server::{Running, Server, Servers};
use crate::table::Table;

/// Calls made less often than once in so many requests are left out of the list.
const RARE: f64 = 200.0;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Connections, and after an x the depth of pipelining; comma-separated
    #[arg(long, value_delimiter = ',', default_values = ["1", "64", "64x16"])]
    loads: Vec<Shape>,
    #[command(flatten)]
    counting: Counting,
}

#[derive(Debug, Args)]
pub(crate) struct Counting {
    /// How many requests are counted over
    #[arg(long, default_value_t = 20_000)]
    requests: u64,
}

/// Names and numbers of calls, per request.
type Calls = Vec<(String, f64)>;

pub(crate) fn run(servers: &Servers, options: &Options) -> Result<(), Error> {
    let rows: Vec<_> = servers.iter().filter(|server| server.answers_plaintext()).collect();
    options.counting.tables(servers, &rows, &options.loads, |server, shape| {
        http1::connect(server, *shape, Head::Small)
    })
}

impl Counting {
    /// Counts, and prints a table for each load.
    pub(crate) fn tables<L: Display>(
        &self,
        servers: &Servers,
        rows: &[&Server],
        loads: &[L],
        connect: impl Fn(&Running, &L) -> Result<Generator, LoadError>,
    ) -> Result<(), Error> {
        println!("System calls per request, over {} requests", self.requests);
        let with_perf = perf::is_there();
        if !with_perf {
            eprintln!("SKIPPED: perf counts no system calls here: strace's numbers only");
        }
        for load in loads {
            println!("\n{load}\n");
            let mut table = Table::new(["server", "perf", "which", "strace", "which"]);
            for server in rows {
                eprintln!("{load}: {}", server.name);
                let connect = |at: &Running| connect(at, load);
                let perf = with_perf.then(|| self.measure(servers, server, connect, perf::count));
                let strace = self.measure(servers, server, connect, strace::count);
                let mut row = vec![server.name.to_owned()];
                for calls in [perf, Some(strace)] {
                    let calls =
                        calls.map(|calls| row_only(calls, &load.to_string())).transpose()?;
                    row.extend(cells(calls.flatten()));
                }
                table.row(row);
            }
            print!("{table}");
        }
        Ok(())
    }

    /// Counts once the connections are open, so that only requests are counted.
    fn measure(
        &self,
        servers: &Servers,
        server: &Server,
        connect: impl FnOnce(&Running) -> Result<Generator, LoadError>,
        count: impl FnOnce(&Running, &mut dyn FnMut() -> Result<Run, Error>) -> Result<Calls, Error>,
    ) -> Result<Calls, Error> {
        let running = servers.start(server, &[], 0)?;
        let failed = |source: LoadError| Error::Load { name: server.name, source };
        let mut generator = connect(&running).map_err(failed)?;
        count(&running, &mut || generator(Stop::Requests(self.requests)).map_err(failed))
    }
}

fn cells(calls: Option<Calls>) -> [String; 2] {
    let Some(mut calls) = calls else { return ["-".to_owned(), String::new()] };
    calls.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let all: f64 = calls.iter().map(|(_, number)| number).sum();
    let often = calls.iter().filter(|(_, number)| *number > 1.0 / RARE);
    let often: Vec<_> = often.map(|(name, number)| format!("{name} {number:.2}")).collect();
    [format!("{all:.2}"), often.join(", ")]
}
