//! The tables of HTTP/2 in clear text, by prior knowledge.

pub(crate) mod idle;
pub(crate) mod transfer;

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::contest::Contest;
use crate::error::Error;
use crate::http1::HELLO;
use crate::instructions;
use crate::load::{Body, Generator, Http2Load, Http2Request, LoadError};
use crate::request::BROWSER_HEADERS;
use crate::server::{Running, Server, Servers};
use crate::syscalls;

const LOADS: [&str; 6] = ["1x100", "1x1", "16x32", "64x10", "16x32-browser", "16x8-64k"];

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How often the servers are started anew
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How often each is measured in a round, in turn with the others
    #[arg(long, default_value_t = 6)]
    slices: usize,
    /// How long each measurement takes
    #[arg(long, default_value_t = 0.15)]
    seconds: f64,
    /// Connections, an x, and the streams open on each; `-browser` for a browser's header set, `-64k` for answers
    /// of 64 KiB; comma-separated
    #[arg(long, value_delimiter = ',', default_values = LOADS)]
    loads: Vec<Shape>,
}

#[derive(Debug, Args)]
pub(crate) struct Instructions {
    /// As for `http2`
    #[arg(long, value_delimiter = ',', default_values = LOADS)]
    loads: Vec<Shape>,
    #[command(flatten)]
    counting: instructions::Counting,
}

#[derive(Debug, Args)]
pub(crate) struct SystemCalls {
    /// As for `http2`
    #[arg(long, value_delimiter = ',', default_values = LOADS)]
    loads: Vec<Shape>,
    #[command(flatten)]
    counting: syscalls::Counting,
}

/// How many connections, how many streams on each, and what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    connections: usize,
    streams: u32,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Small,
    Browser,
    Block,
}

impl Kind {
    const NAMES: [(Self, &str); 3] =
        [(Self::Small, ""), (Self::Browser, "-browser"), (Self::Block, "-64k")];
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.connections, self.streams)?;
        f.write_str(match self.kind {
            Kind::Small => "",
            Kind::Browser => ", browser's headers",
            Kind::Block => ", 64 KiB answers",
        })
    }
}

#[derive(Debug, thiserror::Error)]
enum NoShape {
    #[error("a load is written as 16x32, 16x32-browser or 16x8-64k")]
    Form,
    #[error("a load begins with two numbers")]
    Number(#[from] ParseIntError),
}

impl FromStr for Shape {
    type Err = NoShape;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let end = text.find('-').unwrap_or(text.len());
        let (numbers, name) = text.split_at(end);
        let kind = Kind::NAMES.iter().find(|(_, known)| *known == name).ok_or(NoShape::Form)?.0;
        let (connections, streams) = numbers.split_once('x').ok_or(NoShape::Form)?;
        Ok(Self { connections: connections.parse()?, streams: streams.parse()?, kind })
    }
}

pub(crate) fn run(servers: &Servers, options: &Options) -> Result<(), Error> {
    let contest = Contest {
        servers,
        rows: rows(servers),
        loads: &options.loads,
        rounds: options.rounds,
        slices: options.slices,
        slice: Duration::from_secs_f64(options.seconds),
    };
    contest.run("HTTP/2 in clear text, connections x streams", connect)
}

pub(crate) fn instructions(servers: &Servers, options: &Instructions) -> Result<(), Error> {
    options.counting.table(servers, &rows(servers), &options.loads, connect)
}

pub(crate) fn system_calls(servers: &Servers, options: &SystemCalls) -> Result<(), Error> {
    options.counting.tables(servers, &rows(servers), &options.loads, connect)
}

fn rows(servers: &Servers) -> Vec<&Server> {
    servers.iter().filter(|server| server.answers_plaintext()).collect()
}

fn connect(server: &Running, shape: &Shape) -> Result<Generator, LoadError> {
    let (path, body) = match shape.kind {
        Kind::Small | Kind::Browser => ("/", Body::Text(HELLO)),
        Kind::Block => ("/64k", Body::Zeros(64 * 1024)),
    };
    let fields: Vec<_> = match shape.kind {
        // `connection` is not allowed in HTTP/2 (RFC 9113, section 8.2.2).
        Kind::Browser => {
            BROWSER_HEADERS.into_iter().filter(|(name, _)| *name != "connection").collect()
        }
        Kind::Small | Kind::Block => vec![("user-agent", "bench")],
    };
    let request = Http2Request::get(&server.address().to_string(), path, &fields);
    let streams = shape.streams;
    let mut load = Http2Load::connect(server.address(), shape.connections, &request, body)?;
    Ok(Box::new(move |stop| load.run(streams, stop)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_connections_streams_and_what_is_asked_for() {
        let shape = |text: &str| text.parse::<Shape>().map_err(|_| ());
        let expected = |connections, streams, kind| Ok(Shape { connections, streams, kind });
        assert_eq!(shape("1x100"), expected(1, 100, Kind::Small));
        assert_eq!(shape("16x32-browser"), expected(16, 32, Kind::Browser));
        assert_eq!(shape("16x8-64k"), expected(16, 8, Kind::Block));
        for wrong in ["16", "16x", "16x8-", "16x8-1m"] {
            assert_eq!(shape(wrong), Err(()));
        }
    }
}
