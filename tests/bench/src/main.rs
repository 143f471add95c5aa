//! barewire beside its peers, in one run.
//!
//! See this workspace's README for what each table says and how it is measured.

mod builds;
mod client;
mod contest;
mod cpus;
mod error;
mod http1;
mod http2;
mod idle;
mod instructions;
mod load;
mod micro;
mod process;
mod request;
mod server;
mod stats;
mod syscalls;
mod table;
mod transfer;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::cpus::Cpus;
use crate::error::{Doing, Error};
use crate::server::{Protocol, Servers};

/// Measures barewire beside its peers.
#[derive(Debug, Parser)]
struct Options {
    #[command(subcommand)]
    table: Table,
    #[command(flatten)]
    lab: Lab,
}

#[derive(Debug, Subcommand)]
enum Table {
    /// Plaintext requests on kept-alive connections: requests per second, CPU per request
    Http1(http1::Options),
    /// Small GETs over kept-alive connections: the client's CPU per request
    Client(client::Options),
    /// Bodies of a gibibyte up and down: throughput, CPU, peak memory
    Transfer(transfer::Rounds),
    /// Idle kept-alive connections: memory of each
    Idle(idle::Options),
    /// System calls per request, by strace
    Syscalls(syscalls::Options),
    /// Instructions in user space per request, by callgrind
    Instructions(instructions::Options),
    /// HTTP/2 in clear text: requests per second, CPU per request
    Http2(http2::Options),
    /// Bodies of a gibibyte up and down over HTTP/2, on one stream and on 32
    Http2Transfer(http2::transfer::Options),
    /// Idle connections and open streams of HTTP/2: memory of each
    Http2Idle(http2::idle::Options),
    /// System calls per request over HTTP/2
    Http2Syscalls(http2::SystemCalls),
    /// Instructions in user space per request over HTTP/2
    Http2Instructions(http2::Instructions),
    /// All of the tables, one after the other, as the README has them
    All,
    /// The code alone: heads parsed and encoded, chunks decoded and encoded
    Micro(micro::Options),
}

#[derive(Debug, Clone, Args)]
struct Lab {
    /// Only these servers or clients, and the one that ratios are taken to; comma-separated
    #[arg(long, global = true, value_delimiter = ',')]
    only: Vec<String>,
    /// The core that each server runs on
    #[arg(long, global = true, default_value_t = 0)]
    server_cpu: usize,
    /// The core that the load generator runs on
    #[arg(long, global = true, default_value_t = 1)]
    load_cpu: usize,
    /// Take the servers as they were built last
    #[arg(long, global = true)]
    no_build: bool,
}

impl Lab {
    fn servers(&self, protocol: Protocol) -> Result<Servers, Error> {
        if !self.no_build {
            builds::servers(protocol)?;
        }
        Servers::find(protocol, &self.only, self.cpus("server", "load generator")?)
    }

    /// Divides the cores between a server and what asks it, and says so.
    fn cpus(&self, server: &str, load: &str) -> Result<Cpus, Error> {
        process::raise_descriptor_limit(65_536).doing("raise the limit of open files")?;
        let cpus = Cpus::divide(self.server_cpu, self.load_cpu).doing("pin this program")?;
        println!(
            "{}; {server} on core {}, {load} on core {}",
            process::machine(),
            self.server_cpu,
            self.load_cpu
        );
        Ok(cpus)
    }
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {}", error::chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// What `all` prints, in this order.
const TABLES: [&str; 12] = [
    "http1",
    "client",
    "transfer",
    "idle",
    "syscalls",
    "instructions",
    "http2",
    "http2-transfer",
    "http2-idle",
    "http2-syscalls",
    "http2-instructions",
    "micro",
];

fn defaults(table: &str) -> Table {
    Options::parse_from(["bench", table]).table
}

fn run(options: &Options) -> Result<(), Error> {
    if cfg!(debug_assertions) {
        return Err(Error::DebugBuild);
    }
    let lab = &options.lab;
    match &options.table {
        Table::All => {
            for table in TABLES {
                println!("\n## {table}\n");
                let mut lab = lab.clone();
                if table == "client" || table.starts_with("http2") {
                    // The names are those of the servers of HTTP/1.1.
                    lab.only.clear();
                }
                run(&Options { table: defaults(table), lab })?;
            }
            Ok(())
        }
        Table::Http1(options) => http1::run(&lab.servers(Protocol::Http1)?, options),
        Table::Client(options) => {
            if !lab.no_build {
                builds::clients()?;
            }
            client::run(&lab.only, lab.cpus("server", "client")?, options)
        }
        Table::Transfer(options) => transfer::run(&lab.servers(Protocol::Http1)?, options),
        Table::Idle(options) => idle::run(&lab.servers(Protocol::Http1)?, options),
        Table::Syscalls(options) => syscalls::run(&lab.servers(Protocol::Http1)?, options),
        Table::Instructions(options) => instructions::run(&lab.servers(Protocol::Http1)?, options),
        Table::Http2(options) => http2::run(&lab.servers(Protocol::Http2)?, options),
        Table::Http2Transfer(options) => {
            http2::transfer::run(&lab.servers(Protocol::Http2)?, options)
        }
        Table::Http2Idle(options) => http2::idle::run(&lab.servers(Protocol::Http2)?, options),
        Table::Http2Syscalls(options) => {
            http2::system_calls(&lab.servers(Protocol::Http2)?, options)
        }
        Table::Http2Instructions(options) => {
            http2::instructions(&lab.servers(Protocol::Http2)?, options)
        }
        Table::Micro(options) => micro::run(options, lab.server_cpu),
    }
}
