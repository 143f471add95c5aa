//! An HTTPS server that speaks HTTP/2 and HTTP/1.1, with a certificate made on the spot. It visits itself and ends;
//! with `--stay` it goes on, for a browser or `curl -k` to visit.

use std::error::Error;

use barewire::client::Client;
use barewire::http::Request;
use barewire::server::{Body, Server};
use barewire::smol::Smol;
use barewire::tls::SelfSigned;

async fn hello(request: Request<Body>) -> String {
    format!("Hello over {:?}", request.version())
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Smol::default();
    // With certificates from files: `ServerConfig::builder().certificate_files("cert.pem", "key.pem")`.
    let made = SelfSigned::new(["localhost", "127.0.0.1"])?;
    let tls = made.server().build()?;
    let server = Server::listen(runtime.clone(), "127.0.0.1:0")?.tls(tls);
    let url = format!("https://{}/", server.local_addr()?);
    println!("listening on {url}");

    if !std::env::args().any(|argument| argument == "--stay") {
        // It trusts this certificate and no other. Both name what they speak, and agree on HTTP/2.
        let client = Client::builder(runtime.clone()).tls(made.client().build()?).build();
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
