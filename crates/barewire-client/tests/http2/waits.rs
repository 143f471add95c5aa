//! Who waits, who leads, and what happens to the others when one is gone.

use std::pin::{Pin, pin};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use barewire_client::{Client, Error, ErrorKind, Phase};
use barewire_h2::{Config, Reason, ServerEvent};
use barewire_rt::{Runtime, Spawn};
use barewire_testkit::limits::{TooSlow, growing};
use futures_lite::future::{block_on, or, poll_fn, poll_once};

use crate::peer::{Server, Talk, echo_path};
use crate::sleepless::Sleepless;
use crate::{client, on_each_runtime, smol};

on_each_runtime!(
    one_that_is_late_harms_only_itself,
    a_server_that_is_gone_is_noticed_by_keepalive,
    a_stream_that_is_reset_harms_only_itself,
);

/// Answers everything but `/never`; what comes after `/hold` is held until the test says so.
fn picky(talk: &mut Talk, event: ServerEvent) {
    match &event {
        ServerEvent::Request(_, request, _) if request.uri().path().starts_with("/never") => {
            talk.note("never");
        }
        ServerEvent::StreamReset { reason, .. } => talk.note(format!("reset {reason}")),
        _ => echo_path(talk, event),
    }
}

fn one_that_is_late_harms_only_itself<R: Spawn>(runtime: R) {
    growing(Duration::from_millis(100), |limit| {
        let server = Server::new(Config::default(), |_| picky);
        let runtime = runtime.clone();
        runtime.clone().block_on(async move {
            let client = client(runtime);
            client.get(server.url("/")).send().await.unwrap().bytes().await.unwrap();
            let late = client.get(server.url("/never")).timeout(limit);
            let late = client.runtime().spawn(late.send());
            if server.notes.recv_timeout(2 * limit).as_deref() != Ok("never") {
                return Err(TooSlow::because("it was never sent"));
            }
            for _ in 0..3 {
                let response = client.get(server.url("/a")).send().await.unwrap();
                assert_eq!(response.text().await.unwrap(), "/a");
            }
            let error = late.await.unwrap().unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Timeout(Phase::ReceiveHead)), "{error:?}");
            assert_eq!(server.note(), "reset CANCEL");
            let response = client.get(server.url("/b")).send().await.unwrap();
            assert_eq!(response.text().await.unwrap(), "/b");
            assert_eq!(server.connections(), 1);
            Ok(())
        })
    });
}

fn a_stream_that_is_reset_harms_only_itself<R: Spawn>(runtime: R) {
    let server = Server::new(Config::default(), |_| {
        |talk: &mut Talk, event: ServerEvent| match &event {
            ServerEvent::Request(id, request, _) if request.uri().path() == "/reset" => {
                talk.reset(*id, Reason::INTERNAL_ERROR);
            }
            _ => echo_path(talk, event),
        }
    });
    runtime.clone().block_on(async move {
        let client = client(runtime);
        let error = client.get(server.url("/reset")).send().await.unwrap_err();
        let reset =
            matches!(error.kind(), ErrorKind::Reset(Phase::ReceiveHead, Reason::INTERNAL_ERROR));
        assert!(reset, "{error:?}");
        let response = client.get(server.url("/b")).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "/b");
        assert_eq!(server.connections(), 1);
    });
}

fn a_server_that_is_gone_is_noticed_by_keepalive<R: Spawn>(runtime: R) {
    let noticed = |error: &Error| {
        matches!(
            error.kind(),
            ErrorKind::Http2(Phase::ReceiveHead, why)
                if why.kind() == barewire_h2::ErrorKind::KeepaliveTimeout
        )
    };
    growing(Duration::from_millis(50), |limit| {
        let server = Server::new(Config::default(), |_| {
            |talk: &mut Talk, event: ServerEvent| match &event {
                ServerEvent::Request(_, request, _) if request.uri().path() == "/mute" => {
                    talk.mute = true;
                }
                _ => picky(talk, event),
            }
        });
        let runtime = runtime.clone();
        runtime.clone().block_on(async move {
            let mut config = client(runtime.clone()).config().clone();
            config.h2.timeouts.keepalive_timeout = limit;
            let client = Client::builder(runtime).config(config).http2_keepalive(limit / 2).build();
            // Longer than a few intervals, with a server that answers its PINGs.
            let late = client.get(server.url("/never")).timeout(4 * limit);
            let error = late.send().await.unwrap_err();
            if !matches!(error.kind(), ErrorKind::Timeout(_)) {
                return Err(TooSlow::because(error));
            }
            let error = client.get(server.url("/mute")).send().await.unwrap_err();
            if !noticed(&error) {
                return Err(TooSlow::because(error));
            }
            assert!(error.is_timeout(), "{error:?}");
            Ok(())
        })
    });
}

/// A request that was polled until its stream was there.
type Waiting<'a> = Pin<Box<dyn Future<Output = Result<String, barewire_client::Error>> + 'a>>;

fn waiting<'a, R: Runtime + 'a>(client: &Client<R>, url: String) -> Waiting<'a> {
    let request = client.get(url).send();
    Box::pin(async move { request.await?.text().await })
}

/// A client whose requests never look for themselves because it takes long: they wait for ever if nobody wakes them.
fn sleepless() -> Client<Sleepless> {
    Client::builder(Sleepless(smol())).http2_prior_knowledge().build()
}

/// What comes at once if nobody waits for a wake that was lost.
async fn woken<T>(future: impl Future<Output = T>) -> T {
    or(future, async {
        smol().sleep(Duration::from_secs(60)).await;
        panic!("nobody wakes it");
    })
    .await
}

#[test]
fn a_leader_that_is_dropped_passes_the_lead_on() {
    let server = Server::new(Config::default(), |_| picky);
    let client = sleepless();
    block_on(async {
        client.get(server.url("/")).send().await.unwrap().bytes().await.unwrap();
        for n in 0..20 {
            let mut leader = waiting(&client, server.url("/never"));
            assert!(poll_once(&mut leader).await.is_none());
            let path = format!("/{n}");
            let mut other = waiting(&client, server.url(&path));
            let mut leader = Some(leader);
            let text = poll_fn(|cx| {
                let polled = other.as_mut().poll(cx);
                // What the transport was polled with is not the waker of this task's other half.
                leader = None;
                polled
            });
            assert_eq!(woken(text).await.unwrap(), path);
        }
    });
}

#[test]
fn a_leader_that_is_not_polled_any_more_does_not_stop_the_others() {
    let server = Server::new(Config::default(), |_| picky);
    let client = client(smol());
    block_on(async {
        client.get(server.url("/")).send().await.unwrap().bytes().await.unwrap();
    });
    let mut leader = waiting(&client, server.url("/never"));
    // Nobody will poll it again when it is woken.
    let mut cx = Context::from_waker(Waker::noop());
    assert!(leader.as_mut().poll(&mut cx).is_pending());
    assert_eq!(server.note(), "never");
    for n in 0..3 {
        let path = format!("/{n}");
        assert_eq!(block_on(woken(waiting(&client, server.url(&path)))).unwrap(), path);
    }
    drop(leader);
    assert_eq!(block_on(waiting(&client, server.url("/x"))).unwrap(), "/x");
    assert_eq!(server.note(), "reset CANCEL");
}

/// Dropped after every number of polls, with others on the same connection that must not notice.
#[test]
fn a_request_may_be_cancelled_at_every_await() {
    let server = Server::new(Config::default(), |_| picky);
    let client = client(smol());
    let mut polls_in_all = 0;
    for most in 0..12 {
        let client = client.clone();
        let victim = {
            let client = client.clone();
            let url = server.url("/victim");
            async move {
                let request = client.post(url).body(vec![b'x'; 100_000]).send();
                request.await?.text().await
            }
        };
        let other = waiting(&client, server.url("/other"));
        block_on(async {
            let mut victim = Some(Box::pin(victim));
            let mut other = pin!(other);
            let mut polls = 0;
            let text = poll_fn(|cx| {
                if let Some(running) = &mut victim {
                    if polls == most || running.as_mut().poll(cx).is_ready() {
                        victim = None;
                    }
                    polls += 1;
                }
                other.as_mut().poll(cx)
            });
            assert_eq!(text.await.unwrap(), "/other", "after {most} polls");
            polls_in_all += polls;
        });
        assert_eq!(block_on(waiting(&client, server.url("/after"))).unwrap(), "/after");
    }
    assert!(polls_in_all > 0);
    assert_eq!(server.connections(), 1);
    let counted = client.connections(server.url("/")).unwrap();
    assert_eq!((counted.idle, counted.in_use), (1, 0));
}

#[test]
fn a_response_that_nobody_reads_is_cancelled_when_dropped() {
    let server = Server::new(Config::default(), |_| {
        |talk: &mut Talk, event: ServerEvent| match event {
            ServerEvent::Request(id, request, _) if request.uri().path() == "/long" => {
                talk.stream(id, vec![b'x'; 10 << 20], None);
            }
            event => picky(talk, event),
        }
    });
    let client = client(smol());
    block_on(async {
        let long = client.get(server.url("/long")).send().await.unwrap();
        // Its window is used up, and that of the connection is not.
        for _ in 0..3 {
            assert_eq!(waiting(&client, server.url("/a")).await.unwrap(), "/a");
        }
        drop(long);
        assert_eq!(server.note(), "reset CANCEL");
        for _ in 0..8 {
            let mut long = client.get(server.url("/long")).send().await.unwrap();
            assert!(long.chunk().await.unwrap().is_some());
            drop(long);
            assert_eq!(server.note(), "reset CANCEL");
        }
        assert_eq!(waiting(&client, server.url("/a")).await.unwrap(), "/a");
    });
    assert_eq!(server.connections(), 1);
}

/// Eight threads that poll, give up and go on, each in its own way: nobody waits for a wake that was lost.
#[test]
fn threads_that_come_and_go_leave_nobody_behind() {
    let server = Server::echo_paths(Config::default());
    let client = sleepless();
    block_on(waiting(&client, server.url("/"))).unwrap();
    let threads: Vec<_> = (0..8_u64)
        .map(|thread| {
            let (client, url) = (client.clone(), server.url(""));
            thread::spawn(move || {
                let mut seed = thread.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
                for round in 0..150 {
                    seed ^= seed << 13;
                    seed ^= seed >> 7;
                    seed ^= seed << 17;
                    let path = format!("/{thread}/{round}");
                    let mut wanted = waiting(&client, format!("{url}{path}"));
                    let mut dropped: Vec<_> = (0..seed % 3)
                        .map(|_| Some(waiting(&client, format!("{url}/dropped"))))
                        .collect();
                    let mut patience = seed >> 8 & 3;
                    let text = block_on(woken(poll_fn(|cx| {
                        for dropped in &mut dropped {
                            let over = patience == 0
                                || dropped
                                    .as_mut()
                                    .is_some_and(|one| one.as_mut().poll(cx).is_ready());
                            if over {
                                *dropped = None;
                            }
                        }
                        patience = patience.saturating_sub(1);
                        wanted.as_mut().poll(cx)
                    })));
                    assert_eq!(text.unwrap(), path);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(server.connections(), 1);
    let counted = client.connections(server.url("/")).unwrap();
    assert_eq!((counted.idle, counted.in_use), (1, 0));
}
