//! What is not finished when a shutdown's deadline passes is cut, whatever it is doing.

use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::time::{Duration, Instant};

use barewire_h2::BodyLength;
use barewire_rt::Spawn;
use barewire_server::{Body, BodyError, Config, Handler, ServeError, blocking};
use barewire_std::Std;
use bytes::Bytes;
use http::{Method, Request, Response};

use crate::harness::{Connection, Fate, Gate, PATIENCE, Running, Witness, config, get, soon};
use crate::meter::Meter;
use crate::wire::Peer;

const SHORT: Duration = Duration::from_millis(100);

fn soon_cut() -> Config {
    config(|config| {
        config.drain_timeout = SHORT;
        // None of these is to help.
        config.http1.timeouts.head = None;
        config.http1.timeouts.body_progress = None;
        config.http1.timeouts.write_progress = None;
    })
}

/// Shuts a server down that has one connection, which does not come to its end.
#[track_caller]
fn is_cut(server: Running, meter: &Meter, connection: &mut Connection) -> Vec<u8> {
    let start = Instant::now();
    server.handle.shutdown();
    match server.ended() {
        Err(ServeError::DrainTimedOut { connections: 1 }) => {}
        other => panic!("{other:?}"),
    }
    assert!(start.elapsed() >= SHORT);
    // The connection ends for the client as for the server.
    let rest = connection.until_the_end();
    meter.wait(|counts| counts.open == 0);
    rest
}

fn start<R: Spawn>(runtime: &R, handler: impl Handler) -> (Running, Arc<Meter>) {
    let meter = Arc::new(Meter::default());
    (Running::metered(runtime, &meter, soon_cut(), handler), meter)
}

pub(crate) fn a_handler<R: Spawn>(runtime: R) {
    let (started, starts) = mpsc::channel();
    let (sender, fates) = mpsc::channel();
    let (server, meter) = start(&runtime, move |_: Request<Body>| {
        let (started, witness) = (started.clone(), Witness::new(&sender));
        async move {
            started.send(()).unwrap();
            Gate::closed().pass().await;
            witness.finish();
        }
    });
    let mut connection = server.open();
    connection.send(get("/"));
    soon(&starts);
    assert_eq!(is_cut(server, &meter, &mut connection), b"");
    assert_eq!(soon(&fates), Fate::Dropped);
}

pub(crate) fn a_head<R: Spawn>(runtime: R) {
    let (server, meter) = start(&runtime, async |_: Request<Body>| {});
    let mut connection = server.open();
    connection.send("GET / HT");
    meter.wait_for_more_than::<R>(8);
    assert_eq!(is_cut(server, &meter, &mut connection), b"");
}

pub(crate) fn an_upload<R: Spawn>(runtime: R) {
    let (sender, parts) = mpsc::channel();
    let (server, meter) = start(&runtime, move |request: Request<Body>| {
        let parts = sender.clone();
        async move {
            let mut body = request.into_body();
            while let Ok(Some(part)) = body.data().await {
                parts.send(part).unwrap();
            }
        }
    });
    let mut connection = server.open();
    connection.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhello");
    assert_eq!(soon(&parts), "hello");
    let told = is_cut(server, &meter, &mut connection);
    assert!(!told.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&told));
}

fn endless(witness: Witness, waits: bool) -> Response<Body> {
    let mut parts = 0;
    Response::new(Body::from_fn(move |_| {
        let _held = &witness;
        parts += 1;
        if waits && parts > 1 {
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok::<_, BodyError>(Bytes::from_static(&[0; 50_000]))))
    }))
}

pub(crate) fn a_download_that_waits<R: Spawn>(runtime: R) {
    let (sender, fates) = mpsc::channel();
    let (server, meter) = start(&runtime, move |_: Request<Body>| {
        let response = endless(Witness::new(&sender), true);
        async { response }
    });
    let mut connection = server.open();
    connection.send(get("/"));
    assert_eq!(connection.head().status, 200);
    connection.exactly(50_000);
    let rest = is_cut(server, &meter, &mut connection);
    assert!(!rest.ends_with(b"0\r\n\r\n"));
    assert_eq!(soon(&fates), Fate::Dropped);
}

pub(crate) fn a_download_that_nobody_reads<R: Spawn>(runtime: R) {
    let (sender, fates) = mpsc::channel();
    let (server, meter) = start(&runtime, move |_: Request<Body>| {
        let response = endless(Witness::new(&sender), false);
        async { response }
    });
    let mut connection = server.open();
    connection.send(get("/"));
    meter.wait(|counts| counts.stalls > 0);
    let rest = is_cut(server, &meter, &mut connection);
    assert!(!rest.ends_with(b"0\r\n\r\n"));
    assert_eq!(soon(&fates), Fate::Dropped);
}

pub(crate) fn everything_at_once<R: Spawn>(runtime: R) {
    let (started, starts) = mpsc::channel();
    let (server, _) = start(&runtime, move |_: Request<Body>| {
        let started = started.clone();
        async move {
            started.send(()).unwrap();
            Gate::closed().pass().await;
        }
    });
    let mut connections = [server.open(), server.open(), server.open()];
    for connection in &mut connections {
        connection.send(get("/"));
        soon(&starts);
    }
    // Nobody waits for the deadline.
    server.handle.abort();
    for connection in &mut connections {
        assert_eq!(connection.until_the_end(), b"");
    }
    assert!(matches!(server.ended(), Err(ServeError::DrainTimedOut { connections: 3 })));
}

/// On threads nobody can end a handler that waits for something else: the server stops without it.
#[test]
fn a_handler_that_never_returns_holds_nobody_up() {
    for aborts in [false, true] {
        let (started, starts) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let config = config(|config| {
            config.drain_timeout = if aborts { 10 * PATIENCE } else { SHORT };
        });
        let handler = blocking(move |_: Request<Body>| {
            started.send(()).unwrap();
            let _released = released.lock().unwrap().recv();
        });
        let server = Running::with(&Std::default(), config, handler);
        let mut connection = server.open();
        connection.send(get("/"));
        soon(&starts);
        match aborts {
            true => server.handle.abort(),
            false => server.handle.shutdown(),
        }
        assert!(matches!(server.ended(), Err(ServeError::DrainTimedOut { connections: 1 })));
        drop(release);
        assert_eq!(connection.until_the_end(), b"");
    }
}

/// A handler that leaves its request's body to a task of its own, or to nobody, and waits.
fn gives_away<R: Spawn>(runtime: &R) -> (impl Handler, mpsc::Receiver<()>, mpsc::Receiver<Fate>) {
    let (started, starts) = mpsc::channel();
    let (sender, fates) = mpsc::channel();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let runtime = runtime.clone();
    let handler = move |request: Request<Body>| {
        let (started, kept, runtime) = (started.clone(), kept.clone(), runtime.clone());
        let sender = sender.clone();
        async move {
            let kept_by_nobody = request.uri().path() == "/kept";
            let mut body = request.into_body();
            if kept_by_nobody {
                kept.lock().unwrap().push(body);
                started.send(()).unwrap();
            } else {
                let witness = Witness::new(&sender);
                drop(runtime.spawn(async move {
                    assert_eq!(body.data().await.unwrap().unwrap(), "hello");
                    started.send(()).unwrap();
                    assert!(body.data().await.is_err());
                    witness.finish();
                }));
            }
            Gate::closed().pass().await;
        }
    };
    (handler, starts, fates)
}

pub(crate) fn bodies_that_are_elsewhere<R: Spawn>(runtime: R) {
    let (handler, starts, fates) = gives_away(&runtime);
    let server = Running::with(&runtime, soon_cut(), handler);
    let mut connections = [server.open(), server.open()];
    let mut peer = Peer::open(server.addr);
    for (connection, target) in connections.iter_mut().zip(["/read", "/kept"]) {
        let head = format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n");
        connection.send(head + "hello");
        soon(&starts);
        let id = peer.request(Method::POST, target, BodyLength::Known(10));
        peer.h2().send_data(id, &mut "hello".into(), false).unwrap();
        peer.flush();
        soon(&starts);
    }
    server.handle.shutdown();
    assert!(matches!(server.ended(), Err(ServeError::DrainTimedOut { connections: 3 })));
    // Where tasks run on the thread that blocks, they do meanwhile.
    let fates = runtime.spawn_blocking(move || [soon(&fates), soon(&fates)]);
    assert_eq!(runtime.block_on(fates), Ok([Fate::Finished; 2]));
    for connection in &mut connections {
        connection.until_the_end();
    }
    peer.until_the_end();
}
