//! HEADERS (6.2), PRIORITY (6.3) and CONTINUATION (6.10).

use crate::harness::{Target, on_every_runtime};
use crate::wire::*;

fn headers_belong_to_a_stream(target: &Target) {
    let mut client = target.open();
    client.send(headers(WHOLE, 0, get()));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn headers_may_be_padded(target: &Target) {
    let mut client = target.open();
    for padding in [0, 1, 255] {
        let id = client.new_stream();
        client.send(headers(WHOLE | PADDED, id, padded(get(), padding)));
        client.expect_ok(id);
    }
}

fn headers_may_have_padding_and_priority(target: &Target) {
    let mut client = target.open();
    let content = [dependency(0, 15), get()].concat();
    client.send(headers(WHOLE | PADDED | PRIORITY, 1, padded(content, 9)));
    client.expect_ok(1);
}

fn padding_of_headers_fits(target: &Target) {
    for payload in [&[1][..], &[3, 0x82, 0x86], &[255, 0x82]] {
        let mut client = target.open();
        client.send(headers(WHOLE | PADDED, 1, payload));
        client.expect_goaway(&[PROTOCOL_ERROR]);
    }
}

fn padding_and_priority_of_headers_fit_together(target: &Target) {
    let mut client = target.open();
    // One byte too much, once the priority is counted.
    let payload = [&[1][..], &dependency(0, 15)].concat();
    client.send(headers(WHOLE | PADDED | PRIORITY, 1, payload));
    client.expect_goaway(&[PROTOCOL_ERROR, FRAME_SIZE_ERROR]);
}

fn headers_with_priority_have_five_bytes(target: &Target) {
    let mut client = target.open();
    client.send(headers(WHOLE | PRIORITY, 1, [0, 0, 0, 0]));
    client.expect_goaway(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]);
}

fn padded_headers_say_how_long_their_padding_is(target: &Target) {
    let mut client = target.open();
    client.send(headers(WHOLE | PADDED, 1, []));
    client.expect_goaway(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]);
}

fn headers_without_end_stream_wait_for_a_body(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.alive();
    client.send(data(END_STREAM, id, b""));
    client.until("the end", |frame| frame.stream == id && frame.ends_stream());
}

fn s6_3_priority_belongs_to_a_stream(target: &Target) {
    let mut client = target.open();
    client.send(priority(0, 1, 1));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn s6_3_priority_has_five_bytes(target: &Target) {
    for length in [0, 4, 6] {
        let mut client = target.open();
        let id = client.send_post();
        client.send(frame(kind::PRIORITY, NONE, id, vec![0; length]));
        client.expect_rst(id, &[FRAME_SIZE_ERROR]);
    }
}

fn s6_3_priority_of_a_wrong_length_on_an_idle_stream(target: &Target) {
    let mut client = target.open();
    client.send(frame(kind::PRIORITY, NONE, 1, [0; 4]));
    client.expect_rst(1, &[FRAME_SIZE_ERROR]);
}

fn s6_10_continuation_belongs_to_a_stream(target: &Target) {
    let mut client = target.open();
    client.send(continuation(END_HEADERS, 0, get()));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn s6_10_continuation_follows_an_open_block(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(continuation(END_HEADERS, id, block(&[("x", "1")])));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn s6_10_continuation_does_not_follow_the_last_one(target: &Target) {
    let mut client = target.open();
    let block = get();
    client.send(headers(END_STREAM, 1, &block[..4]));
    client.send(continuation(END_HEADERS, 1, &block[4..]));
    client.send(continuation(END_HEADERS, 1, field("x", "1")));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn s6_10_continuation_is_of_the_same_stream(target: &Target) {
    let mut client = target.open();
    let block = get();
    client.send(headers(END_STREAM, 1, &block[..4]));
    client.send(continuation(END_HEADERS, 3, &block[4..]));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn s6_10_fragments_may_be_empty(target: &Target) {
    let mut client = target.open();
    client.send(headers(END_STREAM, 1, []));
    client.send(continuation(NONE, 1, get()));
    client.send(continuation(END_HEADERS, 1, []));
    client.expect_ok(1);
}

fn s6_10_trailers_may_be_continued(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(data(NONE, id, b"body"));
    client.send(headers(END_STREAM, id, field("x-one", "1")));
    client.send(continuation(END_HEADERS, id, field("x-two", "2")));
    assert_eq!(client.expect_ok(id).body, b"body");
}

fn s6_10_flags_of_continuation_other_than_end_headers_are_ignored(target: &Target) {
    let mut client = target.open();
    let id = client.new_stream();
    client.send(headers(NONE, id, []));
    client.send(continuation(0xff, id, post()));
    // END_STREAM is none of its flags: the stream is open.
    client.send(data(END_STREAM, id, b"body"));
    assert_eq!(client.expect_ok(id).body, b"body");
}

fn s6_10_the_end_of_file_within_a_block_ends_the_connection(target: &Target) {
    let mut client = target.open();
    client.send(headers(END_STREAM, 1, &get()[..4]));
    client.end_writing();
    client.expect_close();
}

on_every_runtime! {
    headers_belong_to_a_stream
    headers_may_be_padded
    headers_may_have_padding_and_priority
    padding_of_headers_fits
    padding_and_priority_of_headers_fit_together
    headers_with_priority_have_five_bytes
    padded_headers_say_how_long_their_padding_is
    headers_without_end_stream_wait_for_a_body
    s6_3_priority_belongs_to_a_stream
    s6_3_priority_has_five_bytes
    s6_3_priority_of_a_wrong_length_on_an_idle_stream
    s6_10_continuation_belongs_to_a_stream
    s6_10_continuation_follows_an_open_block
    s6_10_continuation_does_not_follow_the_last_one
    s6_10_continuation_is_of_the_same_stream
    s6_10_fragments_may_be_empty
    s6_10_trailers_may_be_continued
    s6_10_flags_of_continuation_other_than_end_headers_are_ignored
    s6_10_the_end_of_file_within_a_block_ends_the_connection
}
