//! hyper's own server connection over a transport in memory, polled by hand.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::http1;
use hyper::service::service_fn;

use super::case::{
    CONNECTION_BROWSER, CONNECTION_CHUNKED_DOWN, CONNECTION_CHUNKED_UP, CONNECTION_PIPELINED,
    CONNECTION_SIZED_UP, CONNECTION_SMALL, Case, Work, repeat,
};
use super::messages;

const NAME: &str = "hyper";
const PIPELINED: usize = 16;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(CONNECTION_SMALL, NAME, || serving(messages::small_get(), hello)),
        Case::new(CONNECTION_PIPELINED, NAME, || {
            serving(messages::small_get().repeat(PIPELINED), hello)
        }),
        Case::new(CONNECTION_BROWSER, NAME, || serving(messages::browser_get(), hello)),
        Case::new(CONNECTION_SIZED_UP, NAME, || serving(messages::sized_post(), read_all)),
        Case::new(CONNECTION_CHUNKED_UP, NAME, || serving(messages::chunked_post(), read_all)),
        Case::new(CONNECTION_CHUNKED_DOWN, NAME, || serving(messages::small_get(), chunks)),
    ]
}

pub(super) type Answer = Result<Response<Either<Full<Bytes>, Chunks>>, hyper::Error>;

pub(super) async fn hello(_: Request<Incoming>) -> Answer {
    let mut response = Response::new(Either::Left(Full::new(messages::ANSWER.into())));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(messages::CONTENT_TYPE));
    Ok(response)
}

async fn read_all(request: Request<Incoming>) -> Answer {
    let mut body = request.into_body();
    let mut received = 0;
    while let Some(frame) = body.frame().await {
        received += frame?.data_ref().map_or(0, Bytes::len);
    }
    assert_eq!(received, messages::CHUNKS * messages::CHUNK.len());
    Ok(Response::new(Either::Left(Full::new(messages::ANSWER.into()))))
}

async fn chunks(_: Request<Incoming>) -> Answer {
    Ok(Response::new(Either::Right(Chunks(messages::CHUNKS))))
}

/// A body of so many chunks whose length is not told.
pub(super) struct Chunks(usize);

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.0.checked_sub(1).map(|left| {
            self.0 = left;
            Ok(Frame::data(Bytes::from_static(&messages::CHUNK)))
        });
        Poll::Ready(chunk)
    }
}

/// Each run hands the request over and polls the connection until it waits for the next one.
fn serving<F>(request: Vec<u8>, answer: fn(Request<Incoming>) -> F) -> Work
where
    F: Future<Output = Answer> + 'static,
{
    let arrived = request.len();
    let wire = Rc::new(RefCell::new(Plumbing { request, arrived, written: 0 }));
    let mut builder = http1::Builder::new();
    builder.pipeline_flush(true);
    let connection = builder.serve_connection(Wire(Rc::clone(&wire)), service_fn(answer));
    let mut connection = Box::pin(connection);
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&woken));
    repeat(move || {
        wire.borrow_mut().arrived = 0;
        wire.borrow_mut().written = 0;
        let mut context = Context::from_waker(&waker);
        // hyper's body wakes the connection that it is a part of.
        woken.0.store(true, Ordering::Relaxed);
        while woken.0.swap(false, Ordering::Relaxed) {
            assert!(connection.as_mut().poll(&mut context).is_pending());
        }
        let wire = wire.borrow();
        assert!(wire.arrived == wire.request.len() && wire.written > 0);
    })
}

pub(super) struct Woken(pub(super) AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Default)]
pub(super) struct Plumbing {
    pub(super) request: Vec<u8>,
    /// So much of the request was read.
    pub(super) arrived: usize,
    pub(super) written: usize,
}

pub(super) struct Wire(pub(super) Rc<RefCell<Plumbing>>);

impl Read for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let plumbing = &mut *self.0.borrow_mut();
        let waiting = &plumbing.request[plumbing.arrived..];
        if waiting.is_empty() {
            return Poll::Pending;
        }
        let now = waiting.len().min(buffer.remaining());
        buffer.put_slice(&waiting[..now]);
        plumbing.arrived += now;
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().written += bytes.len();
        Poll::Ready(Ok(bytes.len()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        self.0.borrow_mut().written += length;
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
