use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use barewire_rt::socket::ListenOptions;
use barewire_rt::{ConnectError, Listener, PeerAddr};
use futures_lite::{AsyncReadExt, future};

use crate::{Net, listen};

pub(crate) fn connecting_to_nobody_is_refused<R: Net>(runtime: R) {
    runtime.block_on(async {
        let (_bound, addr) = refusing();
        let error = runtime.connect_tcp(addr, None).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let taken = listen(&runtime);
        let error = runtime.listen_tcp(taken.1, &Default::default()).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    });
}

pub(crate) fn addresses_are_tried_in_turn<R: Net>(runtime: R) {
    runtime.block_on(async {
        let (_bound, refused) = refusing();
        let (_listener, addr) = listen(&runtime);
        let stagger = Duration::from_secs(60);
        let stream = runtime.connect_tcp_any(vec![refused, addr], stagger, None).await.unwrap();
        assert_eq!(R::std(&stream).peer_addr().unwrap(), addr);
        assert!(R::std(&stream).nodelay().unwrap());
        let failed = runtime.connect_tcp_any(vec![refused, refused], stagger, None).await;
        assert!(matches!(failed, Err(ConnectError::Failed(failed)) if failed.len() == 2));
        let nobody = runtime.connect_tcp_any(Vec::new(), stagger, None).await;
        assert!(matches!(nobody, Err(ConnectError::NoAddress)));
    });
}

pub(crate) fn an_attempt_ends_at_its_deadline<R: Net>(runtime: R) {
    if !cfg!(target_os = "linux") {
        return;
    }
    // Linux drops who comes when the queue of who was not accepted is full.
    let (silent, addr) = refusing();
    rustix::net::listen(&silent, 0).unwrap();
    let _queued = std::net::TcpStream::connect(addr).unwrap();
    let mut fds = [rustix::event::PollFd::new(&silent, rustix::event::PollFlags::IN)];
    rustix::event::poll(&mut fds, None).unwrap();

    runtime.block_on(async {
        let limit = Duration::from_millis(30);
        let start = Instant::now();
        let error = runtime.connect_tcp(addr, Some(start + limit)).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(start.elapsed() >= limit);

        let (_listener, answering) = listen(&runtime);
        let start = Instant::now();
        let stream = runtime.connect_tcp_any(vec![addr, answering], limit, None).await.unwrap();
        assert_eq!(R::std(&stream).peer_addr().unwrap(), answering);
        assert!(start.elapsed() >= limit);

        let deadline = Some(Instant::now() + limit);
        let ended = runtime.connect_tcp_any(vec![addr, addr], limit / 2, deadline).await;
        assert!(matches!(ended, Err(ConnectError::TimedOut)));
    });
}

pub(crate) fn as_many_wait_as_the_backlog_says<R: Net>(runtime: R) {
    if !cfg!(target_os = "linux") {
        return;
    }
    let any = "127.0.0.1:0".parse().unwrap();
    let options = ListenOptions { backlog: 3, ..ListenOptions::default() };
    let listener = runtime.listen_tcp(any, &options).unwrap();
    let Ok(PeerAddr::Tcp(addr)) = listener.local_addr() else {
        panic!("a TCP listener has a TCP address");
    };
    // Linux takes one more than the number, and is silent to who comes then.
    let connect = |most| std::net::TcpStream::connect_timeout(&addr, most);
    let waiting = [(); 4].map(|()| connect(Duration::from_secs(20)).unwrap());
    // A client is connected a moment before it waits there.
    while queued(addr) < 4 {
        std::thread::yield_now();
    }
    let late = connect(Duration::from_millis(30));
    assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
    runtime.block_on(async {
        for client in &waiting {
            let (_, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, PeerAddr::Tcp(client.local_addr().unwrap()));
        }
    });
}

/// How many connections wait to be accepted, as Linux tells.
fn queued(at: SocketAddr) -> usize {
    let local = format!("0100007F:{:04X}", at.port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let mut columns = table.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    // The second column is the local address, the fourth the state: LISTEN is 10.
    let listening = columns.find(|line| line[1] == local && line[3] == "0A");
    // Of one that listens the second half of the fifth is the queue. A line may be missing while the table changes.
    let queue = listening.and_then(|line| line[4].split_once(':')).map_or("0", |(_, queue)| queue);
    usize::from_str_radix(queue, 16).unwrap()
}

pub(crate) fn closing_a_listener_ends_accepting<R: Net>(runtime: R) {
    let (listener, addr) = listen(&runtime);
    let listener = Arc::new(listener);
    runtime.block_on(async {
        let (accepted, waits) = mpsc::channel();
        let accepting = listener.clone();
        let task = runtime.spawn(async move {
            loop {
                match accepting.accept().await {
                    Ok((stream, _)) => accepted.send(stream).unwrap(),
                    Err(error) => return error.kind(),
                }
            }
        });
        let mut client = runtime.connect_tcp(addr, None).await.unwrap();
        let mut byte = [0];
        // The task is about to accept the next one once it has accepted this one.
        while waits.try_recv().is_err() {
            future::yield_now().await;
        }
        assert_eq!(client.read(&mut byte).await.unwrap(), 0, "the channel dropped the stream");
        listener.close();
        assert_eq!(task.await, Ok(ErrorKind::NotConnected));
        assert_eq!(listener.accept().await.err().unwrap().kind(), ErrorKind::NotConnected);
        if cfg!(target_os = "linux") {
            let error = runtime.connect_tcp(addr, None).await.err().unwrap();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        }
    });
}

pub(crate) fn names_are_resolved<R: Net>(runtime: R) {
    runtime.block_on(async {
        let local = runtime.resolve("localhost", 80).await.unwrap();
        assert!(!local.is_empty());
        assert!(local.iter().all(|addr| addr.ip().is_loopback() && addr.port() == 80));
        for ip in ["127.0.0.1", "::1"] {
            let addrs = runtime.resolve(ip, 443).await.unwrap();
            assert_eq!(addrs, [SocketAddr::new(ip.parse().unwrap(), 443)]);
        }
        assert!(runtime.resolve("not\0a host", 80).await.is_err());
    });
}

/// An address that refuses: it is bound, so that nobody else gets it, and does not listen.
fn refusing() -> (rustix::fd::OwnedFd, SocketAddr) {
    use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};
    let bound = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&bound, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let addr = getsockname(&bound).unwrap().try_into().unwrap();
    (bound, addr)
}
