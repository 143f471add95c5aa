//! A server on smol. It visits itself and ends; with `--stay` it goes on, for a browser to visit.

use std::error::Error;

use barewire::client::Client;
use barewire::http::Request;
use barewire::server::{Body, Server};
use barewire::smol::Smol;

async fn hello(request: Request<Body>) -> String {
    format!("Hello from {}", request.uri().path())
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Smol::default();
    let server = Server::listen(runtime.clone(), "127.0.0.1:0")?;
    let url = format!("http://{}/smol", server.local_addr()?);
    println!("listening on {url}");

    if !std::env::args().any(|argument| argument == "--stay") {
        let client = Client::new(runtime.clone());
        let handle = server.handle();
        runtime.spawn(async move {
            match client.get(&url).send().await {
                Ok(response) => println!("{:?}", response.text().await),
                Err(error) => println!("{error}"),
            }
            handle.shutdown();
        });
    }
    runtime.block_on(server.serve(hello))?;
    Ok(())
}
