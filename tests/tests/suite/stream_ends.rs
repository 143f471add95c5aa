//! HTTP/2: how connections end.

use std::sync::mpsc;

use barewire_h2::{BodyLength, ClientEvent, Reason};
use barewire_rt::Spawn;
use barewire_server::{Body, ServeError};
use bytes::Bytes;
use http::{Method, Request, Response};

use crate::harness::{Gate, Running, config, soon};
use crate::wire::Peer;

/// A handler that says when it begins and waits at a gate before it ends.
fn gated(gate: &Gate) -> (impl barewire_server::Handler + use<>, mpsc::Receiver<()>) {
    let (begun, begins) = mpsc::channel();
    let gate = gate.clone();
    let handler = move |request: Request<Body>| {
        let (gate, begun) = (gate.clone(), begun.clone());
        async move {
            begun.send(()).unwrap();
            let body = request.into_body().collect(1 << 20).await.unwrap();
            gate.pass().await;
            Response::new(Body::from(body))
        }
    };
    (handler, begins)
}

pub(crate) fn a_shutdown_lets_streams_finish<R: Spawn>(runtime: R) {
    let gate = Gate::closed();
    let (handler, begins) = gated(&gate);
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    let first = peer.get("/");
    let upload = peer.request(Method::POST, "/", BodyLength::Known(5));
    peer.flush();
    soon(&begins);
    soon(&begins);
    server.handle.shutdown();
    let told = peer.wait(|event| matches!(event, ClientEvent::GoAway { .. }));
    assert!(matches!(told, ClientEvent::GoAway { reason: Reason::NO_ERROR, .. }));
    peer.upload(upload, Bytes::from_static(b"hello"));
    gate.open();
    assert_eq!(peer.answer(first).text(), "");
    assert_eq!(peer.answer(upload).text(), "hello");
    server.ended().expect("every connection ended");
}

pub(crate) fn a_shutdown_closes_idle_connections<R: Spawn>(runtime: R) {
    let server = Running::start(&runtime, async |_: Request<Body>| "well");
    let mut used = Peer::open(server.addr);
    let id = used.get("/");
    used.answer(id);
    let mut unused = Peer::open(server.addr);
    unused.flush();
    unused.wait(|event| matches!(event, ClientEvent::Settings(_)));
    let handle = server.handle.clone();
    handle.shutdown();
    for peer in [&mut used, &mut unused] {
        let events = peer.until_the_end();
        assert!(
            events.iter().any(|event| matches!(event, ClientEvent::GoAway { .. })),
            "{events:?}"
        );
    }
    server.ended().expect("every connection ended");
}

pub(crate) fn a_deadline_cuts_streams<R: Spawn>(runtime: R) {
    let gate = Gate::closed();
    let (handler, begins) = gated(&gate);
    let config = config(|config| config.drain_timeout = std::time::Duration::from_millis(50));
    let server = Running::with(&runtime, config, handler);
    let mut peer = Peer::open(server.addr);
    peer.get("/");
    peer.flush();
    soon(&begins);
    server.handle.shutdown();
    let ended = server.ended();
    assert!(matches!(ended, Err(ServeError::DrainTimedOut { connections: 1 })), "{ended:?}");
    gate.open();
}

pub(crate) fn a_violation_ends_all_streams<R: Spawn>(runtime: R) {
    use std::io::Write;

    let gate = Gate::closed();
    let (handler, begins) = gated(&gate);
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    peer.get("/");
    peer.flush();
    soon(&begins);
    // A frame of SETTINGS on a stream.
    peer.stream().write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 1]).unwrap();
    let events = peer.until_the_end();
    let told = |event: &ClientEvent| {
        matches!(event, ClientEvent::GoAway { reason: Reason::PROTOCOL_ERROR, .. })
    };
    assert!(events.iter().any(told), "{events:?}");
    gate.open();
    drop(peer);
    server.stop();
}

pub(crate) fn a_preface_that_does_not_end_is_cut<R: Spawn>(runtime: R) {
    let config = config(|config| {
        config.http1.timeouts.head = Some(std::time::Duration::from_millis(50));
    });
    let server = Running::with(&runtime, config, async |_: Request<Body>| "well");
    let mut connection = server.open();
    connection.send("PRI * HT");
    assert_eq!(connection.until_the_end(), b"");
    server.stop();
}
