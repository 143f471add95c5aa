use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use barewire_client::{Body, Client, Error, ErrorKind, Phase};
use barewire_rt::Spawn;

use crate::on_each_runtime;
use crate::script::{Peer, Server, play};

on_each_runtime!(
    a_connection_is_kept,
    a_connection_that_is_to_close_is_not,
    a_stale_connection_costs_a_second_try,
    what_may_have_had_an_effect_is_not_tried_twice,
    a_response_that_had_begun_is_not_asked_for_again,
    a_connection_that_was_reset,
    an_unread_body_closes_the_connection,
    a_body_that_has_arrived_does_not,
    an_answer_that_nobody_asked_for_closes_it_too,
    requests_beyond_the_limit_wait,
    waiting_for_a_connection_has_a_limit,
    no_connection_is_kept_when_none_is_wanted,
    many_at_once_over_a_few,
);

fn serve_two(peer: &mut Peer) {
    peer.request();
    peer.answer("one");
    peer.request();
    peer.answer("two");
    peer.wait_for_end();
}

fn a_connection_is_kept<R: Spawn>(runtime: R) {
    let server = Server::once(serve_two);
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        for wanted in ["one", "two"] {
            // A clone has the same pool.
            let mut response = client.clone().get(server.url("/")).send().await.unwrap();
            assert_eq!(client.connections(server.url("/")).unwrap().in_use, 1);
            assert_eq!(response.chunk().await.unwrap().unwrap(), wanted);
            // It is free as soon as the last byte was read, and not when the end is asked for.
            let counts = client.connections(server.url("/")).unwrap();
            assert_eq!((counts.idle, counts.in_use), (1, 0));
        }
    });
}

fn a_connection_that_is_to_close_is_not<R: Spawn>(runtime: R) {
    fn serve(peer: &mut Peer) {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok");
        peer.wait_for_end();
    }
    let server = Server::new(vec![play(serve), play(serve), play(serve_two)]);
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        for _ in 0..2 {
            let response = client.get(server.url("/")).send().await.unwrap();
            assert_eq!(response.text().await.unwrap(), "ok");
        }
        let request = client.get(server.url("/"));
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), "one");
        // The client may say it too.
        let request = client.get(server.url("/")).header("connection", "close");
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), "two");
        assert_eq!(client.connections(server.url("/")).unwrap().idle, 0);
    });
}

fn an_answer_that_nobody_asked_for_closes_it_too<R: Spawn>(runtime: R) {
    let serve = |peer: &mut Peer| {
        let one = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n";
        peer.request();
        peer.send(format!("{one}one{one}not"));
        peer.wait_for_end();
    };
    let server = Server::new(vec![play(serve), play(serve_two)]);
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        for wanted in ["one", "one", "two"] {
            let response = client.get(server.url("/")).send().await.unwrap();
            assert_eq!(response.text().await.unwrap(), wanted);
        }
    });
}

/// Answers one request and hangs up on the next one.
fn answer_and_hang_up(peer: &mut Peer) {
    peer.request();
    peer.answer("one");
    peer.request();
}

/// The system reports the end as a reset when some of a body was not read.
fn is_hung_up(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Closed(Phase::ReceiveHead) | ErrorKind::Io(Phase::ReceiveHead, _)
    )
}

fn a_stale_connection_costs_a_second_try<R: Spawn>(runtime: R) {
    let server = Server::new(vec![play(answer_and_hang_up), play(serve_two)]);
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        for wanted in ["one", "one", "two"] {
            let request = client.put(server.url("/")).body("idempotent").send();
            assert_eq!(request.await.unwrap().text().await.unwrap(), wanted);
        }
        assert_eq!(client.connections(server.url("/")).unwrap().idle, 1);
    });
}

fn what_may_have_had_an_effect_is_not_tried_twice<R: Spawn>(runtime: R) {
    let server = Server::new(vec![play(answer_and_hang_up), play(answer_and_hang_up)]);
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let prepare =
            || async { client.get(server.url("/")).send().await.unwrap().text().await.unwrap() };
        prepare().await;
        let error = client.post(server.url("/")).body("charge").send().await.unwrap_err();
        assert!(is_hung_up(&error), "{error:?}");
        prepare().await;
        let once = Body::from_read(&b"only once"[..]);
        let error = client.put(server.url("/")).body(once).send().await.unwrap_err();
        assert!(is_hung_up(&error), "{error:?}");
        let counts = client.connections(server.url("/")).unwrap();
        assert_eq!((counts.idle, counts.in_use), (0, 0));
    });
}

fn a_response_that_had_begun_is_not_asked_for_again<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        answer_and_hang_up(peer);
        peer.send("HTTP/1.1 20");
    });
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        client.get(server.url("/")).send().await.unwrap().text().await.unwrap();
        let error = client.get(server.url("/")).send().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Closed(Phase::ReceiveHead)), "{error:?}");
    });
}

fn a_connection_that_was_reset<R: Spawn>(runtime: R) {
    let server = Server::new(vec![
        play(|peer| {
            answer_and_hang_up(peer);
            peer.reset();
        }),
        play(serve_two),
    ]);
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        for wanted in ["one", "one", "two"] {
            let response = client.get(server.url("/")).send().await.unwrap();
            assert_eq!(response.text().await.unwrap(), wanted);
        }
    });
}

fn an_unread_body_closes_the_connection<R: Spawn>(runtime: R) {
    let server = Server::new(vec![
        play(|peer| {
            peer.request();
            peer.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
            peer.wait_for_end();
        }),
        play(serve_two),
    ]);
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let mut response = client.get(server.url("/")).send().await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "half");
        drop(response);
        let response = client.get(server.url("/")).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "one");
        let response = client.get(server.url("/")).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "two");
    });
}

fn a_body_that_has_arrived_does_not<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        peer.request();
        let chunks =
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n";
        peer.send(chunks);
        peer.request();
        peer.answer("two");
    });
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        drop(client.get(server.url("/")).send().await.unwrap());
        assert_eq!(client.connections(server.url("/")).unwrap().idle, 1);
        let response = client.get(server.url("/")).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "two");
    });
}

fn requests_beyond_the_limit_wait<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        for body in ["one", "two", "three"] {
            peer.request();
            peer.answer(body);
        }
        peer.wait_for_end();
    });
    let client = Client::builder(runtime.clone()).max_connections_per_host(1).build();
    let url = server.url("/");
    let held = runtime.block_on(client.get(&url).send()).unwrap();
    let (sender, receiver) = mpsc::channel();
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let (client, url, sender) = (client.clone(), url.clone(), sender.clone());
            let runtime = runtime.clone();
            thread::spawn(move || {
                runtime.block_on(async {
                    let response = client.get(&url).send().await.unwrap();
                    sender.send(response.text().await.unwrap()).unwrap();
                });
            })
        })
        .collect();
    assert_eq!(runtime.block_on(held.text()).unwrap(), "one");
    let mut others: Vec<_> = receiver.iter().take(2).collect();
    others.sort();
    assert_eq!(others, ["three", "two"]);
    for thread in waiting {
        thread.join().unwrap();
    }
    let counts = client.connections(&url).unwrap();
    assert_eq!((counts.idle, counts.in_use), (1, 0));
}

fn waiting_for_a_connection_has_a_limit<R: Spawn>(runtime: R) {
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
    runtime.clone().block_on(async move {
        let mut config = barewire_client::Config::default();
        config.timeouts.pool = Some(Duration::from_millis(10));
        config.pool.max_per_host = 1;
        let client = Client::builder(runtime).config(config).build();
        let held = client.get(server.url("/")).send().await.unwrap();
        let error = client.get(server.url("/")).send().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Timeout(Phase::Pool)), "{error:?}");
        assert!(error.is_timeout() && error.is_connect());
        drop(held);
        let counts = client.connections(server.url("/")).unwrap();
        assert_eq!((counts.idle, counts.in_use), (0, 0));
    });
}

fn no_connection_is_kept_when_none_is_wanted<R: Spawn>(runtime: R) {
    fn serve(peer: &mut Peer) {
        peer.request();
        peer.answer("ok");
        peer.wait_for_end();
    }
    let server = Server::new(vec![play(serve), play(serve)]);
    runtime.clone().block_on(async move {
        let client = Client::builder(runtime).max_idle_per_host(0).build();
        for _ in 0..2 {
            let response = client.get(server.url("/")).send().await.unwrap();
            assert_eq!(response.text().await.unwrap(), "ok");
            assert_eq!(client.connections(server.url("/")).unwrap().idle, 0);
        }
    });
}

fn many_at_once_over_a_few<R: Spawn>(runtime: R) {
    const FEW: usize = 4;
    let server = Server::new((0..FEW).map(|_| play(Peer::echo_paths)).collect());
    let client = Client::builder(runtime.clone()).max_connections_per_host(FEW).build();
    let url = server.url("/");
    runtime.block_on(async {
        // All of the few are opened, whatever happens later.
        let mut held = Vec::new();
        for _ in 0..FEW {
            held.push(client.get(&url).send().await.unwrap());
        }
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                let (client, url) = (client.clone(), format!("{url}{n}"));
                let exchange = async move { client.get(&url).send().await?.text().await };
                runtime.spawn(exchange)
            })
            .collect();
        drop(held);
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap().unwrap(), format!("/{n}"));
        }
        let counts = client.connections(&url).unwrap();
        assert_eq!((counts.idle, counts.in_use), (FEW, 0));
    });
    drop(client);
}

/// Polls until a condition holds, and gives the future up.
fn give_up<F: Future>(future: F, mut when: impl FnMut() -> bool) {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        assert!(future.as_mut().poll(&mut cx).is_pending());
        if when() {
            return;
        }
        thread::yield_now();
    }
}

#[test]
fn given_up_while_it_connects() {
    let server = Server::new(vec![
        play(|peer| {
            assert_eq!(peer.wait_for_end(), 0);
        }),
        play(serve_two),
    ]);
    let runtime = crate::smol();
    let client = Client::builder(runtime.clone()).max_connections_per_host(1).build();
    let url = server.url("/");
    give_up(client.get(&url).send(), || true);
    assert_eq!(client.connections(&url).unwrap().in_use, 0);
    for wanted in ["one", "two"] {
        let text = runtime.block_on(async { client.get(&url).send().await?.text().await });
        assert_eq!(text.unwrap(), wanted);
    }
}

#[test]
fn given_up_while_it_waits_for_the_head() {
    let (sender, receiver) = mpsc::channel();
    let server = Server::new(vec![
        play(move |peer| {
            peer.request();
            sender.send(()).unwrap();
            assert_eq!(peer.wait_for_end(), 0);
        }),
        play(serve_two),
    ]);
    let runtime = crate::smol();
    let client = Client::builder(runtime.clone()).max_connections_per_host(1).build();
    let url = server.url("/");
    give_up(client.get(&url).send(), || receiver.try_recv().is_ok());
    for wanted in ["one", "two"] {
        let text = runtime.block_on(async { client.get(&url).send().await?.text().await });
        assert_eq!(text.unwrap(), wanted);
    }
}

#[test]
fn given_up_while_it_sends() {
    let (sender, receiver) = mpsc::channel();
    let server = Server::new(vec![
        play(move |peer| {
            peer.request();
            peer.exactly(100_000);
            sender.send(()).unwrap();
            peer.wait_for_end();
        }),
        play(serve_two),
    ]);
    let runtime = crate::smol();
    let client = Client::builder(runtime.clone()).max_connections_per_host(1).build();
    let url = server.url("/");
    let endless = Body::from_read(std::io::repeat(b'x'));
    give_up(client.post(&url).body(endless).send(), || receiver.try_recv().is_ok());
    for wanted in ["one", "two"] {
        let text = runtime.block_on(async { client.get(&url).send().await?.text().await });
        assert_eq!(text.unwrap(), wanted);
    }
}

#[test]
fn given_up_while_it_waits_for_its_turn() {
    let server = Server::once(serve_two);
    let runtime = crate::smol();
    let client = Client::builder(runtime.clone()).max_connections_per_host(1).build();
    let url = server.url("/");
    let held = runtime.block_on(client.get(&url).send()).unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    {
        let mut first = Box::pin(client.get(&url).send());
        assert!(first.as_mut().poll(&mut cx).is_pending());
        let mut second = Box::pin(client.get(&url).send());
        assert!(second.as_mut().poll(&mut cx).is_pending());
        // The turn is the first one's, who gives it up when it has come.
        assert_eq!(runtime.block_on(held.text()).unwrap(), "one");
        drop(first);
        let response = runtime.block_on(second).unwrap();
        assert_eq!(runtime.block_on(response.text()).unwrap(), "two");
    }
    let counts = client.connections(&url).unwrap();
    assert_eq!((counts.idle, counts.in_use), (1, 0));
}

#[test]
fn a_part_that_was_given_up_is_not_lost() {
    let (sender, receiver) = mpsc::channel();
    let server = Server::once(move |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n");
        receiver.recv().unwrap();
        peer.send("four");
    });
    let runtime = crate::smol();
    let client = Client::new(runtime.clone());
    let mut response = runtime.block_on(client.get(server.url("/")).send()).unwrap();
    give_up(response.chunk(), || true);
    sender.send(()).unwrap();
    assert_eq!(runtime.block_on(response.text()).unwrap(), "four");
}
