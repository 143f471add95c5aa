//! Where servers listen, and what they speak there.

use barewire_tests::exchange::{Connection, exchange};
use barewire_tests::on_each_runtime;
use barewire_tests::process::{Server, barewire};

fn names(runtime: &str) {
    let arguments = ["echo", "--runtime", runtime, "--bind", "localhost:0"];
    let server = Server::start(&mut barewire(&arguments));
    assert_eq!(exchange(server.addr(), "GET /hello HTTP/1.1").text(), "Hello, World!");
}

/// Whether HTTP/2 is answered in HTTP/2: to those who begin with it, and to those who offer it in HTTP/1.1.
fn speaks_http2(server: &Server) -> (bool, bool) {
    let mut prior = Connection::open(server.addr());
    prior.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    let answer = prior.exactly(12);
    let settings = answer[3] == 4;
    assert!(settings || answer == b"HTTP/1.1 505", "{answer:?}");
    let mut offering = Connection::open(server.addr());
    offering.send(
        "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
         HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    (settings, offering.head().status == 101)
}

fn versions(runtime: &str) {
    for (arguments, spoken) in [
        (&["echo"][..], (true, false)),
        (&["echo", "--http1"], (false, false)),
        (&["echo", "--h2c"], (true, true)),
    ] {
        let server = Server::barewire(runtime, arguments);
        assert_eq!(speaks_http2(&server), spoken, "{arguments:?}");
    }
}

on_each_runtime!(names, versions);

#[test]
fn few_threads() {
    let server = Server::barewire("std", &["echo", "--max-extra-threads", "0"]);
    assert_eq!(speaks_http2(&server), (true, false));
}
