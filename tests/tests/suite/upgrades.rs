//! `Upgrade: h2c` (RFC 7540, section 3.2): HTTP/2 on a connection that began with HTTP/1.1.

use std::io::{Read, Write};

use barewire_h2::{BodyLength, ClientConnection, ClientEvent, Reason, StreamId};
use barewire_rt::Spawn;
use barewire_server::{Body, Config};
use http::{HeaderValue, Method, Request};

use crate::harness::{Gate, Running, config, get, post, soon};
use crate::wire::{Peer, Wire, pattern};

fn upgrading() -> Config {
    config(|config| config.h2c_upgrade = true)
}

async fn version(request: Request<Body>) -> String {
    let (version, uri) = (request.version(), request.uri().clone());
    let hop = ["connection", "upgrade", "http2-settings", "keep-alive", "x-hop"];
    let hops = hop.iter().filter(|name| request.headers().contains_key(**name)).count();
    let body = request.into_body().collect(1 << 20).await.unwrap();
    format!("{version:?} {uri} {hops} {}", body.len())
}

const OFFER: &str = "Connection: Upgrade, HTTP2-Settings, X-Hop\r\nUpgrade: h2c\r\nX-Hop: 1\r\n";

/// A request that offers HTTP/2 with the settings of a client's configuration.
fn offer(method: &str, target: &str, client: &barewire_h2::Config) -> String {
    let settings = client.upgrade_settings();
    let settings = settings.to_str().unwrap();
    format!("{method} {target} HTTP/1.1\r\nHost: test\r\n{OFFER}HTTP2-Settings: {settings}\r\n\r\n")
}

/// A client whose offer in `sent` was taken.
fn upgraded(server: &Running, sent: &str, client: barewire_h2::Config, method: &str) -> Peer {
    let request = Request::builder().method(method).uri("http://test/").body(()).unwrap();
    let mut wire = Wire::new(server.addr, ClientConnection::upgraded(client, &request));
    wire.stream.write_all(sent.as_bytes()).unwrap();
    switched(&mut wire.stream);
    Peer::over(wire)
}

/// Reads the answer to an offer that is taken, and nothing behind it.
#[track_caller]
fn switched(stream: &mut std::net::TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    assert!(head.contains("\r\nconnection: upgrade\r\n"), "{head}");
    assert!(head.contains("\r\nupgrade: h2c\r\n"), "{head}");
    assert!(!head.contains("\r\ncontent-length"), "{head}");
}

const FIRST: StreamId = StreamId::new(1);

pub(crate) fn answer_on_stream_1<R: Spawn>(runtime: R) {
    let server = Running::with(&runtime, upgrading(), version);
    let client = barewire_h2::Config::default();
    let mut peer = upgraded(&server, &offer("GET", "/a?b", &client), client, "GET");
    let answer = peer.answer(FIRST);
    assert_eq!(answer.text(), "HTTP/2.0 http://test/a?b 0 0");
    assert!(answer.head.headers().contains_key("date"));
    // Then it is a connection like any other.
    let upload = peer.request(Method::POST, "/c", BodyLength::Known(300_000));
    assert_eq!(upload.value(), 3);
    peer.upload(upload, pattern(300_000));
    assert_eq!(peer.answer(upload).text(), "HTTP/2.0 http://test/c 0 300000");
    let ids: Vec<_> = (0..20).map(|_| peer.get("/")).collect();
    for id in ids {
        assert_eq!(peer.answer(id).text(), "HTTP/2.0 http://test/ 0 0");
    }
    drop(peer);
    server.stop();
}

/// Frames by hand, and a client that does not wait for the answer to its offer.
pub(crate) fn are_read_byte_by_byte<R: Spawn>(runtime: R) {
    let server = Running::with(&runtime, upgrading(), version);
    for eager in [false, true] {
        let mut stream = std::net::TcpStream::connect(server.addr).unwrap();
        stream.set_read_timeout(Some(crate::harness::PATIENCE)).unwrap();
        let mut sent = format!(
            "GET / HTTP/1.1\r\nHost: test\r\n{OFFER}HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
        )
        .into_bytes();
        let mut rest = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        // SETTINGS, and a PING.
        rest.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
        rest.extend([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        if eager {
            sent.append(&mut rest);
        }
        stream.write_all(&sent).unwrap();
        switched(&mut stream);
        for byte in rest {
            stream.write_all(&[byte]).unwrap();
        }
        let (mut body, mut ended, mut pong, mut first) = (Vec::new(), false, false, true);
        while !(ended && pong) {
            let mut head = [0; 9];
            stream.read_exact(&mut head).unwrap();
            let [0, high, low, kind, flags, 0, 0, 0, id] = head else { panic!("{head:?}") };
            let mut payload = vec![0; usize::from(high) << 8 | usize::from(low)];
            stream.read_exact(&mut payload).unwrap();
            assert!(!first || kind == 4, "the preface is SETTINGS, not {kind}");
            first = false;
            match (kind, id) {
                (0, 1) => body.extend(payload),
                (1, 1) => assert_eq!(flags & 4, 4, "END_HEADERS"),
                (6, 0) => pong = flags & 1 == 1,
                (4 | 8, 0) => {}
                other => panic!("{other:?}"),
            }
            ended |= id == 1 && flags & 1 == 1;
        }
        assert_eq!(body, b"HTTP/2.0 http://test/ 0 0");
    }
    server.stop();
}

pub(crate) fn take_the_settings_of_the_offer<R: Spawn>(runtime: R) {
    let server =
        Running::with(&runtime, upgrading(), async |_: Request<Body>| "a body of 22 bytes, ok");
    let mut client = barewire_h2::Config::default();
    client.settings.initial_window_size = 10;
    let mut peer = upgraded(&server, &offer("GET", "/", &client), client, "GET");
    let event = peer.wait(|event| matches!(event, ClientEvent::Data(..)));
    let ClientEvent::Data(id, data) = event else { unreachable!() };
    assert_eq!((id, &data[..]), (FIRST, &b"a body of "[..]));
    peer.h2().release_capacity(FIRST, data.len());
    assert_eq!(peer.answer_behind(FIRST), b"22 bytes, ok");
    drop(peer);
    server.stop();
}

pub(crate) fn come_with_any_request_that_has_no_body<R: Spawn>(runtime: R) {
    let server = Running::with(&runtime, upgrading(), version);
    let client = barewire_h2::Config::default();
    let mut connection = server.open();
    connection.send(get("/"));
    assert_eq!(connection.answer().text(), "HTTP/1.1 / 0 0");
    // One behind the other, so that the first answer is still to be sent when the offer is taken.
    connection.send(get("/") + &offer("GET", "/", &client));
    assert_eq!(connection.answer().text(), "HTTP/1.1 / 0 0");
    let answer = connection.head();
    assert_eq!((answer.status, answer.header("upgrade")), (101, Some("h2c")));
    assert_eq!(connection.exactly(9)[3], 4, "SETTINGS");

    let mut head = upgraded(&server, &offer("HEAD", "/", &client), client.clone(), "HEAD");
    let answer = head.answer(FIRST);
    assert_eq!(
        (answer.text(), &answer.head.headers()["content-length"]),
        ("", &HeaderValue::from_static("25"))
    );
    let mut options = upgraded(&server, &offer("OPTIONS", "*", &client), client, "OPTIONS");
    assert_eq!(options.answer(FIRST).status(), 200);
    drop((connection, head, options));
    server.stop();
}

pub(crate) fn are_ignored_unless_they_are_wanted<R: Spawn>(runtime: R) {
    let server = Running::start(&runtime, version);
    let mut connection = server.open();
    for _ in 0..2 {
        connection.send(offer("GET", "/", &barewire_h2::Config::default()));
        assert_eq!(connection.answer().text(), "HTTP/1.1 / 4 0");
    }
    drop(connection);
    server.stop();
}

/// Whatever else the configuration wants.
pub(crate) fn are_ignored_where_http_1_alone_is_spoken<R: Spawn>(runtime: R) {
    let config = Config { http1_only: true, ..upgrading() };
    let server = Running::with(&runtime, config, version);
    let mut connection = server.open();
    connection.send(offer("GET", "/", &barewire_h2::Config::default()));
    assert_eq!(connection.answer().text(), "HTTP/1.1 / 4 0");
    // Who does not ask is told.
    let mut prior = server.open();
    prior.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(prior.answer().status, 505);
    assert_eq!(prior.rest(), b"");
    drop((connection, prior));
    server.stop();
}

pub(crate) fn are_ignored_unless_they_are_as_they_should_be<R: Spawn>(runtime: R) {
    const SETTINGS: &str = "HTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    let server = Running::with(&runtime, upgrading(), version);
    let mut connection = server.open();
    let h2c = "Upgrade: h2c\r\n";
    let both = "Connection: Upgrade, HTTP2-Settings\r\n";
    for fields in [
        // RFC 7540, section 3.2.1: not present, or more than one.
        format!("{both}{h2c}"),
        format!("{both}{h2c}{SETTINGS}{SETTINGS}"),
        // Not listed in `Connection`.
        format!("{h2c}{SETTINGS}"),
        format!("Connection: Upgrade\r\n{h2c}{SETTINGS}"),
        format!("Connection: HTTP2-Settings\r\n{h2c}{SETTINGS}"),
        // Other protocols; `h2` is for TLS.
        format!("{both}Upgrade: h2\r\n{SETTINGS}"),
        format!("{both}Upgrade: websocket\r\n{SETTINGS}"),
        format!("{both}{SETTINGS}"),
        // Not base64url; not a whole setting; a window that is too large.
        format!("{both}{h2c}HTTP2-Settings: %%%%\r\n"),
        format!("{both}{h2c}HTTP2-Settings: AAMAAABk, AAQAAP__\r\n"),
        format!("{both}{h2c}HTTP2-Settings: AAMAAAB\r\n"),
        format!("{both}{h2c}HTTP2-Settings: AAT_____\r\n"),
    ] {
        connection.send(format!("GET / HTTP/1.1\r\nHost: test\r\n{fields}\r\n"));
        let answer = connection.answer();
        assert!(answer.text().starts_with("HTTP/1.1 / "), "{fields}{answer:?}");
        assert_eq!((answer.status, answer.header("upgrade")), (200, None), "{fields}");
    }
    // A body would have to be read before anything is sent.
    let offer = offer("POST", "/", &barewire_h2::Config::default());
    connection.send(offer.replace("\r\n\r\n", "\r\nContent-Length: 5\r\n\r\nhello"));
    assert_eq!(connection.answer().text(), "HTTP/1.1 / 4 5");
    connection.send(offer.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
    assert_eq!(connection.answer().text(), "HTTP/1.1 / 4 0");
    // And the connection is fine.
    connection.send(post("/", "hello"));
    assert_eq!(connection.answer().text(), "HTTP/1.1 / 0 5");
    let mut old = server.open();
    old.send(format!("GET / HTTP/1.0\r\nHost: test\r\n{OFFER}{SETTINGS}\r\n"));
    assert!(old.answer().text().starts_with("HTTP/1.0 / "));
    drop((connection, old));
    server.stop();
}

pub(crate) fn that_are_not_followed_up_end_the_connection<R: Spawn>(runtime: R) {
    let server = Running::with(&runtime, upgrading(), version);
    let mut connection = server.open();
    connection.send(offer("GET", "/", &barewire_h2::Config::default()));
    assert_eq!(connection.head().status, 101);
    connection.send(get("/"));
    // GOAWAY with PROTOCOL_ERROR: a request of HTTP/1.1 is not HTTP/2's preface.
    let rest = connection.until_the_end();
    let goaway: &[u8] = &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    assert!(rest.windows(goaway.len()).any(|window| window == goaway), "{rest:?}");
    server.stop();
}

pub(crate) fn are_finished_by_a_shutdown<R: Spawn>(runtime: R) {
    let gate = Gate::closed();
    let (begun, begins) = std::sync::mpsc::channel();
    let handler = {
        let gate = gate.clone();
        move |_: Request<Body>| {
            let (gate, begun) = (gate.clone(), begun.clone());
            async move {
                begun.send(()).unwrap();
                gate.pass().await;
                "well"
            }
        }
    };
    let server = Running::with(&runtime, upgrading(), handler);
    let client = barewire_h2::Config::default();
    let mut peer = upgraded(&server, &offer("GET", "/", &client), client, "GET");
    peer.flush();
    soon(&begins);
    server.handle.shutdown();
    let told = peer.wait(|event| matches!(event, ClientEvent::GoAway { .. }));
    assert!(matches!(told, ClientEvent::GoAway { reason: Reason::NO_ERROR, .. }));
    gate.open();
    assert_eq!(peer.answer(FIRST).text(), "well");
    server.ended().expect("every connection ended");
}
