//! Requests of the client's that are given up: the next ones find connections and places as if they had not been.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use barewire::client::{Body, Client, Error, Versions};
use barewire_rt::Spawn;
use barewire_server::Body as ServerBody;
use bytes::Bytes;
use futures_lite::future::zip;
use http::{Request, Response};
use http_body::Frame;

use crate::harness::{Running, is_blocking};

/// Answers with the path and the request's body, part by part.
async fn echo(request: Request<ServerBody>) -> Response<ServerBody> {
    let mut path = Some(Bytes::from(request.uri().path().to_owned()));
    let mut body = request.into_body();
    Response::new(ServerBody::from_fn(move |cx| match path.take() {
        Some(path) => Poll::Ready(Some(Ok(path))),
        None => pin!(body.data()).poll(cx).map(Result::transpose),
    }))
}

/// A body of several parts, each of which has to be waited for.
struct Parts {
    left: u32,
    waits: bool,
}

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.waits = !self.waits;
        if self.waits {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(left) = self.left.checked_sub(1) else { return Poll::Ready(None) };
        self.left = left;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"part")))))
    }
}

/// Polls a future so often, each time that it was woken, and drops it.
async fn polled<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        let polled = future.as_mut().poll(cx).map(Some);
        if left == 0 && polled.is_pending() { Poll::Ready(None) } else { polled }
    })
    .await
}

async fn ask<R: Spawn>(client: &Client<R>, url: &str) -> Result<String, Error> {
    client.post(url).body(Body::stream(Parts { left: 3, waits: false })).send().await?.text().await
}

pub(crate) fn of_a_request_leaves_the_client_as_it_was<R: Spawn>(runtime: R) {
    let server = Running::start(&runtime, echo);
    let url = |path: &str| format!("http://{}{path}", server.addr);
    for versions in [Versions::Http1, Versions::Http2] {
        runtime.block_on(async {
            // One that blocks while it waits for a connection would hold up the one that has it.
            let most = if is_blocking::<R>() { 2 } else { 1 };
            let builder = Client::builder(runtime.clone()).max_connections_per_host(most);
            let client = match versions {
                Versions::Http2 => builder.http2_prior_knowledge().build(),
                _ => builder.http1_only().build(),
            };
            let (given_up, other) = (url("/given-up"), url("/other"));
            let mut polls = 0;
            let mut whole = 0;
            while whole < 3 {
                // Before the other one, beside it, and behind it.
                whole += usize::from(polled(polls, ask(&client, &given_up)).await.is_some());
                let beside = zip(polled(polls, ask(&client, &given_up)), ask(&client, &other));
                assert_eq!(beside.await.1.unwrap(), "/otherpartpartpart", "{polls} polls");
                let beside = zip(ask(&client, &other), polled(polls, ask(&client, &given_up)));
                assert_eq!(beside.await.0.unwrap(), "/otherpartpartpart", "{polls} polls");
                assert_eq!(client.connections(&other).unwrap().in_use, 0, "{polls} polls");
                polls += 1;
                assert!(polls < 200, "it never comes to its end");
            }
        });
    }
    server.stop();
}
