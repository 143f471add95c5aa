//! A hundred requests at once, over one HTTP/2 connection.

use std::error::Error;

use barewire::client::Client;
use barewire::http::Request;
use barewire::server::{Body, Server};
use barewire::smol::Smol;

async fn echo(request: Request<Body>) -> String {
    format!("{} over {:?}", request.uri().path(), request.version())
}

async fn get_all(runtime: &Smol, base: &str) -> Result<(), Box<dyn Error>> {
    // Over https none of this is needed: there the server picks the version, and most pick HTTP/2.
    let client = Client::builder(runtime.clone()).http2_prior_knowledge().build();
    let tasks: Vec<_> = (1..=100)
        .map(|number| {
            let request = client.get(format!("{base}/{number}"));
            runtime.spawn(async move { request.send().await?.error_for_status()?.text().await })
        })
        .collect();

    let mut texts = Vec::new();
    for task in tasks {
        // The outer error is that of a task that panicked, the inner one the request's.
        texts.push(task.await??);
    }
    println!("{} answers, the last one: {:?}", texts.len(), texts.last());
    let connections = client.connections(base)?;
    println!("connections: {}", connections.idle + connections.in_use);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Smol::default();
    let server = Server::listen(runtime.clone(), "127.0.0.1:0")?;
    let base = format!("http://{}", server.local_addr()?);
    runtime.spawn(server.serve(echo));
    runtime.block_on(get_all(&runtime, &base))
}
