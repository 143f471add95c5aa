//! HTTP/2: bodies, trailers, and what is no body.

use std::io::Read;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use barewire_h2::{BodyLength, ClientEvent, Reason};
use barewire_rt::Spawn;
use barewire_server::{Body, BodyError, blocking};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

use crate::harness::{Gate, Running, is_blocking};
use crate::wire::{Peer, pattern};

pub(crate) fn are_taken_as_they_are_read<R: Spawn>(runtime: R) {
    const LENGTH: usize = 3 << 20;
    let gate = Gate::closed();
    let handler = {
        let gate = gate.clone();
        move |request: Request<Body>| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                let body = request.into_body().collect(LENGTH).await.unwrap();
                (body == pattern(LENGTH)).to_string()
            }
        }
    };
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    let id = peer.request(Method::POST, "/", BodyLength::Known(LENGTH as u64));
    let mut data = pattern(LENGTH);
    // Nobody reads: as much is taken as the window allows, however often one looks.
    for _ in 0..3 {
        peer.h2().send_data(id, &mut data, true).unwrap();
        peer.h2().ping();
        peer.wait(|event| matches!(event, ClientEvent::Pong { .. }));
    }
    let most = (256 + 64) * 1024;
    assert!(LENGTH - data.len() <= most, "{} were taken", LENGTH - data.len());
    gate.open();
    while !data.is_empty() {
        if peer.h2().capacity(id) == 0 {
            peer.wait(|event| matches!(event, ClientEvent::Writable(one) if *one == id));
        }
        peer.h2().send_data(id, &mut data, true).unwrap();
        peer.flush();
    }
    assert_eq!(peer.answer(id).text(), "true");
    drop(peer);
    server.stop();
}

pub(crate) fn are_echoed_while_they_come<R: Spawn>(runtime: R) {
    const LENGTH: usize = 2 << 20;
    let server =
        Running::start(&runtime, async |request: Request<Body>| Response::new(request.into_body()));
    let mut peer = Peer::open(server.addr);
    let id = peer.request(Method::POST, "/", BodyLength::Known(LENGTH as u64));
    assert!(peer.echo(id, pattern(LENGTH)) == pattern(LENGTH));
    drop(peer);
    server.stop();
}

pub(crate) fn in_small_pieces_cost_what_they_carry<R: Spawn>(runtime: R) {
    // As many as may come at once.
    const LENGTH: usize = 8000;
    let gate = Gate::closed();
    let handler = {
        let gate = gate.clone();
        move |request: Request<Body>| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                let (mut body, mut all, mut parts) = (request.into_body(), Vec::new(), 0);
                while let Some(data) = body.data().await.unwrap() {
                    all.extend_from_slice(&data);
                    parts += 1;
                }
                format!("{parts} {}", all == pattern(LENGTH))
            }
        }
    };
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    let id = peer.request(Method::POST, "/", BodyLength::Known(LENGTH as u64));
    let data = pattern(LENGTH);
    for n in 0..LENGTH {
        peer.h2().send_data(id, &mut data.slice(n..=n), n + 1 == LENGTH).unwrap();
        // Not two in one frame.
        peer.flush();
    }
    peer.h2().ping();
    peer.wait(|event| matches!(event, ClientEvent::Pong { .. }));
    gate.open();
    assert_eq!(peer.answer(id).text(), "1 true");
    drop(peer);
    server.stop();
}

/// Only where a handler may block its thread.
pub(crate) fn are_read_by_handlers_that_block<R: Spawn>(runtime: R) {
    const LENGTH: usize = 1 << 20;
    if !is_blocking::<R>() {
        return;
    }
    let handler = blocking(|request: Request<Body>| {
        let mut all = Vec::new();
        request.into_body().into_reader().read_to_end(&mut all).unwrap();
        (all == pattern(LENGTH)).to_string()
    });
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    let length = BodyLength::Known(LENGTH as u64);
    let ids: Vec<_> = (0..10).map(|_| peer.request(Method::POST, "/", length)).collect();
    for id in ids.iter().rev() {
        peer.upload(*id, pattern(LENGTH));
    }
    for id in ids {
        assert_eq!(peer.answer(id).text(), "true");
    }
    drop(peer);
    server.stop();
}

pub(crate) fn have_trailers_both_ways<R: Spawn>(runtime: R) {
    let handler = async |request: Request<Body>| {
        let (data, trailers) = request.into_body().collect_with_trailers(100).await.unwrap();
        let (mut sender, body) = Body::channel(2);
        sender.send(data).await.unwrap();
        sender.finish_with(trailers.expect("the request has trailers"));
        Response::new(body)
    };
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    let id = peer.request(Method::POST, "/", BodyLength::Unknown);
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("42"));
    peer.h2().send_data(id, &mut Bytes::from_static(b"hello"), false).unwrap();
    peer.h2().send_trailers(id, &trailers).unwrap();
    let answer = peer.answer(id);
    assert_eq!(answer.text(), "hello");
    assert_eq!(answer.trailers, Some(trailers));
    drop(peer);
    server.stop();
}

pub(crate) fn are_not_sent_where_there_is_none<R: Spawn>(runtime: R) {
    let handler = async |request: Request<Body>| {
        let mut response = Response::new(Body::from("hello"));
        match request.uri().path() {
            "/204" => *response.status_mut() = StatusCode::NO_CONTENT,
            "/304" => *response.status_mut() = StatusCode::NOT_MODIFIED,
            "/stream" => *response.body_mut() = Body::stream(Body::from("hello")),
            _ => {}
        }
        // What must not be in HTTP/2 is not.
        response.headers_mut().insert("connection", HeaderValue::from_static("close"));
        response
    };
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    for target in ["/", "/stream"] {
        let id = peer.request(Method::HEAD, target, BodyLength::Empty);
        let answer = peer.answer(id);
        assert_eq!(answer.head.headers()["content-length"], "5");
        assert!(answer.body.is_empty());
    }
    for (target, status) in [("/204", 204), ("/304", 304), ("/", 200)] {
        let id = peer.get(target);
        let answer = peer.answer(id);
        assert_eq!(answer.status(), status);
        assert_eq!(answer.body.is_empty(), status != 200);
        assert!(!answer.head.headers().contains_key("connection"));
    }
    drop(peer);
    server.stop();
}

pub(crate) fn are_continued_when_they_are_read<R: Spawn>(runtime: R) {
    let handler = async |request: Request<Body>| match request.uri().path() {
        "/read" => Ok(request.into_body().collect(100).await.unwrap().len().to_string()),
        _ => Err(StatusCode::UNAUTHORIZED),
    };
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    let ask = |target| {
        let request = Request::post(format!("http://test{target}"));
        request.header("expect", "100-continue").body(()).unwrap()
    };
    let id = peer.send(&ask("/read"), BodyLength::Known(5));
    peer.wait(|event| matches!(event, ClientEvent::Informational(..)));
    peer.upload(id, Bytes::from_static(b"hello"));
    assert_eq!(peer.answer(id).text(), "5");
    let id = peer.send(&ask("/refuse"), BodyLength::Known(5));
    let event = peer
        .wait(|event| matches!(event, ClientEvent::Informational(..) | ClientEvent::Response(..)));
    assert!(
        matches!(event, ClientEvent::Response(one, head, _) if one == id && head.status() == 401)
    );
    drop(peer);
    server.stop();
}

pub(crate) fn that_nobody_wants_are_stopped<R: Spawn>(runtime: R) {
    let server = Running::start(&runtime, async |_: Request<Body>| "no, thanks");
    let mut peer = Peer::open(server.addr);
    for _ in 0..20 {
        let id = peer.request(Method::POST, "/", BodyLength::Known(1 << 30));
        let mut data = Bytes::from(vec![0; 200_000]);
        peer.h2().send_data(id, &mut data, false).unwrap();
        // The answer comes, and no error: the client is told to stop (RFC 9113, section 8.1).
        assert_eq!(peer.answer(id).text(), "no, thanks");
    }
    drop(peer);
    server.stop();
}

pub(crate) fn that_break_off_reset_the_stream<R: Spawn>(runtime: R) {
    let handler = async |request: Request<Body>| {
        let panics = request.uri().path() == "/panic";
        let mut parts = 0;
        Response::new(Body::from_fn(move |_| {
            parts += 1;
            match parts {
                1 => Poll::Ready(Some(Ok(Bytes::from_static(b"part")))),
                _ if panics => std::panic::resume_unwind(Box::new("on purpose")),
                _ => Poll::Ready(Some(Err(BodyError::Source("broken".into())))),
            }
        }))
    };
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    for target in ["/panic", "/error"] {
        let id = peer.get(target);
        assert_eq!(peer.outcome(id).unwrap_err(), Reason::INTERNAL_ERROR);
    }
    drop(peer);
    server.stop();
}

pub(crate) fn that_panics_come_before_are_500<R: Spawn>(runtime: R) {
    let handler = async |request: Request<Body>| match request.uri().path() {
        "/at-once" => std::panic::resume_unwind(Box::new("on purpose")),
        "/later" => {
            futures_lite::future::yield_now().await;
            std::panic::resume_unwind(Box::new("on purpose"))
        }
        _ => "well",
    };
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    for target in ["/at-once", "/later"] {
        let (bad, good) = (peer.get(target), peer.get("/"));
        assert_eq!(peer.answer(bad).status(), 500);
        assert_eq!(peer.answer(good).text(), "well");
    }
    drop(peer);
    server.stop();
}

/// Reads what there is of a body when it is dropped.
#[derive(Clone)]
struct Peeks(Arc<Mutex<Body>>);

impl Drop for Peeks {
    fn drop(&mut self) {
        let mut body = self.0.lock().unwrap();
        let mut cx = Context::from_waker(Waker::noop());
        let _whatever = http_body::Body::poll_frame(Pin::new(&mut *body), &mut cx);
    }
}

pub(crate) fn may_be_read_where_a_response_is_dropped<R: Spawn>(runtime: R) {
    let handler = async |request: Request<Body>| {
        let later = request.uri().path() == "/later";
        let mut response = Response::new(Body::from("done"));
        response.extensions_mut().insert(Peeks(Arc::new(Mutex::new(request.into_body()))));
        if later {
            futures_lite::future::yield_now().await;
        }
        response
    };
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    for target in ["/", "/later"] {
        let id = peer.request(Method::POST, target, BodyLength::Unknown);
        assert_eq!(peer.answer(id).text(), "done");
    }
    drop(peer);
    server.stop();
}
