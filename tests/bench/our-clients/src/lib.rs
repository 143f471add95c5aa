//! barewire's client as the benchmarks run it: the default limits and timeouts, on any runtime.

use std::io;
use std::time::Instant;

use barewire_client::{Client, ClientBuilder, blocking};
use barewire_rt::Spawn;
use bench_turns::{Turns, check, failed};

/// Takes all turns: one task for each request under way at once.
pub fn run<R: Spawn>(runtime: R) -> io::Result<()> {
    let turns = Turns::from_args()?;
    let client = keeping(Client::builder(runtime.clone()), turns.at_once).build();
    turns.take(|url, at_once, until| {
        runtime.block_on(async {
            let start = |_| runtime.spawn(ask_until(client.clone(), url.to_owned(), until));
            let tasks: Vec<_> = (0..at_once).map(start).collect();
            let mut answers = 0;
            for task in tasks {
                answers += task.await.map_err(failed)??;
            }
            Ok(answers)
        })
    })
}

async fn ask_until<R: Spawn>(client: Client<R>, url: String, until: Instant) -> io::Result<u64> {
    let mut answers = 0;
    while Instant::now() < until {
        let response = client.get(&url).send().await.map_err(failed)?;
        let status = response.status().as_u16();
        check(status, &response.bytes().await.map_err(failed)?)?;
        answers += 1;
    }
    Ok(answers)
}

/// Takes all turns with calls that block.
pub fn block<R: Spawn>(runtime: R) -> io::Result<()> {
    let turns = Turns::from_args()?;
    let client = keeping(Client::builder(runtime), turns.at_once).build();
    let client = blocking::Client::from(client);
    turns.block(|url| {
        let response = client.get(url).send().map_err(failed)?;
        let status = response.status().as_u16();
        check(status, &response.bytes().map_err(failed)?)
    })
}

fn keeping<R: Spawn>(builder: ClientBuilder<R>, connections: usize) -> ClientBuilder<R> {
    builder.max_idle_per_host(connections)
}
