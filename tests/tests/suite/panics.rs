//! A handler that panics: the client gets 500, and the server lives on.

use std::task::Poll;

use barewire_rt::Spawn;
use barewire_server::{Body, BodyError, Handler};
use bytes::Bytes;
use http::{Request, Response};

use crate::harness::{Running, config, get, post};

/// Panics as `panic!` does, without the message on standard error.
fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("on purpose"))
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
