//! Connections that are opened while others wait for them or are there already: what becomes of them, and who is
//! told.

use std::time::{Duration, Instant};

use barewire_client::{Client, ErrorKind, Phase};
use barewire_rt::Spawn;
use barewire_testkit::limits::{TooSlow, growing};
use http::Version;

use crate::peer::Server;
use crate::{builder, made};

on_each_runtime!(
    an_answer_in_http1_does_not_hide_what_is_shared,
    a_failure_is_told_to_all_who_waited,
    who_has_no_more_time_fails_alone,
);

fn an_answer_in_http1_does_not_hide_what_is_shared<R: Spawn>(runtime: R) {
    let made = made();
    let server = Server::http2_at_first(&made);
    runtime.clone().block_on(async move {
        let client = builder(runtime, made.certificate_pem()).build();
        let get = |path: &str| client.get(server.url(path)).send();
        assert_eq!(get("/a").await.unwrap().text().await.unwrap(), "/a");
        // While it is not read the only stream is taken, and another server answers.
        let shared = get("/b").await.unwrap();
        let alone = get("/c").await.unwrap();
        assert_eq!((shared.version(), alone.version()), (Version::HTTP_2, Version::HTTP_11));
        assert_eq!(shared.text().await.unwrap(), "/b");
        // The first connection stands, and has room.
        for path in ["/d", "/e"] {
            let response = get(path).await.unwrap();
            assert_eq!(response.version(), Version::HTTP_2);
            assert_eq!(response.text().await.unwrap(), path);
        }
        assert_eq!(server.connections(), 2);
        assert_eq!(alone.text().await.unwrap(), "/c");
        let counted = client.connections(server.url("/")).unwrap();
        assert_eq!((counted.idle, counted.in_use), (2, 0));
    });
}

/// Requests that are sent at once, each in a task of its own, and how they end.
async fn outcomes<R: Spawn>(
    client: &Client<R>,
    server: &Server,
    count: usize,
) -> Vec<Result<String, barewire_client::Error>> {
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let request = client.get(server.url("/a")).send();
            client.runtime().spawn(async move { request.await?.text().await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

fn a_failure_is_told_to_all_who_waited<R: Spawn>(runtime: R) {
    let made = made();
    growing(Duration::from_millis(200), |limit| {
        let server = Server::silent_at_first(&made, usize::MAX);
        let runtime = runtime.clone();
        runtime.clone().block_on(async {
            let client = builder(runtime, made.certificate_pem()).connect_timeout(limit).build();
            for outcome in outcomes(&client, &server, 20).await {
                let error = outcome.unwrap_err();
                match error.kind() {
                    ErrorKind::Timeout(Phase::Handshake) => {}
                    _ if error.is_timeout() => return Err(TooSlow::because(error)),
                    _ => panic!("{error:?}"),
                }
                assert!(error.to_string().contains(&server.url("")), "{error}");
            }
            assert_eq!(client.connections(server.url("/")).unwrap().in_use, 0);
            // Who was late to come has made an attempt of its own; but not one after the other.
            match server.connections() {
                0..10 => Ok(()),
                attempts => Err(TooSlow::because((attempts, "attempts for 20 requests"))),
            }
        })
    });
}

fn who_has_no_more_time_fails_alone<R: Spawn>(runtime: R) {
    let made = made();
    growing(Duration::from_millis(100), |limit| {
        let server = Server::silent_at_first(&made, 1);
        let runtime = runtime.clone();
        runtime.clone().block_on(async {
            let client = builder(runtime.clone(), made.certificate_pem()).build();
            let hasty = client.get(server.url("/")).timeout(limit);
            let hasty = runtime.spawn(hasty.send());
            let start = Instant::now();
            while server.connections() == 0 {
                if start.elapsed() > 2 * limit {
                    return Err(TooSlow::because("it came to no connection"));
                }
                runtime.sleep(Duration::from_millis(1)).await;
            }
            for outcome in outcomes(&client, &server, 8).await {
                assert_eq!(outcome.unwrap(), "/a");
            }
            let error = hasty.await.unwrap().unwrap_err();
            match error.kind() {
                ErrorKind::Timeout(Phase::Handshake) => {}
                _ if error.is_timeout() => return Err(TooSlow::because(error)),
                _ => panic!("{error:?}"),
            }
            assert_eq!(server.connections(), 2);
            Ok(())
        })
    });
}
