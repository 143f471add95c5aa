//! HEADERS frames of a browser's request, read into `http`'s types: h2's codec, which knows no streams, beside
//! barewire-h2's server connection, which does and has to be rid of them.

use std::hint::black_box;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use barewire_h2::{Config, ServerConnection, ServerEvent, frame};
use barewire_hpack::{Encoder, Policy};
use barewire_proto::{Bytes, Protocol};
use bytes::BytesMut;
use futures_core::Stream;
use h2::frame::Frame;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::barewire::{read, send};
use super::case::{Case, HTTP2_HEADS, HTTP2_HEADS_ORDERS, HTTP2_HEADS_PATHS, Work, repeat};
use super::hpack::BROWSER;
use super::http2::put_request;

/// So many come with one read.
const BATCH: u64 = 32;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(HTTP2_HEADS, "clone of map and URI alone", clone_alone),
        Case::new(HTTP2_HEADS, "h2, frame", || theirs(Client::new(&BROWSER, &["/"]))),
        Case::new(HTTP2_HEADS, STREAM, || ours(Client::new(&BROWSER, &["/"]))),
        Case::new(HTTP2_HEADS, "of that a request of three static fields", || {
            ours(Client::new(&[BROWSER[0], BROWSER[1], BROWSER[3]], &["/"]))
        }),
        Case::new(HTTP2_HEADS_PATHS, "h2, frame", || theirs(Client::new(&BROWSER, &PATHS))),
        Case::new(HTTP2_HEADS_PATHS, STREAM, || ours(Client::new(&BROWSER, &PATHS))),
        Case::new(HTTP2_HEADS_ORDERS, "h2, frame", || theirs(Client::in_any_order())),
        Case::new(HTTP2_HEADS_ORDERS, STREAM, || ours(Client::in_any_order())),
    ]
}

const STREAM: &str = "barewire, request and its stream, answered with 204";

/// More than anybody remembers whole requests for.
const PATHS: [&str; 12] = [
    "/catalogue/books/1001",
    "/catalogue/books/1002",
    "/catalogue/books/1003",
    "/catalogue/books/1004",
    "/catalogue/books/1005",
    "/catalogue/books/1006",
    "/catalogue/books/1007",
    "/catalogue/books/1008",
    "/catalogue/books/1009",
    "/catalogue/books/1010",
    "/catalogue/books/1011",
    "/catalogue/books/1012",
];

/// The requests of a client whose other fields are all in the table, after a first one that put them there.
struct Client {
    first: BytesMut,
    blocks: Vec<BytesMut>,
    /// The block that comes next.
    at: usize,
    id: u32,
}

impl Client {
    fn new(fields: &[(&str, &str)], paths: &[&str]) -> Self {
        let mut encoder = Encoder::new(Policy::default());
        let mut encode = |path: &str| {
            let mut dst = BytesMut::new();
            let mut block = encoder.block(&mut dst);
            for &(name, value) in fields {
                let value = if name == ":path" { path } else { value };
                block.field(name.as_bytes(), value.as_bytes());
            }
            dst
        };
        let first = encode("/");
        Self { first, blocks: paths.iter().map(|path| encode(path)).collect(), at: 0, id: 1 }
    }

    /// As if each request had other fields, of which all are in the table: more orders of them than anybody remembers
    /// whole sections for.
    fn in_any_order() -> Self {
        let mut encoder = Encoder::new(Policy::default());
        let mut encode = |order: usize| {
            let (line, section) = BROWSER.split_at(4);
            let mut section = section.to_vec();
            let fields = section.len();
            section.rotate_left(order % fields);
            section[fields / 2..].rotate_left(order / BROWSER.len());
            let mut dst = BytesMut::new();
            let mut block = encoder.block(&mut dst);
            for (name, value) in line.iter().chain(&section) {
                block.field(name.as_bytes(), value.as_bytes());
            }
            dst
        };
        Self {
            first: encode(0),
            blocks: (0..12).map(|n| encode(n * 2 + 1)).collect(),
            at: 0,
            id: 1,
        }
    }

    fn put_first(&mut self, wire: &mut BytesMut) {
        put_request(wire, &self.first, &mut self.id);
    }

    fn put(&mut self, wire: &mut BytesMut, requests: u64) {
        for _ in 0..requests {
            put_request(wire, &self.blocks[self.at], &mut self.id);
            self.at = (self.at + 1) % self.blocks.len();
        }
    }
}

/// Does so many, in batches.
fn batches(mut times: u64, mut once: impl FnMut(u64)) {
    while times > 0 {
        let batch = times.min(BATCH);
        once(batch);
        times -= batch;
    }
}

/// What handing out owned fields costs that were decoded before.
fn clone_alone() -> Work {
    let values: Vec<Bytes> = BROWSER.iter().map(|(_, value)| value.as_bytes().into()).collect();
    let mut map = HeaderMap::with_capacity(BROWSER.len());
    for ((name, _), value) in BROWSER.iter().zip(&values).skip(4) {
        let value = HeaderValue::from_maybe_shared(value.clone()).expect("the value is valid");
        map.insert(HeaderName::from_static(name), value);
    }
    let uri = Bytes::from(format!("{}://{}{}", BROWSER[1].1, BROWSER[2].1, BROWSER[3].1));
    let uri = Uri::from_maybe_shared(uri).expect("the URI is valid");
    repeat(move || _ = black_box((black_box(&map).clone(), black_box(&uri).clone())))
}

fn ours(mut client: Client) -> Work {
    let mut connection = ServerConnection::new(Config::default());
    let mut wire = BytesMut::from(&frame::PREFACE[..]);
    wire.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
    client.put_first(&mut wire);
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let mut exchange = move |wire: &[u8]| {
        connection.handle_timeout(Instant::now());
        assert!(read(connection.input(), wire).is_empty());
        let mut requests = 0;
        while let Some(event) = connection.poll_event().expect("the peer keeps to the protocol") {
            if let ServerEvent::Request(id, request, _) = event {
                black_box(request);
                let answered = connection.respond(id, &response, Bytes::new());
                answered.expect("the stream waits for its answer");
                requests += 1;
            }
        }
        send(connection.output());
        requests
    };
    exchange(&wire);
    Box::new(move |times| {
        batches(times, |batch| {
            wire.clear();
            client.put(&mut wire, batch);
            assert_eq!(exchange(&wire), batch);
        });
    })
}

fn theirs(mut client: Client) -> Work {
    let mut codec: h2::Codec<Wire, Bytes> = h2::Codec::new(Wire::default());
    client.put_first(&mut codec.get_mut().0);
    let mut exchange = move |client: &mut Client, requests| {
        client.put(&mut codec.get_mut().0, requests);
        let mut context = Context::from_waker(Waker::noop());
        let mut read = 0;
        while let Poll::Ready(frame) = Pin::new(&mut codec).poll_next(&mut context) {
            let Some(Ok(Frame::Headers(headers))) = frame else { panic!("no other frames came") };
            black_box(headers.into_parts());
            read += 1;
        }
        read
    };
    exchange(&mut client, 0);
    Box::new(move |times| {
        batches(times, |batch| assert_eq!(exchange(&mut client, batch), batch));
    })
}

/// What is to be read.
#[derive(Default)]
struct Wire(BytesMut);

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Pending;
        }
        let length = self.0.len().min(to.remaining());
        to.put_slice(&self.0[..length]);
        let rest = self.0.len() - length;
        self.0.copy_within(length.., 0);
        self.0.truncate(rest);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
