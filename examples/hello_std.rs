//! A server on threads and blocking sockets: a handler is an ordinary function, and nothing is async. It
//! visits itself and ends; with `--stay` it goes on, for a browser to visit.

use std::error::Error;
use std::thread;

use barewire::client::blocking::Client;
use barewire::http::Request;
use barewire::server::{Body, Server, blocking};
use barewire::std::Std;

fn hello(request: Request<Body>) -> String {
    format!("Hello from {}", request.uri().path())
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Std::default();
    let server = Server::listen(runtime, "127.0.0.1:0")?;
    let url = format!("http://{}/std", server.local_addr()?);
    println!("listening on {url}");

    if !std::env::args().any(|argument| argument == "--stay") {
        let client = Client::new(runtime);
        let handle = server.handle();
        thread::spawn(move || {
            match client.get(&url).send() {
                Ok(response) => println!("{:?}", response.text()),
                Err(error) => println!("{error}"),
            }
            handle.shutdown();
        });
    }
    runtime.block_on(server.serve(blocking(hello)))?;
    Ok(())
}
