//! ureq with its defaults, but for as many connections as are used.

use bench_turns::{Turns, check, failed};

fn main() -> std::io::Result<()> {
    let turns = Turns::from_args()?;
    let config = ureq::Agent::config_builder()
        .max_idle_connections(turns.at_once)
        .max_idle_connections_per_host(turns.at_once);
    let agent = ureq::Agent::new_with_config(config.build());
    turns.block(|url| {
        let mut response = agent.get(url).call().map_err(failed)?;
        let body = response.body_mut().read_to_vec().map_err(failed)?;
        check(response.status().as_u16(), &body)
    })
}
