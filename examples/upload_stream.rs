//! Uploads of any length, with little in memory at either end: the server reads what has come, and the
//! client makes more when the server has taken it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use barewire::client::{self, Client};
use barewire::http::{Request, StatusCode};
use barewire::rt::AsyncRead;
use barewire::server::{Body, IntoResponse, Server};
use barewire::smol::Smol;

async fn receive(request: Request<Body>) -> impl IntoResponse {
    let mut body = request.into_body();
    let (mut bytes, mut largest) = (0, 0);
    loop {
        match body.data().await {
            Ok(Some(data)) => {
                bytes += data.len();
                largest = largest.max(data.len());
            }
            Ok(None) => break,
            Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}")),
        }
    }
    let in_parts = largest < bytes;
    (StatusCode::OK, format!("{bytes} bytes came, in parts: {in_parts}"))
}

/// Anything that can be read can be sent: a file, a socket, or this.
struct Lines(std::ops::Range<u32>);

impl AsyncRead for Lines {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Some(n) = self.0.next() else { return Poll::Ready(Ok(0)) };
        let line = format!("line {n:06}\n");
        buf[..line.len()].copy_from_slice(line.as_bytes());
        Poll::Ready(Ok(line.len()))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = Smol::default();
    let server = Server::listen(runtime.clone(), "127.0.0.1:0")?;
    let url = format!("http://{}/", server.local_addr()?);
    runtime.spawn(server.serve(receive));

    runtime.block_on(async {
        let client = Client::new(runtime.clone());
        // Of unknown length, so chunked.
        let lines = client::Body::from_reader(Lines(0..100_000));
        println!("{}", client.post(&url).body(lines).send().await?.text().await?);
        // Of known length, so with `Content-Length`; and only sent when the server has asked for it.
        let lines = client::Body::from_reader_sized(Lines(0..1_000), 12_000);
        let patience = Duration::from_secs(1);
        let response = client.put(&url).body(lines).expect_continue(patience).send().await?;
        println!("{}", response.text().await?);
        Ok(())
    })
}
