//! A client that ends its write side can still read (RFC 9112, section 9.6).

use std::sync::{Arc, mpsc};

use barewire_h1::ErrorKind;
use barewire_rt::Spawn;
use barewire_server::{Body, BodyError, Config};
use http::{Request, Response};

use crate::harness::{Gate, Running, get, is_blocking, post, soon};
use crate::meter::Meter;
use crate::pattern::Pattern;

pub(crate) fn an_answer_follows_the_end_of_the_request<R: Spawn>(runtime: R) {
    let gate = Gate::closed();
    let passed = gate.clone();
    let handler = move |request: Request<Body>| {
        let gate = passed.clone();
        async move {
            gate.pass().await;
            let whole = request.into_body().collect(100).await.unwrap();
            Response::new(Body::from(whole))
        }
    };
    let meter = Arc::new(Meter::default());
    let server = Running::metered(&runtime, &meter, Config::default(), handler);
    for request in [get("/"), post("/", "hello")] {
        let ends = meter.now().ends;
        let mut connection = server.open();
        connection.send(&request);
        connection.end_writing();
        // While a handler waits on a thread, and while nobody reads a body, nothing is read.
        if !is_blocking::<R>() && !request.ends_with("hello") {
            meter.wait(|counts| counts.ends > ends);
            assert!(connection.is_silent());
        }
        gate.open();
        let answer = connection.answer();
        assert_eq!(answer.status, 200);
        assert!(request.ends_with(&answer.text()));
        assert_eq!(connection.rest(), b"");
    }
    server.stop();
}

pub(crate) fn every_pipelined_request_is_answered<R: Spawn>(runtime: R) {
    let server = Running::start(&runtime, async |request: Request<Body>| request.uri().to_string());
    let mut connection = server.open();
    connection.send((0..20).map(|n| get(&format!("/{n}"))).collect::<String>());
    connection.end_writing();
    for n in 0..20 {
        assert_eq!(connection.answer().text(), format!("/{n}"));
    }
    assert_eq!(connection.rest(), b"");
    server.stop();
}

pub(crate) fn a_download_goes_on<R: Spawn>(runtime: R) {
    const SIZE: usize = 4 << 20;
    let server = Running::start(&runtime, async |_: Request<Body>| {
        let mut pattern = Pattern::new();
        let mut left = SIZE;
        Response::new(Body::from_fn(move |_| {
            let part = pattern.take(left.min(10_000));
            left -= part.len();
            std::task::Poll::Ready((!part.is_empty()).then_some(Ok::<_, BodyError>(part)))
        }))
    });
    let mut connection = server.open();
    connection.send(get("/"));
    connection.end_writing();
    assert_eq!(connection.answer().body, Pattern::prefix(SIZE));
    assert_eq!(connection.rest(), b"");
    server.stop();
}

pub(crate) fn an_unfinished_request_is_refused<R: Spawn>(runtime: R) {
    let (sender, errors) = mpsc::channel();
    let server = Running::start(&runtime, move |request: Request<Body>| {
        let errors = sender.clone();
        async move { errors.send(request.into_body().collect(100).await.unwrap_err()).unwrap() }
    });
    for request in ["GET / HTT", "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhel"] {
        let mut connection = server.open();
        connection.send(request);
        connection.end_writing();
        let answer = connection.answer();
        assert_eq!((answer.status, answer.header("connection")), (400, Some("close")));
        assert_eq!(connection.rest(), b"");
    }
    match soon(&errors) {
        BodyError::Protocol(error) => assert_eq!(error.kind(), ErrorKind::UnexpectedEnd),
        error => panic!("{error}"),
    }
    server.stop();
}
