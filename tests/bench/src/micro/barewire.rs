//! barewire-h1: its wire layer alone, and its server connection driven by hand.

use std::hint::black_box;
use std::time::Instant;

use barewire_h1::chunked::{self, Decoder, Part};
use barewire_h1::{BodyLength, Config, ServerConnection, ServerEvent, head};
use barewire_proto::{Buf, Bytes, Input, Output, Protocol};
use http::header::{CONTENT_TYPE, DATE};
use http::{HeaderValue, Response};

use super::case::{
    BROWSER_HEAD, CHUNKED_DECODE, CHUNKED_ENCODE, CONNECTION_BROWSER, CONNECTION_CHUNKED_DOWN,
    CONNECTION_CHUNKED_UP, CONNECTION_PIPELINED, CONNECTION_SIZED_UP, CONNECTION_SMALL, Case,
    RESPONSE_HEAD, SMALL_HEAD, Work, repeat,
};
use super::messages;

const NAME: &str = "barewire";
const PIPELINED: usize = 16;

/// A read as large as a driver's.
const READ: usize = 16 * 1024;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(BROWSER_HEAD, NAME, || parsed(messages::browser_get())),
        Case::new(SMALL_HEAD, NAME, || parsed(messages::small_get())),
        Case::new(RESPONSE_HEAD, NAME, response_head),
        Case::new(CHUNKED_DECODE, NAME, decoded),
        Case::new(CHUNKED_ENCODE, NAME, encoded),
        Case::new(CONNECTION_SMALL, NAME, || serving(messages::small_get(), hello)),
        Case::new(CONNECTION_PIPELINED, NAME, || {
            serving(messages::small_get().repeat(PIPELINED), hello)
        }),
        Case::new(CONNECTION_BROWSER, NAME, || serving(messages::browser_get(), hello)),
        Case::new(CONNECTION_SIZED_UP, NAME, || serving(messages::sized_post(), answer_at_end)),
        Case::new(CONNECTION_CHUNKED_UP, NAME, || serving(messages::chunked_post(), answer_at_end)),
        Case::new(CONNECTION_CHUNKED_DOWN, NAME, || serving(messages::small_get(), chunks)),
    ]
}

fn parsed(request: Vec<u8>) -> Work {
    let config = Config::default();
    repeat(move || {
        let parsed = head::parse_request(black_box(&request), &config);
        assert!(black_box(parsed).expect("the head is well-formed").is_complete());
    })
}

fn response_head() -> Work {
    let mut response = Response::new(());
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(messages::CONTENT_TYPE));
    fields.insert(DATE, HeaderValue::from_static(messages::DATE));
    let mut output = Output::default();
    let length = BodyLength::Known(messages::ANSWER.len() as u64);
    repeat(move || {
        head::encode_response(&mut output, black_box(&response), length);
        send(&mut output);
    })
}

fn decoded() -> Work {
    let body = messages::chunked_body();
    let config = Config::default();
    let mut input = Input::new(body.len());
    repeat(move || {
        let mut decoder = Decoder::default();
        let mut rest = black_box(&body[..]);
        while !decoder.is_done() {
            rest = read(&mut input, rest);
            while let Some(Part::Data(data)) =
                decoder.decode(&mut input, &config).expect("the body is well-formed")
            {
                black_box(data);
            }
        }
        assert!(rest.is_empty());
    })
}

fn encoded() -> Work {
    let mut output = Output::default();
    repeat(move || {
        for _ in 0..messages::CHUNKS {
            chunked::encode(&mut output, Bytes::from_static(black_box(&messages::CHUNK)));
        }
        chunked::encode_end(&mut output, None);
        send(&mut output);
    })
}

fn hello(connection: &mut ServerConnection, event: ServerEvent) {
    if let ServerEvent::Request(..) = event {
        let mut response = Response::new(());
        let content_type = HeaderValue::from_static(messages::CONTENT_TYPE);
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        let answer = Bytes::from_static(messages::ANSWER.as_bytes());
        connection.respond(&response, answer).expect("the request waits for its answer");
    }
}

fn answer_at_end(connection: &mut ServerConnection, event: ServerEvent) {
    match event {
        ServerEvent::Data(data) => drop(black_box(data)),
        ServerEvent::End => {
            let answer = Bytes::from_static(messages::ANSWER.as_bytes());
            let answered = connection.respond(&Response::new(()), answer);
            answered.expect("the request waits for its answer");
        }
        _ => {}
    }
}

fn chunks(connection: &mut ServerConnection, event: ServerEvent) {
    if let ServerEvent::Request(..) = event {
        let sent = connection.send_response(&Response::new(()), BodyLength::Unknown);
        sent.expect("the request waits for its answer");
        for left in (0..messages::CHUNKS).rev() {
            let mut chunk = Bytes::from_static(&messages::CHUNK);
            connection.send_data(&mut chunk, left == 0).expect("the body is under way");
            assert!(chunk.is_empty(), "the output holds the whole answer");
        }
    }
}

/// Each run hands the request over, as a driver would by reading, until the connection waits for the
/// next one.
fn serving(request: Vec<u8>, answer: fn(&mut ServerConnection, ServerEvent)) -> Work {
    let mut connection = ServerConnection::new(Config::default());
    connection.set_date(messages::DATE.as_bytes().try_into().expect("a date has 29 bytes"));
    repeat(move || {
        connection.handle_timeout(Instant::now());
        let mut rest = &request[..];
        let mut sent = 0;
        while !rest.is_empty() {
            rest = read(connection.input(), rest);
            while let Some(event) = connection.poll_event().expect("the request is well-formed") {
                answer(&mut connection, event);
            }
            sent += send(connection.output());
        }
        assert!(sent > 0);
    })
}

/// Copies what one read would bring, and returns the rest.
pub(super) fn read<'a>(input: &mut Input, bytes: &'a [u8]) -> &'a [u8] {
    let spare = input.spare(READ);
    let (now, rest) = bytes.split_at(bytes.len().min(spare.len()));
    spare[..now.len()].copy_from_slice(now);
    input.commit(now.len());
    rest
}

/// Takes everything, as a transport with room does.
pub(super) fn send(output: &mut Output) -> usize {
    let length = black_box(&mut *output).remaining();
    output.advance(length);
    length
}
