//! Many requests on one connection, or on as few as the server allows.

use std::sync::{Arc, Barrier};
use std::thread;

use barewire_client::blocking;
use barewire_h2::{Config, Reason, ServerEvent};
use barewire_rt::Spawn;
use http::Version;

use crate::peer::{Server, Talk, echo_path};
use crate::{at_once, client, on_each_runtime};

on_each_runtime!(
    one_after_another,
    a_hundred_at_once_share_one_connection,
    what_is_above_the_servers_limit_goes_to_another_connection,
    above_all_limits_one_waits,
    refused_streams_are_tried_again,
    what_a_goaway_left_out_is_tried_again,
    only_what_a_goaway_left_out_is_tried_again,
    a_body_that_cannot_be_sent_again_is_not,
    eight_threads_use_one_connection_at_once,
);

fn one_after_another<R: Spawn>(runtime: R) {
    let server = Server::echo_paths(Config::default());
    runtime.clone().block_on(async move {
        let client = client(runtime);
        for n in 0..3 {
            let path = format!("/{n}");
            let response = client.get(server.url(&path)).send().await.unwrap();
            assert_eq!(response.version(), Version::HTTP_2);
            assert_eq!(response.text().await.unwrap(), path);
        }
        assert_eq!(server.connections(), 1);
        let counted = client.connections(server.url("/")).unwrap();
        assert_eq!((counted.idle, counted.in_use), (1, 0));
    });
}

/// Answers nothing before there are `n` requests.
fn gather(n: usize) -> impl FnMut(&mut Talk, ServerEvent) + Send {
    let mut held = Vec::new();
    let mut seen = 0;
    move |talk, event| {
        let is_request = matches!(event, ServerEvent::Request(..));
        seen += usize::from(is_request);
        if is_request && seen <= n {
            held.push(event);
        } else {
            echo_path(talk, event);
        }
        if seen >= n {
            // The last first: order is no matter.
            while let Some(event) = held.pop() {
                echo_path(talk, event);
            }
        }
    }
}

fn a_hundred_at_once_share_one_connection<R: Spawn>(runtime: R) {
    let server = Server::new(Config::default(), |_| gather(100));
    runtime.clone().block_on(async move {
        let client = client(runtime);
        let urls = (0..100).map(|n| server.url(&format!("/{n}"))).collect();
        for (n, response) in at_once(&client, urls).await.into_iter().enumerate() {
            assert_eq!(response.unwrap().text().await.unwrap(), format!("/{n}"));
        }
        assert_eq!(server.connections(), 1);
    });
}

fn what_is_above_the_servers_limit_goes_to_another_connection<R: Spawn>(runtime: R) {
    let mut config = Config::default();
    config.settings.max_concurrent_streams = 4;
    let server = Server::new(config, |_| {
        let mut gather = gather(4);
        move |talk: &mut Talk, event| match &event {
            ServerEvent::Request(_, request, _) if request.uri().path() == "/first" => {
                echo_path(talk, event);
            }
            _ => gather(talk, event),
        }
    });
    runtime.clone().block_on(async move {
        let client = client(runtime);
        let first = client.get(server.url("/first")).send().await.unwrap();
        assert_eq!(first.text().await.unwrap(), "/first");
        let urls = (0..12).map(|n| server.url(&format!("/{n}"))).collect();
        for (n, response) in at_once(&client, urls).await.into_iter().enumerate() {
            assert_eq!(response.unwrap().text().await.unwrap(), format!("/{n}"));
        }
        assert_eq!(server.connections(), 3);
        let counted = client.connections(server.url("/")).unwrap();
        assert_eq!((counted.idle, counted.in_use), (3, 0));
    });
}

fn above_all_limits_one_waits<R: Spawn>(runtime: R) {
    let mut config = Config::default();
    config.settings.max_concurrent_streams = 2;
    let server = Server::echo_paths(config);
    runtime.clone().block_on(async move {
        let builder = barewire_client::Client::builder(runtime).http2_prior_knowledge();
        let client = builder.max_connections_per_host(1).build();
        client.get(server.url("/")).send().await.unwrap().bytes().await.unwrap();
        let tasks: Vec<_> = (0..20)
            .map(|n| {
                let (client, url) = (client.clone(), server.url(&format!("/{n}")));
                async move { client.get(url).send().await?.text().await }
            })
            .collect();
        let mut running = Vec::new();
        for task in tasks {
            running.push(client.runtime().spawn(task));
        }
        for (n, task) in running.into_iter().enumerate() {
            assert_eq!(task.await.unwrap().unwrap(), format!("/{n}"));
        }
        assert_eq!(server.connections(), 1);
    });
}

/// Answers with the number of the connection.
fn answer_number(talk: &mut Talk, event: &ServerEvent) {
    if let ServerEvent::End(id) = event {
        let number = talk.number.to_string();
        talk.answer(*id, number);
    }
}

fn refused_streams_are_tried_again<R: Spawn>(runtime: R) {
    // The first connection serves one request, and refuses all others.
    let server = Server::new(Config::default(), |number| {
        let mut seen = 0;
        move |talk: &mut Talk, event| {
            if let (0, ServerEvent::Request(id, ..)) = (number, &event) {
                seen += 1;
                if seen > 1 {
                    talk.reset(*id, Reason::REFUSED_STREAM);
                }
            }
            answer_number(talk, &event);
        }
    });
    runtime.clone().block_on(async move {
        let client = client(runtime);
        let post = |body| client.post(server.url("/p")).body(body).send();
        assert_eq!(post("abc").await.unwrap().text().await.unwrap(), "0");
        // Whatever the method is, and on another connection.
        for _ in 0..3 {
            assert_eq!(post("abc").await.unwrap().text().await.unwrap(), "1");
        }
        assert_eq!(server.connections(), 2);
    });
}

fn what_a_goaway_left_out_is_tried_again<R: Spawn>(runtime: R) {
    let server = Server::new(Config::default(), |number| {
        move |talk: &mut Talk, event| match event {
            // Says that it has seen no stream at all, and goes.
            ServerEvent::Request(..) if number == 0 => {
                let frame = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
                talk.raw(&frame);
                talk.hang_up = true;
            }
            event => echo_path(talk, event),
        }
    });
    runtime.clone().block_on(async move {
        let client = client(runtime);
        let response = client.post(server.url("/p")).body("abc").send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "/p 3");
        assert_eq!(server.connections(), 2);
    });
}

/// Of two requests on a connection the server says that it has seen the first.
fn only_what_a_goaway_left_out_is_tried_again<R: Spawn>(runtime: R) {
    let server = Server::new(Config::default(), |number| {
        let mut ids = Vec::new();
        move |talk: &mut Talk, event| match event {
            ServerEvent::End(id) if number == 0 => {
                talk.note("seen");
                ids.push(id);
                if let [first, _] = ids[..] {
                    let mut frame = vec![0, 0, 8, 7, 0, 0, 0, 0, 0];
                    frame.extend(first.value().to_be_bytes());
                    frame.extend([0; 4]);
                    talk.raw(&frame);
                    talk.answer(first, "0");
                }
            }
            event => answer_number(talk, &event),
        }
    });
    runtime.clone().block_on(async move {
        let client = client(runtime.clone());
        let post = || {
            let request = client.post(server.url("/p")).body("abc").send();
            runtime.spawn(async move { request.await?.text().await })
        };
        let first = post();
        assert_eq!(server.note(), "seen");
        let second = post();
        assert_eq!(first.await.unwrap().unwrap(), "0");
        assert_eq!(second.await.unwrap().unwrap(), "1");
        assert_eq!(server.connections(), 2);
    });
}

fn a_body_that_cannot_be_sent_again_is_not<R: Spawn>(runtime: R) {
    let server = Server::new(Config::default(), |_| {
        move |talk: &mut Talk, event: ServerEvent| {
            if let ServerEvent::Request(id, ..) = event {
                talk.reset(id, Reason::REFUSED_STREAM);
            }
        }
    });
    runtime.clone().block_on(async move {
        use barewire_client::{Body, ErrorKind};
        let client = client(runtime);
        let body = Body::from_read(std::io::Cursor::new("once"));
        let error = client.post(server.url("/")).body(body).send().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Unprocessed(_)), "{error:?}");
        // One that can be is tried some times, and not for ever.
        let error = client.post(server.url("/")).body("again").send().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Unprocessed(_)), "{error:?}");
    });
}

/// Of the blocking client.
fn eight_threads_use_one_connection_at_once<R: Spawn>(runtime: R) {
    const ROUNDS: usize = 25;
    let server = Server::new(Config::default(), |_| gather(8));
    let client = blocking::Client::from(client(runtime));
    let start = Arc::new(Barrier::new(8));
    let running: Vec<_> = (0..8)
        .map(|thread| {
            let (client, start, url) = (client.clone(), start.clone(), server.url(""));
            thread::spawn(move || {
                start.wait();
                for round in 0..ROUNDS {
                    let path = format!("/{thread}/{round}");
                    let response = client.get(format!("{url}{path}")).send().unwrap();
                    assert_eq!(response.version(), Version::HTTP_2);
                    assert_eq!(response.text().unwrap(), path);
                }
            })
        })
        .collect();
    for thread in running {
        thread.join().unwrap();
    }
    assert_eq!(server.connections(), 1);
}
