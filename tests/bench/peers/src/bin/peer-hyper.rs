//! hyper on a current-thread tokio runtime.
//!
//! With `--pipeline-flush` the answers to pipelined requests leave in one write. hyper has that off
//! by default, and with it on a large body is buffered whole: it is for the small answers.
//!
//! With `--timer` the head timeout (hyper's default of 30 seconds) is armed, which hyper leaves
//! off until it is given a timer: that is the row to compare a server with timeouts with.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bench_peers::{BLOCK, HELLO};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

type Answer = Response<Either<Full<Bytes>, Zeros>>;

fn main() -> io::Result<()> {
    let mut builder = http1::Builder::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--pipeline-flush" => builder.pipeline_flush(true),
            "--timer" => builder.timer(TokioTimer::new()),
            _ => return Err(io::Error::other(format!("unknown argument {argument}"))),
        };
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = bench_peers::listen()?;
        listener.set_nonblocking(true)?;
        serve(TcpListener::from_std(listener)?, builder).await
    })
}

async fn serve(listener: TcpListener, builder: http1::Builder) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection = builder.serve_connection(TokioIo::new(stream), service_fn(answer));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("peer-hyper: {error}");
            }
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Answer, hyper::Error> {
    let path = request.uri().path();
    if path == "/" {
        return Ok(text(Bytes::from_static(HELLO.as_bytes())));
    }
    if path == "/upload" {
        return upload(request.into_body()).await;
    }
    let length = path.strip_prefix("/download/").and_then(|length| length.parse().ok());
    Ok(match length {
        Some(remaining) => Response::new(Either::Right(Zeros::new(remaining))),
        None => {
            let mut response = text(Bytes::new());
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    })
}

fn text(body: Bytes) -> Answer {
    let mut response = Response::new(Either::Left(Full::new(body)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

async fn upload(mut body: Incoming) -> Result<Answer, hyper::Error> {
    let mut received = 0;
    while let Some(frame) = body.frame().await {
        received += frame?.data_ref().map_or(0, Bytes::len);
    }
    Ok(text(Bytes::from(received.to_string())))
}

/// A body of zero bytes, handed out by the block without copying.
struct Zeros {
    block: Bytes,
    remaining: u64,
}

impl Zeros {
    fn new(remaining: u64) -> Self {
        static BLOCK_OF_ZEROS: [u8; BLOCK] = [0; BLOCK];
        Self { block: Bytes::from_static(&BLOCK_OF_ZEROS), remaining }
    }
}

impl Body for Zeros {
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
        Poll::Ready(Some(Ok(Frame::data(self.block.slice(..length as usize)))))
    }

    fn is_end_stream(&self) -> bool {
        self.remaining == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.remaining)
    }
}
