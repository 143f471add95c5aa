//! hyper-util's pooling client on tokio's current-thread runtime. It has no timeouts.

use bench_peer_clients::on_tokio;
use bench_turns::{Turns, check, failed};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

fn main() -> std::io::Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    on_tokio(Turns::from_args()?, client, |client: Client<_, _>, url: String| async move {
        // Parsed anew for each request, as the others do with what they are given.
        let response = client.get(url.parse().map_err(failed)?).await.map_err(failed)?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(failed)?;
        check(status, &body.to_bytes())
    })
}
