use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use barewire_rt::{AsyncRead, Listener, PeerAddr, Spawn, UdpSocket};
use barewire_tests::scratch::Scratch;
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use crate::cuts::{Cuts, insist};
use crate::harness::{PATIENCE, any, soon};

const PEERS: u8 = 10;

pub(crate) fn of_accepting_loses_no_connection<R: Spawn>(runtime: R) {
    for mut cuts in Cuts::all() {
        let listener = runtime.listen_tcp(any(), &Default::default()).unwrap();
        let Ok(PeerAddr::Tcp(addr)) = listener.local_addr() else { unreachable!() };
        let paces = cuts.pace_ahead();
        let peers = thread::spawn(move || come(&paces, || TcpStream::connect(addr).unwrap()));
        runtime.block_on(all_come(&listener, &mut cuts));
        peers.join().unwrap();
    }
    for mut cuts in Cuts::all() {
        let scratch = Scratch::new();
        let path = scratch.path().join("socket");
        let listener = runtime.listen_unix(&path, &Default::default()).unwrap();
        let paces = cuts.pace_ahead();
        let peers = thread::spawn(move || come(&paces, || UnixStream::connect(&path).unwrap()));
        runtime.block_on(all_come(&listener, &mut cuts));
        peers.join().unwrap();
    }
}

fn come<S: Write>(paces: &Receiver<()>, connect: impl Fn() -> S) {
    for n in 0..PEERS {
        paces.recv().unwrap();
        connect().write_all(&[n]).unwrap();
    }
}

async fn all_come<L: Listener>(listener: &L, cuts: &mut Cuts)
where
    L::Stream: AsyncRead,
{
    for n in 0..PEERS {
        let (mut stream, _) = insist!(cuts, listener.accept()).unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).await.unwrap();
        assert_eq!(said, [n]);
    }
}

pub(crate) fn of_connecting_leaves_no_connection_behind<R: Spawn>(runtime: R) {
    let listener = TcpListener::bind(any()).unwrap();
    let addr = listener.local_addr().unwrap();
    let says = listened_to(move || listener.accept().unwrap().0);
    for mut cuts in Cuts::all() {
        let mut well = 0;
        runtime.block_on(async {
            for n in 0..6 {
                let deadline = Some(Instant::now() + PATIENCE);
                let connected = match n % 2 {
                    0 => cuts.run(runtime.connect_tcp(addr, deadline)).await.map(Result::unwrap),
                    _ => {
                        let any = runtime.connect_tcp_any(vec![addr, addr], PATIENCE, deadline);
                        cuts.run(any).await.map(Result::unwrap)
                    }
                };
                if let Some(mut stream) = connected {
                    stream.write_all(b"well").await.unwrap();
                    well += 1;
                }
            }
            let mut last = runtime.connect_tcp(addr, None).await.unwrap();
            last.write_all(b"last").await.unwrap();
        });
        assert_eq!(heard_before_the_last(&says), well);
    }
}

pub(crate) fn of_connecting_to_a_path_leaves_no_connection_behind<R: Spawn>(runtime: R) {
    let scratch = Scratch::new();
    let path = scratch.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let says = listened_to(move || listener.accept().unwrap().0);
    for mut cuts in Cuts::all() {
        let mut well = 0;
        runtime.block_on(async {
            for _ in 0..6 {
                if let Some(connected) = cuts.run(runtime.connect_unix(&path)).await {
                    connected.unwrap().write_all(b"well").await.unwrap();
                    well += 1;
                }
            }
            let mut last = runtime.connect_unix(&path).await.unwrap();
            last.write_all(b"last").await.unwrap();
        });
        assert_eq!(heard_before_the_last(&says), well);
    }
}

/// What was said on each connection, in the order of their coming, for ever.
fn listened_to<S: Read>(accept: impl Fn() -> S + Send + 'static) -> Receiver<String> {
    let (said, says) = mpsc::channel();
    thread::spawn(move || {
        loop {
            let mut what = String::new();
            // One that was given up may have been reset.
            let _ = accept().read_to_string(&mut what);
            if said.send(what).is_err() {
                return;
            }
        }
    });
    says
}

/// How many connections said `well` before one said `last`; the others were given up. One is taken after the
/// other, so each has ended when the last one has.
fn heard_before_the_last(says: &Receiver<String>) -> usize {
    let mut heard = 0;
    loop {
        match &*soon(says) {
            "last" => return heard,
            "well" => heard += 1,
            other => assert_eq!(other, ""),
        }
    }
}

pub(crate) fn of_receiving_loses_no_datagram<R: Spawn>(runtime: R) {
    const DATAGRAMS: u8 = 20;
    let socket = runtime.bind_udp(any()).unwrap();
    let addr = socket.local_addr().unwrap();
    let peer = std::net::UdpSocket::bind(any()).unwrap();
    let peer_addr = peer.local_addr().unwrap();
    socket.connect(peer_addr).unwrap();
    for mut cuts in Cuts::all() {
        let paces = cuts.pace_ahead();
        let sending = peer.try_clone().unwrap();
        let sender = thread::spawn(move || {
            for n in 0..DATAGRAMS {
                paces.recv().unwrap();
                sending.send_to(&[n; 10], addr).unwrap();
            }
        });
        runtime.block_on(async {
            let mut buf = [0; 20];
            for n in 0..DATAGRAMS {
                let (length, from) = match n % 2 {
                    0 => insist!(cuts, socket.recv_from(&mut buf)).unwrap(),
                    _ => (insist!(cuts, socket.recv(&mut buf)).unwrap(), peer_addr),
                };
                assert_eq!((&buf[..length], from), (&[n; 10][..], peer_addr));
                // Sending is ready at once where there is room, and done once.
                insist!(cuts, socket.send(&[n])).unwrap();
                assert_eq!((peer.recv(&mut buf).unwrap(), buf[0]), (1, n));
            }
        });
        sender.join().unwrap();
    }
}

pub(crate) fn of_waiting_changes_nothing<R: Spawn>(runtime: R) {
    const SHORT: Duration = Duration::from_millis(5);
    for mut cuts in Cuts::all() {
        runtime.block_on(async {
            let start = Instant::now();
            insist!(cuts, runtime.sleep_until(start + SHORT));
            assert!(start.elapsed() >= SHORT);
            // A look-up that is given up begins anew.
            for _ in 0..3 {
                if let Some(addrs) = cuts.run(runtime.resolve("localhost", 80)).await {
                    assert!(!addrs.unwrap().is_empty());
                }
            }
            assert!(!runtime.resolve("localhost", 80).await.unwrap().is_empty());
            // A task goes on when nobody waits for it any more.
            let (sender, done) = mpsc::channel();
            let mut task = runtime.spawn(async move {
                futures_lite::future::yield_now().await;
                sender.send(()).unwrap();
                7
            });
            assert_eq!(insist!(cuts, &mut task), Ok(7));
            soon(&done);
        });
    }
}
