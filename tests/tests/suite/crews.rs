//! HTTP/2 on threads: the connection goes on whoever of them is held up, and however few there are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::time::Duration;

use barewire_h2::{BodyLength, ClientEvent, Reason};
use barewire_rt::Spawn;
use barewire_server::{Body, BodyError, Config, Handler, blocking};
use bytes::Bytes;
use futures_lite::future;
use http::{Method, Request, Response};

use crate::harness::{Gate, PATIENCE, Running, config, soon};
use crate::reluctant::Reluctant;
use crate::wire::{Peer, pattern};

fn threads(most: usize) -> Config {
    config(|config| config.max_extra_threads = most)
}

/// Blocks requests for `/slow` until they are let go; tells when they begin.
struct Blocker {
    begins: mpsc::Receiver<()>,
    go: mpsc::Sender<()>,
}

fn blocker(path: impl Fn(&str) + Send + Sync + 'static) -> (Blocker, impl Handler) {
    let (begun, begins) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let handler = blocking(move |request: Request<Body>| {
        let target = request.uri().path();
        path(target);
        if target == "/slow" {
            begun.send(()).unwrap();
            wait.lock().unwrap().recv().unwrap();
        }
        target.to_owned()
    });
    (Blocker { begins, go }, handler)
}

pub(crate) fn send_what_a_thread_says_that_does_not_lead<R: Spawn>(runtime: R) {
    const LENGTH: usize = 200 * 1024;
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let handler = blocking(move |request: Request<Body>| {
        if request.uri().path() != "/slow" {
            return Response::new(Body::from("fast"));
        }
        wait.lock().unwrap().recv().unwrap();
        let mut part = Some(pattern(LENGTH));
        Response::new(Body::from_fn(move |_| Poll::Ready(part.take().map(Ok::<_, BodyError>))))
    });
    // No alarm of the connection's wakes the thread that leads.
    let config = config(|config| {
        let timeouts = &mut config.http2.timeouts;
        timeouts.release_buffers = 100 * PATIENCE;
        (timeouts.write_progress, timeouts.stall) = (None, None);
        (timeouts.idle, timeouts.body_progress) = (None, None);
    });
    let server = Running::with(&runtime, config, handler);
    let mut small = barewire_h2::Config::default();
    small.settings.initial_window_size = 65_535;
    let mut peer = Peer::with(server.addr, small);
    for _ in 0..5 {
        let slow = peer.get("/slow");
        // Another thread leads when this is answered, and has nothing else to do.
        let fast = peer.get("/fast");
        assert_eq!(peer.answer(fast).text(), "fast");
        go.send(()).unwrap();
        assert!(peer.answer(slow).body == pattern(LENGTH));
    }
    drop(peer);
    server.stop();
}

pub(crate) fn have_no_more_threads_than_their_server<R: Spawn>(runtime: R) {
    let (blocker, handler) = blocker(|_| {});
    let server = Running::with(&runtime, threads(1), handler);
    let mut peers = [Peer::open(server.addr), Peer::open(server.addr)];
    let ids = peers.each_mut().map(|peer| {
        let ids = [(); 3].map(|()| peer.get("/slow"));
        peer.flush();
        ids
    });
    // One of each connection's, and one more.
    (0..3).for_each(|_| soon(&blocker.begins));
    let another = blocker.begins.recv_timeout(Duration::from_millis(200));
    assert!(another.is_err(), "too many threads");
    (0..6).for_each(|_| blocker.go.send(()).unwrap());
    for (peer, ids) in peers.iter_mut().zip(ids) {
        for id in ids {
            assert_eq!(peer.answer(id).text(), "/slow");
        }
    }
    drop(peers);
    server.stop();
}

/// Bodies both ways, read and sent in all ways, with one thread for each connection.
fn one_thread_is_enough<R: Spawn>(runtime: R, config: Config) {
    const LENGTH: usize = 1 << 20;
    let handler = async |request: Request<Body>| {
        let path = request.uri().path().to_owned();
        let mut body = request.into_body();
        let all = match &*path {
            "/echo" => return Response::new(body),
            "/awaited" => body.collect(LENGTH).await.unwrap(),
            "/blocking" => future::block_on(body.collect(LENGTH)).unwrap(),
            _ => {
                let mut all = Vec::new();
                future::zip(
                    async {
                        while let Some(data) = body.data().await.unwrap() {
                            all.extend_from_slice(&data);
                        }
                    },
                    future::yield_now(),
                )
                .await;
                all.into()
            }
        };
        Response::new(Body::from(all))
    };
    let server = Running::with(&runtime, config, handler);
    let mut peer = Peer::open(server.addr);
    for path in ["/echo", "/awaited", "/blocking", "/zipped"] {
        let id = peer.request(Method::POST, path, BodyLength::Known(LENGTH as u64));
        // The handler has begun before there is anything to read.
        peer.h2().ping();
        peer.wait(|event| matches!(event, ClientEvent::Pong { .. }));
        assert!(peer.echo(id, pattern(LENGTH)) == pattern(LENGTH));
        peer.wait(|event| matches!(event, ClientEvent::End(_)));
    }
    drop(peer);
    server.stop();
}

pub(crate) fn need_no_more_than_one_thread<R: Spawn>(runtime: R) {
    one_thread_is_enough(runtime, threads(0));
}

pub(crate) fn need_no_thread_that_the_system_does_not_have<R: Spawn>(runtime: R) {
    one_thread_is_enough(Reluctant::new(runtime, 0), Config::default());
}

pub(crate) fn are_read_while_requests_wait_their_turn<R: Spawn>(runtime: R) {
    let gate = Gate::closed();
    let (begun, begins) = mpsc::channel();
    let handled = Arc::new(AtomicUsize::new(0));
    let handler = {
        let (gate, handled) = (gate.clone(), Arc::clone(&handled));
        move |request: Request<Body>| {
            let (gate, begun) = (gate.clone(), begun.clone());
            handled.fetch_add(1, Ordering::SeqCst);
            async move {
                if request.uri().path() == "/wait" {
                    begun.send(()).unwrap();
                    gate.pass().await;
                }
                Response::new(Body::from(request.into_body().collect(100).await.unwrap()))
            }
        }
    };
    let server = Running::with(&runtime, threads(0), handler);
    let mut peer = Peer::open(server.addr);
    let waiting = peer.get("/wait");
    peer.flush();
    soon(&begins);
    let upload = peer.request(Method::POST, "/", BodyLength::Known(5));
    let unwanted = peer.get("/");
    peer.h2().send_data(upload, &mut Bytes::from_static(b"hello"), true).unwrap();
    peer.flush();
    peer.h2().reset_stream(unwanted, Reason::CANCEL);
    peer.h2().ping();
    peer.wait(|event| matches!(event, ClientEvent::Pong { .. }));
    assert_eq!(handled.load(Ordering::SeqCst), 1, "nobody has time");
    gate.open();
    assert_eq!(peer.answer(waiting).text(), "");
    assert_eq!(peer.answer(upload).text(), "hello");
    let last = peer.get("/");
    assert_eq!(peer.answer(last).text(), "");
    assert_eq!(handled.load(Ordering::SeqCst), 3, "nobody wants the one that was reset");
    drop(peer);
    server.stop();
}

pub(crate) fn get_the_thread_that_another_one_gives_back<R: Spawn>(runtime: R) {
    let gate = Gate::closed();
    let (begun, begins) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    let wait = Arc::new(Mutex::new(wait));
    let handler = {
        let gate = gate.clone();
        move |request: Request<Body>| {
            let (gate, begun, wait) = (gate.clone(), begun.clone(), Arc::clone(&wait));
            async move {
                match request.uri().path() {
                    "/wait" => {
                        begun.send(()).unwrap();
                        gate.pass().await;
                    }
                    "/slow" => wait.lock().unwrap().recv().unwrap(),
                    _ => {}
                }
                "well"
            }
        }
    };
    let server = Running::with(&runtime, threads(1), handler);
    let mut one = Peer::open(server.addr);
    let slow = one.get("/slow");
    // Now it has the second thread.
    let fast = one.get("/fast");
    assert_eq!(one.answer(fast).text(), "well");
    let mut other = Peer::open(server.addr);
    let waiting = other.get("/wait");
    other.flush();
    soon(&begins);
    let fast = other.get("/fast");
    other.flush();
    go.send(()).unwrap();
    assert_eq!(one.answer(slow).text(), "well");
    assert_eq!(other.answer(fast).text(), "well");
    gate.open();
    assert_eq!(other.answer(waiting).text(), "well");
    drop((one, other));
    server.stop();
}

/// Whoever blocks, waits or reads, on more connections than there are threads to spare.
pub(crate) fn answer_everything_with_few_threads<R: Spawn>(runtime: R) {
    const LENGTH: usize = 300_000;
    let handler = async |request: Request<Body>| {
        let path = request.uri().path().to_owned();
        let mut body = request.into_body();
        match &*path {
            "/blocks" => {
                std::thread::sleep(Duration::from_millis(3));
                Response::new(Body::from("blocked"))
            }
            "/waits" => {
                let (mut sender, channel) = Body::channel(1);
                std::thread::spawn(move || {
                    let _ = future::block_on(sender.send("waited"));
                    sender.finish();
                });
                Response::new(channel)
            }
            "/echoes" => Response::new(body),
            "/reads" => Response::new(future::block_on(body.collect(LENGTH)).unwrap().into()),
            _ => {
                let mut all = Vec::new();
                while let Some(data) = body.data().await.unwrap() {
                    all.extend_from_slice(&data);
                }
                Response::new(all.into())
            }
        }
    };
    for most in [0, 2] {
        let server = Running::with(&runtime, threads(most), handler);
        let addr = server.addr;
        let clients = [(); 4].map(|()| {
            std::thread::spawn(move || {
                let mut peer = Peer::open(addr);
                for round in 0..5 {
                    let quiet = ["/blocks", "/waits", "/blocks", "/waits"].map(|at| peer.get(at));
                    for path in ["/echoes", "/reads", "/awaits"] {
                        let length = BodyLength::Known(LENGTH as u64);
                        let id = peer.request(Method::POST, path, length);
                        assert!(peer.echo(id, pattern(LENGTH)) == pattern(LENGTH), "{round}");
                    }
                    for (id, text) in quiet.into_iter().zip(["blocked", "waited"].repeat(2)) {
                        assert_eq!(peer.answer(id).text(), text, "{round}");
                    }
                }
            })
        });
        for client in clients {
            client.join().expect("everything is answered");
        }
        server.stop();
    }
}

/// The client learns that nobody reads what it sends, and loses nothing that was read.
fn goes_elsewhere<R: Spawn>(runtime: R, config: Config) {
    let (blocker, handler) = blocker(|path| assert_ne!(path, "/unread"));
    let server = Running::with(&runtime, config, handler);
    let mut peer = Peer::open(server.addr);
    let slow = peer.get("/slow");
    peer.flush();
    soon(&blocker.begins);
    let unread = peer.get("/unread");
    let told = peer.wait(|event| matches!(event, ClientEvent::GoAway { .. }));
    let ClientEvent::GoAway { last, reason, .. } = told else { unreachable!() };
    assert_eq!((last, reason), (slow, Reason::NO_ERROR));
    blocker.go.send(()).unwrap();
    assert_eq!(peer.answer(slow).text(), "/slow");
    assert_eq!(peer.outcome(unread).unwrap_err(), Reason::REFUSED_STREAM);
    peer.until_the_end();
    server.stop();
}

pub(crate) fn send_clients_elsewhere_when_nobody_can_read<R: Spawn>(runtime: R) {
    goes_elsewhere(runtime, threads(0));
}

pub(crate) fn send_clients_elsewhere_when_the_system_has_no_thread<R: Spawn>(runtime: R) {
    // The first one looks after handlers that block.
    goes_elsewhere(Reluctant::new(runtime, 1), Config::default());
}
