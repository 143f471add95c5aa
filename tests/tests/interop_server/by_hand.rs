//! What no client library does on its own: pipelining, half-closing, and reading only when it
//! likes.

use std::io::Write;
use std::net::Shutdown;
use std::thread;

use barewire_tests::exchange::{Connection, exchange};
use barewire_tests::on_each_runtime;
use barewire_tests::process::Server;
use barewire_tests::scratch::noise;

fn request(server: &Server, target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", server.addr())
}

fn pipelined_answers_come_in_order(runtime: &str) {
    let server = Server::barewire(runtime, &["echo"]);
    let mut connection = Connection::open(server.addr());
    // The first is the slowest, the bodies are framed in different ways, and one request has a body
    // itself.
    let requests = [
        request(&server, "/delay/0.3"),
        request(&server, "/bytes/5"),
        format!("POST /echo HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\n\r\nping", server.addr()),
        format!("HEAD /hello HTTP/1.1\r\nHost: {}\r\n\r\n", server.addr()),
        request(&server, "/status/204"),
        request(&server, "/drip?bytes=10&seconds=0.1"),
        request(&server, "/hello"),
    ];
    connection.send(requests.concat());

    assert_eq!(connection.answer().status, 200, "/delay");
    assert_eq!(connection.answer().body.len(), 5, "/bytes/5");
    assert_eq!(connection.answer().text(), "ping", "/echo");
    assert_eq!(connection.answer_to_head().header("content-length"), Some("13"), "HEAD /hello");
    assert_eq!(connection.answer().status, 204, "/status/204");
    assert_eq!(connection.answer().body.len(), 10, "/drip");
    assert_eq!(connection.answer().text(), "Hello, World!", "/hello");
}

fn hundred_pipelined_requests(runtime: &str) {
    let server = Server::barewire(runtime, &["echo"]);
    let mut connection = Connection::open(server.addr());
    let targets: Vec<String> = (0..100).map(|n| format!("/anything?n={n}")).collect();
    // From a thread of its own: a server may stop reading until its answers are read.
    let mut writer = connection.writer();
    let requests: String = targets.iter().map(|target| request(&server, target)).collect();
    let sending = thread::spawn(move || writer.write_all(requests.as_bytes()));
    for n in 0..100 {
        let json: serde_json::Value =
            serde_json::from_slice(&connection.answer().body).expect("JSON");
        assert_eq!(json["args"]["n"], n.to_string());
    }
    sending.join().expect("no panic").expect("all was sent");
}

fn json_nested_too_deeply_harms_nobody(runtime: &str) {
    let server = Server::barewire(runtime, &["echo"]);
    let mut connection = Connection::open(server.addr());
    for (depth, parses) in [(100, true), (1_000_000, false)] {
        let body = "[".repeat(depth) + &"]".repeat(depth);
        connection.send(format!(
            "POST /anything HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        let json: serde_json::Value =
            serde_json::from_slice(&connection.answer().body).expect("JSON");
        assert_eq!(json["json"].is_array(), parses, "{depth} deep");
        assert_eq!(json["data"], body);
    }
}

fn request_in_single_bytes(runtime: &str) {
    let server = Server::barewire(runtime, &["echo"]);
    let mut connection = Connection::open(server.addr());
    connection.writer().set_nodelay(true).expect("a TCP socket");
    let head = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let request = [head, "4;x=y\r\nping\r\n0\r\nA: b\r\n\r\n"].concat();
    for byte in request.as_bytes() {
        connection.send([*byte]);
    }
    assert_eq!(connection.answer().text(), "ping");
}

fn large_echo_with_a_reader_of_its_own(runtime: &str) {
    const LEN: usize = 16 * 1024 * 1024;
    let server = Server::barewire(runtime, &["echo"]);
    let mut connection = Connection::open(server.addr());
    let body = noise(LEN);
    let head =
        format!("POST /echo HTTP/1.1\r\nHost: {}\r\nContent-Length: {LEN}\r\n\r\n", server.addr());
    let mut writer = connection.writer();
    let sent = body.clone();
    let sending = thread::spawn(move || {
        writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(&sent))
    });
    let answer = connection.answer();
    sending.join().expect("no panic").expect("all was sent");
    assert!(answer.body == body, "{} bytes came back, not the same", answer.body.len());
}

fn half_closed_client_gets_its_answer(runtime: &str) {
    let server = Server::barewire(runtime, &["echo"]);
    let mut connection = Connection::open(server.addr());
    connection.send(request(&server, "/delay/0.2"));
    connection.send(request(&server, "/hello"));
    connection.writer().shutdown(Shutdown::Write).expect("connected");
    assert_eq!(connection.answer().status, 200);
    assert_eq!(connection.answer().text(), "Hello, World!");
    assert_eq!(connection.rest(), b"", "the server closes, too");
}

fn expect_continue(runtime: &str) {
    let server = Server::barewire(runtime, &["echo"]);
    let mut connection = Connection::open(server.addr());
    let head =
        "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    connection.send(head);
    // Nothing more is sent until the server asks for it.
    assert_eq!(connection.answer().status, 100);
    connection.send("ping");
    assert_eq!(connection.answer().text(), "ping");
    connection.send(request(&server, "/hello"));
    assert_eq!(connection.answer().text(), "Hello, World!");
}

fn trailers(runtime: &str) {
    let server = Server::barewire(runtime, &["echo"]);
    let mut connection = Connection::open(server.addr());
    connection.send("GET /trailers HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
    let answer = connection.answer();
    assert_eq!(answer.status, 200);
    assert!(!answer.trailers.is_empty(), "{answer:?}");
    connection.send(request(&server, "/hello"));
    assert_eq!(connection.answer().text(), "Hello, World!", "the connection lives on");
}

fn http_1_0_ends_with_the_connection(runtime: &str) {
    let server = Server::barewire(runtime, &["echo"]);
    let mut connection = Connection::open(server.addr());
    connection.send("GET /drip?bytes=20&seconds=0.2 HTTP/1.0\r\n\r\n");
    let answer = connection.head();
    assert_eq!(answer.header("transfer-encoding"), None, "HTTP/1.0 knows no chunks: {answer:?}");
    assert_eq!(connection.rest().len(), 20);
}

fn smuggled_request_is_refused(runtime: &str) {
    let server = Server::barewire(runtime, &["echo"]);
    for framing in [
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding : chunked",
    ] {
        let mut connection = Connection::open(server.addr());
        connection.send(format!("POST /echo HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n0\r\n\r\n"));
        let answer = connection.answer();
        assert!(matches!(answer.status, 400 | 501), "{framing:?}: {answer:?}");
        assert_eq!(answer.header("connection"), Some("close"), "{framing:?}: {answer:?}");
        assert_eq!(connection.rest(), b"", "{framing:?}: nothing after it is taken for a request");
    }
    assert_eq!(exchange(server.addr(), "GET /hello HTTP/1.1").status, 200);
}

on_each_runtime!(
    expect_continue,
    half_closed_client_gets_its_answer,
    http_1_0_ends_with_the_connection,
    hundred_pipelined_requests,
    json_nested_too_deeply_harms_nobody,
    large_echo_with_a_reader_of_its_own,
    pipelined_answers_come_in_order,
    request_in_single_bytes,
    smuggled_request_is_refused,
    trailers,
);
