//! The table of system calls per request.
//!
//! strace stops the server at each call, and so changes what it counts: while a server is held up
//! its next request arrives, and what it would have waited for is there already. perf counts without
//! holding anything up, where the system lets it.

mod perf;
mod strace;

use clap::Args;

use crate::error::{Error, row_only};
use crate::http1::{HELLO, Shape};
use crate::load::{Load, LoadError, Run, Stop};
use crate::request::{self, Head};
use crate::server::{Running, Server, Servers};
use crate::table::Table;

/// Calls made less often than once in so many requests are left out of the list.
const RARE: f64 = 200.0;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many requests are counted over
    #[arg(long, default_value_t = 20_000)]
    requests: u64,
    /// Connections, and after an x the depth of pipelining; comma-separated
    #[arg(long, value_delimiter = ',', default_values = ["1", "64", "64x16"])]
    loads: Vec<Shape>,
}

/// Names and numbers of calls, per request.
type Calls = Vec<(String, f64)>;

pub(crate) fn run(servers: &Servers, options: &Options) -> Result<(), Error> {
    println!("System calls per request, over {} requests", options.requests);
    let with_perf = perf::is_there();
    if !with_perf {
        eprintln!("SKIPPED: perf counts no system calls here: strace's numbers only");
    }
    for shape in &options.loads {
        println!("\n{shape}\n");
        let mut table = Table::new(["server", "perf", "which", "strace", "which"]);
        for server in servers.iter().filter(|server| server.answers_plaintext()) {
            eprintln!("{shape}: {}", server.name);
            let mut row = vec![server.name.to_owned()];
            let perf = with_perf.then(|| measure(servers, server, *shape, options, perf::count));
            let strace = measure(servers, server, *shape, options, strace::count);
            for calls in [perf, Some(strace)] {
                let calls = calls.map(|calls| row_only(calls, &shape.to_string())).transpose()?;
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
    servers: &Servers,
    server: &Server,
    shape: Shape,
    options: &Options,
    count: impl FnOnce(&Running, &mut dyn FnMut() -> Result<Run, Error>) -> Result<Calls, Error>,
) -> Result<Calls, Error> {
    let running = servers.start(server, &[], 0)?;
    let failed = |source: LoadError| Error::Load { name: server.name, source };
    let request = request::get(Head::Small, &running.address().to_string(), "/");
    let mut load =
        Load::connect(running.address(), shape.connections, request, HELLO).map_err(failed)?;
    let stop = Stop::Requests(options.requests);
    count(&running, &mut || load.run(shape.depth, stop).map_err(failed))
}

fn cells(calls: Option<Calls>) -> [String; 2] {
    let Some(mut calls) = calls else { return ["-".to_owned(), String::new()] };
    calls.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let all: f64 = calls.iter().map(|(_, number)| number).sum();
    let often = calls.iter().filter(|(_, number)| *number > 1.0 / RARE);
    let often: Vec<_> = often.map(|(name, number)| format!("{name} {number:.2}")).collect();
    [format!("{all:.2}"), often.join(", ")]
}
