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
pub(crate) struct Rounds {
    /// How often each server is measured
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The size of each body
    #[arg(long, default_value_t = 1024)]
    mebibytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Down,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    elapsed: Duration,
    cpu: Duration,
    peak: u64,
}

/// A connection, which stays open until the server's threads have been counted.
pub(crate) type Connection = Box<dyn std::any::Any>;

pub(crate) fn run(servers: &Servers, options: &Rounds) -> Result<(), Error> {
    let length = options.length();
    options.tables(servers, length, |direction, server| match direction {
        Direction::Up => Ok(Box::new(upload(server, length)?)),
        Direction::Down => Ok(Box::new(download(server, length)?)),
    })
}

impl Rounds {
    /// In bytes.
    pub(crate) fn length(&self) -> u64 {
        self.mebibytes << 20
    }

    /// Measures, and prints a table for each direction; `download` is the size of the file that servers of files
    /// are to hold ready.
    pub(crate) fn tables(
        &self,
        servers: &Servers,
        download: u64,
        transfer: impl Fn(Direction, &Running) -> Result<Connection, LoadError>,
    ) -> Result<(), Error> {
        println!(
            "Bodies of {} MiB on one connection; medians of {} interleaved rounds",
            self.mebibytes, self.rounds
        );
        for (direction, title) in [(Direction::Up, "Upload"), (Direction::Down, "Download")] {
            let rows = servers.iter().filter(|server| match direction {
                Direction::Up => server.uploads(),
                Direction::Down => server.downloads(),
            });
            let rows: Vec<_> = rows.collect();
            let mut results = vec![Vec::new(); rows.len()];
            for round in 0..self.rounds {
                for row in (0..rows.len()).map(|row| (row + round) % rows.len()) {
                    let place = format!("{title}, round {}/{}", round + 1, self.rounds);
                    let running = servers.start(rows[row], &[], download)?;
                    let transfer = || transfer(direction, &running);
                    let sample = measure(rows[row].name, &running, transfer);
                    if let Some(sample) = row_only(sample, &place)? {
                        eprintln!("{place}: {:20} {:?}", rows[row].name, sample.elapsed);
                        results[row].push(sample);
                    }
                }
            }
            println!("\n{title}\n");
            print!("{}", tabulate(&rows, &results, self.mebibytes));
        }
        Ok(())
    }
}

fn measure(
    name: &'static str,
    server: &Running,
    transfer: impl FnOnce() -> Result<Connection, LoadError>,
) -> Result<Sample, Error> {
    let before = cpu_time(server.pid()).doing("read a process's CPU time")?;
    let started = Instant::now();
    let connection = transfer().map_err(|source| Error::Load { name, source })?;
    let elapsed = started.elapsed();
    let cpu = cpu_time(server.pid()).doing("read a process's CPU time")?.saturating_sub(before);
    let peak = memory(server.pid()).doing("read a process's memory")?.peak;
    drop(connection);
    Ok(Sample { elapsed, cpu, peak })
}

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
