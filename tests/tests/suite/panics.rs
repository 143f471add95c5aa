//! A handler that panics: the client gets 500, and the server lives on. Destructors panic too.

use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};

use barewire_h2::Reason;
use barewire_rt::Spawn;
use barewire_server::{Body, BodyError, Handler};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;

use crate::harness::{Gate, Running, config, get, post, soon};
use crate::wire::Peer;

/// Panics as `panic!` does, without the message on standard error.
fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("on purpose"))
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_quietly()
    }
}

pub(crate) fn in_a_handler_is_500<R: Spawn>(runtime: R) {
    let handler = async |request: Request<Body>| match request.uri().path() {
        "/at-once" => panic_quietly(),
        "/later" => {
            futures_lite::future::yield_now().await;
            panic_quietly()
        }
        "/after-the-body" => {
            request.into_body().collect(100).await.unwrap();
            panic_quietly()
        }
        _ => "well",
    };
    let server = Running::start(&runtime, handler);
    let mut connection = server.open();
    for target in ["/at-once", "/later", "/after-the-body"] {
        for request in [get(target), post(target, "hello")] {
            connection.send(request);
            assert_eq!(connection.answer().status, 500);
            connection.send(get("/"));
            assert_eq!(connection.answer().text(), "well");
        }
    }
    drop(connection);
    server.answers();
    server.stop();
}

/// A handler that panics before there is a future.
struct Eager;

impl Handler for Eager {
    fn call(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send {
        if request.uri() == "/at-once" {
            panic_quietly();
        }
        async { Response::new(Body::from("well")) }
    }
}

pub(crate) fn before_the_future_is_500<R: Spawn>(runtime: R) {
    let server = Running::start(&runtime, Eager);
    let mut connection = server.open();
    connection.send(get("/at-once") + &get("/"));
    assert_eq!(connection.answer().status, 500);
    assert_eq!(connection.answer().text(), "well");
    drop(connection);
    server.stop();
}

pub(crate) fn in_a_body_cuts_the_connection<R: Spawn>(runtime: R) {
    let handler = async |request: Request<Body>| {
        let panics = request.uri() == "/";
        let mut parts = 0;
        Response::new(Body::from_fn(move |_| {
            parts += 1;
            if parts == 3 && panics {
                panic_quietly()
            }
            Poll::Ready((parts < 3).then_some(Ok::<_, BodyError>(Bytes::from_static(b"part"))))
        }))
    };
    let server = Running::with(&runtime, config(|config| config.max_connections = 1), handler);
    let mut connection = server.open();
    connection.send(get("/"));
    let all = String::from_utf8(connection.until_the_end()).unwrap();
    assert!(!all.ends_with("0\r\n\r\n"), "the client cannot tell that it is incomplete: {all}");
    server.answers();
    server.stop();
}

pub(crate) fn with_a_payload_that_panics_are_500<R: Spawn>(runtime: R) {
    let handler = async |request: Request<Body>| match request.uri().path() {
        "/" => "well",
        _ => std::panic::resume_unwind(Box::new(Bomb)),
    };
    let server = Running::start(&runtime, handler);
    let mut connection = server.open();
    let mut peer = Peer::open(server.addr);
    for _ in 0..2 {
        connection.send(get("/bad"));
        assert_eq!(connection.answer().status, 500);
        connection.send(get("/"));
        assert_eq!(connection.answer().text(), "well");
        let (bad, good) = (peer.get("/bad"), peer.get("/"));
        assert_eq!(peer.answer(bad).status(), 500);
        assert_eq!(peer.answer(good).text(), "well");
    }
    drop((connection, peer));
    server.stop();
}

/// A body of which nothing ever comes, and which says when it is asked.
struct Silent {
    asked: mpsc::Sender<()>,
    _bomb: Bomb,
}

impl http_body::Body for Silent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        // Nobody listens after the test.
        let _ = self.asked.send(());
        Poll::Pending
    }
}

/// Handlers and bodies that wait for ever, and panic when that ends; each says when it waits.
fn mined() -> (impl Handler, mpsc::Receiver<()>) {
    let (sender, waits) = mpsc::channel();
    let gate = Gate::closed();
    let handler = move |request: Request<Body>| {
        let (sender, gate) = (sender.clone(), gate.clone());
        async move {
            match request.uri().path() {
                "/handler" => {
                    let _bomb = Bomb;
                    sender.send(()).unwrap();
                    gate.pass().await;
                    unreachable!("nobody opens it")
                }
                "/body" => Response::new(Body::stream(Silent { asked: sender, _bomb: Bomb })),
                _ => Response::new("well".into()),
            }
        }
    };
    (handler, waits)
}

pub(crate) fn in_destructors_end_their_own_stream<R: Spawn>(runtime: R) {
    let (handler, waits) = mined();
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    for target in ["/handler", "/body", "/body", "/handler"] {
        let id = peer.get(target);
        peer.flush();
        soon(&waits);
        peer.h2().reset_stream(id, Reason::CANCEL);
        let id = peer.get("/");
        assert_eq!(peer.answer(id).text(), "well");
    }
    drop(peer);
    server.stop();
}

pub(crate) fn in_destructors_end_their_own_connection<R: Spawn>(runtime: R) {
    let (handler, waits) = mined();
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    // All of them are dropped at once: a panic while another one unwinds would end the process.
    for _ in 0..3 {
        peer.get("/handler");
        peer.get("/body");
    }
    peer.flush();
    (0..6).for_each(|_| soon(&waits));
    drop(peer);
    server.answers();
    server.stop();
}
