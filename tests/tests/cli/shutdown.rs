//! SIGTERM and SIGINT end a server in order: what it has accepted is finished first.

use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use barewire_tests::exchange::{Connection, exchange};
use barewire_tests::on_each_runtime;
use barewire_tests::process::{Server, Signal};
use barewire_tests::scratch::Scratch;

/// A server with nothing left to do ends at once; this is generous for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(20);

fn idle(runtime: &str) {
    for signal in [Signal::TERM, Signal::INT] {
        let server = Server::barewire(runtime, &["echo"]);
        // One connection idle after a request, one that never said a word.
        let mut used = Connection::open(server.addr());
        used.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(used.answer().status, 200);
        let _silent = Connection::open(server.addr());

        let start = Instant::now();
        server.process().signal(signal);
        assert_eq!(used.rest(), b"", "the connection is closed in order");
        let finished = server.finish().expect_success();
        assert!(start.elapsed() < AT_ONCE, "{finished}");
    }
}

fn serve(runtime: &str) {
    let root = Scratch::new();
    root.write("index.html", "hello");
    let dir = root.path().to_str().expect("the scratch directory's path is UTF-8");
    let server = Server::barewire(runtime, &["serve", dir]);
    assert_eq!(exchange(server.addr(), "GET / HTTP/1.1").text(), "hello");
    server.process().signal(Signal::TERM);
    server.finish().expect_success();
}

fn finishes_what_it_has_accepted(runtime: &str) {
    let server = Server::barewire(runtime, &["echo"]);
    let addr = server.addr();
    let mut connection = Connection::open(addr);
    connection.send("GET /drip?bytes=20&seconds=1 HTTP/1.0\r\n\r\n");
    assert_eq!(connection.head().status, 200);
    let mut body = connection.exactly(1);

    server.process().signal(Signal::TERM);
    body.extend(connection.rest());
    assert_eq!(body.len(), 20, "the answer that had begun is finished");
    server.finish().expect_success();
    assert!(TcpStream::connect(addr).is_err(), "nobody listens any more");
}

fn second_signal_ends_it_at_once(runtime: &str) {
    let server = Server::barewire(runtime, &["echo"]);
    let mut connection = Connection::open(server.addr());
    connection.send("GET /drip?bytes=60&seconds=60 HTTP/1.0\r\n\r\n");
    assert_eq!(connection.head().status, 200);

    server.process().signal(Signal::TERM);
    // The first signal has arrived when nobody listens any more.
    let deadline = Instant::now() + AT_ONCE;
    while TcpStream::connect(server.addr()).is_ok() {
        assert!(Instant::now() < deadline, "it still listens");
        std::thread::yield_now();
    }
    server.process().signal(Signal::INT);
    let finished = server.finish();
    assert_eq!(finished.status.signal(), Some(Signal::INT.as_raw()), "{finished}");
}

on_each_runtime!(finishes_what_it_has_accepted, idle, second_signal_ends_it_at_once, serve);
