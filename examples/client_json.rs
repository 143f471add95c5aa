//! JSON both ways, with the feature `json`: what is sent, answered and read are types of one's own.

use std::error::Error;

use barewire::client::Client;
use barewire::http::{Request, StatusCode};
use barewire::server::{Body, Json, Server};
use barewire::smol::Smol;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Count {
    words: usize,
    longest: Option<String>,
}

/// What a client is told instead.
#[derive(Serialize)]
struct Refusal {
    error: String,
}

async fn count(request: Request<Body>) -> Result<Json<Count>, (StatusCode, Json<Refusal>)> {
    let refuse = |error: barewire::server::BodyError| {
        (StatusCode::BAD_REQUEST, Json(Refusal { error: error.to_string() }))
    };
    // Without a wish for how it is refused, a handler may return the `BodyError` itself.
    let words: Vec<String> = request.into_body().json(64 * 1024).await.map_err(refuse)?;
    let longest = words.iter().max_by_key(|word| word.len()).cloned();
    Ok(Json(Count { words: words.len(), longest }))
}

async fn talk(client: Client<Smol>, url: &str) -> Result<(), Box<dyn Error>> {
    let response = client.post(url).json(&["one", "three"]).send().await?;
    let answer: Count = response.error_for_status()?.json().await?;
    println!("{} words, the longest is {:?}", answer.words, answer.longest);

    // `error_for_status` would drop the body, in which the server says what is wrong.
    let response = client.post(url).body("[1").send().await?;
    println!("{}: {}", response.status(), response.text().await?);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Smol::default();
    let server = Server::listen(runtime.clone(), "127.0.0.1:0")?;
    let url = format!("http://{}/count", server.local_addr()?);
    runtime.spawn(server.serve(count));
    runtime.block_on(talk(Client::new(runtime.clone()), &url))
}
