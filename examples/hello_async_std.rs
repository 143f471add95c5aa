//! A server on async-std, which is discontinued: for programs that are built on it. It visits itself and
//! ends; with `--stay` it goes on, for a browser to visit.

use std::error::Error;

use barewire::async_std::AsyncStd;
use barewire::client::Client;
use barewire::http::Request;
use barewire::server::{Body, Server};

async fn hello(request: Request<Body>) -> String {
    format!("Hello from {}", request.uri().path())
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = AsyncStd;
    let server = Server::listen(runtime, "127.0.0.1:0")?;
    let url = format!("http://{}/async-std", server.local_addr()?);
    println!("listening on {url}");

    if !std::env::args().any(|argument| argument == "--stay") {
        let client = Client::new(runtime);
        let handle = server.handle();
        let _visit = runtime.spawn(async move {
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
