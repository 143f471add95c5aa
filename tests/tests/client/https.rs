//! The client and the server of this project: which version of HTTP they speak, and whom they trust.

use std::net::SocketAddr;
use std::thread::{self, JoinHandle};

use barewire::client::{ClientBuilder, ErrorKind, Phase};
use barewire::tls::{ClientConfig, ErrorKind as TlsErrorKind, SelfSigned, ServerConfig};
use barewire_rt::{PeerAddr, Spawn};
use barewire_server::{Body, Handle, Server};
use http::{Request, Version};

use crate::caller::{Caller, Via};

/// A server that tells the version and the path of each request. It ends when it is dropped.
struct Served {
    addr: SocketAddr,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    fn start<R: Spawn>(runtime: &R, tls: Option<ServerConfig>) -> Self {
        let mut server = Server::bind(runtime.clone(), ([127, 0, 0, 1], 0).into()).unwrap();
        if let Some(tls) = tls {
            server = server.tls(tls);
        }
        let Ok(PeerAddr::Tcp(addr)) = server.local_addr() else { panic!("it listens on TCP") };
        let (handle, runtime) = (server.handle(), runtime.clone());
        let handler = async |request: Request<Body>| {
            format!("{:?} {}", request.version(), request.uri().path())
        };
        let thread = thread::spawn(move || runtime.block_on(server.serve(handler)).unwrap());
        Self { addr, handle, thread: Some(thread) }
    }

    fn url(&self, scheme: &str, host: &str, path: &str) -> String {
        format!("{scheme}://{host}:{}{path}", self.addr.port())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.handle.shutdown();
        if let Some(thread) = self.thread.take()
            && !thread::panicking()
        {
            thread.join().unwrap();
        }
    }
}

fn made(name: &str) -> SelfSigned {
    SelfSigned::new([name]).unwrap()
}

/// Trusts these certificates, and finds every name here.
fn trusting<R: Spawn>(builder: ClientBuilder<R>, trusted: &[&SelfSigned]) -> ClientBuilder<R> {
    let add = |config, made: &&SelfSigned| {
        barewire::tls::ClientConfigBuilder::roots_pem(config, made.certificate_pem())
    };
    let config = trusted.iter().fold(ClientConfig::builder(), add).build().unwrap();
    ["localhost", "a.example", "b.example", "c.example"]
        .into_iter()
        .fold(builder.tls(config), |builder, name| {
            builder.resolve(name, [([127, 0, 0, 1], 0).into()])
        })
}

/// Rows are servers, columns are clients.
pub(crate) fn options_decide_which_version_is_spoken<R: Spawn>(runtime: R, via: Via) {
    type Choose<R> = fn(ClientBuilder<R>) -> ClientBuilder<R>;
    let columns: [Choose<R>; 3] =
        [|builder| builder, ClientBuilder::http1_only, ClientBuilder::http2_prior_knowledge];
    let (one, two) = (Some(Version::HTTP_11), Some(Version::HTTP_2));
    let made = made("localhost");
    let tls = |alpn: &[&str]| Some(made.server().alpn(alpn.iter().copied()).build().unwrap());
    for (scheme, tls, versions) in [
        ("http", None, [one, one, two]),
        ("https", tls(&[]), [two, one, two]),
        ("https", tls(&["http/1.1", "h2"]), [one, one, two]),
        ("https", tls(&["http/1.1"]), [one, one, None]),
        ("https", tls(&["h2"]), [two, None, two]),
    ] {
        let server = Served::start(&runtime, tls);
        for (choose, version) in columns.into_iter().zip(versions) {
            let caller =
                Caller::new(runtime.clone(), via, |builder| choose(trusting(builder, &[&made])));
            for path in ["/first", "/second"] {
                match (caller.get_version(&server.url(scheme, "localhost", path)), version) {
                    (Ok((spoken, text)), Some(version)) => {
                        assert_eq!(spoken, version);
                        assert_eq!(text, format!("{version:?} {path}"));
                    }
                    (Err(error), None) => {
                        let ErrorKind::Tls(Phase::Handshake, why) = error.kind() else {
                            panic!("{error:?}");
                        };
                        assert_eq!(why.kind(), TlsErrorKind::NoCommonProtocol);
                    }
                    (outcome, version) => panic!("{version:?} was to come of it: {outcome:?}"),
                }
            }
        }
    }
}

/// Several certificates in one server, of which each client is shown the one for the name that it asks for.
pub(crate) fn each_name_has_its_certificate<R: Spawn>(runtime: R, via: Via) {
    let (a, b) = (made("a.example"), made("b.example"));
    let tls = ServerConfig::builder()
        .certificate_pem(a.certificate_pem(), a.key_pem())
        .certificate_pem(b.certificate_pem(), b.key_pem())
        .build()
        .unwrap();
    let server = Served::start(&runtime, Some(tls));
    let url = |host: &str| server.url("https", host, "/");
    let why = |caller: &Caller<R>, host: &str| {
        let error = caller.get(&url(host)).unwrap_err();
        let ErrorKind::Tls(Phase::Handshake, why) = error.kind() else { panic!("{error:?}") };
        why.kind()
    };
    for (trusted, known, unknown) in
        [(&a, "a.example", "b.example"), (&b, "b.example", "a.example")]
    {
        let caller = Caller::new(runtime.clone(), via, |builder| trusting(builder, &[trusted]));
        assert_eq!(caller.get(&url(known)).unwrap(), "HTTP/2.0 /");
        // Its certificate is the other one, which nobody trusts here.
        let kind = why(&caller, unknown);
        let distrusted = [TlsErrorKind::UnknownIssuer, TlsErrorKind::BadCertificate];
        assert!(distrusted.contains(&kind), "{kind:?}");
    }
    let caller = Caller::new(runtime.clone(), via, |builder| trusting(builder, &[&a, &b]));
    for known in ["a.example", "b.example", "a.example"] {
        assert_eq!(caller.get(&url(known)).unwrap(), "HTTP/2.0 /");
    }
    // The first one stands in for a name that none of them is for.
    assert_eq!(why(&caller, "c.example"), TlsErrorKind::WrongName);
}

/// What is exchanged is for new connections; who has one goes on.
pub(crate) fn new_certificates_need_no_restart<R: Spawn>(runtime: R, via: Via) {
    let (old, new) = (made("localhost"), made("localhost"));
    let scratch = barewire_tests::scratch::Scratch::new();
    let put = |made: &SelfSigned| {
        let cert = scratch.write("cert.pem", made.certificate_pem());
        (cert, scratch.write("key.pem", made.key_pem()))
    };
    let (cert, key) = put(&old);
    let tls = ServerConfig::builder().certificate_files(cert, key).build().unwrap();
    let server = Served::start(&runtime, Some(tls.clone()));
    let url = server.url("https", "localhost", "/");
    let client = |trusted: &SelfSigned| {
        Caller::new(runtime.clone(), via, |builder| trusting(builder, &[trusted]))
    };
    let before = client(&old);
    assert_eq!(before.get(&url).unwrap(), "HTTP/2.0 /");
    put(&new);
    tls.reload().unwrap();
    assert_eq!(before.get(&url).unwrap(), "HTTP/2.0 /");
    assert_eq!(client(&new).get(&url).unwrap(), "HTTP/2.0 /");
    assert!(client(&old).get(&url).unwrap_err().is_connect());
    // What cannot be used changes nothing.
    std::fs::remove_file(scratch.path().join("key.pem")).unwrap();
    assert!(tls.reload().is_err());
    assert_eq!(client(&new).get(&url).unwrap(), "HTTP/2.0 /");
}
