//! The table of clients: small GETs over kept-alive connections, and what they cost the client.

mod contestant;

use clap::Args;

use self::contestant::{Contestant, Sample};
use crate::cpus::Cpus;
use crate::error::Error;
use crate::server::{Protocol, Servers};
use crate::stats::{median, ratios};
use crate::table::Table;

/// The row that all ratios are taken to.
const BASELINE: &str = "hyper-util";

/// The server that all of them ask: the one that costs least, so that its core is never what they wait for.
const SERVER: &str = "floor-epoll";

/// Work of others, as a share of one core, above which the figures are not to be kept.
const QUIET: f64 = 0.04;

/// The clients, in the order of the table, and their programs.
const CLIENTS: [(&str, &str); 8] = [
    ("floor-std", "floor-client-std"),
    ("barewire-smol", "our-client-smol"),
    ("barewire-async-std", "our-client-async-std"),
    ("barewire-std", "our-client-std"),
    (BASELINE, "peer-client-hyper-util"),
    ("reqwest", "peer-client-reqwest"),
    ("reqwest-blocking", "peer-client-reqwest-blocking"),
    ("ureq", "peer-client-ureq"),
];

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How often the clients are started anew
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How often each is measured in a round, in turn with the others
    #[arg(long, default_value_t = 6)]
    slices: usize,
    /// How long each measurement takes, in milliseconds
    #[arg(long, default_value_t = 150)]
    milliseconds: u64,
    /// Requests under way at once; comma-separated
    #[arg(long, value_delimiter = ',', default_values_t = [1, 64])]
    at_once: Vec<usize>,
}

/// One client's measurements in time's order; `None` where one failed, which was said when it did.
type Samples = Vec<Option<Sample>>;

pub(crate) fn run(only: &[String], cpus: Cpus, options: &Options) -> Result<(), Error> {
    let named = |name: &str| only.iter().any(|only| only == name);
    if let Some(name) = only.iter().find(|only| CLIENTS.iter().all(|client| client.0 != *only)) {
        let known = CLIENTS.map(|client| client.0).join(", ");
        return Err(Error::UnknownClient { name: name.clone(), known });
    }
    let rows =
        CLIENTS.iter().filter(|(name, _)| only.is_empty() || named(name) || *name == BASELINE);
    let rows: Vec<_> = rows.copied().collect();
    let servers = Servers::find(Protocol::Http1, &[SERVER.to_owned()], cpus)?;
    let server = servers.iter().find(|server| server.name == SERVER);
    let server = server.ok_or(Error::MissingTool { program: SERVER })?;

    let mut results = vec![vec![Samples::new(); rows.len()]; options.at_once.len()];
    for round in 0..options.rounds {
        for (at_once, results) in options.at_once.iter().zip(&mut results) {
            eprintln!("round {}/{}: {at_once} at once", round + 1, options.rounds);
            // One server for all of them.
            let server = servers.start(server, &[], 0)?;
            let enter = |row: &(&'static str, &str)| {
                row_only(Contestant::enter(row.0, row.1, &server, *at_once))
            };
            let mut contestants = rows.iter().map(enter).collect::<Result<Vec<_>, _>>()?;
            for slice in 0..options.slices {
                // Each turn begins with another client, so that none always follows the same one.
                for row in (0..rows.len()).map(|row| (row + slice) % rows.len()) {
                    let sample = match &mut contestants[row] {
                        Some(contestant) => {
                            row_only(contestant.measure(&server, options.milliseconds))?
                        }
                        None => None,
                    };
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

/// Makes the end of a client, which is one row's matter and not the table's, into `None`, and says it.
fn row_only<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error @ Error::Client { .. }) => {
            eprintln!("FAILED: {}", crate::error::chain(&error));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn report(rows: &[(&str, &str)], options: &Options, results: &[Vec<Samples>]) {
    println!(
        "HTTP/1.1 client, small GETs; medians of {} rounds of {} interleaved slices of {} ms\n",
        options.rounds, options.slices, options.milliseconds,
    );
    let mut columns = vec![format!("client's CPU per request, {BASELINE} = 1.00")];
    for at_once in &options.at_once {
        columns.push(format!("{at_once} at once"));
        columns.push("quartiles".to_owned());
        columns.push("requests/s".to_owned());
    }
    let mut table = Table::new(columns);
    let baseline = rows.iter().position(|(name, _)| *name == BASELINE);
    for (row, (name, _)) in rows.iter().enumerate() {
        let mut line = vec![(*name).to_owned()];
        for results in results {
            line.extend(cells(&results[row], baseline.map(|row| &results[row])));
        }
        table.row(line);
    }
    println!("{table}");
    let samples = || results.iter().flatten().flatten().flatten();
    let others: f64 = samples().map(|sample| sample.others.as_secs_f64()).sum();
    let others = others / samples().map(|sample| sample.elapsed.as_secs_f64()).sum::<f64>();
    println!("Work of others during the measurements: {:.1} % of one core.", others * 100.0);
    if others > QUIET {
        println!("NOT QUIET: measure again when nothing else runs.");
    }
}

fn cells(samples: &Samples, reference: Option<&Samples>) -> [String; 3] {
    let ratios = reference.and_then(|reference| ratios(samples, reference, Sample::cpu_micros));
    let Some((ratio, micros)) = ratios.zip(median(samples, Sample::cpu_micros)) else {
        return ["failed", "", ""].map(str::to_owned);
    };
    [
        format!("{:.2} ({micros:.1} us)", ratio.median),
        format!("{:.2} to {:.2}", ratio.low, ratio.high),
        format!("{:.0}", median(samples, Sample::requests_per_second).unwrap_or_default()),
    ]
}
