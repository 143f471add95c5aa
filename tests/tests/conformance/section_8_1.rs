//! Requests as sequences of frames (8.1), and what makes them malformed by their length (8.1.1).

use crate::harness::{LARGE, Target, on_every_runtime};
use crate::wire::*;

fn with_length(length: &str) -> Vec<u8> {
    request("POST", "/echo", &[("content-length", length)])
}

fn a_request_without_a_body(target: &Target) {
    let mut client = target.open();
    let id = client.send_get();
    assert!(!client.expect_ok(id).body.is_empty());
}

fn a_request_with_a_body_in_parts(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send([data(NONE, id, b"bo"), data(END_STREAM, id, b"dy")].concat());
    assert_eq!(client.expect_ok(id).body, b"body");
}

fn a_request_with_trailers(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(data(NONE, id, b"body"));
    client.send(headers(WHOLE, id, block(&[("x-checksum", "1")])));
    assert_eq!(client.expect_ok(id).body, b"body");
}

fn trailers_without_a_body(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(headers(WHOLE, id, block(&[("x-checksum", "1")])));
    assert_eq!(client.expect_ok(id).body, b"");
}

fn trailers_end_the_stream(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(data(NONE, id, b"body"));
    client.send(headers(END_HEADERS, id, block(&[("x-checksum", "1")])));
    client.expect_malformed(id);
}

fn trailers_have_no_pseudo_header_fields(target: &Target) {
    for name in [":method", ":path", ":status", ":unknown"] {
        let mut client = target.open();
        let id = client.send_post();
        client.send(headers(WHOLE, id, block(&[("x-checksum", "1"), (name, "GET")])));
        client.expect_malformed(id);
    }
}

fn trailers_are_checked_like_heads(target: &Target) {
    for (name, value) in [("X-Upper", "1"), ("connection", "close"), ("x", "a\0b")] {
        let mut client = target.open();
        let id = client.send_post();
        client.send(headers(WHOLE, id, block(&[(name, value)])));
        client.expect_malformed(id);
    }
}

fn a_second_head_is_malformed(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(headers(END_HEADERS, id, post()));
    client.expect_malformed(id);
}

fn many_requests_at_once_are_all_answered(target: &Target) {
    let mut client = target.open();
    let ids: Vec<u32> = (0..50).map(|_| client.send_get()).collect();
    let mut open = ids.len();
    while open > 0 {
        let frame = client.until("an end", |frame| frame.ends_stream());
        assert!(ids.contains(&frame.stream));
        open -= 1;
    }
}

fn head_has_no_body(target: &Target) {
    let mut client = target.open();
    client.send(headers(WHOLE, 1, request("HEAD", "/large", &[])));
    let answer = client.expect_ok(1);
    assert_eq!(answer.body, b"");
    client.alive();
}

fn an_answer_may_come_before_the_request_is_over(target: &Target) {
    let mut client = target.open();
    let id = client.new_stream();
    client.send(headers(END_HEADERS, id, get()));
    client.send(data(NONE, id, b"some"));
    client.send(data(END_STREAM, id, b"more"));
    // A server may ask to stop by RST_STREAM NO_ERROR once its answer is complete.
    let last = client.until("an answer", |frame| {
        frame.stream == id && (frame.ends_stream() || frame.kind == kind::RST_STREAM)
    });
    assert!(last.ends_stream(), "{last:?} before the answer is complete");
    let after = client.ping_pong();
    for reset in after.iter().filter(|frame| frame.kind == kind::RST_STREAM) {
        assert_eq!(reset.payload, NO_ERROR.0.to_be_bytes(), "{reset:?}");
    }
    client.alive();
}

fn s8_1_1_length_and_data_agree(target: &Target) {
    let mut client = target.open();
    let id = client.new_stream();
    client.send(headers(END_HEADERS, id, with_length("4")));
    // Padding is no content.
    client.send(data(PADDED, id, padded(b"bo", 7)));
    client.send(data(END_STREAM, id, b"dy"));
    assert_eq!(client.expect_ok(id).body, b"body");
}

fn s8_1_1_a_length_of_zero_without_a_body(target: &Target) {
    let mut client = target.open();
    client.send(headers(WHOLE, 1, with_length("0")));
    assert_eq!(client.expect_ok(1).body, b"");
}

fn s8_1_1_less_data_than_declared(target: &Target) {
    let mut client = target.open();
    let id = client.new_stream();
    client.send(headers(END_HEADERS, id, with_length("5")));
    client.send(data(END_STREAM, id, b"body"));
    client.expect_malformed(id);
}

fn s8_1_1_less_data_than_declared_in_parts(target: &Target) {
    let mut client = target.open();
    let id = client.new_stream();
    client.send(headers(END_HEADERS, id, with_length("5")));
    client.send([data(NONE, id, b"body"), data(END_STREAM, id, b"")].concat());
    client.expect_malformed(id);
}

fn s8_1_1_less_data_than_declared_before_trailers(target: &Target) {
    let mut client = target.open();
    let id = client.new_stream();
    client.send(headers(END_HEADERS, id, with_length("5")));
    client.send(data(NONE, id, b"body"));
    client.send(headers(WHOLE, id, block(&[("x-checksum", "1")])));
    client.expect_malformed(id);
}

fn s8_1_1_more_data_than_declared(target: &Target) {
    for flags in [NONE, END_STREAM] {
        let mut client = target.open();
        let id = client.new_stream();
        client.send(headers(END_HEADERS, id, with_length("3")));
        client.send(data(flags, id, b"body"));
        client.expect_malformed(id);
    }
}

fn s8_1_1_a_length_without_a_body(target: &Target) {
    let mut client = target.open();
    client.send(headers(WHOLE, 1, with_length("1")));
    client.expect_malformed(1);
}

fn s8_1_1_lengths_are_digits(target: &Target) {
    for wrong in ["", "-1", "+4", "4x", "0x4", "4, 5", "99999999999999999999999"] {
        let mut client = target.open();
        let id = client.new_stream();
        client.send(headers(END_HEADERS, id, with_length(wrong)));
        client.send(data(END_STREAM, id, b"body"));
        client.expect_malformed(id);
    }
}

fn s8_1_1_two_lengths_that_differ(target: &Target) {
    let mut client = target.open();
    let id = client.new_stream();
    let block = [with_length("4"), field("content-length", "5")].concat();
    client.send(headers(END_HEADERS, id, block));
    client.send(data(END_STREAM, id, b"body"));
    client.expect_malformed(id);
}

fn large_bodies_come_whole(target: &Target) {
    let settings = [(setting::HEADER_TABLE_SIZE, 0), (setting::INITIAL_WINDOW_SIZE, 1 << 20)];
    let mut client = target.open_with(&settings);
    client.send(window_update(0, 1 << 20));
    client.send(headers(WHOLE, 1, request("GET", "/large", &[])));
    assert_eq!(client.expect_ok(1).body.len(), LARGE);
}

on_every_runtime! {
    a_request_without_a_body
    a_request_with_a_body_in_parts
    a_request_with_trailers
    trailers_without_a_body
    trailers_end_the_stream
    trailers_have_no_pseudo_header_fields
    trailers_are_checked_like_heads
    a_second_head_is_malformed
    many_requests_at_once_are_all_answered
    head_has_no_body
    an_answer_may_come_before_the_request_is_over
    s8_1_1_length_and_data_agree
    s8_1_1_a_length_of_zero_without_a_body
    s8_1_1_less_data_than_declared
    s8_1_1_less_data_than_declared_in_parts
    s8_1_1_less_data_than_declared_before_trailers
    s8_1_1_more_data_than_declared
    s8_1_1_a_length_without_a_body
    s8_1_1_lengths_are_digits
    s8_1_1_two_lengths_that_differ
    large_bodies_come_whole
}
