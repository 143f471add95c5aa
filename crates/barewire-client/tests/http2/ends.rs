//! How connections come to their end, and what the client makes of it.

use std::time::Duration;

use barewire_client::{Client, ErrorKind, Phase};
use barewire_h2::{Config, ServerEvent};
use barewire_rt::Spawn;
use barewire_testkit::limits::{TooSlow, growing};

use crate::peer::{Server, Talk, echo_path};
use crate::{client, on_each_runtime};

on_each_runtime!(
    a_connection_that_was_closed_meanwhile_is_not_used,
    a_connection_that_is_cut_ends_all_that_wait,
    a_server_that_shuts_down_finishes_what_it_has,
    a_violation_is_told,
    idle_connections_grow_old,
    idle_connections_that_are_looked_after,
    idle_connections_are_asked_by_option,
);

fn a_connection_that_was_closed_meanwhile_is_not_used<R: Spawn>(runtime: R) {
    let server = Server::new(Config::default(), |_| {
        |talk: &mut Talk, event: ServerEvent| {
            let is_go_away = matches!(event, ServerEvent::GoAway { .. });
            echo_path(talk, event);
            talk.hang_up |= is_go_away;
        }
    });
    runtime.clone().block_on(async move {
        let client = client(runtime);
        for round in 0..4 {
            let text = client.get(server.url("/a")).send().await.unwrap().text().await.unwrap();
            assert_eq!(text, "/a");
            server.tell(round, |talk| talk.hang_up = true);
            assert_eq!(server.note(), "hung up");
        }
        assert_eq!(server.connections(), 4);
    });
}

fn a_connection_that_is_cut_ends_all_that_wait<R: Spawn>(runtime: R) {
    let server = Server::new(Config::default(), |number| {
        let mut seen = 0;
        move |talk: &mut Talk, event: ServerEvent| match event {
            ServerEvent::Request(..) if number == 0 => {}
            // The last request has come with its body: before that its client is still sending.
            ServerEvent::End(_) if number == 0 => {
                seen += 1;
                talk.hang_up |= seen == 5;
            }
            event => echo_path(talk, event),
        }
    });
    runtime.clone().block_on(async move {
        let client = client(runtime);
        let tasks: Vec<_> = (0..5)
            .map(|n| {
                let request = client.post(server.url(&format!("/{n}"))).body("x");
                client.runtime().spawn(request.send())
            })
            .collect();
        for task in tasks {
            let error = task.await.unwrap().unwrap_err();
            let cut = matches!(
                error.kind(),
                ErrorKind::Closed(Phase::ReceiveHead) | ErrorKind::Io(Phase::ReceiveHead, _)
            );
            assert!(cut, "{error:?}");
        }
        let response = client.get(server.url("/x")).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "/x");
        assert_eq!(server.connections(), 2);
    });
}

fn a_server_that_shuts_down_finishes_what_it_has<R: Spawn>(runtime: R) {
    let server = Server::new(Config::default(), |number| {
        move |talk: &mut Talk, event: ServerEvent| match event {
            ServerEvent::Request(id, ..) if number == 0 => {
                talk.h2.graceful_shutdown();
                talk.stream(id, vec![b'x'; 400_000], None);
            }
            event => echo_path(talk, event),
        }
    });
    runtime.clone().block_on(async move {
        let client = client(runtime);
        let mut first = client.get(server.url("/")).send().await.unwrap();
        assert!(first.chunk().await.unwrap().is_some());
        // The first connection takes no new one.
        let second = client.post(server.url("/second")).body("x").send().await.unwrap();
        assert_eq!(second.text().await.unwrap(), "/second 1");
        while first.chunk().await.unwrap().is_some() {}
        drop(first);
        assert_eq!(server.connections(), 2);
        let counted = client.connections(server.url("/")).unwrap();
        assert_eq!((counted.idle, counted.in_use), (1, 0));
    });
}

fn a_violation_is_told<R: Spawn>(runtime: R) {
    let server = Server::new(Config::default(), |_| {
        |talk: &mut Talk, event: ServerEvent| {
            if let ServerEvent::Request(..) = event {
                // DATA on stream 0.
                talk.raw(&[0, 0, 1, 0, 0, 0, 0, 0, 0, b'x']);
            }
        }
    });
    runtime.clone().block_on(async move {
        let client = client(runtime);
        let error = client.get(server.url("/")).send().await.unwrap_err();
        let ErrorKind::Http2(Phase::ReceiveHead, why) = error.kind() else { panic!("{error:?}") };
        assert!(error.to_string().contains("did not keep to HTTP/2"), "{error}");
        assert_eq!(why.code(), barewire_h2::Reason::PROTOCOL_ERROR);
        let told = server.notes.recv_timeout(Duration::from_millis(1));
        assert!(told.is_err() || told.is_ok_and(|text| text.contains("error")));
    });
}

fn idle_connections_grow_old<R: Spawn>(runtime: R) {
    let server = Server::echo_paths(Config::default());
    runtime.clone().block_on(async move {
        let builder = Client::builder(runtime).http2_prior_knowledge();
        let client = builder.idle_timeout(Duration::from_millis(1)).build();
        for n in 1..4 {
            let text = client.get(server.url("/a")).send().await.unwrap().text().await.unwrap();
            assert_eq!(text, "/a");
            assert_eq!(server.connections(), n);
            client.runtime().sleep(Duration::from_millis(5)).await;
        }
    });
}

/// Polls a condition until it holds.
async fn until<R: Spawn>(runtime: &R, what: impl Fn() -> bool) {
    for _ in 0..2000 {
        if what() {
            return;
        }
        runtime.sleep(Duration::from_millis(5)).await;
    }
    panic!("it never comes to that");
}

fn idle_connections_that_are_looked_after<R: Spawn>(runtime: R) {
    growing(Duration::from_millis(100), |limit| {
        let server = Server::echo_paths(Config::default());
        let runtime = runtime.clone();
        runtime.clone().block_on(async move {
            let mut config = client(runtime.clone()).config().clone();
            config.h2.timeouts.keepalive_timeout = limit;
            let builder = Client::builder(runtime.clone()).config(config);
            let client = builder.http2_keepalive(limit / 10).build();
            let keeper = client.clone();
            drop(runtime.spawn(async move { keeper.keep_alive().await }));
            let counted = || {
                let count = client.connections(server.url("/")).unwrap();
                (count.idle, count.in_use, server.connections())
            };
            let ask = async |path| {
                let response = client.get(server.url(path)).send();
                let text = async { response.await?.text().await }.await;
                assert_eq!(text.map_err(TooSlow::because)?, path);
                Ok(())
            };
            ask("/a").await?;
            // Many intervals, and it is still there: its PINGs are answered, if not too late.
            runtime.sleep(3 * limit).await;
            if counted() != (1, 0, 1) {
                return Err(TooSlow::because(counted()));
            }
            ask("/b").await?;
            if server.connections() != 1 {
                return Err(TooSlow::because(counted()));
            }
            // The server is gone without a word.
            server.tell(0, |talk| talk.mute = true);
            until(&runtime, || counted().0 == 0).await;
            // Closed by the server: seen without being asked.
            ask("/c").await?;
            if counted() != (1, 0, 2) {
                return Err(TooSlow::because(counted()));
            }
            server.tell(1, |talk| talk.hang_up = true);
            until(&runtime, || counted().0 == 0).await;
            Ok(())
        })
    });
}

/// How many PINGs a connection has seen.
fn pings(server: &Server, connection: usize) -> usize {
    server.tell(connection, |talk| talk.note(talk.pings.to_string()));
    server.note().parse().unwrap()
}

fn idle_connections_are_asked_by_option<R: Spawn>(runtime: R) {
    let server = Server::echo_paths(Config::default());
    runtime.clone().block_on(async move {
        let with = |interval: Option<Duration>| {
            let builder = Client::builder(runtime.clone()).http2_prior_knowledge();
            let client = match interval {
                Some(interval) => builder.http2_keepalive(interval).build(),
                None => builder.build(),
            };
            let keeper = client.clone();
            drop(runtime.spawn(async move { keeper.keep_alive().await }));
            client
        };
        let (silent, asking) = (with(None), with(Some(Duration::from_millis(20))));
        for client in [&silent, &asking] {
            client.get(server.url("/a")).send().await.unwrap().bytes().await.unwrap();
        }
        until(&runtime, || pings(&server, 1) >= 3).await;
        assert_eq!(pings(&server, 0), 0);
        for client in [&silent, &asking] {
            let counted = client.connections(server.url("/")).unwrap();
            assert_eq!((counted.idle, counted.in_use), (1, 0));
        }
        // They are looked after for ever.
        (0..2).for_each(|connection| server.tell(connection, |talk| talk.hang_up = true));
    });
}

/// The blocking client has the same, for a thread that does nothing else.
#[test]
fn a_thread_may_look_after_idle_connections() {
    let server = Server::echo_paths(Config::default());
    let builder = barewire_client::blocking::Client::builder(crate::threads());
    let interval = Duration::from_millis(20);
    let client = builder.http2_prior_knowledge().http2_keepalive(interval).build();
    client.get(server.url("/a")).send().unwrap().bytes().unwrap();
    let keeper = client.clone();
    std::thread::spawn(move || keeper.keep_alive());
    let start = std::time::Instant::now();
    while pings(&server, 0) < 3 {
        assert!(start.elapsed() < Duration::from_secs(20), "nobody asks");
    }
    server.tell(0, |talk| talk.hang_up = true);
    while client.connections(server.url("/")).unwrap().idle > 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "nobody notices");
        std::thread::yield_now();
    }
}
