//! A blocking runtime whose sockets cannot be had twice: a connection carries one request at a time.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use barewire_client::{Body, ErrorKind, Phase, blocking};
use barewire_h2::{Config, ServerEvent};
use barewire_rt::socket::ListenOptions;
use barewire_rt::{ConnectError, Interest, Listener, PeerAddr, Runtime, Transport};
use barewire_std::Std;
use barewire_testkit::limits::{TooSlow, growing};
use futures_lite::{AsyncRead, AsyncWrite};
use http::Version;

use crate::peer::{Server, Talk, echo_path};

/// Threads, with less from their sockets.
#[derive(Clone, Default)]
struct Single(Std);

/// A socket of which there is one handle.
struct Stream(<Std as Runtime>::TcpStream);

struct Incoming(<Std as Runtime>::TcpListener);

impl Runtime for Single {
    type TcpStream = Stream;
    type TcpListener = Incoming;
    type UdpSocket = <Std as Runtime>::UdpSocket;
    type UnixStream = <Std as Runtime>::UnixStream;
    type UnixListener = <Std as Runtime>::UnixListener;
    type Sleep = <Std as Runtime>::Sleep;

    const NAME: &'static str = "single";

    async fn connect_tcp(&self, addr: SocketAddr, deadline: Option<Instant>) -> io::Result<Stream> {
        self.0.connect_tcp(addr, deadline).await.map(Stream)
    }

    async fn connect_tcp_any(
        &self,
        addrs: Vec<SocketAddr>,
        stagger: Duration,
        deadline: Option<Instant>,
    ) -> Result<Stream, ConnectError> {
        self.0.connect_tcp_any(addrs, stagger, deadline).await.map(Stream)
    }

    fn listen_tcp(&self, addr: SocketAddr, options: &ListenOptions) -> io::Result<Incoming> {
        self.0.listen_tcp(addr, options).map(Incoming)
    }

    fn bind_udp(&self, addr: SocketAddr) -> io::Result<Self::UdpSocket> {
        self.0.bind_udp(addr)
    }

    fn connect_unix(
        &self,
        path: &Path,
    ) -> impl Future<Output = io::Result<Self::UnixStream>> + Send {
        self.0.connect_unix(path)
    }

    fn listen_unix(&self, path: &Path, options: &ListenOptions) -> io::Result<Self::UnixListener> {
        self.0.listen_unix(path, options)
    }

    fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
        self.0.resolve(host, port)
    }

    fn sleep_until(&self, at: Instant) -> Self::Sleep {
        self.0.sleep_until(at)
    }
}

impl Listener for Incoming {
    type Stream = Stream;

    async fn accept(&self) -> io::Result<(Stream, PeerAddr)> {
        self.0.accept().await.map(|(stream, peer)| (Stream(stream), peer))
    }

    fn local_addr(&self) -> io::Result<PeerAddr> {
        self.0.local_addr()
    }

    fn close(&self) {
        self.0.close();
    }
}

impl Transport for Stream {
    const BLOCKING: bool = true;

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Transport::poll_read(&mut self.0, cx, buf)
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Transport::poll_write(&mut self.0, cx, bufs)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_shutdown(cx)
    }

    fn wait(&mut self, cx: &mut Context<'_>, interest: Interest, deadline: Option<Instant>) {
        self.0.wait(cx, interest, deadline);
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        AsyncRead::poll_read(Pin::new(&mut self.0), cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut self.0), cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.0), cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_close(Pin::new(&mut self.0), cx)
    }
}

fn client() -> blocking::Client<Single> {
    blocking::Client::builder(Single::default()).http2_prior_knowledge().build()
}

#[test]
fn requests_one_after_another_share_a_connection() {
    let server = Server::new(Config::default(), |_| {
        |talk: &mut Talk, event: ServerEvent| match event {
            ServerEvent::Request(id, request, _) if request.uri().path() == "/large" => {
                talk.stream(id, vec![b'x'; 3 << 20], None);
            }
            event => echo_path(talk, event),
        }
    });
    let client = client();
    for n in 0..3 {
        let path = format!("/{n}");
        let response = client.get(server.url(&path)).send().unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
        assert_eq!(response.text().unwrap(), path);
    }
    let upload = client.post(server.url("/up")).body(vec![b'x'; 3 << 20]).send().unwrap();
    assert_eq!(upload.text().unwrap(), format!("/up {}", 3 << 20));
    let unknown = Body::from_read(io::Cursor::new(vec![b'x'; 1 << 20]));
    let upload = client.post(server.url("/up")).body(unknown).send().unwrap();
    assert_eq!(upload.text().unwrap(), format!("/up {}", 1 << 20));
    let large = client.get(server.url("/large")).send().unwrap();
    assert_eq!(large.bytes().unwrap().len(), 3 << 20);
    assert_eq!(server.connections(), 1);
    let counted = client.connections(server.url("/")).unwrap();
    assert_eq!((counted.idle, counted.in_use), (1, 0));
}

#[test]
fn requests_at_once_have_a_connection_each() {
    let server = Server::echo_paths(Config::default());
    let client = client();
    // Nobody is held up by one that is not read.
    let held: Vec<_> =
        (0..3).map(|n| client.get(server.url(&format!("/{n}"))).send().unwrap()).collect();
    assert_eq!(server.connections(), 3);
    for (n, response) in held.into_iter().enumerate() {
        assert_eq!(response.text().unwrap(), format!("/{n}"));
    }
    let start = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let (client, start, url) = (client.clone(), start.clone(), server.url(""));
            thread::spawn(move || {
                start.wait();
                for round in 0..10 {
                    let path = format!("/{thread}/{round}");
                    let response = client.get(format!("{url}{path}")).send().unwrap();
                    assert_eq!(response.text().unwrap(), path);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(server.connections() <= 11, "{} connections", server.connections());
    assert_eq!(client.connections(server.url("/")).unwrap().in_use, 0);
}

#[test]
fn timeouts_and_ends_are_noticed() {
    let server = Server::new(Config::default(), |number| {
        move |talk: &mut Talk, event: ServerEvent| {
            let never = matches!(&event, ServerEvent::Request(_, request, _)
                if request.uri().path() == "/never");
            let last = number > 0 && matches!(event, ServerEvent::End(_));
            if !never {
                echo_path(talk, event);
            }
            talk.hang_up |= last;
        }
    });
    let client = client();
    assert_eq!(client.get(server.url("/first")).send().unwrap().text().unwrap(), "/first");
    growing(Duration::from_millis(50), |limit| {
        let error = client.get(server.url("/never")).timeout(limit).send().unwrap_err();
        match error.kind() {
            ErrorKind::Timeout(Phase::ReceiveHead) => Ok(()),
            _ if error.is_timeout() => Err(TooSlow::because(error)),
            _ => panic!("{error:?}"),
        }
    });
    assert_eq!(client.get(server.url("/a")).send().unwrap().text().unwrap(), "/a");
    assert_eq!(server.connections(), 1);
    // Closed while it was idle: noticed before the next request is sent on it.
    server.tell(0, |talk| talk.hang_up = true);
    assert_eq!(server.note(), "hung up");
    let post = client.post(server.url("/b")).body("once").send().unwrap();
    assert_eq!(post.text().unwrap(), "/b 4");
    assert_eq!(server.connections(), 2);
}
