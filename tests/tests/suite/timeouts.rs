//! Clients that keep the server waiting.

use std::io::Write;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::time::{Duration, Instant};

use barewire_h1::{ErrorKind, Timeouts};
use barewire_rt::{PeerAddr, Spawn};
use barewire_server::{Body, BodyError, Config, Handler, Server};
use bytes::Bytes;
use http::{Request, Response};

use crate::harness::{Connection, Fate, Running, Witness, any, config, get, post, soon};
use crate::meter::{Meter, Metered};

const SHORT: Duration = Duration::from_millis(100);

fn with(change: impl FnOnce(&mut Timeouts)) -> Config {
    config(|config| change(&mut config.http1.timeouts))
}

async fn ok(_: Request<Body>) {}

/// A server whose first client has said something before it is accepted: the time that it has begins then.
fn with_something_said<R: Spawn>(
    runtime: &R,
    meter: &Arc<Meter>,
    config: Config,
    handler: impl Handler,
    said: impl AsRef<[u8]>,
) -> (Running, Connection) {
    let listener = runtime.listen_tcp(any(), &Default::default()).unwrap();
    let server = Server::new(runtime.clone(), Metered::new(listener, Arc::clone(meter)));
    let Ok(PeerAddr::Tcp(addr)) = server.local_addr() else { panic!("it listens on TCP") };
    let mut connection = Connection::open(addr);
    connection.send(said);
    (Running::run(runtime, server.config(config), handler), connection)
}

pub(crate) fn a_head_that_does_not_end_gets_408<R: Spawn>(runtime: R) {
    for drips in [false, true] {
        let config = with(|timeouts| timeouts.head = Some(SHORT));
        let meter = Arc::new(Meter::default());
        let (start, begun) = (Instant::now(), "GET / HTTP/1.1\r\nX: ");
        let (server, mut connection) = with_something_said(&runtime, &meter, config, ok, begun);
        let mut sent = begun.len() as u64;
        meter.wait(|counts| counts.read == sent);
        while drips && connection.is_silent() {
            // The next byte leaves when the one before has arrived.
            sent += 1;
            if connection.writer().write_all(b"x").is_err() {
                break;
            }
            meter.wait(|counts| counts.read >= sent || counts.ends > 0 || counts.open == 0);
        }
        assert_eq!(connection.answer().status, 408);
        assert_eq!(String::from_utf8_lossy(&connection.until_the_end()), "");
        assert!(start.elapsed() >= SHORT);
        server.stop();
    }
}

pub(crate) fn a_connection_that_says_nothing_is_closed<R: Spawn>(runtime: R) {
    let server = Running::with(&runtime, with(|timeouts| timeouts.head = Some(SHORT)), ok);
    let start = Instant::now();
    assert_eq!(server.open().rest(), b"");
    assert!(start.elapsed() >= SHORT);
    server.stop();
}

pub(crate) fn an_idle_connection_is_closed<R: Spawn>(runtime: R) {
    let server = Running::with(&runtime, with(|timeouts| timeouts.idle = Some(SHORT)), ok);
    let mut connection = server.open();
    let start = Instant::now();
    // Both at once: between them nobody may be late.
    connection.send(get("/").repeat(2));
    for _ in 0..2 {
        assert_eq!(connection.answer().status, 200);
    }
    assert_eq!(connection.rest(), b"");
    assert!(start.elapsed() >= SHORT);
    server.stop();
}

pub(crate) fn a_body_that_does_not_end_gets_408<R: Spawn>(runtime: R) {
    let (sender, parts) = mpsc::channel();
    let handler = move |request: Request<Body>| {
        let parts = sender.clone();
        async move {
            let mut body = request.into_body();
            loop {
                let part = body.data().await;
                let goes_on = matches!(part, Ok(Some(_)));
                parts.send(part).unwrap();
                if !goes_on {
                    return "not to be seen";
                }
            }
        }
    };
    let config = with(|timeouts| {
        timeouts.body_progress = Some(SHORT);
        // However fast the drops fall here, they are too few.
        timeouts.body_progress_bytes = 100 << 20;
    });
    let server = Running::with(&runtime, config, handler);
    for drips in [false, true] {
        let start = Instant::now();
        let mut connection = server.open();
        connection.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000\r\n\r\nx");
        let error = loop {
            match soon(&parts) {
                Ok(Some(_)) if !drips => {}
                // It may have been given up already.
                Ok(Some(_)) => drop(connection.writer().write_all(b"x")),
                Ok(None) => panic!("the body has no end"),
                Err(BodyError::Protocol(error)) => break error.kind(),
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(error, ErrorKind::BodyTimeout);
        assert_eq!(connection.answer().status, 408);
        assert_eq!(String::from_utf8_lossy(&connection.until_the_end()), "");
        assert!(start.elapsed() >= SHORT);
    }
    server.stop();
}

pub(crate) fn who_reads_nothing_is_cut<R: Spawn>(runtime: R) {
    let (sender, fates) = mpsc::channel();
    let handler = move |_: Request<Body>| {
        let witness = Witness::new(&sender);
        async {
            Response::new(Body::from_fn(move |_| {
                let _held = &witness;
                Poll::Ready(Some(Ok::<_, BodyError>(Bytes::from_static(&[0; 50_000]))))
            }))
        }
    };
    let config = with(|timeouts| timeouts.write_progress = Some(SHORT));
    let server = Running::with(&runtime, config, handler);
    let start = Instant::now();
    let mut connection = server.open();
    connection.send(get("/"));
    assert_eq!(soon(&fates), Fate::Dropped);
    assert!(start.elapsed() >= SHORT);
    let all = connection.until_the_end();
    assert!(!all.ends_with(b"0\r\n\r\n"), "an endless body cannot have an end");
    server.stop();
}

pub(crate) fn a_server_may_take_longer_than_any_client<R: Spawn>(runtime: R) {
    let sleeping = runtime.clone();
    let handler = move |request: Request<Body>| {
        let runtime = sleeping.clone();
        async move {
            let body = request.into_body().collect(100).await.unwrap();
            runtime.sleep(4 * SHORT).await;
            let (mut left, mut sleep) = (2, runtime.sleep(4 * SHORT));
            Response::new(Body::from_fn(move |cx| {
                if left == 1 && std::pin::Pin::new(&mut sleep).poll(cx).is_pending() {
                    return Poll::Pending;
                }
                left -= 1;
                Poll::Ready((left >= 0).then(|| Ok::<_, BodyError>(body.clone())))
            }))
        }
    };
    let config = with(|timeouts| {
        timeouts.head = Some(SHORT);
        timeouts.idle = Some(SHORT);
        timeouts.body_progress = Some(SHORT);
        timeouts.write_progress = Some(SHORT);
    });
    let said = post("/", "twice");
    let (server, mut connection) =
        with_something_said(&runtime, &Arc::default(), config, handler, said);
    assert_eq!(connection.answer().text(), "twicetwice");
    drop(connection);
    server.stop();
}

pub(crate) fn a_refused_client_cannot_stay<R: Spawn>(runtime: R) {
    let config = config(|config| {
        config.max_connections = 1;
        // Only the linger timeout is left to help.
        config.http1.timeouts.write_progress = None;
    });
    let server = Running::with(&runtime, config, ok);
    let mut connection = server.open();
    connection.send("nonsense\r\n\r\n");
    assert_eq!(connection.answer().status, 400);
    assert_eq!(connection.rest(), b"");
    // Its end is still open, and the server does not wait for it for long.
    server.answers();
    drop(connection);
    server.stop();
}
