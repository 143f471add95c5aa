//! HTTP/2: the streams of a connection go on beside each other.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;

use barewire_h2::{BodyLength, ClientEvent, Reason};
use barewire_rt::Spawn;
use barewire_server::{Body, BodyError, blocking};
use bytes::Bytes;
use http::{Method, Request, Response, Version};

use crate::harness::{Fate, Gate, Running, Witness, config, get, is_blocking, soon};
use crate::wire::Peer;

async fn version(request: Request<Body>) -> String {
    format!("{:?} {}", request.version(), request.uri().path())
}

pub(crate) fn share_a_port_with_http_1<R: Spawn>(runtime: R) {
    let server = Running::start(&runtime, version);
    let mut peer = Peer::open(server.addr);
    let mut connection = server.open();
    for _ in 0..3 {
        let id = peer.get("/two");
        let answer = peer.answer(id);
        assert_eq!(answer.text(), "HTTP/2.0 /two");
        assert_eq!(answer.head.version(), Version::HTTP_2);
        assert!(answer.head.headers().contains_key("date"));
        connection.send(get("/one"));
        assert_eq!(connection.answer().text(), "HTTP/1.1 /one");
    }
    // What begins as HTTP/2 does and is something else.
    let mut connection = server.open();
    connection.send("P");
    connection.send("RINT / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(connection.answer().text(), "HTTP/1.1 /");
    drop((peer, connection));
    server.stop();
}

pub(crate) fn are_not_held_up_by_a_slow_handler<R: Spawn>(runtime: R) {
    let gate = Gate::closed();
    let handler = {
        let gate = gate.clone();
        move |request: Request<Body>| {
            let gate = gate.clone();
            async move {
                if request.uri().path() == "/slow" {
                    gate.pass().await;
                }
                request.uri().path().to_owned()
            }
        }
    };
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    let slow: Vec<_> = (0..20).map(|_| peer.get("/slow")).collect();
    for _ in 0..50 {
        let id = peer.get("/fast");
        assert_eq!(peer.answer(id).text(), "/fast");
    }
    gate.open();
    for id in slow {
        assert_eq!(peer.answer(id).text(), "/slow");
    }
    drop(peer);
    server.stop();
}

/// Only where a handler may block its thread.
pub(crate) fn are_not_held_up_by_a_handler_that_blocks<R: Spawn>(runtime: R) {
    if !is_blocking::<R>() {
        return;
    }
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let handler = blocking(move |request: Request<Body>| {
        if request.uri().path() == "/slow" {
            wait.lock().unwrap().recv().unwrap();
        }
        request.uri().path().to_owned()
    });
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    let slow: Vec<_> = (0..10).map(|_| peer.get("/slow")).collect();
    for _ in 0..50 {
        let id = peer.get("/fast");
        assert_eq!(peer.answer(id).text(), "/fast");
    }
    for _ in &slow {
        go.send(()).unwrap();
    }
    for id in slow {
        assert_eq!(peer.answer(id).text(), "/slow");
    }
    drop(peer);
    server.stop();
}

pub(crate) fn are_not_held_up_by_a_slow_reader<R: Spawn>(runtime: R) {
    const PART: usize = 16 * 1024;
    const PARTS: u64 = 1000;
    let made = Arc::new(AtomicU64::new(0));
    let handler = {
        let made = Arc::clone(&made);
        move |request: Request<Body>| {
            let made = Arc::clone(&made);
            let large = request.uri().path() == "/large";
            async move {
                if !large {
                    return Response::new(Body::from("small"));
                }
                let mut parts = 0;
                Response::new(Body::from_fn(move |_| {
                    parts += 1;
                    if parts > PARTS {
                        return Poll::Ready(None);
                    }
                    made.fetch_add(PART as u64, Ordering::SeqCst);
                    Poll::Ready(Some(Ok::<_, BodyError>(Bytes::from(vec![b'x'; PART]))))
                }))
            }
        }
    };
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    let slow = peer.get("/large");
    let mut held = 0;
    // The windows of the client's are used up.
    while held < 256 * 1024 {
        let event = peer.wait(|event| matches!(event, ClientEvent::Data(id, _) if *id == slow));
        let ClientEvent::Data(_, data) = event else { unreachable!() };
        held += data.len();
    }
    for _ in 0..50 {
        let id = peer.get("/small");
        assert_eq!(peer.answer(id).text(), "small");
    }
    // Its window, what is buffered for it, and one part.
    let most = (256 + 64 + 64) * 1024 + PART as u64;
    assert!(made.load(Ordering::SeqCst) <= most, "{}", made.load(Ordering::SeqCst));
    peer.h2().release_capacity(slow, held);
    let rest = loop {
        match peer.wait(|event| matches!(event, ClientEvent::Data(..) | ClientEvent::End(_))) {
            ClientEvent::Data(id, data) => {
                peer.h2().release_capacity(id, data.len());
                held += data.len();
            }
            _ => break held,
        }
    };
    assert_eq!(rest as u64, PARTS * PART as u64);
    drop(peer);
    server.stop();
}

pub(crate) fn that_are_reset_drop_their_handler<R: Spawn>(runtime: R) {
    let (sender, fates) = mpsc::channel();
    let (begun, begins) = mpsc::channel();
    let gate = Gate::closed();
    let handler = {
        let gate = gate.clone();
        move |request: Request<Body>| {
            let witness = Witness::new(&sender);
            let (gate, begun) = (gate.clone(), begun.clone());
            async move {
                begun.send(()).unwrap();
                match request.uri().path() {
                    "/body" => {
                        let error = request.into_body().collect(1 << 20).await.unwrap_err();
                        assert!(matches!(error, BodyError::Reset { reason: Reason::CANCEL }));
                    }
                    "/wait" => gate.pass().await,
                    _ => {}
                }
                witness.finish();
                "done"
            }
        }
    };
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    let id = peer.get("/wait");
    peer.flush();
    soon(&begins);
    peer.h2().reset_stream(id, Reason::CANCEL);
    peer.flush();
    assert_eq!(soon(&fates), Fate::Dropped);
    // Whether the handler or the reader of the body learns of it first is nobody's business.
    let id = peer.request(Method::POST, "/body", BodyLength::Unknown);
    peer.flush();
    soon(&begins);
    peer.h2().reset_stream(id, Reason::CANCEL);
    peer.flush();
    soon(&fates);
    let id = peer.get("/");
    assert_eq!(peer.answer(id).text(), "done");
    drop(peer);
    server.stop();
}

pub(crate) fn end_with_their_connection<R: Spawn>(runtime: R) {
    let (sender, fates) = mpsc::channel();
    let (begun, begins) = mpsc::channel();
    let gate = Gate::closed();
    let handler = {
        let gate = gate.clone();
        move |_: Request<Body>| {
            let witness = Witness::new(&sender);
            let (gate, begun) = (gate.clone(), begun.clone());
            async move {
                begun.send(()).unwrap();
                gate.pass().await;
                witness.finish();
            }
        }
    };
    let server = Running::start(&runtime, handler);
    let mut peer = Peer::open(server.addr);
    for _ in 0..5 {
        peer.get("/");
    }
    peer.flush();
    (0..5).for_each(|_| soon(&begins));
    drop(peer);
    for _ in 0..5 {
        assert_eq!(soon(&fates), Fate::Dropped);
    }
    server.stop();
}

pub(crate) fn may_be_a_thousand<R: Spawn>(runtime: R) {
    let gate = Gate::closed();
    let handler = {
        let gate = gate.clone();
        move |request: Request<Body>| {
            let gate = gate.clone();
            async move {
                if request.uri().path().ends_with("wait") {
                    gate.pass().await;
                }
                request.uri().path().to_owned()
            }
        }
    };
    let config = config(|config| config.http2.settings.max_concurrent_streams = 1000);
    let server = Running::with(&runtime, config, handler);
    let mut peer = Peer::open(server.addr);
    // The server's settings say that there may be so many.
    let first = peer.get("/first");
    peer.answer(first);
    // Each has a thread of its own where handlers block.
    let waiting = if is_blocking::<R>() { 50 } else { 500 };
    let target = |n: usize| if n < waiting { format!("/{n}/wait") } else { format!("/{n}") };
    let ids: Vec<_> = (0..1000).map(|n| peer.get(&target(n))).collect();
    for (n, id) in ids.iter().enumerate().skip(waiting) {
        assert_eq!(peer.answer(*id).text(), target(n));
    }
    gate.open();
    for (n, id) in ids.iter().enumerate().take(waiting) {
        assert_eq!(peer.answer(*id).text(), target(n));
    }
    drop(peer);
    server.stop();
}

pub(crate) fn tell_who_the_client_is<R: Spawn>(runtime: R) {
    let handler = async |request: Request<Body>| {
        let info = request.extensions().get::<barewire_server::ConnectInfo>().cloned();
        info.expect("it was asked for").0.to_string()
    };
    let server = Running::with(&runtime, config(|config| config.connect_info = true), handler);
    let mut peer = Peer::open(server.addr);
    let id = peer.get("/");
    let own = peer.stream().local_addr().unwrap().to_string();
    assert_eq!(peer.answer(id).text(), own);
    drop(peer);
    server.stop();
}
