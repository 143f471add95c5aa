//! Errors (5.4) and extensions (5.5).

use crate::harness::{Target, on_every_runtime};
use crate::wire::*;

fn s5_4_1_goaway_names_the_last_stream(target: &Target) {
    let mut client = target.open();
    client.send(headers(WHOLE, 5, get()));
    client.expect_ok(5);
    client.send(data(NONE, 0, b"x"));
    let frame = loop {
        let frame = client.frame().expect("GOAWAY comes first");
        if frame.kind == kind::GOAWAY {
            break frame;
        }
    };
    assert_eq!(frame.stream, 0);
    assert_eq!(frame.payload[..4], 5u32.to_be_bytes());
    assert_eq!(frame.payload[4..8], PROTOCOL_ERROR.0.to_be_bytes());
    client.expect_close();
}

fn s5_4_1_nothing_is_answered_after_goaway(target: &Target) {
    let mut client = target.open();
    client.send([data(NONE, 0, b"x"), ping(NONE, [9; 8])].concat());
    while let Some(frame) = client.frame() {
        assert_ne!((frame.kind, &frame.payload[..]), (kind::PING, &[9; 8][..]));
    }
}

fn s5_4_2_a_stream_error_leaves_other_streams_alone(target: &Target) {
    let mut client = target.open();
    let (good, bad) = (client.send_post(), client.new_stream());
    client.send(headers(END_HEADERS, bad, [post(), field("X", "1")].concat()));
    client.expect_malformed(bad);
    client.send(data(END_STREAM, good, b"body"));
    client.until("the end", |frame| frame.stream == good && frame.ends_stream());
}

fn s5_4_2_rst_stream_is_not_answered(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    for code in [NO_ERROR, CANCEL, PROTOCOL_ERROR] {
        client.send(reset(id, code));
    }
    client.expect_ignored(id);
}

fn s5_4_3_the_end_of_file_within_a_frame_ends_the_connection(target: &Target) {
    let mut client = target.open();
    client.send(&headers(WHOLE, 1, get())[..12]);
    client.end_writing();
    client.expect_close();
}

fn s5_5_unknown_settings_are_ignored_and_acknowledged(target: &Target) {
    let mut client = target.open();
    client.send(settings(&[(0, 1), (0x77, u32::MAX), (0xffff, 0)]));
    client.expect_ack();
    client.alive();
}

fn s5_5_unknown_frames_of_any_shape_are_ignored(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    for kind in [0x0b, 0x0c, 0x20, 0x80, 0xff] {
        for (stream, payload) in [(0, &b""[..]), (id, &[0xff; 300]), (2, b"x"), (1001, b"x")] {
            client.send(frame(kind, 0xff, stream, payload));
        }
    }
    client.send(data(END_STREAM, id, b"body"));
    assert_eq!(client.expect_ok(id).body, b"body");
}

on_every_runtime! {
    s5_4_1_goaway_names_the_last_stream
    s5_4_1_nothing_is_answered_after_goaway
    s5_4_2_a_stream_error_leaves_other_streams_alone
    s5_4_2_rst_stream_is_not_answered
    s5_4_3_the_end_of_file_within_a_frame_ends_the_connection
    s5_5_unknown_settings_are_ignored_and_acknowledged
    s5_5_unknown_frames_of_any_shape_are_ignored
}
