//! One event of `tracing` for each request.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Condvar, Mutex, Once};

use barewire_rt::Spawn;
use barewire_server::Body;
use http::{Request, Response, StatusCode};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

use crate::harness::{PATIENCE, Running, get, post};

type Line = HashMap<&'static str, String>;

static LINES: Mutex<Vec<Line>> = Mutex::new(Vec::new());
static WRITTEN: Condvar = Condvar::new();

/// Keeps what the server says about requests; there can be only one for the whole process.
struct Log;

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "barewire::server" && *metadata.level() == Level::INFO
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Fields(Line::new());
        event.record(&mut line);
        // Only these tests ask for such targets; the others would fill the memory.
        if line.0.get("uri").is_some_and(|uri| uri.starts_with("/logged/")) {
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
    let mut found = None;
    let lines = LINES.lock().unwrap();
    let look = |lines: &mut Vec<Line>| {
        found = lines.iter().position(|line| line["uri"] == target).map(|i| lines.swap_remove(i));
        found.is_none()
    };
    let (_lines, timeout) = WRITTEN.wait_timeout_while(lines, PATIENCE, look).unwrap();
    assert!(!timeout.timed_out(), "no line for {target}");
    found.unwrap()
}

pub(crate) fn has_a_line_for_each_request<R: Spawn>(runtime: R) {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| tracing::subscriber::set_global_default(Log).unwrap());
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
