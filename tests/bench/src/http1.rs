//! The table of plaintext requests.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::contest::Contest;
use crate::error::Error;
use crate::load::{Generator, Load, LoadError};
use crate::request::{self, Head};
use crate::server::{Running, Servers};

/// The body that `GET /` is answered with.
pub(crate) const HELLO: &str = "Hello, World!";

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

pub(crate) fn run(servers: &Servers, options: &Options) -> Result<(), Error> {
    let contest = Contest {
        servers,
        rows: servers.iter().filter(|server| server.answers_plaintext()).collect(),
        loads: &options.loads,
        rounds: options.rounds,
        slices: options.slices,
        slice: Duration::from_secs_f64(options.seconds),
    };
    let head = if options.request == Head::Small { "small" } else { "browser's" };
    contest.run(&format!("HTTP/1.1 plaintext, {head} head"), |server, shape| {
        connect(server, *shape, options.request)
    })
}

/// Opens the connections of a load.
pub(crate) fn connect(server: &Running, shape: Shape, head: Head) -> Result<Generator, LoadError> {
    let request = request::get(head, &server.address().to_string(), "/");
    let mut load = Load::connect(server.address(), shape.connections, request, HELLO)?;
    Ok(Box::new(move |stop| load.run(shape.depth, stop)))
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
