//! What a client must not send: each is refused with its status, the connection ends, and nothing that comes
//! after it is taken for a request.

use std::io::Write;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use barewire_rt::Spawn;
use barewire_server::{Body, BodyError};
use http::Request;

use crate::harness::{PATIENCE, Running, config, get};

/// A server of small limits, and the targets of the requests that its handler saw.
fn limited<R: Spawn>(runtime: &R) -> (Running, Receiver<String>) {
    let (sender, seen) = mpsc::channel();
    let config = config(|config| {
        let limits = &mut config.http1.limits;
        limits.max_head = 2_000;
        limits.max_fields = 10;
        limits.max_target = 100;
        limits.max_trailers = 200;
        limits.max_chunk_extension = 50;
        limits.max_body = 1_000;
    });
    let handler = move |request: Request<Body>| {
        let seen = sender.clone();
        async move {
            seen.send(request.uri().to_string()).unwrap();
            request
                .into_body()
                .collect(usize::MAX)
                .await
                .map_err(|error: BodyError| error.to_string())
        }
    };
    let server = Running::with(runtime, config, move |request| {
        let answer = handler(request);
        async { answer.await.map(|body| String::from_utf8_lossy(&body).into_owned()) }
    });
    (server, seen)
}

#[track_caller]
fn is_refused(server: &Running, request: &str, status: u16) {
    let mut connection = server.open();
    connection.send(format!("{request}{}", get("/after")));
    let answer = connection.answer();
    let shown = &request[..request.len().min(80)];
    assert_eq!(answer.status, status, "{shown:?}: {answer:?}");
    assert_eq!(answer.header("connection"), Some("close"), "{shown:?}");
    assert_eq!(String::from_utf8_lossy(&connection.until_the_end()), "", "{shown:?}");
}

fn head(fields: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: test\r\n{fields}\r\n\r\n")
}

pub(crate) fn heads_are_refused_by_status<R: Spawn>(runtime: R) {
    let (server, seen) = limited(&runtime);
    let fields: String = (0..20).map(|n| format!("X-{n}: x\r\n")).collect();
    let long = "x".repeat(3_000);
    for (request, status) in [
        (get(&format!("/{}", "x".repeat(150))), 414),
        (get(&format!("/{long}")), 414),
        (head(&fields), 431),
        (head(&format!("X: {long}")), 431),
        ("GET / HTTP/1.1\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\nHost: test\n\n".into(), 400),
        (head("X : y"), 400),
        (head("X: y\r\n folded"), 400),
        (head("X: \0"), 400),
        (head("Content-Length: 1x"), 400),
        (head("Content-Length: 1\r\nContent-Length: 2"), 400),
        (head("Content-Length: 5\r\nTransfer-Encoding: chunked"), 400),
        (head("Transfer-Encoding: chunked, chunked"), 400),
        (head("Transfer-Encoding: gzip, chunked"), 501),
        (head("Expect: a miracle"), 417),
        (head("Content-Length: 1001"), 413),
        ("GET / HTTP/2.0\r\nHost: test\r\n\r\n".into(), 505),
    ] {
        is_refused(&server, &request, status);
    }
    assert_eq!(seen.try_iter().count(), 0);
    server.stop();
}

pub(crate) fn bodies_are_refused_by_status<R: Spawn>(runtime: R) {
    let (server, seen) = limited(&runtime);
    let chunked = head("Transfer-Encoding: chunked");
    let bodies = [
        (format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001)), 413),
        (format!("64\r\n{}\r\n", "x".repeat(100)).repeat(11) + "0\r\n\r\n", 413),
        (format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(100)), 413),
        (format!("0\r\nX: {}\r\n\r\n", "x".repeat(300)), 431),
        ("-5\r\nhello\r\n0\r\n\r\n".into(), 400),
        ("0x5\r\nhello\r\n0\r\n\r\n".into(), 400),
        ("5\nhello\r\n0\r\n\r\n".into(), 400),
        ("5\r\nhello, world\r\n0\r\n\r\n".into(), 400),
        ("fffffffffffffffff\r\nhello\r\n0\r\n\r\n".into(), 400),
        ("0\r\nContent-Length: 5\r\n\r\n".into(), 400),
    ];
    for (body, status) in &bodies {
        is_refused(&server, &format!("{chunked}{body}"), *status);
    }
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), ["/"; 10]);
    server.stop();
}

pub(crate) fn what_comes_before_a_refusal_is_answered<R: Spawn>(runtime: R) {
    let (server, seen) = limited(&runtime);
    let mut connection = server.open();
    connection.send(format!("{}{}nonsense\r\n\r\n{}", get("/1"), get("/2"), get("/after")));
    assert_eq!([connection.answer().status, connection.answer().status], [200, 200]);
    assert_eq!(connection.answer().status, 400);
    assert_eq!(String::from_utf8_lossy(&connection.until_the_end()), "");
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), ["/1", "/2"]);
    server.stop();
}

pub(crate) fn a_refusal_reaches_a_client_that_sends_on<R: Spawn>(runtime: R) {
    let config = config(|config| {
        config.http1.limits.max_body = 1_000;
        // Longer than sending takes.
        config.http1.timeouts.linger = PATIENCE;
    });
    let server = Running::with(&runtime, config, async |_: Request<Body>| {});
    let mut connection = server.open();
    let mut writer = connection.writer();
    connection.send(head("Content-Length: 20000000"));
    let writing = thread::spawn(move || writer.write_all(&vec![b'x'; 20_000_000]));
    // All of it is read and forgotten, so that no reset overtakes the answer.
    writing.join().unwrap().unwrap();
    assert_eq!(connection.answer().status, 413);
    assert_eq!(connection.rest(), b"");
    drop(connection);
    server.stop();
}
