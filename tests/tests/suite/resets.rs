//! Clients that vanish: the server notices, gives back what it held for them, and lives on.
//!
//! Each server takes one connection at a time, so that the next one is answered only once the one before is
//! gone from everywhere.

use std::sync::{Arc, mpsc};
use std::task::Poll;

use barewire_rt::Spawn;
use barewire_server::{Body, BodyError, Config};
use bytes::Bytes;
use http::{Request, Response};

use crate::harness::{Fate, Gate, Running, Witness, config, get, is_blocking, soon};
use crate::meter::Meter;

fn one_at_a_time() -> Config {
    config(|config| config.max_connections = 1)
}

async fn ok(_: Request<Body>) {}

pub(crate) fn within_a_head<R: Spawn>(runtime: R) {
    let meter = Arc::new(Meter::default());
    let server = Running::metered(&runtime, &meter, one_at_a_time(), ok);
    let head = get("/");
    for cut in [1, 3, head.len() - 1] {
        let read = meter.now().read;
        let mut connection = server.open();
        connection.send(&head[..cut]);
        meter.wait(|counts| counts.read == read + cut as u64);
        connection.reset();
        server.answers();
    }
    server.stop();
}

pub(crate) fn within_a_body<R: Spawn>(runtime: R) {
    let (sender, outcomes) = mpsc::channel();
    let handler = move |request: Request<Body>| {
        let outcomes = sender.clone();
        async move {
            let mut body = request.into_body();
            loop {
                let data = body.data().await;
                let goes_on = matches!(data, Ok(Some(_)));
                outcomes.send(data).unwrap();
                if !goes_on {
                    break;
                }
            }
        }
    };
    let server = Running::with(&runtime, one_at_a_time(), handler);
    for framing in
        ["Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello"]
    {
        let mut connection = server.open();
        connection.send(format!("POST / HTTP/1.1\r\nHost: test\r\n{framing}"));
        assert_eq!(soon(&outcomes).unwrap().unwrap(), "hello");
        connection.reset();
        match soon(&outcomes) {
            Err(BodyError::Io(error)) => {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
            }
            other => panic!("{other:?}"),
        }
        server.answers();
        assert_eq!(soon(&outcomes).unwrap(), None);
    }
    server.stop();
}

pub(crate) fn while_the_handler_runs<R: Spawn>(runtime: R) {
    handlers_are_dropped(
        &runtime,
        &[
            "GET / HTTP/1.1\r\nHost: test\r\n\r\n",
            "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: test\r\n\r\nGET /pipelined HTTP/1.1\r\nHost: test\r\n\r\n",
        ],
    );
}

pub(crate) fn while_the_handler_of_the_last_request_runs<R: Spawn>(runtime: R) {
    handlers_are_dropped(
        &runtime,
        &["GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"],
    );
}

pub(crate) fn while_the_body_is_left_unread<R: Spawn>(runtime: R) {
    handlers_are_dropped(
        &runtime,
        &[
            "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello",
            "POST /part HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhello",
            "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n",
        ],
    );
}

fn handlers_are_dropped<R: Spawn>(runtime: &R, requests: &[&str]) {
    let (started, starts) = mpsc::channel();
    let (sender, fates) = mpsc::channel();
    let gate = Gate::closed();
    let passed = gate.clone();
    let handler = move |request: Request<Body>| {
        let (started, gate, witness) = (started.clone(), passed.clone(), Witness::new(&sender));
        async move {
            if request.uri() == "/part" {
                let mut body = request.into_body();
                assert_eq!(body.data().await.unwrap().unwrap(), "hello");
                started.send(()).unwrap();
                gate.pass().await;
            } else if request.uri() != "/still-there" {
                started.send(()).unwrap();
                gate.pass().await;
            }
            witness.finish();
        }
    };
    let server = Running::with(runtime, one_at_a_time(), handler);
    for request in requests {
        let mut connection = server.open();
        connection.send(request);
        soon(&starts);
        connection.reset();
        // A thread that waits for something else notices only when it comes to write.
        if is_blocking::<R>() {
            gate.open();
            assert_eq!(soon(&fates), Fate::Finished);
        } else {
            assert_eq!(soon(&fates), Fate::Dropped, "{request:?}");
        }
        server.answers();
        assert_eq!(soon(&fates), Fate::Finished);
    }
    server.stop();
}

pub(crate) fn within_a_response<R: Spawn>(runtime: R) {
    let (sender, fates) = mpsc::channel();
    let gate = Gate::closed();
    let passed = gate.clone();
    let handler = move |request: Request<Body>| {
        let witness = Witness::new(&sender);
        let (mut parts, waits) = (0, request.uri() == "/waits");
        let ends = request.uri() == "/still-there";
        let mut wait = Box::pin({
            let gate = passed.clone();
            async move { gate.pass().await }
        });
        async move {
            Response::new(Body::from_fn(move |cx| {
                let _held = &witness;
                parts += 1;
                if ends {
                    return Poll::Ready(None);
                }
                if waits && parts > 1 && wait.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                Poll::Ready(Some(Ok::<_, BodyError>(Bytes::from_static(&[0; 10_000]))))
            }))
        }
    };
    let server = Running::with(&runtime, one_at_a_time(), handler);
    for target in ["/endless", "/waits"] {
        let mut connection = server.open();
        connection.send(get(target));
        assert_eq!(connection.head().status, 200);
        connection.exactly(5_000);
        connection.reset();
        if is_blocking::<R>() {
            gate.open();
        }
        assert_eq!(soon(&fates), Fate::Dropped, "{target}");
        server.answers();
        assert_eq!(soon(&fates), Fate::Dropped);
    }
    server.stop();
}

pub(crate) fn between_requests<R: Spawn>(runtime: R) {
    let server = Running::with(&runtime, one_at_a_time(), ok);
    for _ in 0..3 {
        let mut connection = server.open();
        connection.send(get("/"));
        assert_eq!(connection.answer().status, 200);
        connection.reset();
        server.answers();
        // After a refusal the server reads on, so that the client can read it.
        let mut connection = server.open();
        connection.send("nonsense\r\n\r\n");
        assert_eq!(connection.answer().status, 400);
        connection.reset();
        server.answers();
    }
    server.stop();
}

pub(crate) fn before_anything<R: Spawn>(runtime: R) {
    let server = Running::with(&runtime, one_at_a_time(), ok);
    for _ in 0..100 {
        server.open().reset();
    }
    server.answers();
    server.stop();
}
