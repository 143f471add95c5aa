//! RFC 8305, through the client: a name with several addresses, not all of which answer.

use std::collections::BTreeSet;
use std::io::{ErrorKind as Io, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use barewire::client::{Config, Error, ErrorKind, Phase};
use barewire_rt::{ConnectError, Spawn};
use rustix::fd::OwnedFd;

use crate::caller::{Caller, Via};

/// Longer than any test may take.
const NEVER: Duration = Duration::from_secs(600);

/// Asks `http://two.test/`, which has these addresses.
fn ask<R: Spawn>(
    runtime: R,
    via: Via,
    addrs: &[SocketAddr],
    stagger: Duration,
    connect: Duration,
) -> Result<String, Error> {
    let mut config = Config { connect_stagger: stagger, ..Config::default() };
    config.timeouts.connect = Some(connect);
    let caller = Caller::new(runtime, via, |client| {
        client.config(config).resolve("two.test", addrs.iter().copied())
    });
    caller.get("http://two.test/")
}

/// A server for one request, which it answers with its `Host`.
fn answering() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let length = host.len();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{host}").unwrap();
    });
    addr
}

/// An address that refuses: it is bound, so that nobody else gets it, and does not listen.
fn refusing() -> (OwnedFd, SocketAddr) {
    use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
    let bound = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&bound, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let addr = getsockname(&bound).unwrap().try_into().unwrap();
    (bound, addr)
}

/// An address that does not answer: Linux drops who comes when the queue of who was not accepted is full.
fn silent() -> (OwnedFd, std::net::TcpStream, SocketAddr) {
    use rustix::event::{PollFd, PollFlags, poll};
    let (socket, addr) = refusing();
    rustix::net::listen(&socket, 0).unwrap();
    let queued = std::net::TcpStream::connect(addr).unwrap();
    poll(&mut [PollFd::new(&socket, PollFlags::IN)], None).unwrap();
    (socket, queued, addr)
}

/// How many attempts to connect there are to an address, in the whole system.
fn attempts(to: SocketAddr) -> usize {
    let remote = format!("0100007F:{:04X}", to.port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let columns = table.lines().skip(1).map(|line| line.split_ascii_whitespace().collect());
    // The third column is the remote address, the fourth the state: SYN_SENT is 2.
    let attempts = columns.filter(|line: &Vec<&str>| line[2] == remote && line[3] == "02");
    // Each has a local address of its own: a table that changes while it is read may have a line twice.
    attempts.map(|line| line[1]).collect::<BTreeSet<_>>().len()
}

/// Waits until nobody tries to connect to an address any more. Each attempt would go on for minutes.
///
/// A process that another test is starting shares all sockets for the moment before it is what it is to be.
fn nobody_goes_on(to: SocketAddr) {
    let start = Instant::now();
    while attempts(to) > 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "an attempt goes on after the end");
        thread::yield_now();
    }
}

pub(crate) fn silence_brings_the_next_address_after_the_stagger<R: Spawn>(runtime: R, via: Via) {
    if !cfg!(target_os = "linux") {
        return;
    }
    let (_listening, _queued, silent) = silent();
    // That the table shows attempts at all, or the last line would prove nothing.
    let probe = rustix::net::socket_with(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::STREAM,
        rustix::net::SocketFlags::NONBLOCK,
        None,
    )
    .unwrap();
    rustix::net::connect(&probe, &silent).unwrap_err();
    assert_eq!(attempts(silent), 1);
    drop(probe);
    nobody_goes_on(silent);

    let stagger = Duration::from_millis(30);
    let start = Instant::now();
    let answer = ask(runtime, via, &[silent, answering()], stagger, NEVER).unwrap();
    assert_eq!(answer, "two.test");
    assert!(start.elapsed() >= stagger, "the first one was not tried");
    nobody_goes_on(silent);
}

pub(crate) fn a_refusal_brings_the_next_address_at_once<R: Spawn>(runtime: R, via: Via) {
    let (_bound, refusing) = refusing();
    let answer = ask(runtime, via, &[refusing, answering()], NEVER, NEVER).unwrap();
    assert_eq!(answer, "two.test");
}

pub(crate) fn when_all_refuse_the_error_names_each<R: Spawn>(runtime: R, via: Via) {
    let ((_one, first), (_two, second)) = (refusing(), refusing());
    let error = ask(runtime, via, &[first, second], NEVER, NEVER).unwrap_err();
    let ErrorKind::Connect(ConnectError::Failed(failed)) = error.kind() else {
        panic!("{error:?}");
    };
    let told: Vec<_> = failed.iter().map(|(addr, error)| (*addr, error.kind())).collect();
    assert_eq!(told, [(first, Io::ConnectionRefused), (second, Io::ConnectionRefused)]);
    let text = error.to_string();
    for part in ["two.test", &first.to_string(), &second.to_string()] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    assert!(error.is_connect());
}

pub(crate) fn when_all_are_silent_the_timeout_ends_it<R: Spawn>(runtime: R, via: Via) {
    if !cfg!(target_os = "linux") {
        return;
    }
    let (_listening, _queued, silent) = silent();
    let stagger = Duration::from_millis(10);
    let error = ask(runtime, via, &[silent, silent], stagger, 5 * stagger).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout(Phase::Connect)), "{error:?}");
    nobody_goes_on(silent);
}
