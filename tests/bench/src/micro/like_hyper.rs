//! Heads through the `http` types, by the steps that hyper takes.
//!
//! hyper's own functions for this are private. One step differs: hyper knows that httparse has
//! checked the values and skips the check of `HeaderValue`, which takes an `unsafe` block.

use std::hint::black_box;
use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};

use super::case::{BROWSER_HEAD, Case, RESPONSE_HEAD, SMALL_HEAD, Work, repeat};
use super::messages;

const MAX_HEADERS: usize = 100;

pub(super) fn cases() -> Vec<Case> {
    const PARSED: &str = "into http::Request as hyper does";
    vec![
        Case::new(BROWSER_HEAD, PARSED, || parsed(messages::browser_get())),
        Case::new(SMALL_HEAD, PARSED, || parsed(messages::small_get())),
        Case::new(RESPONSE_HEAD, "http::Response built, its map walked", || {
            repeat_encoding(|buffer| encode(buffer, &response()))
        }),
        Case::new(RESPONSE_HEAD, "map walked", || {
            let response = response();
            repeat_encoding(move |buffer| encode(buffer, black_box(&response)))
        }),
    ]
}

fn parsed(request: Vec<u8>) -> Work {
    let request = Bytes::from(request);
    repeat(move || {
        black_box(parse(black_box(&request))).expect("the head is well-formed");
    })
}

fn parse(bytes: &Bytes) -> Option<(Request<()>, Framing)> {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut []);
    let config = httparse::ParserConfig::default();
    config.parse_request_with_uninit_headers(&mut parsed, bytes, &mut headers).ok()?;
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(parsed.method?.as_bytes()).ok()?;
    let target = bytes.slice_ref(parsed.path?.as_bytes());
    *request.uri_mut() = Uri::from_maybe_shared(target).ok()?;
    let mut map = HeaderMap::with_capacity(parsed.headers.len());
    let mut framing = Framing { keep_alive: parsed.version? == 1, ..Framing::default() };
    for header in &*parsed.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(header.value)).ok()?;
        framing.note(&name, &value);
        map.append(name, value);
    }
    *request.headers_mut() = map;
    Some((request, framing))
}

/// What has to be known of a head to find its end and that of the connection.
#[derive(Default)]
struct Framing {
    keep_alive: bool,
    content_length: Option<u64>,
    chunked: bool,
}

impl Framing {
    fn note(&mut self, name: &HeaderName, value: &HeaderValue) {
        match *name {
            CONNECTION => self.keep_alive &= !value.as_bytes().eq_ignore_ascii_case(b"close"),
            CONTENT_LENGTH => {
                self.content_length = value.to_str().ok().and_then(|value| value.parse().ok());
            }
            TRANSFER_ENCODING => self.chunked = value.as_bytes().ends_with(b"chunked"),
            _ => {}
        }
    }
}

fn response() -> Response<()> {
    let mut response = Response::new(());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(black_box(messages::CONTENT_TYPE)));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(black_box(messages::ANSWER).len()));
    headers.insert(DATE, HeaderValue::from_static(black_box(messages::DATE)));
    response
}

fn repeat_encoding(mut encode: impl FnMut(&mut Vec<u8>) + 'static) -> Work {
    let mut buffer = Vec::with_capacity(4096);
    repeat(move || {
        buffer.clear();
        encode(&mut buffer);
        black_box(&buffer);
    })
}

fn encode(buffer: &mut Vec<u8>, response: &Response<()>) {
    buffer.extend_from_slice(b"HTTP/1.1 ");
    buffer.extend_from_slice(response.status().as_str().as_bytes());
    buffer.extend_from_slice(b" ");
    buffer.extend_from_slice(response.status().canonical_reason().unwrap_or_default().as_bytes());
    buffer.extend_from_slice(b"\r\n");
    for (name, value) in response.headers() {
        buffer.extend_from_slice(name.as_str().as_bytes());
        buffer.extend_from_slice(b": ");
        buffer.extend_from_slice(value.as_bytes());
        buffer.extend_from_slice(b"\r\n");
    }
    buffer.extend_from_slice(b"\r\n");
}
