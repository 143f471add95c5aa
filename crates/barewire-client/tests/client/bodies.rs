use std::io;

use barewire_client::{Body, Client, ErrorKind, Phase};
use barewire_h1::UsageError;
use barewire_rt::Spawn;
use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::StreamBody;

use crate::on_each_runtime;
use crate::script::{Server, play};

on_each_runtime!(
    chunked_both_ways_with_trailers,
    what_is_sent_comes_back_while_it_is_sent,
    a_large_body_comes_whole,
    a_sized_reader,
    a_body_that_fails_ends_the_request,
    a_body_of_another_length_than_declared,
    what_is_collected_has_a_limit,
    a_response_is_sent_on,
    text_that_is_not_utf8,
);

fn frames(frames: Vec<Result<Frame<Bytes>, io::Error>>) -> Body {
    Body::stream(StreamBody::new(futures_lite::stream::iter(frames)))
}

fn chunked_both_ways_with_trailers<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        assert!(peer.request().contains("\r\ntransfer-encoding: chunked\r\n"));
        let body = peer.until("\r\n\r\n");
        assert_eq!(body, "3\r\none\r\n3\r\ntwo\r\n0\r\nx-sum: 6\r\n\r\n");
        peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;ext\r\nabc\r\n");
        peer.send("4\r\ndefg\r\n0\r\nx-after: 7\r\n\r\n");
        peer.request();
        peer.answer("kept");
    });
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "6".parse().unwrap());
        let body = frames(vec![
            Ok(Frame::data(Bytes::from_static(b"one"))),
            Ok(Frame::data(Bytes::from_static(b"two"))),
            Ok(Frame::trailers(trailers)),
        ]);
        let mut response = client.post(server.url("/")).body(body).send().await.unwrap();
        let mut all = Vec::new();
        while let Some(data) = response.chunk().await.unwrap() {
            all.extend_from_slice(&data);
        }
        assert_eq!(all, b"abcdefg");
        assert_eq!(response.trailers().unwrap()["x-after"], "7");
        assert!(response.chunk().await.unwrap().is_none());
        let response = client.get(server.url("/")).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "kept");
    });
}

fn what_is_sent_comes_back_while_it_is_sent<R: Spawn>(runtime: R) {
    const SIZE: usize = 8 << 20;
    let server = Server::once(|peer| {
        peer.request();
        // More than what the system holds comes back before all of it was sent.
        peer.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n"));
        for _ in 0..SIZE / 1024 {
            let part = peer.exactly(1024);
            peer.send(part);
        }
        peer.request();
        peer.answer("kept");
    });
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let body = Body::from_read_sized(io::repeat(b'x'), SIZE as u64);
        let mut response = client.post(server.url("/")).body(body).send().await.unwrap();
        let mut length = 0;
        while let Some(data) = response.chunk().await.unwrap() {
            assert!(data.iter().all(|byte| *byte == b'x'));
            length += data.len();
        }
        assert_eq!(length, SIZE);
        let response = client.get(server.url("/")).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "kept");
    });
}

fn a_large_body_comes_whole<R: Spawn>(runtime: R) {
    const SIZE: usize = 5 << 20;
    let large: Bytes = (0..SIZE).map(|n| (n % 251) as u8).collect();
    let sent = large.clone();
    let server = Server::once(move |peer| {
        peer.request();
        let came = peer.exactly(SIZE);
        peer.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n"));
        peer.send(came);
        peer.wait_for_end();
    });
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let response = client.put(server.url("/")).body(sent).send().await.unwrap();
        assert!(response.bytes().await.unwrap() == large);
        assert_eq!(client.connections(server.url("/")).unwrap().idle, 1);
    });
}

fn a_sized_reader<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        assert!(peer.request().contains("\r\ncontent-length: 100000\r\n"));
        assert_eq!(peer.exactly(100_000), [b'x'; 100_000]);
        peer.answer("");
    });
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let body = Body::from_reader_sized(futures_lite::io::repeat(b'x'), 100_000);
        client.put(server.url("/")).body(body).send().await.unwrap();
    });
}

fn a_body_that_fails_ends_the_request<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        peer.wait_for_end();
    });
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let body = frames(vec![
            Ok(Frame::data(Bytes::from_static(b"one"))),
            Err(io::Error::other("the disk is on fire")),
        ]);
        let error = client.put(server.url("/")).body(body).send().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::RequestBody(_)), "{error:?}");
        assert!(error.is_request() && error.to_string().contains("on fire"), "{error}");
        assert_eq!(client.connections(server.url("/")).unwrap().in_use, 0);
    });
}

fn a_body_of_another_length_than_declared<R: Spawn>(runtime: R) {
    let server = Server::new(vec![
        play(|peer| {
            peer.wait_for_end();
        }),
        play(|peer| {
            peer.wait_for_end();
        }),
    ]);
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        for (declared, wanted) in [(2, UsageError::LengthMismatch), (9, UsageError::LengthShort)] {
            struct Liar(u64, Option<Bytes>);
            impl http_body::Body for Liar {
                type Data = Bytes;
                type Error = io::Error;
                fn poll_frame(
                    mut self: std::pin::Pin<&mut Self>,
                    _: &mut std::task::Context<'_>,
                ) -> std::task::Poll<Option<io::Result<Frame<Bytes>>>> {
                    std::task::Poll::Ready(self.1.take().map(|data| Ok(Frame::data(data))))
                }
                fn size_hint(&self) -> http_body::SizeHint {
                    http_body::SizeHint::with_exact(self.0)
                }
            }
            let body = Body::stream(Liar(declared, Some(Bytes::from_static(b"four"))));
            let error = client.put(server.url("/")).body(body).send().await.unwrap_err();
            let ErrorKind::Request(usage) = error.kind() else { panic!("{error:?}") };
            assert_eq!(*usage, wanted);
        }
    });
}

fn what_is_collected_has_a_limit<R: Spawn>(runtime: R) {
    let server = Server::new(vec![
        play(|peer| {
            peer.request();
            peer.answer("four");
        }),
        play(|peer| {
            peer.request();
            peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            while peer.try_send(b"4\r\nfour\r\n") {}
        }),
    ]);
    runtime.clone().block_on(async move {
        let client = Client::builder(runtime).max_idle_per_host(0).build();
        for limit in [3, 10_000] {
            let response = client.get(server.url("/")).send().await.unwrap();
            let error = response.limit(limit).bytes().await.unwrap_err();
            assert_eq!(error.phase(), Some(Phase::ReceiveBody));
            let ErrorKind::BodyTooLarge { limit: told } = error.kind() else { panic!("{error:?}") };
            assert_eq!(*told, limit);
        }
    });
}

fn a_response_is_sent_on<R: Spawn>(runtime: R) {
    let source = Server::once(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234");
        peer.send("56789");
        peer.wait_for_end();
    });
    let sink = Server::once(|peer| {
        assert!(peer.request().contains("\r\ncontent-length: 10\r\n"));
        assert_eq!(peer.exactly(10), b"0123456789");
        peer.answer("got it");
    });
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let response = client.get(source.url("/")).send().await.unwrap();
        let response = client.put(sink.url("/")).body(response).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "got it");
        drop(client);
    });
}

fn text_that_is_not_utf8<R: Spawn>(runtime: R) {
    let mut answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n".to_vec();
    answer.extend([b'a', 0xFF, b'b']);
    let server = Server::answering(answer);
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let response = client.get(server.url("/")).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "a\u{FFFD}b");
        drop(client);
    });
}
