//! An async client: a query, a header, a status, a body in parts, several requests at once, and an error.

use std::time::Duration;

use barewire::client::{Client, Error};
use barewire::http::header::ACCEPT_LANGUAGE;
use barewire::http::{Request, Response, StatusCode};
use barewire::server::{Body, IntoResponse, Server};
use barewire::smol::Smol;
use futures_lite::future::zip;

/// Somebody to talk to.
async fn greet(request: Request<Body>) -> Response<Body> {
    let name = request.uri().query().and_then(|query| query.strip_prefix("name="));
    let greeting = match request.headers().get(ACCEPT_LANGUAGE) {
        Some(language) if language == "de" => "Hallo",
        _ => "Hello",
    };
    match name {
        Some(name) => format!("{greeting}, {name}!").into_response(),
        None => (StatusCode::BAD_REQUEST, "Who is there?").into_response(),
    }
}

async fn talk(client: Client<Smol>, url: &str) -> Result<(), Error> {
    let greeting = client.get(url).query([("name", "Ada")]).header(ACCEPT_LANGUAGE, "de").send();
    println!("{}", greeting.await?.error_for_status()?.text().await?);

    let mut response = client.get(url).send().await?;
    println!("{}", response.status());
    while let Some(part) = response.chunk().await? {
        println!("{} bytes: {:?}", part.len(), String::from_utf8_lossy(&part));
    }

    // At the same time, on a connection each.
    let ask = async |name| client.get(url).query([("name", name)]).send().await?.text().await;
    let (one, other) = zip(ask("Grace"), ask("Barbara")).await;
    println!("{} {}", one?, other?);

    // Port 1 is nobody's.
    let refused = client.get("http://127.0.0.1:1/").timeout(Duration::from_secs(5)).send().await;
    if let Err(error) = refused {
        println!("{error}");
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Smol::default();
    let server = Server::listen(runtime.clone(), "127.0.0.1:0")?;
    let url = format!("http://{}/greeting", server.local_addr()?);
    runtime.spawn(server.serve(greet));
    runtime.block_on(talk(Client::new(runtime.clone()), &url))?;
    Ok(())
}
