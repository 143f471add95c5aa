//! Servers in TLS, of either protocol, over plain blocking sockets.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use barewire_h1::ServerConnection as H1;
use barewire_h2::{BodyLength, Config, ServerConnection as H2, ServerEvent, StreamId};
use barewire_proto::{Buf, Protocol};
use barewire_tls::{Event, SelfSigned, ServerConfig, Tls};
use bytes::Bytes;
use http::Response;

/// How a server ends a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The connection goes on.
    Whole,
    /// The connection is cut within a body whose length was told.
    InLength,
    /// The same behind the last byte of such a body.
    BehindLength,
    /// The connection is cut between two chunks.
    InChunks,
    /// The connection is cut, and its end would be the body's.
    Silent,
    /// The same, but the server says that this is the end.
    Told,
}

impl Ending {
    /// A response whose body is `text`, or was to be longer.
    fn response(self, text: &str) -> String {
        let length = text.len();
        match self {
            Self::Whole => unreachable!("that is left to the state machine"),
            Self::InLength => format!("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{text}"),
            Self::BehindLength => {
                format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{text}")
            }
            Self::InChunks => format!(
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{text}\r\n"
            ),
            Self::Silent | Self::Told => format!("HTTP/1.1 200 OK\r\n\r\n{text}"),
        }
    }
}

/// A server; every request is answered with its path.
pub(crate) struct Server {
    addr: SocketAddr,
    connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn http1(made: &SelfSigned, alpn: &[&str], ending: Ending) -> Self {
        let config = made.server().alpn(alpn.iter().copied()).build().unwrap();
        Self::new(move |_, stream| speak_http1(stream, &config, ending))
    }

    pub(crate) fn http2(made: &SelfSigned, alpn: &[&str]) -> Self {
        Self::with(made.server().alpn(alpn.iter().copied()).build().unwrap())
    }

    pub(crate) fn with(config: ServerConfig) -> Self {
        Self::new(move |_, stream| speak_http2(stream, &config, Config::default()))
    }

    /// HTTP/2 on the first connection, one request at a time, and HTTP/1.1 on all others.
    pub(crate) fn http2_at_first(made: &SelfSigned) -> Self {
        let h2 = made.server().alpn(["h2"]).build().unwrap();
        let h1 = made.server().alpn(["http/1.1"]).build().unwrap();
        Self::new(move |number, stream| match number {
            0 => {
                let mut config = Config::default();
                config.settings.max_concurrent_streams = 1;
                speak_http2(stream, &h2, config);
            }
            _ => speak_http1(stream, &h1, Ending::Whole),
        })
    }

    /// Nothing on the first connections, and HTTP/2 on all others.
    pub(crate) fn silent_at_first(made: &SelfSigned, silent: usize) -> Self {
        let config = made.server().alpn(["h2"]).build().unwrap();
        Self::new(move |number, mut stream| match number < silent {
            true => while !matches!(stream.read(&mut [0; 4096]), Ok(0) | Err(_)) {},
            false => speak_http2(stream, &config, Config::default()),
        })
    }

    /// `serve` is told which connection it is, in the order of their coming.
    fn new(serve: impl Fn(usize, TcpStream) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (connections, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, stopped) = (connections.clone(), stop.clone());
        let thread = thread::spawn(move || {
            let mut running = Vec::new();
            loop {
                let (stream, _) = listener.accept().unwrap();
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let number = count.fetch_add(1, Ordering::SeqCst);
                let serve = serve.clone();
                running.push(thread::spawn(move || serve(number, stream)));
            }
            for connection in running {
                connection.join().unwrap();
            }
        });
        Self { addr, connections, stop, thread: Some(thread) }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.addr.port())
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.thread.take()
            && !thread::panicking()
        {
            thread.join().unwrap();
        }
    }
}

fn speak_http1(stream: TcpStream, config: &ServerConfig, ending: Ending) {
    let tls = Tls::server(config, |_| H1::new(barewire_h1::Config::default()));
    serve(stream, tls.tolerate_end(H1::is_idle), |h1, event| {
        let barewire_h1::ServerEvent::Request(request, _) = event else { return false };
        if ending != Ending::Whole {
            h1.output().put(ending.response(request.uri().path()).as_bytes());
            if ending == Ending::Told {
                // TLS says so behind it.
                h1.output().finish();
            }
            return true;
        }
        let body = Bytes::from(request.uri().path().to_owned());
        h1.respond(&Response::new(()), body).unwrap();
        false
    });
}

fn speak_http2(stream: TcpStream, config: &ServerConfig, h2: Config) {
    let tls = Tls::server(config, |_| H2::new(h2));
    let mut echo = Echo::default();
    serve(stream, tls, move |h2, event| echo.react(h2, event));
}

/// Answers with the path, or at `/echo` with what has come. At `/cut` the connection is cut within the body.
#[derive(Default)]
struct Echo {
    received: HashMap<StreamId, Vec<u8>>,
    sending: HashMap<StreamId, Bytes>,
}

impl Echo {
    fn react(&mut self, h2: &mut H2, event: ServerEvent) -> bool {
        match event {
            ServerEvent::Request(id, request, _) if request.uri().path() == "/cut" => {
                h2.send_response(id, &Response::new(()), BodyLength::Unknown).unwrap();
                h2.send_data(id, &mut Bytes::from_static(b"half"), false).unwrap();
                return true;
            }
            ServerEvent::Request(id, request, BodyLength::Empty) => {
                let body = Bytes::from(request.uri().path().to_owned());
                h2.respond(id, &Response::new(()), body).unwrap();
            }
            ServerEvent::Data(id, data) => {
                h2.release_capacity(id, data.len());
                self.received.entry(id).or_default().extend_from_slice(&data);
            }
            ServerEvent::End(id) => {
                let body = self.received.remove(&id).unwrap_or_default();
                h2.send_response(id, &Response::new(()), BodyLength::Unknown).unwrap();
                self.sending.insert(id, body.into());
                self.push(h2, id);
            }
            ServerEvent::Writable(id) => self.push(h2, id),
            _ => {}
        }
        false
    }

    fn push(&mut self, h2: &mut H2, id: StreamId) {
        if let Some(body) = self.sending.get_mut(&id) {
            h2.send_data(id, body, true).unwrap();
            if body.is_empty() {
                self.sending.remove(&id);
            }
        }
    }
}

/// Runs a connection until the client closes it, or until `react` says that it is to be cut.
fn serve<P: Protocol>(
    mut stream: TcpStream,
    mut tls: Tls<P>,
    mut react: impl FnMut(&mut P, P::Event) -> bool,
) {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    let mut cut = false;
    loop {
        assert!(Instant::now() < end, "the client does not end");
        tls.handle_timeout(Instant::now());
        let mut over = false;
        loop {
            match tls.poll_event() {
                Ok(Some(Event::Established)) => {}
                Ok(Some(Event::Inner(event))) => {
                    cut |= react(tls.inner_mut().unwrap(), event);
                }
                Ok(None) => break,
                Err(_) => {
                    over = true;
                    break;
                }
            }
        }
        while tls.output().has_remaining() {
            let Ok(sent) = stream.write(tls.output().chunk()) else { return };
            tls.output().advance(sent);
        }
        if over || cut {
            // A reset must not overtake the last bytes.
            let _ = stream.shutdown(Shutdown::Write);
            while !matches!(stream.read(&mut [0; 4096]), Ok(0)) && Instant::now() < end {}
        }
        if over || cut || tls.is_closed() {
            return;
        }
        if !tls.wants_read() {
            continue;
        }
        let spare = tls.input().spare(65536);
        match stream.read(spare) {
            Ok(0) => tls.input().close(),
            Ok(n) => tls.input().commit(n),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}

/// A server whose certificate was good once, and the certificate to trust.
pub(crate) fn expired() -> (ServerConfig, String) {
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2000, 1, 1);
    params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let builder = ServerConfig::builder().certificate_pem(&pem, key.serialize_pem());
    (builder.alpn(["h2"]).build().unwrap(), pem)
}

/// A certificate that has signed nobody.
pub(crate) fn stranger() -> String {
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "somebody else");
    params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
}
