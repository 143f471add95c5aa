//! A graceful shutdown finishes what was accepted.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, mpsc};

use barewire_rt::Spawn;
use barewire_server::{Body, Config, Server};
use http::{Request, Response};
use smol::channel;

use crate::harness::{Gate, Running, any, get, post, serve, soon};
use crate::meter::Meter;

async fn ok(_: Request<Body>) {}

/// A handler that says when it starts and then waits.
fn waiting(gate: &Gate) -> (impl barewire_server::Handler, mpsc::Receiver<()>) {
    let (started, starts) = mpsc::channel();
    let gate = gate.clone();
    let handler = move |request: Request<Body>| {
        let (started, gate) = (started.clone(), gate.clone());
        async move {
            if request.uri() != "/quick" {
                started.send(()).unwrap();
                gate.pass().await;
            }
            request.uri().to_string()
        }
    };
    (handler, starts)
}

pub(crate) fn handlers_finish<R: Spawn>(runtime: R) {
    let gate = Gate::closed();
    let (handler, starts) = waiting(&gate);
    let server = Running::start(&runtime, handler);
    let mut connections = [server.open(), server.open(), server.open()];
    for connection in &mut connections {
        connection.send(get("/slow"));
        soon(&starts);
    }
    server.handle.shutdown();
    server.handle.shutdown();
    gate.open();
    for connection in &mut connections {
        let answer = connection.answer();
        assert_eq!((answer.text().as_str(), answer.header("connection")), ("/slow", Some("close")));
        assert_eq!(connection.rest(), b"");
    }
    server.ended().unwrap();
}

pub(crate) fn nobody_is_accepted_any_more<R: Spawn>(runtime: R) {
    let gate = Gate::closed();
    let (handler, starts) = waiting(&gate);
    let server = Running::start(&runtime, handler);
    let mut connection = server.open();
    connection.send(get("/slow"));
    soon(&starts);
    server.handle.shutdown();
    if cfg!(target_os = "linux") {
        let error = TcpStream::connect(server.addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
    gate.open();
    assert_eq!(connection.answer().text(), "/slow");
    drop(connection);
    server.ended().unwrap();
}

pub(crate) fn idle_connections_are_closed_at_once<R: Spawn>(runtime: R) {
    let gate = Gate::closed();
    let (handler, starts) = waiting(&gate);
    let server = Running::start(&runtime, handler);
    let mut idle: Vec<_> = (0..10).map(|_| server.open()).collect();
    for connection in &mut idle {
        connection.send(get("/quick"));
        assert_eq!(connection.answer().text(), "/quick");
    }
    // Accepted before the ones above were answered, and never used.
    let mut busy = server.open();
    busy.send(get("/slow"));
    soon(&starts);
    server.handle.shutdown();
    for connection in &mut idle {
        assert_eq!(connection.rest(), b"");
    }
    // The one that is busy holds nobody up.
    assert!(busy.is_silent());
    gate.open();
    assert_eq!(busy.answer().text(), "/slow");
    assert_eq!(busy.rest(), b"");
    server.ended().unwrap();
}

pub(crate) fn connections_that_said_nothing_are_closed<R: Spawn>(runtime: R) {
    let meter = Arc::new(Meter::default());
    let server = Running::metered(&runtime, &meter, Config::default(), ok);
    let mut connections = [server.open(), server.open()];
    meter.wait(|counts| counts.open == 2);
    server.handle.shutdown();
    for connection in &mut connections {
        assert_eq!(connection.rest(), b"");
    }
    server.ended().unwrap();
}

pub(crate) fn a_request_that_has_begun_is_served<R: Spawn>(runtime: R) {
    let meter = Arc::new(Meter::default());
    let handler = async |request: Request<Body>| request.uri().to_string();
    let server = Running::metered(&runtime, &meter, Config::default(), handler);
    let mut connection = server.open();
    let request = get("/begun");
    connection.send(&request[..20]);
    meter.wait_for_more_than::<R>(20);
    server.handle.shutdown();
    connection.send(&request[20..]);
    let answer = connection.answer();
    assert_eq!((answer.text().as_str(), answer.header("connection")), ("/begun", Some("close")));
    assert_eq!(connection.rest(), b"");
    server.ended().unwrap();
}

pub(crate) fn a_request_that_begins_meanwhile_is_served_or_closed<R: Spawn>(runtime: R) {
    for _ in 0..20 {
        let meter = Arc::new(Meter::default());
        let server = Running::metered(&runtime, &meter, Config::default(), ok);
        let mut connection = server.open();
        let request = get("/");
        connection.send(&request[..20]);
        meter.wait(|counts| counts.read == 20);
        server.handle.shutdown();
        // Whether it is too late for the rest depends on what the server was just doing.
        meter.wait(|counts| counts.dry > 1 || counts.ends > 0 || counts.open == 0);
        let _ = connection.writer().write_all(&request.as_bytes()[20..]);
        let all = String::from_utf8(connection.until_the_end()).unwrap();
        assert!(all.is_empty() || all.starts_with("HTTP/1.1 200"), "{all}");
        server.ended().unwrap();
    }
}

pub(crate) fn a_request_that_was_accepted_and_not_read_is_served<R: Spawn>(runtime: R) {
    // The shutdown comes between accepting the connection and reading from it.
    let (accepted, accepts) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel::<()>();
    let goes_on = Mutex::new(goes_on);
    let meter = Arc::new(Meter::with_on_accept(move || {
        accepted.send(()).unwrap();
        goes_on.lock().unwrap().recv().unwrap();
    }));
    let handler = async |request: Request<Body>| request.uri().to_string();
    let server = Running::metered(&runtime, &meter, Config::default(), handler);
    let mut connection = server.open();
    connection.send(get("/accepted"));
    soon(&accepts);
    server.handle.shutdown();
    go_on.send(()).unwrap();
    assert_eq!(connection.answer().text(), "/accepted");
    assert_eq!(connection.rest(), b"");
    server.ended().unwrap();
}

pub(crate) fn what_is_pipelined_is_answered_or_told<R: Spawn>(runtime: R) {
    let gate = Gate::closed();
    let (handler, starts) = waiting(&gate);
    let server = Running::start(&runtime, handler);
    let mut connection = server.open();
    connection.send(get("/slow") + &get("/quick").repeat(3));
    soon(&starts);
    server.handle.shutdown();
    gate.open();
    // Either all are answered, or the last one that is says so (RFC 9112, section 9.6).
    let all = String::from_utf8(connection.until_the_end()).unwrap();
    let answers = all.matches("HTTP/1.1 200").count();
    assert!(answers == 4 || (answers > 0 && all.contains("connection: close")), "{all:?}");
    server.ended().unwrap();
}

pub(crate) fn uploads_finish<R: Spawn>(runtime: R) {
    let (sender, parts) = mpsc::channel();
    let handler = move |request: Request<Body>| {
        let parts = sender.clone();
        async move {
            let mut body = request.into_body();
            let mut whole = Vec::new();
            while let Some(part) = body.data().await.unwrap() {
                whole.extend_from_slice(&part);
                parts.send(whole.len()).unwrap();
            }
            Response::new(Body::from(whole))
        }
    };
    let server = Running::start(&runtime, handler);
    let mut connection = server.open();
    let request = post("/", "the first half, the second half");
    let (half, rest) = request.split_at(request.len() - 15);
    connection.send(half);
    soon(&parts);
    server.handle.shutdown();
    connection.send(rest);
    assert_eq!(connection.answer().text(), "the first half, the second half");
    assert_eq!(connection.rest(), b"");
    server.ended().unwrap();
}

pub(crate) fn downloads_finish<R: Spawn>(runtime: R) {
    let (sender, receiver) = channel::unbounded::<&'static str>();
    let handler = move |_: Request<Body>| {
        let mut parts = Box::pin(receiver.clone());
        async move {
            Response::new(Body::from_fn(move |cx| {
                use futures_lite::StreamExt;
                parts
                    .poll_next(cx)
                    .map(|part| part.map(|part| Ok::<_, std::io::Error>(part.into())))
            }))
        }
    };
    let server = Running::start(&runtime, handler);
    let mut connection = server.open();
    connection.send(get("/"));
    sender.send_blocking("the first half, ").unwrap();
    assert_eq!(connection.head().status, 200);
    assert_eq!(connection.exactly(20), b"10\r\nthe first half, ");
    server.handle.shutdown();
    sender.send_blocking("the second half").unwrap();
    sender.close();
    assert_eq!(connection.rest(), b"\r\nf\r\nthe second half\r\n0\r\n\r\n");
    server.ended().unwrap();
}

pub(crate) fn echoes_finish<R: Spawn>(runtime: R) {
    let server =
        Running::start(&runtime, async |request: Request<Body>| Response::new(request.into_body()));
    let mut connection = server.open();
    connection.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhello");
    assert_eq!(connection.head().status, 200);
    assert_eq!(connection.exactly(5), b"hello");
    server.handle.shutdown();
    connection.send("world");
    assert_eq!(connection.rest(), b"world");
    server.ended().unwrap();
}

pub(crate) fn it_may_come_before_serving<R: Spawn>(runtime: R) {
    let server = Server::bind(runtime.clone(), any()).unwrap();
    server.handle().shutdown();
    let (_, ended) = serve(&runtime, server, ok);
    soon(&ended).unwrap();
}

pub(crate) fn dropping_serve_only_stops_accepting<R: Spawn>(runtime: R) {
    let server = Server::bind(runtime.clone(), any()).unwrap();
    let barewire_rt::PeerAddr::Tcp(addr) = server.local_addr().unwrap() else { unreachable!() };
    let handle = server.handle();
    let (stop, stopped) = channel::bounded::<()>(1);
    let (dropped, drops) = mpsc::channel();
    let (finish, finished) = channel::bounded::<()>(1);
    let blocking = runtime.clone();
    let handler = async |request: Request<Body>| request.uri().to_string();
    let thread = std::thread::spawn(move || {
        blocking.block_on(async {
            let serving = async {
                server.serve(handler).await.unwrap();
            };
            let stopping = async {
                let _closed = stopped.recv().await;
            };
            futures_lite::future::or(serving, stopping).await;
            dropped.send(()).unwrap();
            // What was accepted goes on where tasks only run while somebody blocks.
            let _closed = finished.recv().await;
        });
    });
    let mut connection = crate::harness::Connection::open(addr);
    connection.send(get("/before"));
    assert_eq!(connection.answer().text(), "/before");
    stop.close();
    soon(&drops);
    if cfg!(target_os = "linux") {
        assert!(TcpStream::connect(addr).is_err());
    }
    connection.send(get("/after"));
    assert_eq!(connection.answer().text(), "/after");
    assert_eq!(handle.connections(), 1);
    handle.shutdown();
    assert_eq!(connection.rest(), b"");
    finish.close();
    thread.join().unwrap();
}
