//! TLS around HTTP/2 through the bare driver, on each runtime: the layer needs nothing of an adapter that other
//! protocols do not need.

use barewire::rt::socket::ListenOptions;
use barewire::rt::{Driver, DriverError, Listener, PeerAddr, Spawn, Transport};
use barewire_h2::{
    BodyLength, ClientConnection, ClientEvent, Config, Reason, ServerConnection, ServerEvent,
};
use barewire_tls::{Error, ErrorKind, Event, SelfSigned, ServerConfig, Tls};
use bytes::Bytes;
use http::{Request, Response};

const UPLOAD: usize = 1_000_000;

fn made() -> SelfSigned {
    SelfSigned::new(["localhost"]).expect("a name")
}

/// Answers each request with the length of its body.
async fn serve(config: ServerConfig, stream: impl Transport) {
    let tls = Tls::server(&config, |negotiated| {
        assert!(negotiated.is_h2());
        ServerConnection::new(Config::default())
    });
    let mut driver = Driver::new(tls, stream);
    let mut received = 0;
    while let Some(event) = driver.next_event().await.expect("the client keeps to the protocols") {
        let Event::Inner(event) = event else { continue };
        let http = driver.protocol_mut().inner_mut().expect("events come from inside");
        match event {
            ServerEvent::Data(id, data) => {
                received += data.len();
                http.release_capacity(id, data.len());
            }
            ServerEvent::Request(id, _, BodyLength::Empty) | ServerEvent::End(id) => {
                let body = std::mem::take(&mut received).to_string();
                http.respond(id, &Response::new(()), body.into()).expect("the stream is open");
            }
            _ => {}
        }
    }
}

async fn exchange<R: Spawn>(runtime: R) {
    let made = made();
    let server = made.server().alpn(["h2"]).build().expect("a certificate");
    let client = made.client().alpn(["h2"]).build().expect("roots");
    let options = ListenOptions::default();
    let listener = runtime.listen_tcp(([127, 0, 0, 1], 0).into(), &options).expect("a port");
    let Ok(PeerAddr::Tcp(addr)) = listener.local_addr() else { unreachable!("it is TCP") };
    let accepted = runtime.spawn(async move {
        serve(server, listener.accept().await.expect("a connection").0).await;
    });

    let stream = runtime.connect_tcp(addr, None).await.expect("it listens");
    let inside = |_: &_| ClientConnection::new(Config::default());
    let tls = Tls::client(&client, "localhost", inside).expect("a good name");
    let mut driver = Driver::new(tls, stream);
    let mut rest = Bytes::from(vec![b'x'; UPLOAD]);
    let mut answers = Vec::new();
    while let Some(event) = driver.next_event().await.expect("the server keeps to the protocols") {
        let http = driver.protocol_mut().inner_mut().expect("the handshake is done");
        match event {
            Event::Established => {
                for (method, length) in [("GET", BodyLength::Empty), ("POST", BodyLength::Unknown)]
                {
                    let request = Request::builder().method(method).uri("https://localhost/");
                    let request = request.body(()).expect("a good request");
                    let id = http.send_request(&request, length).expect("it can be sent");
                    if method == "POST" {
                        http.send_data(id, &mut rest, true).expect("the stream is open");
                    }
                }
            }
            Event::Inner(ClientEvent::Writable(id)) => {
                http.send_data(id, &mut rest, true).expect("the stream is open");
            }
            Event::Inner(ClientEvent::Data(id, data)) => {
                answers.push(String::from_utf8_lossy(&data).into_owned());
                http.release_capacity(id, data.len());
            }
            Event::Inner(ClientEvent::End(_)) if http.is_idle() => http.go_away(Reason::NO_ERROR),
            Event::Inner(_) => {}
        }
    }
    assert_eq!(answers, ["0".to_owned(), UPLOAD.to_string()], "{}", R::NAME);
    accepted.await.expect("the server ended well");
}

/// A certificate that nobody vouches for ends the handshake on both sides.
async fn refusal<R: Spawn>(runtime: R) {
    let server = made().server().alpn(["h2"]).build().expect("a certificate");
    let client = made().client().alpn(["h2"]).build().expect("roots of somebody else");
    let options = ListenOptions::default();
    let listener = runtime.listen_tcp(([127, 0, 0, 1], 0).into(), &options).expect("a port");
    let Ok(PeerAddr::Tcp(addr)) = listener.local_addr() else { unreachable!("it is TCP") };
    let accepted = runtime.spawn(async move {
        let stream = listener.accept().await.expect("a connection").0;
        let tls = Tls::server(&server, |_| ServerConnection::new(Config::default()));
        Driver::new(tls, stream).next_event().await
    });

    let stream = runtime.connect_tcp(addr, None).await.expect("it listens");
    let inside = |_: &_| ClientConnection::new(Config::default());
    let tls = Tls::client(&client, "localhost", inside).expect("a good name");
    let ours = Driver::new(tls, stream).next_event().await;
    let Err(DriverError::Protocol(Error::Tls(error))) = ours else { panic!("{ours:?}") };
    // The name of the issuer is the same, and the key is not.
    assert_eq!(error.kind(), ErrorKind::BadCertificate);
    let theirs = accepted.await.expect("it does not panic");
    let Err(DriverError::Protocol(Error::Tls(error))) = theirs else { panic!("{theirs:?}") };
    assert!(error.is_from_peer(), "{error:?}");
}

#[test]
fn smol() {
    let smol = barewire_smol::Smol::default();
    smol.block_on(exchange(smol.clone()));
    smol.block_on(refusal(smol.clone()));
}

#[test]
fn async_std() {
    let async_std = barewire_async_std::AsyncStd;
    async_std.block_on(exchange(async_std));
    async_std.block_on(refusal(async_std));
}

#[test]
fn std() {
    let std = barewire_std::Std::default();
    std.block_on(exchange(std));
    std.block_on(refusal(std));
}
