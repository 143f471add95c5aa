//! The table of large bodies, on one stream and on many at once.

use clap::Args;

use crate::error::Error;
use crate::load::{Body, Http2Load, Http2Request, LoadError, Stop, http2_upload};
use crate::server::{Running, Servers};
use crate::transfer::{Direction, Rounds};

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    rounds: Rounds,
    /// On how many streams the body is divided; comma-separated
    #[arg(long, value_delimiter = ',', default_values_t = [1, 32])]
    streams: Vec<u32>,
}

pub(crate) fn run(servers: &Servers, options: &Options) -> Result<(), Error> {
    for streams in options.streams.iter().copied() {
        println!("\nOne connection, {streams} streams at once");
        let length = options.rounds.length() / u64::from(streams);
        options.rounds.tables(servers, length, |direction, server| match direction {
            Direction::Up => Ok(Box::new(http2_upload(server.address(), streams, length)?)),
            Direction::Down => Ok(Box::new(download(server, streams, length)?)),
        })?;
    }
    Ok(())
}

fn download(server: &Running, streams: u32, length: u64) -> Result<Http2Load, LoadError> {
    let path = format!("/download/{length}");
    let request = Http2Request::get(&server.address().to_string(), &path, &[]);
    let mut load = Http2Load::unasked(server.address(), &request, Body::Zeros(length))?;
    load.run(streams, Stop::Requests(u64::from(streams)))?;
    Ok(load)
}
