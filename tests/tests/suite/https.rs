//! TLS: the same server, and who speaks what.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::mpsc::{Sender, channel};

use barewire_h1::ClientEvent as H1Event;
use barewire_h2::ClientConnection;
use barewire_proto::Protocol;
use barewire_rt::Spawn;
use barewire_server::tls::{ErrorKind, Event, SelfSigned, ServerConfig, Tls};
use barewire_server::{Body, BodyError, Config, Handler, Server};
use barewire_tests::scratch::Scratch;
use bytes::Bytes;
use http::Request;

use crate::harness::{PATIENCE, Running, any};
use crate::wire::{Peer, Wire};

fn start<R: Spawn>(runtime: &R, tls: &ServerConfig, handler: impl Handler) -> Running {
    let server = Server::bind(runtime.clone(), any()).unwrap().tls(tls.clone());
    Running::run(runtime, server.config(Config::default()), handler)
}

fn made() -> SelfSigned {
    SelfSigned::new(["localhost"]).unwrap()
}

fn both(made: &SelfSigned) -> ServerConfig {
    made.server().alpn(["h2", "http/1.1"]).build().unwrap()
}

/// A connection whose handshake is done.
#[track_caller]
fn shake<P: Protocol>(
    server: &Running,
    made: &SelfSigned,
    alpn: &[&str],
    make: impl FnOnce() -> P + Send + 'static,
) -> Wire<Tls<P>> {
    let client = made.client().alpn(alpn.iter().copied()).build().unwrap();
    let tls = Tls::client(&client, "localhost", |_| make()).unwrap();
    let mut wire = Wire::new(server.addr, tls);
    match wire.event() {
        Some(Ok(Event::Established)) => wire,
        Some(Err(error)) => panic!("{error}"),
        _ => panic!("the handshake does not come to its end"),
    }
}

async fn version(request: Request<Body>) -> String {
    let version = format!("{:?}", request.version());
    let body = request.into_body().collect(1 << 20).await.unwrap();
    format!("{version} {}", body.len())
}

/// One request over HTTP/1.1 in TLS, and the body of its response.
#[track_caller]
fn over_http_1(wire: &mut Wire<Tls<barewire_h1::ClientConnection>>) -> String {
    asked(wire, &Request::get("/").header("host", "test").body(()).unwrap())
}

#[track_caller]
fn asked(wire: &mut Wire<Tls<barewire_h1::ClientConnection>>, request: &Request<()>) -> String {
    let h1 = wire.protocol.inner_mut().unwrap();
    h1.send_request(request, barewire_h1::BodyLength::Empty).unwrap();
    let mut body = Vec::new();
    loop {
        match wire.event() {
            Some(Ok(Event::Inner(H1Event::Data(data)))) => body.extend_from_slice(&data),
            Some(Ok(Event::Inner(H1Event::End))) => return String::from_utf8(body).unwrap(),
            Some(Ok(_)) => {}
            Some(Err(error)) => panic!("{error}"),
            None => panic!("the connection ended"),
        }
    }
}

pub(crate) fn picks_the_version_by_alpn<R: Spawn>(runtime: R) {
    let made = made();
    let server = start(&runtime, &both(&made), version);
    let h2 = || ClientConnection::new(barewire_h2::Config::default());
    let h1 = || barewire_h1::ClientConnection::new(barewire_h1::Config::default());
    let mut two = Peer::over(shake(&server, &made, &["h2", "http/1.1"], h2));
    let mut one = shake(&server, &made, &["http/1.1"], h1);
    let mut none = shake(&server, &made, &[], h1);
    for _ in 0..3 {
        let ids: Vec<_> = (0..10).map(|_| two.get("/")).collect();
        for id in ids {
            assert_eq!(two.answer(id).text(), "HTTP/2.0 0");
        }
        assert_eq!(over_http_1(&mut one), "HTTP/1.1 0");
        assert_eq!(over_http_1(&mut none), "HTTP/1.1 0");
    }
    let length = barewire_h2::BodyLength::Known(1 << 20);
    let id = two.request(http::Method::POST, "/", length);
    two.upload(id, Bytes::from(vec![0; 1 << 20]));
    assert_eq!(two.answer(id).text(), "HTTP/2.0 1048576");
    drop((one, two, none));
    server.stop();
}

/// What a configuration names, what a client offers, and what they speak then.
pub(crate) fn names_its_protocols_by_itself<R: Spawn>(runtime: R) {
    let both = ["h2", "http/1.1"];
    let (two, one) = (Some("HTTP/2.0 0"), Some("HTTP/1.1 0"));
    for (named, http1_only, outcomes) in [
        (&[][..], false, [two, two, one, one]),
        (&both, false, [two, two, one, one]),
        (&["http/1.1"], false, [one, None, one, one]),
        (&["h2"], false, [two, two, None, one]),
        (&[], true, [one, None, one, one]),
        (&both, true, [one, None, one, one]),
    ] {
        let made = made();
        let tls = made.server().alpn(named.iter().copied()).build().unwrap();
        let server = Server::bind(runtime.clone(), any()).unwrap().tls(tls);
        let config = Config { http1_only, ..Config::default() };
        let server = Running::run(&runtime, server.config(config), version);
        let offers = [&both[..], &["h2"], &["http/1.1"], &[]];
        for (offered, outcome) in offers.into_iter().zip(outcomes) {
            assert_eq!(
                spoken(&server, &made, offered).as_deref(),
                outcome,
                "{named:?} {http1_only} {offered:?}"
            );
        }
        server.stop();
    }
}

/// What the server answers to a client that offers these protocols and speaks what was picked; `None` when they
/// have none in common.
#[track_caller]
fn spoken(server: &Running, made: &SelfSigned, offered: &[&str]) -> Option<String> {
    let client = made.client().alpn(offered.iter().copied()).build().unwrap();
    let tls = Tls::client(&client, "localhost", |_| {
        barewire_h1::ClientConnection::new(barewire_h1::Config::default())
    });
    let mut wire = Wire::new(server.addr, tls.unwrap());
    match wire.event() {
        Some(Ok(Event::Established)) => {}
        Some(Err(barewire_server::tls::Error::Tls(error))) => {
            assert_eq!(error.kind(), ErrorKind::NoCommonProtocol, "{error}");
            return None;
        }
        _ => panic!("the handshake does not come to its end"),
    }
    if !wire.protocol.negotiated().unwrap().is_h2() {
        return Some(over_http_1(&mut wire));
    }
    let Wire { protocol, stream } = wire;
    let protocol = protocol.map(|_| ClientConnection::new(barewire_h2::Config::default()));
    let mut two = Peer::over(Wire { protocol, stream });
    let id = two.get("/");
    Some(two.answer(id).text().to_owned())
}

pub(crate) fn ends_with_a_shutdown<R: Spawn>(runtime: R) {
    let made = made();
    let server = start(&runtime, &both(&made), version);
    let mut two = Peer::over(shake(&server, &made, &["h2"], || {
        ClientConnection::new(barewire_h2::Config::default())
    }));
    let mut one = shake(&server, &made, &["http/1.1"], || {
        barewire_h1::ClientConnection::new(barewire_h1::Config::default())
    });
    let id = two.get("/");
    two.answer(id);
    over_http_1(&mut one);
    // One that has not begun, and one that is amid its handshake.
    let mut silent = std::net::TcpStream::connect(server.addr).unwrap();
    server.handle.shutdown();
    two.until_the_end();
    while let Some(event) = one.event() {
        assert!(event.is_ok(), "it ends well");
    }
    assert_eq!(silent.read(&mut [0; 100]).unwrap_or(0), 0);
    server.ended().expect("every connection ended");
}

/// Tells what came of a body when its handler ends, however that comes.
struct Tell(Sender<Option<Outcome>>, Option<Outcome>);

type Outcome = Result<Bytes, BodyError>;

impl Tell {
    fn note(&mut self, outcome: Outcome) {
        self.1 = Some(outcome);
    }
}

impl Drop for Tell {
    fn drop(&mut self) {
        let _ = self.0.send(self.1.take());
    }
}

/// An upload that is cut without close_notify: the handler is told that TLS broke off, or is dropped, as those of
/// HTTP/2 are with their connection unless they hold a thread.
pub(crate) fn does_not_take_a_truncated_body_for_whole<R: Spawn>(runtime: R) {
    let made = made();
    let (tell, told) = channel();
    let server = start(&runtime, &both(&made), move |request: Request<Body>| {
        let mut tell = Tell(tell.clone(), None);
        async move {
            tell.note(request.into_body().collect(1 << 20).await);
            ""
        }
    });
    let mut one = shake(&server, &made, &["http/1.1"], || {
        barewire_h1::ClientConnection::new(barewire_h1::Config::default())
    });
    let request = Request::post("/").header("host", "test").body(()).unwrap();
    let h1 = one.protocol.inner_mut().unwrap();
    h1.send_request(&request, barewire_h1::BodyLength::Known(10)).unwrap();
    h1.send_data(&mut Bytes::from_static(b"half"), false).unwrap();
    one.flush();
    one.stream.shutdown(Shutdown::Write).unwrap();
    let why = told.recv_timeout(PATIENCE).expect("the handler ends");
    let Some(Err(BodyError::Tls(why))) = why else { panic!("{why:?}") };
    assert_eq!(why.kind(), ErrorKind::Truncated);
    let mut two = Peer::over(shake(&server, &made, &["h2"], || {
        ClientConnection::new(barewire_h2::Config::default())
    }));
    let id = two.request(http::Method::POST, "/", barewire_h2::BodyLength::Known(10));
    two.h2().send_data(id, &mut Bytes::from_static(b"half"), false).unwrap();
    two.flush();
    two.stream().shutdown(Shutdown::Write).unwrap();
    match told.recv_timeout(PATIENCE).expect("the handler ends") {
        None => {}
        Some(Err(BodyError::Tls(why))) => assert_eq!(why.kind(), ErrorKind::Truncated),
        Some(outcome) => panic!("{outcome:?}"),
    }
    drop((one, two));
    server.stop();
}

pub(crate) fn refuses_clear_text<R: Spawn>(runtime: R) {
    let made = made();
    let server = start(&runtime, &both(&made), version);
    let mut stream = std::net::TcpStream::connect(server.addr).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let mut all = Vec::new();
    let _ended_somehow = stream.read_to_end(&mut all);
    assert!(!all.starts_with(b"HTTP/1.1 200"), "{}", all.escape_ascii());
    let mut still = shake(&server, &made, &["http/1.1"], || {
        barewire_h1::ClientConnection::new(barewire_h1::Config::default())
    });
    assert_eq!(over_http_1(&mut still), "HTTP/1.1 0");
    drop((stream, still));
    server.stop();
}

pub(crate) fn takes_no_offer_of_clear_text<R: Spawn>(runtime: R) {
    let made = made();
    let server = Server::bind(runtime.clone(), any()).unwrap().tls(both(&made));
    let config = Config { h2c_upgrade: true, ..Config::default() };
    let server = Running::run(&runtime, server.config(config), version);
    let h1 = || barewire_h1::ClientConnection::new(barewire_h1::Config::default());
    let mut wire = shake(&server, &made, &["http/1.1"], h1);
    let settings = barewire_h2::Config::default().upgrade_settings();
    let offer = Request::get("/")
        .header("host", "test")
        .header("connection", "upgrade, http2-settings")
        .header("upgrade", "h2c")
        .header("http2-settings", settings);
    assert_eq!(asked(&mut wire, &offer.body(()).unwrap()), "HTTP/1.1 0");
    assert_eq!(over_http_1(&mut wire), "HTTP/1.1 0");
    drop(wire);
    server.stop();
}

pub(crate) fn takes_new_certificates_without_a_restart<R: Spawn>(runtime: R) {
    let (old, new) = (made(), made());
    let scratch = Scratch::new();
    let (cert, key) = (scratch.path().join("cert.pem"), scratch.path().join("key.pem"));
    let put = |made: &SelfSigned| {
        std::fs::write(&cert, made.certificate_pem()).unwrap();
        std::fs::write(&key, made.key_pem()).unwrap();
    };
    put(&old);
    let tls = ServerConfig::builder().certificate_files(&cert, &key).build().unwrap();
    let server = start(&runtime, &tls, version);
    let h1 = || barewire_h1::ClientConnection::new(barewire_h1::Config::default());
    let mut before = shake(&server, &old, &[], h1);
    put(&new);
    tls.reload().unwrap();
    let mut after = shake(&server, &new, &[], h1);
    for wire in [&mut before, &mut after] {
        assert_eq!(over_http_1(wire), "HTTP/1.1 0");
    }
    drop((before, after));
    server.stop();
}
