//! reqwest's blocking client, which is its async one on a thread of its own.

use bench_turns::{Turns, check, failed};

fn main() -> std::io::Result<()> {
    let turns = Turns::from_args()?;
    let client = reqwest::blocking::Client::builder().no_proxy().build().map_err(failed)?;
    turns.block(|url| {
        let response = client.get(url).send().map_err(failed)?;
        let status = response.status().as_u16();
        check(status, &response.bytes().map_err(failed)?)
    })
}
