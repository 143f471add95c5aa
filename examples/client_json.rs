//! JSON both ways: the client and the server carry bytes, serde_json makes sense of them.

use std::error::Error;

use barewire::client::Client;
use barewire::http::header::{CONTENT_TYPE, HeaderValue};
use barewire::http::{Request, Response, StatusCode};
use barewire::server::{Body, IntoResponse, Server};
use barewire::smol::Smol;
use serde_json::{Value, json};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A type of one's own that handlers return.
struct Json(Value);

impl IntoResponse for Json {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.0.to_string().into());
        response.headers_mut().insert(CONTENT_TYPE, JSON);
        response
    }
}

fn refuse(error: impl Error) -> (StatusCode, Json) {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error.to_string() })))
}

async fn count(request: Request<Body>) -> Result<Json, (StatusCode, Json)> {
    let body = request.into_body().collect(64 * 1024).await.map_err(refuse)?;
    let words: Vec<String> = serde_json::from_slice(&body).map_err(refuse)?;
    Ok(Json(json!({ "words": words.len() })))
}

async fn talk(client: Client<Smol>, url: &str) -> Result<(), Box<dyn Error>> {
    let post = |body: Vec<u8>| client.post(url).header(CONTENT_TYPE, JSON).body(body).send();

    let response = post(serde_json::to_vec(&["one", "two"])?).await?.error_for_status()?;
    let answer: Value = serde_json::from_slice(&response.bytes().await?)?;
    println!("{} words", answer["words"]);

    // `error_for_status` would drop the body, in which the server says what is wrong.
    let response = post(b"[1".to_vec()).await?;
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
