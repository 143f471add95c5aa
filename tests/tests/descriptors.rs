//! Futures that are dropped at any of their awaits leave no descriptor behind, and what listens goes on.
//!
//! A program of its own, whose tests take turns: the descriptors of a process are everybody's.

#![cfg(target_os = "linux")]

use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use barewire::client::Client;
use barewire::server::{Config, Server};
use barewire_rt::{Listener, PeerAddr, Spawn, Transport, UdpSocket};
use barewire_tests::scratch::Scratch;
use futures_lite::{AsyncRead, AsyncReadExt, AsyncWriteExt};

#[test]
fn on_async_std() {
    nothing_is_left(barewire_async_std::AsyncStd);
}

#[test]
fn on_smol() {
    nothing_is_left(barewire_smol::Smol::default());
}

#[test]
fn on_std() {
    nothing_is_left(barewire_std::Std::default());
}

static ALONE: Mutex<()> = Mutex::new(());

fn nothing_is_left<R: Spawn>(runtime: R) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    runtime.block_on(all_that_waits(&runtime, 3));
    a_server_leaves_nothing(&runtime);
    let round = |polls| runtime.block_on(all_that_waits(&runtime, polls));
    // What the runtime itself opens it opens now.
    round(3);
    let count = || [descriptors()];
    let mut before = count();
    for polls in 0..8 {
        for _ in 0..4 {
            round(polls);
        }
        come_back(&mut before, count, &format!("futures were dropped after {polls} polls"));
    }
}

/// Waits until the counts are what they were before. What was about to go when it was counted is not counted again.
fn come_back<const N: usize>(before: &mut [usize; N], count: fn() -> [usize; N], when: &str) {
    let (start, was) = (Instant::now(), *before);
    loop {
        let now = count();
        for (least, now) in before.iter_mut().zip(now) {
            *least = now.min(*least);
        }
        if now.iter().zip(was).all(|(now, was)| *now <= was) {
            return;
        }
        let waited = start.elapsed();
        assert!(waited < Duration::from_secs(60), "{was:?} became {now:?} when {when}");
        thread::yield_now();
    }
}

/// A server that was told to stop, and not one that is dropped: neither its listener nor a thread of it stays.
fn a_server_leaves_nothing<R: Spawn>(runtime: &R) {
    let round = || {
        let any = "127.0.0.1:0".parse().unwrap();
        let config = Config { drain_timeout: Duration::from_secs(600), ..Config::default() };
        let server = Server::bind(runtime.clone(), any).unwrap().config(config);
        let handle = server.handle();
        let Ok(PeerAddr::Tcp(addr)) = server.local_addr() else { unreachable!() };
        let stops = handle.clone();
        let client = thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(addr).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
            stream.read_exact(&mut [0; 16]).unwrap();
            // It is idle, and counts as long as it has not heard of the shutdown.
            stops.shutdown();
            stream.read_to_end(&mut Vec::new()).unwrap();
        });
        runtime.block_on(server.serve(async |_| "hello")).unwrap();
        client.join().unwrap();
        handle
    };
    drop(round());
    let count = || [descriptors(), threads()];
    let mut before = count();
    // Who keeps a handle keeps nothing else.
    let handles: Vec<_> = (0..4).map(|_| round()).collect();
    come_back(&mut before, count, "four servers were told to stop");
    drop(handles);
}

/// Threads of the blocking runtime's.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim_end() == "barewire").count()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Polls a future so often, and drops it.
async fn polled<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        let polled = future.as_mut().poll(cx).map(Some);
        // Nothing else would wake what waits for nobody.
        cx.waker().wake_by_ref();
        polled
    })
    .await
}

async fn all_that_waits<R: Spawn>(runtime: &R, polls: usize) {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let tcp = runtime.listen_tcp(any, &Default::default()).unwrap();
    let Ok(PeerAddr::Tcp(addr)) = tcp.local_addr() else { unreachable!() };
    let scratch = Scratch::new();
    let path = scratch.path().join("socket");
    let unix = runtime.listen_unix(&path, &Default::default()).unwrap();

    polled(polls, runtime.connect_tcp(addr, None)).await;
    polled(polls, runtime.connect_tcp_any(vec![addr, addr], Duration::ZERO, None)).await;
    polled(polls, runtime.connect_unix(&path)).await;
    polled(polls, runtime.resolve("localhost", 80)).await;

    // Nobody answers these; what blocks has to be told when to end.
    let silent = Silent::new();
    let blocking = R::TcpStream::BLOCKING;
    let deadline = blocking.then(|| Instant::now() + Duration::from_millis(3));
    polled(polls, runtime.connect_tcp(silent.addr, deadline)).await;
    let both = vec![silent.addr, silent.addr];
    polled(polls, runtime.connect_tcp_any(both, Duration::ZERO, deadline)).await;
    let read = if blocking { Duration::from_millis(3) } else { Duration::from_secs(600) };
    let client = Client::builder(runtime.clone()).read_timeout(read).build();
    let request = client.get(format!("http://{addr}/")).send();
    assert!(polled(polls, request).await.is_none_or(|answered| answered.is_err()));
    if !blocking {
        let udp = runtime.bind_udp(any).unwrap();
        polled(polls, udp.recv_from(&mut [0; 16])).await;
        polled(polls, udp.recv(&mut [0; 16])).await;
        // What was accepted and dropped is closed, and what waits for the next one is dropped.
        polled(polls, async { while tcp.accept().await.is_ok() {} }).await;
        polled(polls, async { while unix.accept().await.is_ok() {} }).await;
    }

    let mut last = runtime.connect_tcp(addr, None).await.unwrap();
    last.write_all(b"last").await.unwrap();
    last.close().await.unwrap();
    comes(&tcp).await;
    let mut last = runtime.connect_unix(&path).await.unwrap();
    last.write_all(b"last").await.unwrap();
    last.close().await.unwrap();
    comes(&unix).await;
}

/// Accepts what was given up, until the last one comes.
async fn comes<L: Listener>(listener: &L)
where
    L::Stream: AsyncRead,
{
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut said = Vec::new();
        // What was given up may have been reset.
        let _ = stream.read_to_end(&mut said).await;
        if said == b"last" {
            return;
        }
    }
}

/// An address that does not answer: Linux drops who comes when the queue of who was not accepted is full.
struct Silent {
    addr: SocketAddr,
    _listening: rustix::fd::OwnedFd,
    _queued: std::net::TcpStream,
}

impl Silent {
    fn new() -> Self {
        use rustix::event::{PollFd, PollFlags, poll};
        use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
        let listening = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&listening, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        listen(&listening, 0).unwrap();
        let addr = getsockname(&listening).unwrap().try_into().unwrap();
        let queued = std::net::TcpStream::connect(addr).unwrap();
        poll(&mut [PollFd::new(&listening, PollFlags::IN)], None).unwrap();
        Self { addr, _listening: listening, _queued: queued }
    }
}
