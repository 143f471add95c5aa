//! barewire's server as the benchmarks run it: the default limits and timeouts, and the three answers that
//! every server under test has.

use std::convert::Infallible;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use barewire_rt::Spawn;
use barewire_server::{Body, Config, Server};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body::{Frame, SizeHint};

const BLOCK: usize = 64 * 1024;

static ZEROS: [u8; BLOCK] = [0; BLOCK];

/// Serves until it is killed.
pub fn run<R: Spawn>(runtime: R) -> io::Result<()> {
    let address = "127.0.0.1:0".parse().map_err(io::Error::other)?;
    let server = Server::bind(runtime.clone(), address).map_err(io::Error::other)?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on http://{}", server.local_addr()?)?;
    stdout.flush()?;
    let server = server.config(Config::default());
    runtime.block_on(server.serve(answer)).map_err(io::Error::other)
}

async fn answer(request: Request<Body>) -> Response<Body> {
    let path = request.uri().path();
    if path == "/" {
        return text(Bytes::from_static(b"Hello, World!"));
    }
    if path == "/64k" {
        return text(Bytes::from_static(&ZEROS));
    }
    if path == "/upload" {
        return upload(request.into_body()).await;
    }
    match path.strip_prefix("/download/").and_then(|length| length.parse().ok()) {
        Some(remaining) => Response::new(Body::stream(Zeros { remaining })),
        None => {
            let mut response = text(Bytes::new());
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}

fn text(body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

async fn upload(mut body: Body) -> Response<Body> {
    let mut received = 0;
    while let Ok(Some(data)) = body.data().await {
        received += data.len();
    }
    text(Bytes::from(received.to_string()))
}

/// A body of zero bytes, handed out by the block without copying.
struct Zeros {
    remaining: u64,
}

impl http_body::Body for Zeros {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.remaining == 0 {
            return Poll::Ready(None);
        }
        let length = self.remaining.min(BLOCK as u64);
        self.remaining -= length;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&ZEROS).slice(..length as usize)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}
