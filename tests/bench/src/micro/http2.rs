//! barewire-h2: its frames beside h2's, and its server connection driven by hand.

use std::hint::black_box;
use std::time::Instant;

use barewire_h2::frame::{self, Frame};
use barewire_h2::{Config, Reason, ServerConnection, ServerEvent, StreamId};
use barewire_proto::{Buf, Bytes, Protocol, Status};
use bytes::BytesMut;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

use super::barewire::{read, send};
use super::case::{Case, HTTP2_BLOCK, HTTP2_BROWSER, HTTP2_FRAMES, HTTP2_SMALL, Work, repeat};
use super::messages;
use crate::load::Http2Request;
use crate::request::BROWSER_HEADERS;

const NAME: &str = "barewire";
const MAX_FRAME: u32 = 16 * 1024;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(HTTP2_FRAMES, "h2", their_frames),
        Case::new(HTTP2_FRAMES, NAME, our_frames),
        Case::new(HTTP2_SMALL, NAME, || serving(32, &[], messages::ANSWER.as_bytes())),
        Case::new(HTTP2_BROWSER, NAME, || {
            serving(32, &browser_fields(), messages::ANSWER.as_bytes())
        }),
        Case::new(HTTP2_BLOCK, NAME, || {
            static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
            serving(8, &[], &ZEROS)
        }),
    ]
}

/// The frame types that h2's public functions parse from a slice: DATA's is private, and HEADERS' wants a buffer of its
/// own.
fn wire() -> Bytes {
    let mut wire = BytesMut::new();
    let stream = StreamId::new(1);
    Frame::WindowUpdate { stream, increment: 1000 }.encode(&mut wire);
    Frame::Ping { ack: false, payload: [7; 8] }.encode(&mut wire);
    // SETTINGS with an initial window and a header list size.
    wire.extend_from_slice(&[0, 0, 12, 4, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0, 6, 0, 0, 64, 0]);
    Frame::Reset { stream, reason: Reason::CANCEL }.encode(&mut wire);
    wire.freeze()
}

fn our_frames() -> Work {
    let wire = wire();
    repeat(move || {
        let mut rest = black_box(&wire[..]);
        while !rest.is_empty() {
            let parsed = frame::decode(rest, MAX_FRAME).expect("the frames are well-formed");
            let Status::Complete(frame, used) = parsed else { panic!("the frames are whole") };
            black_box(frame);
            rest = &rest[used..];
        }
    })
}

/// As h2's reader does it: the frame is split off the buffer, then its type is told.
fn their_frames() -> Work {
    use h2::frame::{Head, Kind, Ping, Reset, Settings, WindowUpdate};
    let wire = wire();
    repeat(move || {
        let mut rest = black_box(&wire).clone();
        while let Some(head) = rest.first_chunk::<9>() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            assert!(length <= MAX_FRAME);
            let mut payload = rest.split_to(9 + length as usize);
            let head = Head::parse(&payload);
            payload.advance(9);
            let valid = "the frames are well-formed";
            match head.kind() {
                Kind::WindowUpdate => {
                    _ = black_box(WindowUpdate::load(head, &payload).expect(valid));
                }
                Kind::Ping => _ = black_box(Ping::load(head, &payload).expect(valid)),
                Kind::Settings => _ = black_box(Settings::load(head, &payload).expect(valid)),
                Kind::Reset => _ = black_box(Reset::load(head, &payload).expect(valid)),
                kind => panic!("{kind:?} is not among the frames"),
            }
        }
    })
}

/// Each run hands so many requests over in one read, answers each when it comes, and takes what is to be written.
fn serving(requests: usize, fields: &[(&'static str, &'static str)], body: &'static [u8]) -> Work {
    let mut connection = ServerConnection::new(Config::default());
    connection.set_date(messages::DATE.as_bytes().try_into().expect("a date has 29 octets"));
    let mut client = Client::new(fields);
    exchange(&mut connection, &client.greeting(), body);
    let mut batch = BytesMut::new();
    repeat(move || {
        batch.clear();
        client.put(&mut batch, requests, body.len());
        let answers = exchange(&mut connection, &batch, body);
        assert_eq!(answers, requests);
    })
}

/// What browsers send beyond what every request has.
pub(super) fn browser_fields() -> Vec<(&'static str, &'static str)> {
    BROWSER_HEADERS.into_iter().filter(|(name, _)| *name != "connection").collect()
}

/// What a client writes that sends the same request over and over.
pub(super) struct Client {
    request: Http2Request,
    id: u32,
}

impl Client {
    pub(super) fn new(fields: &[(&'static str, &'static str)]) -> Self {
        Self { request: Http2Request::get("127.0.0.1:40000", "/", fields), id: 1 }
    }

    /// With a first request, which fills the table.
    pub(super) fn greeting(&mut self) -> BytesMut {
        let mut greeting = BytesMut::from(&frame::PREFACE[..]);
        // No push; windows as large as they may be.
        greeting.extend_from_slice(&[0, 0, 12, 4, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]);
        greeting.extend_from_slice(&[0, 4, 0x7f, 0xff, 0xff, 0xff]);
        put_request(&mut greeting, &self.request.first, &mut self.id);
        greeting
    }

    /// So many requests, and the window for their answers.
    pub(super) fn put(&mut self, wire: &mut BytesMut, requests: usize, answer: usize) {
        let written = (requests * (answer + 9)) as u32;
        Frame::WindowUpdate { stream: StreamId::new(0), increment: written }.encode(wire);
        (0..requests).for_each(|_| put_request(wire, &self.request.later, &mut self.id));
    }
}

pub(super) fn put_request(wire: &mut BytesMut, block: &[u8], id: &mut u32) {
    // HEADERS with END_STREAM and END_HEADERS.
    let [_, length @ ..] = (block.len() as u32).to_be_bytes();
    wire.extend_from_slice(&length);
    wire.extend_from_slice(&[1, 5]);
    wire.extend_from_slice(&id.to_be_bytes());
    wire.extend_from_slice(block);
    *id += 2;
}

/// How many requests were answered.
fn exchange(connection: &mut ServerConnection, wire: &[u8], body: &'static [u8]) -> usize {
    connection.handle_timeout(Instant::now());
    let mut answers = 0;
    let mut rest = wire;
    while !rest.is_empty() {
        rest = read(connection.input(), rest);
        answers += answer(connection, body);
    }
    answers
}

fn answer(connection: &mut ServerConnection, body: &'static [u8]) -> usize {
    let mut answers = 0;
    loop {
        while let Some(event) = connection.poll_event().expect("the peer keeps to the protocol") {
            if let ServerEvent::Request(id, request, _) = event {
                black_box(request);
                let mut response = Response::new(());
                let content_type = HeaderValue::from_static(messages::CONTENT_TYPE);
                response.headers_mut().insert(CONTENT_TYPE, content_type);
                let body = Bytes::from_static(body);
                connection.respond(id, &response, body).expect("the stream waits for its answer");
                answers += 1;
            }
        }
        if send(connection.output()) == 0 {
            return answers;
        }
    }
}
