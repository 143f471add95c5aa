//! The race of connection attempts, on a clock that the test moves and addresses that do as they are told.

#![cfg(unix)]

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use barewire_rt::async_io::{Stream, TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream};
use barewire_rt::socket::ListenOptions;
use barewire_rt::{CONNECT_STAGGER, ConnectError, Runtime, connect_any};

#[derive(Clone)]
struct Fake(Arc<Mutex<State>>);

struct State {
    now: Instant,
    tried: Vec<SocketAddr>,
}

impl Fake {
    /// An attempt that sees the deadline first: the thread was held up for a moment just before it.
    fn give_up(&self, deadline: Instant) -> Poll<io::Result<TcpStream>> {
        let mut state = self.0.lock().unwrap();
        if state.now + Duration::from_millis(1) < deadline {
            return Poll::Pending;
        }
        state.now = deadline;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

struct Sleep(Instant, Fake);

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.1.now() >= self.0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Runtime for Fake {
    type TcpStream = TcpStream;
    type TcpListener = TcpListener;
    type UdpSocket = UdpSocket;
    type UnixStream = UnixStream;
    type UnixListener = UnixListener;
    type Sleep = Sleep;

    const NAME: &'static str = "fake";

    async fn connect_tcp(
        &self,
        addr: SocketAddr,
        deadline: Option<Instant>,
    ) -> io::Result<Self::TcpStream> {
        self.0.lock().unwrap().tried.push(addr);
        match addr.port() {
            ANSWERS => connected(),
            REFUSES => Err(io::ErrorKind::ConnectionRefused.into()),
            LATE => poll_fn(|_| self.give_up(deadline.unwrap())).await,
            _ => std::future::pending().await,
        }
    }

    fn listen_tcp(&self, _: SocketAddr, _: &ListenOptions) -> io::Result<Self::TcpListener> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn bind_udp(&self, _: SocketAddr) -> io::Result<Self::UdpSocket> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn connect_unix(&self, _: &Path) -> io::Result<Self::UnixStream> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn listen_unix(&self, _: &Path, _: &ListenOptions) -> io::Result<Self::UnixListener> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        Sleep(at, self.clone())
    }

    fn now(&self) -> Instant {
        self.0.lock().unwrap().now
    }
}

const ANSWERS: u16 = 1;
const REFUSES: u16 = 2;
const SILENT: u16 = 3;
const LATE: u16 = 4;

/// Any TCP stream will do.
fn connected() -> io::Result<TcpStream> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Stream::try_from(std::net::TcpStream::connect(listener.local_addr()?)?)
}

/// Lets the race run while the clock moves on by one millisecond at a time: how it ended, when, and whom it
/// tried.
fn race(
    ports: &[u16],
    deadline: Option<Duration>,
) -> (Result<(), ConnectError>, Duration, Vec<u16>) {
    let start = Instant::now();
    let fake = Fake(Arc::new(Mutex::new(State { now: start, tried: Vec::new() })));
    let addrs = ports.iter().map(|port| SocketAddr::from(([10, 0, 0, 1], *port))).collect();
    let deadline = deadline.map(|after| start + after);
    let mut racing = pin!(connect_any(fake.clone(), addrs, CONNECT_STAGGER, deadline));
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        let polled = racing.as_mut().poll(&mut cx);
        let mut state = fake.0.lock().unwrap();
        if let Poll::Ready(ended) = polled {
            let tried = state.tried.iter().map(SocketAddr::port).collect();
            return (ended.map(drop), state.now - start, tried);
        }
        state.now += Duration::from_millis(1);
    }
}

#[test]
fn the_first_that_answers_wins_without_the_others_being_tried() {
    let (ended, after, tried) = race(&[ANSWERS, ANSWERS], None);
    assert!(ended.is_ok());
    assert_eq!((after, tried), (Duration::ZERO, vec![ANSWERS]));
}

#[test]
fn a_refusal_brings_the_next_one_at_once_and_silence_after_the_stagger() {
    let (ended, after, tried) = race(&[REFUSES, SILENT, SILENT, ANSWERS], None);
    assert!(ended.is_ok());
    assert_eq!(after, 2 * CONNECT_STAGGER);
    assert_eq!(tried, [REFUSES, SILENT, SILENT, ANSWERS]);
}

#[test]
fn the_deadline_ends_it() {
    let limit = Duration::from_millis(300);
    let (ended, after, tried) = race(&[SILENT, SILENT, ANSWERS], Some(limit));
    assert!(matches!(ended, Err(ConnectError::TimedOut)));
    assert_eq!((after, tried), (limit, vec![SILENT, SILENT]));
}

#[test]
fn the_deadline_is_the_same_whoever_sees_it_first() {
    for ports in [&[LATE][..], &[SILENT, LATE], &[REFUSES, LATE]] {
        let (ended, after, _) = race(ports, Some(Duration::from_millis(300)));
        assert!(matches!(ended, Err(ConnectError::TimedOut)), "{ports:?}: {ended:?}");
        assert_eq!(after, Duration::from_millis(300));
    }
}

#[test]
fn all_failures_are_told() {
    let (ended, _, _) = race(&[REFUSES, REFUSES], None);
    assert!(matches!(ended, Err(ConnectError::Failed(failed)) if failed.len() == 2));
    let (ended, _, _) = race(&[], None);
    assert!(matches!(ended, Err(ConnectError::NoAddress)));
}
