//! A client without async, shared by threads: they take turns on its connections.

use std::io::Read;
use std::thread;

use barewire::client::blocking::Client;
use barewire::http::Request;
use barewire::server::{Body, Server, blocking};
use barewire::std::Std;

/// Somebody to talk to: says how much it was sent.
fn weigh(request: Request<Body>) -> String {
    let mut text = String::new();
    match request.into_body().into_reader().read_to_string(&mut text) {
        Ok(n) => format!("{n} bytes"),
        Err(error) => error.to_string(),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Std::default();
    let server = Server::listen(runtime, "127.0.0.1:0")?;
    let url = format!("http://{}/", server.local_addr()?);
    let _serving = runtime.spawn(server.serve(blocking(weigh)));

    let client = Client::builder(runtime).max_connections_per_host(2).build();
    thread::scope(|scope| {
        let ask = |n: usize| client.post(&url).body("x".repeat(n)).send()?.text();
        let threads: Vec<_> = (1..=8).map(|n| scope.spawn(move || ask(n * 1000))).collect();
        for thread in threads {
            println!("{}", thread.join().expect("no panic")?);
        }
        Ok::<_, barewire::client::Error>(())
    })?;

    // A response is a reader.
    let mut answer = String::new();
    client.post(&url).body("hello").send()?.read_to_string(&mut answer)?;
    println!("{answer}");
    Ok(())
}
