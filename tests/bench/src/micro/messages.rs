//! What all cases parse, encode and send.

use crate::request::{self, Head};

pub(super) const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
pub(super) const CONTENT_TYPE: &str = "text/plain; charset=utf-8";
pub(super) const ANSWER: &str = "Hello, World!";

pub(super) const CHUNKS: usize = 16;
pub(super) static CHUNK: [u8; 1024] = [b'x'; 1024];

const SMALL_HOST: &str = "127.0.0.1:8080";
const BROWSER_HOST: &str = "www.example.com";

pub(super) fn small_get() -> Vec<u8> {
    request::get(Head::Small, SMALL_HOST, "/")
}

pub(super) fn browser_get() -> Vec<u8> {
    request::get(Head::Browser, BROWSER_HOST, "/")
}

pub(super) fn chunked_body() -> Vec<u8> {
    let mut body = Vec::new();
    for _ in 0..CHUNKS {
        body.extend_from_slice(b"400\r\n");
        body.extend_from_slice(&CHUNK);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    body
}

pub(super) fn chunked_post() -> Vec<u8> {
    post("transfer-encoding: chunked", &chunked_body())
}

pub(super) fn sized_post() -> Vec<u8> {
    let body = CHUNK.repeat(CHUNKS);
    post(&format!("content-length: {}", body.len()), &body)
}

fn post(framing: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST /upload HTTP/1.1\r\nhost: {SMALL_HOST}\r\n{framing}\r\n\r\n");
    [head.as_bytes(), body].concat()
}
