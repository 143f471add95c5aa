//! The floors: parsers and copies alone, nothing built from what they find.

use std::hint::black_box;
use std::mem::MaybeUninit;

use bytes::{Buf, BytesMut};

use super::case::{
    BROWSER_HEAD, CHUNKED_DECODE, CHUNKED_ENCODE, Case, RESPONSE_HEAD, SMALL_HEAD, Work, repeat,
};
use super::messages;

const MAX_HEADERS: usize = 100;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(BROWSER_HEAD, "httparse alone", || head(messages::browser_get())),
        Case::new(SMALL_HEAD, "httparse alone", || head(messages::small_get())),
        Case::new(RESPONSE_HEAD, "written directly", written_directly),
        Case::new(CHUNKED_DECODE, "read, sizes by httparse, data sliced off", sizes_by_httparse),
        Case::new(CHUNKED_ENCODE, "sizes formatted, data copied", copied_chunks),
    ]
}

fn head(request: Vec<u8>) -> Work {
    repeat(move || {
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut []);
        let bytes = black_box(&request);
        let status = parsed.parse_with_uninit_headers(bytes, &mut headers);
        black_box((status, &parsed)).0.expect("the head is well-formed");
    })
}

fn written_directly() -> Work {
    let mut buffer = Vec::with_capacity(4096);
    repeat(move || {
        buffer.clear();
        buffer.extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-type: ");
        buffer.extend_from_slice(black_box(messages::CONTENT_TYPE).as_bytes());
        buffer.extend_from_slice(b"\r\ncontent-length: ");
        let mut digits = itoa::Buffer::new();
        let length = black_box(messages::ANSWER).len();
        buffer.extend_from_slice(digits.format(length).as_bytes());
        buffer.extend_from_slice(b"\r\ndate: ");
        buffer.extend_from_slice(black_box(messages::DATE).as_bytes());
        buffer.extend_from_slice(b"\r\n\r\n");
        black_box(&buffer);
    })
}

fn sizes_by_httparse() -> Work {
    let body = messages::chunked_body();
    let mut buffer = BytesMut::with_capacity(body.len());
    repeat(move || {
        buffer.reserve(body.len());
        buffer.extend_from_slice(black_box(&body));
        let mut rest = buffer.split();
        while let Ok(httparse::Status::Complete((line, size))) = httparse::parse_chunk_size(&rest) {
            rest.advance(line);
            black_box(rest.split_to(size as usize).freeze());
            rest.advance(b"\r\n".len());
        }
        assert!(rest.is_empty());
    })
}

fn copied_chunks() -> Work {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut buffer = Vec::with_capacity(32 * 1024);
    repeat(move || {
        buffer.clear();
        for _ in 0..messages::CHUNKS {
            let chunk = black_box(&messages::CHUNK[..]);
            let digits = (usize::BITS - chunk.len().leading_zeros()).div_ceil(4);
            for digit in (0..digits).rev() {
                buffer.push(HEX[(chunk.len() >> (4 * digit)) & 0xf]);
            }
            buffer.extend_from_slice(b"\r\n");
            buffer.extend_from_slice(chunk);
            buffer.extend_from_slice(b"\r\n");
        }
        buffer.extend_from_slice(b"0\r\n\r\n");
        black_box(&buffer);
    })
}
