//! The table of idle connections.

use clap::Args;

use crate::error::{Doing, Error, row_only};
use crate::http1::HELLO;
use crate::load::{Load, LoadError, Stop};
use crate::process::{Memory, kernel_stacks, memory};
use crate::request::{self, Head};
use crate::server::{Server, Servers};
use crate::table::Table;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many connections are held
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// The head of the request that each has made
    #[arg(long, value_enum, default_value_t = Head::Browser)]
    request: Head,
}

pub(crate) fn run(servers: &Servers, options: &Options) -> Result<(), Error> {
    let connections = options.connections;
    println!("{connections} connections, idle after one request each; bytes per connection\n");
    let mut table = Table::new([
        "server",
        "resident",
        "page tables",
        "kernel stacks",
        "threads in all",
        "resident after a second request each",
    ]);
    for server in servers.iter().filter(|server| server.holds_idle) {
        eprintln!("{}", server.name);
        let cells = row_only(measure(servers, server, options), "idle connections")?;
        let cells = cells.unwrap_or_else(|| vec!["failed".to_owned()]);
        table.row([server.name.to_owned()].into_iter().chain(cells));
    }
    print!("{table}");
    Ok(())
}

fn measure(servers: &Servers, server: &Server, options: &Options) -> Result<Vec<String>, Error> {
    let running = servers.start(server, &[], 0)?;
    let address = running.address();
    let failed = |source: LoadError| Error::Load { name: server.name, source };
    let request = request::get(options.request, &address.to_string(), "/");
    let look = || -> Result<(Memory, u64), Error> {
        let memory = memory(running.pid()).doing("read a process's memory")?;
        Ok((memory, kernel_stacks().doing("read /proc/meminfo")?))
    };
    let connect = |number| Load::connect(address, number, request.clone(), HELLO);

    // The first connection loads what all later ones share.
    let first = connect(1).map_err(failed)?;
    let (before, stacks_before) = look()?;
    let mut load = connect(options.connections).map_err(failed)?;
    let (after, stacks_after) = look()?;
    load.run(1, Stop::Requests(options.connections as u64)).map_err(failed)?;
    let (again, _) = look()?;
    drop(first);

    let each = |after: u64, before: u64| {
        let bytes = after.saturating_sub(before) as f64 / options.connections as f64;
        format!("{bytes:.0}")
    };
    Ok(vec![
        each(after.resident, before.resident),
        each(after.page_tables, before.page_tables),
        each(stacks_after, stacks_before),
        after.threads.to_string(),
        each(again.resident, before.resident),
    ])
}
