//! The table of connections without streams, and of streams that wait.

use clap::Args;

use crate::error::{Doing, Error, row_only};
use crate::http1::HELLO;
use crate::load::{Body, Http2Connection, Http2Load, Http2Request, LoadError, Stop};
use crate::process::memory;
use crate::request::BROWSER_HEADERS;
use crate::server::{Running, Server, Servers};
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many connections without a stream are held
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// How many connections are held on which all streams are open
    #[arg(long, default_value_t = 100)]
    busy: usize,
    /// How many streams are open on each of those
    #[arg(long, default_value_t = 100)]
    streams: u32,
}

pub(crate) fn run(servers: &Servers, options: &Options) -> Result<(), Error> {
    println!(
        "{} connections, idle after one request of a browser each; and {} connections with {} streams each, \
         whose requests' bodies do not come; bytes of resident memory",
        options.connections, options.busy, options.streams,
    );
    println!();
    let mut table = Table::new(["server", "idle connection", "open stream", "threads with those"]);
    for server in servers.iter().filter(|server| server.holds_idle) {
        eprintln!("{}", server.name);
        let idle = row_only(idle(servers, server, options), "idle connections")?;
        let mut row = vec![server.name.to_owned()];
        row.push(idle.map_or("failed".to_owned(), |bytes| format!("{bytes:.0}")));
        if server.uploads() {
            let open = row_only(open(servers, server, options), "open streams")?;
            let (bytes, threads) = open.unzip();
            row.push(bytes.map_or("failed".to_owned(), |bytes| format!("{bytes:.0}")));
            row.extend(threads.map(|threads| threads.to_string()));
        }
        table.row(row);
    }
    print!("{table}");
    Ok(())
}

/// Bytes of each.
fn idle(servers: &Servers, server: &Server, options: &Options) -> Result<f64, Error> {
    let running = servers.start(server, &[], 0)?;
    let address = running.address();
    let failed = |source: LoadError| Error::Load { name: server.name, source };
    let fields = BROWSER_HEADERS.into_iter().filter(|(name, _)| *name != "connection");
    let fields: Vec<_> = fields.collect();
    let request = Http2Request::get(&address.to_string(), "/", &fields);
    let connect = |number| Http2Load::connect(address, number, &request, Body::Text(HELLO));
    // The first connection loads what all later ones share.
    let mut first = connect(1).map_err(failed)?;
    first.run(1, Stop::Requests(1)).map_err(failed)?;
    let before = resident(&running)?;
    let held = connect(options.connections).map_err(failed)?;
    let after = resident(&running)?;
    drop((first, held));
    Ok(after.saturating_sub(before) as f64 / options.connections as f64)
}

/// Bytes of each stream, its share of the connection among them, and how many threads the server has.
fn open(servers: &Servers, server: &Server, options: &Options) -> Result<(f64, u64), Error> {
    let running = servers.start(server, &[], 0)?;
    let failed = |source: LoadError| Error::Load { name: server.name, source };
    let request = Http2Request::held_open(&running.address().to_string(), "/upload");
    let mut buffer = vec![0; 64 * 1024];
    let mut hold = |streams: u32| {
        let body = Body::Text("");
        let mut connection =
            Http2Connection::open(running.address(), 0, request.clone(), body, &mut buffer)?;
        connection.ping(&mut buffer)?;
        connection.check_streams(streams)?;
        (1..streams).for_each(|_| connection.ask());
        connection.ping(&mut buffer)?;
        Ok(connection)
    };
    let first = hold(1).map_err(failed)?;
    let before = resident(&running)?;
    let held: Result<Vec<_>, _> = (0..options.busy).map(|_| hold(options.streams)).collect();
    let held = held.map_err(failed)?;
    let after = memory(running.pid()).doing("read a process's memory")?;
    drop((first, held));
    let streams = options.busy as f64 * f64::from(options.streams);
    Ok((after.resident.saturating_sub(before) as f64 / streams, after.threads))
}

fn resident(server: &Running) -> Result<u64, Error> {
    Ok(memory(server.pid()).doing("read a process's memory")?.resident)
}
