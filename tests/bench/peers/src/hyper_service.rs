//! What hyper's servers answer.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};

use crate::{BLOCK, HELLO, ZEROS};

type Answer = Response<Either<Full<Bytes>, Zeros>>;

/// The answers of hyper's servers, whatever they speak.
pub async fn answer(request: Request<Incoming>) -> Result<Answer, hyper::Error> {
    let path = request.uri().path();
    if path == "/" {
        return Ok(text(Bytes::from_static(HELLO.as_bytes())));
    }
    if path == "/64k" {
        return Ok(text(Bytes::from_static(&ZEROS)));
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
#[derive(Debug)]
pub struct Zeros {
    block: Bytes,
    remaining: u64,
}

impl Zeros {
    fn new(remaining: u64) -> Self {
        Self { block: Bytes::from_static(&ZEROS), remaining }
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
