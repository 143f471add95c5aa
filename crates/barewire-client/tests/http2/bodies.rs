//! Bodies: large ones through small windows, trailers, early answers, 100 Continue.

use std::time::{Duration, Instant};

use barewire_client::{Body, Client, ErrorKind};
use barewire_h2::{Config, Reason, ServerEvent};
use barewire_rt::Spawn;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;

use crate::peer::{Server, Talk, echo_path};
use crate::{client, on_each_runtime};

on_each_runtime!(
    large_bodies_through_small_windows,
    many_large_bodies_at_once,
    a_response_is_sent_on_over_the_same_connection,
    a_server_that_does_not_read_for_a_while,
    trailers_both_ways,
    an_early_refusal_ends_the_upload,
    a_body_that_waits_for_100_continue,
    a_body_that_is_read_to_its_length_gives_its_place_back,
);

fn small_windows<R: Spawn>(runtime: R) -> Client<R> {
    let mut config = client(runtime.clone()).config().clone();
    config.h2.settings.initial_window_size = 5000;
    config.h2.settings.connection_window = 65_535;
    Client::builder(runtime).config(config).build()
}

pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 + n / 251) as u8).collect()
}

/// Sends every body back when it is complete.
fn echo_body(talk: &mut Talk, event: ServerEvent) {
    if let ServerEvent::End(id) = event {
        let body = talk.received.remove(&id).unwrap_or_default();
        talk.stream(id, body, None);
    }
}

fn large_bodies_through_small_windows<R: Spawn>(runtime: R) {
    let mut config = Config::default();
    config.settings.initial_window_size = 3000;
    config.settings.connection_window = 65_535;
    let server = Server::new(config, |_| echo_body);
    runtime.clone().block_on(async move {
        let client = small_windows(runtime);
        let body = pattern(1_000_000);
        let known = client.post(server.url("/")).body(body.clone()).send().await.unwrap();
        assert!(known.bytes().await.unwrap() == body);
        let reader = Body::from_read(std::io::Cursor::new(body.clone()));
        let unknown = client.post(server.url("/")).body(reader).send().await.unwrap();
        assert!(unknown.bytes().await.unwrap() == body);
        let reader = Body::from_read_sized(std::io::Cursor::new(body.clone()), 1_000_000);
        let sized = client.post(server.url("/")).body(reader).send().await.unwrap();
        assert!(sized.bytes().await.unwrap() == body);
        assert_eq!(server.connections(), 1);
    });
}

fn many_large_bodies_at_once<R: Spawn>(runtime: R) {
    let server = Server::new(Config::default(), |_| echo_body);
    runtime.clone().block_on(async move {
        let client = small_windows(runtime);
        let tasks: Vec<_> = (0..8)
            .map(|n| {
                let (client, url) = (client.clone(), server.url("/"));
                client.runtime().clone().spawn(async move {
                    let body = pattern(150_000 + n);
                    let response = client.post(url).body(body.clone()).send().await.unwrap();
                    assert!(response.bytes().await.unwrap() == body);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(server.connections(), 1);
    });
}

fn a_response_is_sent_on_over_the_same_connection<R: Spawn>(runtime: R) {
    let server = Server::new(Config::default(), |_| echo_body);
    runtime.clone().block_on(async move {
        let client = small_windows(runtime);
        let body = pattern(300_000);
        let first = client.post(server.url("/")).body(body.clone()).send().await.unwrap();
        let second = client.post(server.url("/")).body(first.into_body()).send().await.unwrap();
        assert!(second.bytes().await.unwrap() == body);
        assert_eq!(server.connections(), 1);
    });
}

/// The windows are open, and the sockets are full: who writes waits, and so does who only asks.
fn a_server_that_does_not_read_for_a_while<R: Spawn>(runtime: R) {
    let mut config = Config::default();
    config.settings.initial_window_size = (1 << 31) - 1;
    config.settings.connection_window = (1 << 31) - 1;
    let server = Server::new(config, |_| {
        |talk: &mut Talk, event: ServerEvent| {
            if let ServerEvent::Request(_, request, _) = &event
                && request.uri().path() == "/large"
            {
                talk.deaf = Some(Instant::now() + Duration::from_millis(300));
                talk.note("deaf");
            }
            echo_path(talk, event);
        }
    });
    runtime.clone().block_on(async move {
        let client = client(runtime);
        client.get(server.url("/")).send().await.unwrap().bytes().await.unwrap();
        let large = client.post(server.url("/large")).body(vec![b'x'; 24 << 20]);
        let large = client.runtime().spawn(large.send());
        assert_eq!(server.note(), "deaf");
        let small: Vec<_> = (0..4)
            .map(|_| {
                let small = client.post(server.url("/small")).body(vec![b'x'; 70_000]);
                client.runtime().spawn(small.send())
            })
            .collect();
        for small in small {
            let small = small.await.unwrap().unwrap();
            assert_eq!(small.text().await.unwrap(), "/small 70000");
        }
        let large = large.await.unwrap().unwrap();
        assert_eq!(large.text().await.unwrap(), format!("/large {}", 24 << 20));
        assert_eq!(server.connections(), 1);
    });
}

fn trailers_both_ways<R: Spawn>(runtime: R) {
    let server = Server::new(Config::default(), |_| {
        |talk: &mut Talk, event: ServerEvent| match event {
            ServerEvent::Trailers(_, trailers) => {
                talk.note(trailers["x-up"].to_str().unwrap().to_owned());
            }
            ServerEvent::End(id) => {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-down", HeaderValue::from_static("two"));
                talk.stream(id, "body", Some(trailers));
            }
            _ => {}
        }
    });
    runtime.clone().block_on(async move {
        let client = client(runtime);
        let mut trailers = HeaderMap::new();
        trailers.insert("x-up", HeaderValue::from_static("one"));
        let frames: Vec<Result<Frame<Bytes>, std::io::Error>> =
            vec![Ok(Frame::data(Bytes::from_static(b"data"))), Ok(Frame::trailers(trailers))];
        let body = Body::stream(StreamBody::new(futures_lite::stream::iter(frames)));
        let mut response = client.post(server.url("/")).body(body).send().await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "body");
        assert_eq!(response.chunk().await.unwrap(), None);
        assert_eq!(response.trailers().unwrap()["x-down"], "two");
        assert_eq!(server.note(), "one");
    });
}

fn an_early_refusal_ends_the_upload<R: Spawn>(runtime: R) {
    let server = Server::new(Config::default(), |_| {
        |talk: &mut Talk, event: ServerEvent| match event {
            ServerEvent::Request(id, request, _) if request.uri().path() == "/no" => {
                let response = Response::builder().status(413).body(()).unwrap();
                talk.h2.respond(id, &response, Bytes::from_static(b"no")).unwrap();
                talk.h2.discard(id);
            }
            ServerEvent::Request(id, request, _) if request.uri().path() == "/reset" => {
                let response = Response::builder().status(403).body(()).unwrap();
                talk.h2.respond(id, &response, Bytes::from_static(b"never")).unwrap();
                talk.reset(id, Reason::NO_ERROR);
            }
            event => echo_path(talk, event),
        }
    });
    runtime.clone().block_on(async move {
        let client = client(runtime);
        for (path, status, text) in [("/no", 413, "no"), ("/reset", 403, "never")] {
            let endless = Body::from_read(std::io::repeat(b'x'));
            let response = client.post(server.url(path)).body(endless).send().await.unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(response.text().await.unwrap(), text);
        }
        let response = client.post(server.url("/yes")).body("abc").send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "/yes 3");
        assert_eq!(server.connections(), 1);
    });
}

fn a_body_that_waits_for_100_continue<R: Spawn>(runtime: R) {
    let server = Server::new(Config::default(), |_| {
        |talk: &mut Talk, event: ServerEvent| match &event {
            ServerEvent::Request(id, request, _) if request.headers().contains_key("expect") => {
                assert!(talk.received.is_empty());
                match request.uri().path() {
                    "/wanted" => {
                        let response = Response::builder().status(100).body(()).unwrap();
                        talk.h2.send_informational(*id, &response).unwrap();
                        echo_path(talk, event);
                    }
                    "/unwanted" => {
                        let response =
                            Response::builder().status(StatusCode::EXPECTATION_FAILED).body(());
                        talk.h2.respond(*id, &response.unwrap(), Bytes::new()).unwrap();
                    }
                    _ => echo_path(talk, event),
                }
            }
            _ => echo_path(talk, event),
        }
    });
    runtime.clone().block_on(async move {
        let client = client(runtime);
        for (path, wait) in [("/wanted", 20_000), ("/unwanted", 20_000), ("/silent", 50)] {
            let post = client.post(server.url(path)).body("abc");
            let response = post.expect_continue(Duration::from_millis(wait)).send().await.unwrap();
            assert_eq!(response.text().await.unwrap(), format!("{path} 3"));
        }
    });
}

fn a_body_that_is_read_to_its_length_gives_its_place_back<R: Spawn>(runtime: R) {
    let server = Server::echo_paths(Config::default());
    runtime.clone().block_on(async move {
        let client = client(runtime);
        let mut response = client.get(server.url("/abc")).send().await.unwrap();
        assert_eq!(response.content_length(), Some(4));
        assert_eq!(response.chunk().await.unwrap().unwrap(), "/abc");
        let counted = client.connections(server.url("/")).unwrap();
        assert_eq!((counted.idle, counted.in_use), (1, 0));
        let head = client.head(server.url("/abc")).send().await.unwrap();
        assert_eq!(head.bytes().await.unwrap(), "");
        let error = client.get(server.url("/abc")).header("te", "gzip").send().await;
        if let Err(error) = error {
            assert!(matches!(error.kind(), ErrorKind::Http2Request(_)), "{error:?}");
        }
    });
}
