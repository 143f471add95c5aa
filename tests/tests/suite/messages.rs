//! Messages that are special: interim answers, trailers, answers without a body or with a wrong one.

use std::sync::mpsc;
use std::task::Poll;

use barewire_rt::Spawn;
use barewire_server::{Body, BodyError};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::{Frame, SizeHint};

use crate::harness::{Fate, Gate, Running, Witness, get, post, soon};

pub(crate) fn continue_is_sent_when_the_body_is_read<R: Spawn>(runtime: R) {
    let (started, starts) = mpsc::channel();
    let gate = Gate::closed();
    let passed = gate.clone();
    let handler = move |request: Request<Body>| {
        let (started, gate) = (started.clone(), passed.clone());
        async move {
            started.send(()).unwrap();
            gate.pass().await;
            Response::new(Body::from(request.into_body().collect(100).await.unwrap()))
        }
    };
    let server = Running::start(&runtime, handler);
    let mut connection = server.open();
    for _ in 0..2 {
        connection.send(expecting("/"));
        soon(&starts);
        // The first time round, nobody has read yet.
        gate.open();
        assert_eq!(connection.answer().status, 100);
        connection.send("hello");
        let answer = connection.answer();
        assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
    }
    // Nobody needs it when the body comes at once.
    connection.send(format!("{}hello", expecting("/")));
    assert_eq!(connection.answer().text(), "hello");
    drop(connection);
    server.stop();
}

pub(crate) fn continue_is_not_sent_before<R: Spawn>(runtime: R) {
    let (started, starts) = mpsc::channel();
    let gate = Gate::closed();
    let passed = gate.clone();
    let handler = move |request: Request<Body>| {
        let (started, gate) = (started.clone(), passed.clone());
        async move {
            started.send(()).unwrap();
            gate.pass().await;
            let read = request.uri() == "/read";
            match read {
                true => (StatusCode::OK, request.into_body().collect(100).await.unwrap().len()),
                false => (StatusCode::FORBIDDEN, 0),
            }
            .0
        }
    };
    let server = Running::start(&runtime, handler);
    let mut connection = server.open();
    connection.send(expecting("/read"));
    soon(&starts);
    assert!(connection.is_silent());
    gate.open();
    assert_eq!(connection.answer().status, 100);
    connection.send("hello");
    assert_eq!(connection.answer().status, 200);
    // Whether the client sends the body now nobody knows: the connection cannot be used again.
    connection.send(expecting("/refused"));
    let refused = connection.answer();
    assert_eq!((refused.status, refused.header("connection")), (403, Some("close")));
    assert_eq!(connection.rest(), b"");
    server.stop();
}

fn expecting(target: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    )
}

pub(crate) fn trailers_go_both_ways<R: Spawn>(runtime: R) {
    let (sender, incoming) = mpsc::channel();
    let handler = move |request: Request<Body>| {
        let incoming = sender.clone();
        async move {
            let read = request.into_body().collect_with_trailers(100).await.unwrap();
            incoming.send(read).unwrap();
            let (mut body, outgoing) = Body::channel(4);
            body.send("some data").await.unwrap();
            let mut trailers = HeaderMap::new();
            trailers.insert("x-checksum", HeaderValue::from_static("42"));
            body.finish_with(trailers);
            Response::new(outgoing)
        }
    };
    let server = Running::start(&runtime, handler);
    let mut connection = server.open();
    for _ in 0..2 {
        connection.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
        connection.send("5\r\nhello\r\n0\r\nX-First: 1\r\nX-Second: 2\r\n\r\n");
        let answer = connection.answer();
        assert_eq!(answer.text(), "some data");
        assert_eq!(answer.trailers, [("x-checksum".to_owned(), "42".to_owned())]);
        let (body, trailers) = soon(&incoming);
        let trailers = trailers.unwrap();
        assert_eq!(body, "hello");
        assert_eq!(
            (&trailers["x-first"], &trailers["x-second"]),
            (&"1".parse().unwrap(), &"2".parse().unwrap())
        );
    }
    drop(connection);
    server.stop();
}

pub(crate) fn head_is_answered_without_a_body<R: Spawn>(runtime: R) {
    let (sender, fates) = mpsc::channel();
    let handler = move |request: Request<Body>| {
        let witness = Witness::new(&sender);
        async move {
            Response::new(match request.uri().path() {
                "/whole" => Body::from("hello"),
                "/declared" => Body::stream(Declared { length: 1_000_000, parts: 0, witness }),
                _ => Body::from_fn(move |_| -> Poll<Option<Result<Bytes, BodyError>>> {
                    panic!("nobody wants a part of what {:p} watches", &witness)
                }),
            })
        }
    };
    let server = Running::start(&runtime, handler);
    let mut connection = server.open();
    for (target, length) in
        [("/whole", Some("5")), ("/declared", Some("1000000")), ("/endless", None)]
    {
        connection.send(format!("HEAD {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
        let answer = connection.answer_to_head();
        assert_eq!((answer.status, answer.header("content-length")), (200, length));
        assert_eq!(soon(&fates), Fate::Dropped);
    }
    connection.send(get("/whole"));
    assert_eq!(connection.answer().text(), "hello");
    drop(connection);
    server.stop();
}

pub(crate) fn some_statuses_have_no_body<R: Spawn>(runtime: R) {
    let server = Running::start(&runtime, async |request: Request<Body>| {
        let status: u16 = request.uri().path()[1..].parse().unwrap();
        (StatusCode::from_u16(status).unwrap(), "not to be sent")
    });
    let mut connection = server.open();
    for status in [204, 304] {
        connection.send(get(&format!("/{status}")));
        let answer = connection.answer();
        assert_eq!(answer.status, status);
        if status == 204 {
            assert_eq!(answer.header("content-length"), None);
        }
        assert_eq!(answer.header("transfer-encoding"), None);
    }
    connection.send(get("/200"));
    assert_eq!(connection.answer().text(), "not to be sent");
    drop(connection);
    server.stop();
}

/// Some parts of five bytes, under any length.
struct Declared {
    length: u64,
    parts: usize,
    #[expect(dead_code, reason = "it tells when it is dropped")]
    witness: Witness,
}

impl http_body::Body for Declared {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(self.parts.checked_sub(1).map(|left| {
            self.parts = left;
            Ok(Frame::data(Bytes::from_static(b"hello")))
        }))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

pub(crate) fn a_body_of_another_length_than_declared_is_cut<R: Spawn>(runtime: R) {
    let (sender, fates) = mpsc::channel();
    let handler = move |request: Request<Body>| {
        let witness = Witness::new(&sender);
        let parts = request.uri().path()[1..].parse().unwrap();
        async move { Response::new(Body::stream(Declared { length: 12, parts, witness })) }
    };
    let server = Running::start(&runtime, handler);
    for parts in [2, 3] {
        let mut connection = server.open();
        connection.send(get(&format!("/{parts}")) + &get("/2"));
        let all = String::from_utf8(connection.until_the_end()).unwrap();
        // As much as there is may have left, or nothing.
        if let Some((head, body)) = all.split_once("\r\n\r\n") {
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{all}");
            assert!("hellohello".starts_with(body), "{all}");
        }
        assert_eq!(soon(&fates), Fate::Dropped);
        assert!(fates.try_recv().is_err(), "the next request must not be answered");
    }
    server.stop();
}

pub(crate) fn a_head_that_contradicts_its_body_becomes_500<R: Spawn>(runtime: R) {
    let server = Running::start(&runtime, async |request: Request<Body>| {
        let mut response = Response::new(Body::from("hello"));
        if request.uri() == "/wrong" {
            response.headers_mut().insert("content-length", HeaderValue::from_static("7"));
        }
        response
    });
    let mut connection = server.open();
    connection.send(get("/wrong"));
    assert_eq!(connection.answer().status, 500);
    connection.send(get("/right"));
    assert_eq!(connection.answer().text(), "hello");
    drop(connection);
    server.stop();
}

pub(crate) fn a_stream_may_declare_its_length_in_the_head<R: Spawn>(runtime: R) {
    let server = Running::start(&runtime, async |_: Request<Body>| {
        let (mut body, outgoing) = Body::channel(4);
        body.send("hello").await.unwrap();
        body.finish();
        let mut response = Response::new(outgoing);
        response.headers_mut().insert("content-length", HeaderValue::from_static("5"));
        response
    });
    let mut connection = server.open();
    for _ in 0..2 {
        connection.send(get("/"));
        let answer = connection.answer();
        assert_eq!((answer.status, answer.header("content-length")), (200, Some("5")));
        assert_eq!(answer.text(), "hello");
    }
    drop(connection);
    server.stop();
}

pub(crate) fn an_old_client_reads_a_stream_to_the_end_of_the_connection<R: Spawn>(runtime: R) {
    let server = Running::start(&runtime, async |request: Request<Body>| {
        let (mut body, outgoing) = Body::channel(4);
        body.send(request.into_body().collect(100).await.unwrap()).await.unwrap();
        body.finish();
        Response::new(outgoing)
    });
    let mut connection = server.open();
    connection.send(post("/", "hello").replace("HTTP/1.1", "HTTP/1.0"));
    let answer = connection.answer();
    assert_eq!((answer.header("transfer-encoding"), answer.header("content-length")), (None, None));
    assert_eq!(answer.text(), "hello");
    server.stop();
}
