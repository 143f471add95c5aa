//! The table of large bodies.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use clap::Args;

use crate::error::{Doing, Error, row_only};
use crate::load::{LoadError, response_head, transfer_connection};
use crate::process::{cpu_time, memory};
use crate::server::{Running, Server, Servers};
use crate::stats::Spread;
use crate::table::Table;

const BUFFER: usize = 256 * 1024;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How often each server is measured
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The size of each body
    #[arg(long, default_value_t = 1024)]
    mebibytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    elapsed: Duration,
    cpu: Duration,
    peak: u64,
}

pub(crate) fn run(servers: &Servers, options: &Options) -> Result<(), Error> {
    let length = options.mebibytes << 20;
    println!(
        "Bodies of {} MiB on one connection; medians of {} interleaved rounds",
        options.mebibytes, options.rounds
    );
    for (direction, title) in [(Direction::Up, "Upload"), (Direction::Down, "Download")] {
        let rows = servers.iter().filter(|server| match direction {
            Direction::Up => server.uploads(),
            Direction::Down => server.downloads(),
        });
        let rows: Vec<_> = rows.collect();
        let mut results = vec![Vec::new(); rows.len()];
        for round in 0..options.rounds {
            for row in (0..rows.len()).map(|row| (row + round) % rows.len()) {
                let place = format!("{title}, round {}/{}", round + 1, options.rounds);
                let sample = measure(servers, rows[row], direction, length);
                if let Some(sample) = row_only(sample, &place)? {
                    eprintln!("{place}: {:20} {:?}", rows[row].name, sample.elapsed);
                    results[row].push(sample);
                }
            }
        }
        println!("\n{title}\n");
        print!("{}", tabulate(&rows, &results, options.mebibytes));
    }
    Ok(())
}

fn measure(
    servers: &Servers,
    server: &Server,
    direction: Direction,
    length: u64,
) -> Result<Sample, Error> {
    let running = servers.start(server, &[], length)?;
    let before = cpu_time(running.pid()).doing("read a process's CPU time")?;
    let started = Instant::now();
    let done = match direction {
        Direction::Up => upload(&running, length),
        Direction::Down => download(&running, length),
    };
    done.map_err(|source| Error::Load { name: server.name, source })?;
    let elapsed = started.elapsed();
    let cpu = cpu_time(running.pid()).doing("read a process's CPU time")?.saturating_sub(before);
    let peak = memory(running.pid()).doing("read a process's memory")?.peak;
    Ok(Sample { elapsed, cpu, peak })
}

/// The connection stays open until the server's threads have been counted.
fn upload(server: &Running, length: u64) -> Result<TcpStream, LoadError> {
    let mut stream = transfer_connection(server.address())?;
    let host = server.address();
    let head = format!("POST /upload HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let block = vec![0; BUFFER];
    let mut remaining = length;
    while remaining > 0 {
        let now = remaining.min(BUFFER as u64);
        stream.write_all(&block[..now as usize])?;
        remaining -= now;
    }
    let mut answer = vec![0; 4096];
    let (body, expected) = read_head(&mut stream, &mut answer)?;
    let mut body = body.to_vec();
    while (body.len() as u64) < expected {
        let received = read(&mut stream, &mut answer)?;
        body.extend_from_slice(&answer[..received]);
    }
    if body == length.to_string().as_bytes() { Ok(stream) } else { Err(LoadError::Body) }
}

fn download(server: &Running, length: u64) -> Result<TcpStream, LoadError> {
    let mut stream = transfer_connection(server.address())?;
    let host = server.address();
    let head = format!("GET /download/{length} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let mut buffer = vec![0; BUFFER];
    let (body, expected) = read_head(&mut stream, &mut buffer)?;
    if expected != length {
        return Err(LoadError::Body);
    }
    let mut received = body.len() as u64;
    while received < length {
        received += read(&mut stream, &mut buffer)? as u64;
    }
    if received == length { Ok(stream) } else { Err(LoadError::Surplus) }
}

/// What of the body came with the head, and the body's whole length.
fn read_head<'a>(
    stream: &mut TcpStream,
    buffer: &'a mut [u8],
) -> Result<(&'a [u8], u64), LoadError> {
    let mut filled = 0;
    loop {
        filled += read(stream, &mut buffer[filled..])?;
        if let Some((head, length)) = response_head(&buffer[..filled])? {
            return Ok((&buffer[head..filled], length));
        }
    }
}

fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<usize, LoadError> {
    match stream.read(buffer)? {
        0 => Err(LoadError::Closed),
        received => Ok(received),
    }
}

fn tabulate(rows: &[&Server], results: &[Vec<Sample>], mebibytes: u64) -> Table {
    let mut table = Table::new(["server", "MiB/s", "CPU ms/GiB", "peak memory, MiB"]);
    let gibibytes = mebibytes as f64 / 1024.0;
    for (server, samples) in rows.iter().zip(results) {
        let median = |value: &dyn Fn(&Sample) -> f64, digits: usize| {
            let spread = Spread::of(samples.iter().map(value).collect());
            spread.map_or("failed".to_owned(), |spread| format!("{:.digits$}", spread.median))
        };
        table.row([
            server.name.to_owned(),
            median(&|sample| mebibytes as f64 / sample.elapsed.as_secs_f64(), 0),
            median(&|sample| sample.cpu.as_secs_f64() * 1e3 / gibibytes, 0),
            median(&|sample| sample.peak as f64 / f64::from(1 << 20), 1),
        ]);
    }
    table
}
