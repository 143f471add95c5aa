//! reqwest on tokio's current-thread runtime.

use bench_peer_clients::on_tokio;
use bench_turns::{Turns, check, failed};

fn main() -> std::io::Result<()> {
    let client = reqwest::Client::builder().no_proxy().build().map_err(failed)?;
    on_tokio(Turns::from_args()?, client, |client: reqwest::Client, url: String| async move {
        let response = client.get(&url).send().await.map_err(failed)?;
        let status = response.status().as_u16();
        check(status, &response.bytes().await.map_err(failed)?)
    })
}
