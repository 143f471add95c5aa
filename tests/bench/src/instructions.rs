//! The table of instructions in user space, as callgrind counts them.

use std::fmt::Display;
use std::fs;
use std::path::PathBuf;

use clap::Args;
use tempfile::TempDir;

use crate::error::{Doing, Error, row_only};
use crate::http1::{self, Shape};
use crate::load::{Generator, LoadError, Stop};
use crate::request::Head;
use crate::server::{Running, Server, Servers};
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Connections, and after an x the depth of pipelining; comma-separated
    #[arg(long, value_delimiter = ',', default_values = ["64", "64x16"])]
    loads: Vec<Shape>,
    /// The head that requests have
    #[arg(long, value_enum, default_value_t = Head::Small)]
    request: Head,
    #[command(flatten)]
    counting: Counting,
}

#[derive(Debug, Args)]
pub(crate) struct Counting {
    /// How many requests the second of the two runs makes more than the first
    #[arg(long, default_value_t = 20_000)]
    requests: u64,
    /// A directory to keep callgrind's files in, for `callgrind_annotate`
    #[arg(long)]
    keep: Option<PathBuf>,
}

pub(crate) fn run(servers: &Servers, options: &Options) -> Result<(), Error> {
    let rows: Vec<_> = servers.iter().filter(|server| server.answers_plaintext()).collect();
    options.counting.table(servers, &rows, &options.loads, |server, shape| {
        http1::connect(server, *shape, options.request)
    })
}

impl Counting {
    /// Counts, and prints the table.
    pub(crate) fn table<L: Display>(
        &self,
        servers: &Servers,
        rows: &[&Server],
        loads: &[L],
        connect: impl Fn(&Running, &L) -> Result<Generator, LoadError>,
    ) -> Result<(), Error> {
        println!("Instructions in user space per request, counted by callgrind\n");
        let columns = loads.iter().map(L::to_string);
        let mut table = Table::new(["server".to_owned()].into_iter().chain(columns));
        for server in rows {
            let mut row = vec![server.name.to_owned()];
            for load in loads {
                let place = load.to_string();
                let total = |requests| {
                    self.total(servers, server, &place, requests, |at| connect(at, load))
                };
                let instructions = row_only(self.per_request(total), &place)?;
                row.push(instructions.map_or("failed".to_owned(), |number| format!("{number:.0}")));
            }
            eprintln!("{}", row.join(" "));
            table.row(row);
        }
        print!("{table}");
        Ok(())
    }

    /// The difference of two runs: what starting and connecting take falls out.
    fn per_request(&self, total: impl Fn(u64) -> Result<(u64, u64), Error>) -> Result<f64, Error> {
        let warm_up = self.requests / 4;
        let (few, before) = total(warm_up)?;
        let (many, after) = total(warm_up + self.requests)?;
        Ok((after as f64 - before as f64) / (many - few) as f64)
    }

    /// Answers given, and instructions from the server's start to its end.
    fn total(
        &self,
        servers: &Servers,
        server: &Server,
        load: &str,
        requests: u64,
        connect: impl FnOnce(&Running) -> Result<Generator, LoadError>,
    ) -> Result<(u64, u64), Error> {
        let directory = TempDir::new().doing("make a directory for callgrind")?;
        let kept = self.keep.as_deref().unwrap_or(directory.path());
        fs::create_dir_all(kept).doing("make the directory for callgrind's files")?;
        let load = load.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
        let file = kept.join(format!("callgrind.out.{}.{load}", server.name));
        let log = directory.path().join("log");
        let out_option = format!("--callgrind-out-file={}", file.display());
        let log_option = format!("--log-file={}", log.display());
        let wrapper = ["valgrind", "--tool=callgrind", &out_option, &log_option];
        let running = servers.start(server, &wrapper, 0)?;
        let failed = |source: LoadError| Error::Load { name: server.name, source };
        let mut generator = connect(&running).map_err(failed)?;
        let run = generator(Stop::Requests(requests)).map_err(failed)?;
        running.terminate().doing("end a server under callgrind")?;
        let log = fs::read_to_string(log).doing("read what callgrind wrote")?;
        let instructions = collected(&log).ok_or(Error::NoTotals { program: "callgrind" })?;
        Ok((run.answers, instructions))
    }
}

/// The total in callgrind's log: `==1== Collected : 123456`.
pub(crate) fn collected(log: &str) -> Option<u64> {
    log.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_total_is_found_in_the_log() {
        let log = "==7== Events    : Ir\n==7== Collected : 1234\n==7==\n";
        assert_eq!(super::collected(log), Some(1234));
    }
}
