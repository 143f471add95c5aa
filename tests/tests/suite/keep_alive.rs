//! One connection for many requests, and when it ends (RFC 9112, section 9.3).

use std::io::Write;
use std::thread;

use barewire_rt::Spawn;
use barewire_server::Body;
use http::Request;

use crate::harness::{Running, config, get, post};

async fn target(request: Request<Body>) -> String {
    request.uri().to_string()
}

pub(crate) fn a_connection_carries_many_requests<R: Spawn>(runtime: R) {
    let server = Running::start(&runtime, target);
    let mut connection = server.open();
    for n in 0..50 {
        connection.send(get(&format!("/{n}")));
        let answer = connection.answer();
        assert_eq!((answer.status, answer.text()), (200, format!("/{n}")));
        assert_eq!(answer.header("connection"), None);
        assert!(answer.header("date").is_some());
        assert_eq!(server.handle.connections(), 1);
    }
    drop(connection);
    server.stop();
}

pub(crate) fn bodies_nobody_wanted_are_skipped<R: Spawn>(runtime: R) {
    let server = Running::start(&runtime, target);
    let mut connection = server.open();
    for size in [1, 1_000, 200_000] {
        connection.send(post("/length", &"x".repeat(size)));
        assert_eq!(connection.answer().text(), "/length");
        connection
            .send("POST /chunks HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
        connection.send(format!("{size:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(size)));
        assert_eq!(connection.answer().text(), "/chunks");
    }
    drop(connection);
    server.stop();
}

pub(crate) fn too_much_that_nobody_wanted_ends_the_connection<R: Spawn>(runtime: R) {
    let server = Running::with(&runtime, config(|_| {}), target);
    let mut connection = server.open();
    let mut writer = connection.writer();
    connection.send("POST /large HTTP/1.1\r\nHost: test\r\nContent-Length: 10000000\r\n\r\n");
    let writing = thread::spawn(move || {
        // It breaks off when the server does not read on, or it does not, when the buffers are large.
        let _ = writer.write_all(&vec![b'x'; 10_000_000]);
        let _ = writer.write_all(get("/after").as_bytes());
    });
    assert_eq!(connection.answer().text(), "/large");
    assert_eq!(String::from_utf8_lossy(&connection.until_the_end()), "");
    writing.join().unwrap();
    drop(connection);
    server.stop();
}

pub(crate) fn the_client_ends_it_by_saying_close<R: Spawn>(runtime: R) {
    let server = Running::start(&runtime, target);
    let mut connection = server.open();
    let close = "GET /last HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    connection.send(format!("{}{close}{}", get("/first"), get("/after")));
    assert_eq!(connection.answer().header("connection"), None);
    let last = connection.answer();
    assert_eq!((last.text().as_str(), last.header("connection")), ("/last", Some("close")));
    assert_eq!(String::from_utf8_lossy(&connection.until_the_end()), "");
    server.stop();
}

pub(crate) fn http_1_0_keeps_it_only_when_asked<R: Spawn>(runtime: R) {
    let server = Running::start(&runtime, target);
    let mut connection = server.open();
    connection.send("GET /kept HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let kept = connection.answer();
    assert_eq!((kept.text().as_str(), kept.header("connection")), ("/kept", Some("keep-alive")));
    connection.send("GET /last HTTP/1.0\r\n\r\n");
    let last = connection.answer();
    assert_eq!((last.text().as_str(), last.header("connection")), ("/last", Some("close")));
    assert_eq!(connection.rest(), b"");
    server.stop();
}
