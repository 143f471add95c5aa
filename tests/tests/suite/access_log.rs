//! One event of `tracing` for each request, and one for each violation.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Condvar, Mutex, Once};

use barewire_rt::Spawn;
use barewire_server::Body;
use http::{Request, Response, StatusCode};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

use crate::harness::{Connection, PATIENCE, Running, config, get, post};

type Line = HashMap<&'static str, String>;

static LINES: Mutex<Vec<Line>> = Mutex::new(Vec::new());
/// The clients whose violations are waited for.
static WATCHED: Mutex<Vec<String>> = Mutex::new(Vec::new());
static WRITTEN: Condvar = Condvar::new();

/// Keeps what the server says about requests and violations; there can be only one for the whole process.
struct Log;

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "barewire::server" && *metadata.level() >= Level::INFO
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Fields(Line::new());
        event.record(&mut line);
        // Only these tests ask for such targets; the others would fill the memory.
        let wanted = match line.0.get("uri") {
            Some(uri) => uri.starts_with("/logged/"),
            None => line.0.get("peer").is_some_and(|one| WATCHED.lock().unwrap().contains(one)),
        };
        if wanted {
            LINES.lock().unwrap().push(line.0);
            WRITTEN.notify_all();
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Fields(Line);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

#[track_caller]
fn line(target: &str) -> Line {
    line_with("uri", target)
}

/// Waits for the line that has this value in this field.
#[track_caller]
fn line_with(field: &str, value: &str) -> Line {
    let has = |line: &Line| line.get(field).is_some_and(|one| one == value);
    let mut found = None;
    let lines = LINES.lock().unwrap();
    let look = |lines: &mut Vec<Line>| {
        found = lines.iter().position(has).map(|i| lines.swap_remove(i));
        found.is_none()
    };
    let (_lines, timeout) = WRITTEN.wait_timeout_while(lines, PATIENCE, look).unwrap();
    assert!(!timeout.timed_out(), "no line for {value}");
    found.unwrap()
}

fn install() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| tracing::subscriber::set_global_default(Log).unwrap());
}

pub(crate) fn has_a_line_for_each_request<R: Spawn>(runtime: R) {
    install();
    let server = Running::start(&runtime, async |request: Request<Body>| {
        let status = match request.method().as_str() {
            "POST" => StatusCode::CREATED,
            _ => StatusCode::NOT_FOUND,
        };
        let body = match request.uri().path().ends_with("stream") {
            true => request.into_body(),
            false => Body::from("some text"),
        };
        (status, Response::new(body))
    });
    let mut connection = server.open();
    let peer = connection.writer().local_addr().unwrap().to_string();
    let port = server.addr.port();
    let (get_target, post_target) =
        (format!("/logged/{port}?q=1"), format!("/logged/{port}/stream"));
    for (request, target, method, status, bytes) in [
        (get(&get_target), &get_target, "GET", "404", "9"),
        (post(&post_target, "hello"), &post_target, "POST", "201", "5"),
    ] {
        connection.send(request);
        assert_eq!(connection.answer().status.to_string(), status);
        let line = line(target);
        for (field, value) in [
            ("peer", &*peer),
            ("method", method),
            ("version", "HTTP/1.1"),
            ("status", status),
            ("bytes", bytes),
            ("whole", "true"),
        ] {
            assert_eq!(line[field], value, "{field}");
        }
        assert!(line["elapsed_us"].parse::<u64>().is_ok());
    }
    // A client that leaves halfway.
    let target = format!("/logged/{port}/halfway/stream");
    let request = post(&target, "hello").replace("Content-Length: 5", "Content-Length: 10");
    connection.send(request);
    assert_eq!(connection.head().status, 201);
    assert_eq!(connection.exactly(5), b"hello");
    connection.reset();
    assert_eq!(line(&target)["whole"], "false");
    server.stop();
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = (payload.len() as u32).to_be_bytes();
    [&[high, middle, low, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// A literal field of a header block, in no table.
fn field(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).unwrap();
    [&[0, length(name)], name.as_bytes(), &[length(value)], value.as_bytes()].concat()
}

pub(crate) fn says_why_a_request_was_refused<R: Spawn>(runtime: R) {
    install();
    let config = config(|config| {
        config.http1.limits.max_fields = 4;
        config.http2.limits.max_fields = 4;
        config.http2.limits.max_body = 4;
    });
    let server = Running::with(&runtime, config, async |request: Request<Body>| {
        drop(request.into_body().collect(100).await);
        Response::new(Body::empty())
    });
    let watch = |connection: &mut Connection| {
        let peer = connection.writer().local_addr().unwrap().to_string();
        WATCHED.lock().unwrap().push(peer.clone());
        peer
    };
    let mut connection = server.open();
    let peer = watch(&mut connection);
    connection.send("GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\n\r\n");
    assert_eq!(line_with("peer", &peer)["answer"], "431");

    let head = [
        field(":method", "POST"),
        field(":scheme", "http"),
        field(":authority", "a"),
        field(":path", "/"),
    ]
    .concat();
    let mut connection = server.open();
    let peer = watch(&mut connection);
    connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    connection.send(frame(4, 0, 0, &[]));
    for (sent, answer, error) in [
        (frame(1, 5, 1, &field(":method", "GET")), "1", "MissingPseudoHeader on stream 1"),
        (
            frame(1, 5, 3, &[&head[..], &field("a", "b").repeat(5)].concat()),
            "431",
            "HeaderListTooLarge on stream 3",
        ),
        (
            [frame(1, 4, 5, &head), frame(0, 0, 5, b"hello")].concat(),
            "8",
            "BodyTooLarge on stream 5",
        ),
        (frame(6, 0, 1, &[0; 8]), "1", "BadStreamId ("),
    ] {
        connection.send(sent);
        let line = line_with("peer", &peer);
        assert_eq!(line["answer"], answer, "{line:?}");
        assert!(line["error"].starts_with(error), "{line:?}");
    }
    server.stop();
}
