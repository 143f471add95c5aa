//! DATA (6.1).

use crate::harness::{Target, on_every_runtime};
use crate::wire::*;

fn data_belongs_to_a_stream(target: &Target) {
    let mut client = target.open();
    client.send(data(END_STREAM, 0, b"x"));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn data_may_be_empty(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send([data(NONE, id, b""), data(NONE, id, b"body"), data(END_STREAM, id, b"")].concat());
    assert_eq!(client.expect_ok(id).body, b"body");
}

fn padding_is_no_content(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(data(PADDED, id, padded(b"bo", 0)));
    client.send(data(PADDED, id, padded(b"", 10)));
    client.send(data(PADDED | END_STREAM, id, padded(b"dy", 255)));
    assert_eq!(client.expect_ok(id).body, b"body");
}

fn padding_is_shorter_than_the_payload(target: &Target) {
    for payload in [&[1][..], &[4, 0, 0, 0], &[255, b'x', b'y']] {
        let mut client = target.open();
        let id = client.send_post();
        client.send(data(PADDED | END_STREAM, id, payload));
        client.expect_goaway(&[PROTOCOL_ERROR]);
    }
}

fn a_padded_frame_says_how_long_its_padding_is(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(data(PADDED | END_STREAM, id, b""));
    client.expect_goaway(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]);
}

fn padding_other_than_zeros_may_be_an_error(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(data(PADDED | END_STREAM, id, b"\x02body!?"));
    match client.until("an answer", |frame| frame.stream == id || frame.kind == kind::GOAWAY).kind {
        kind::GOAWAY => client.expect_close(),
        _ => client.alive(),
    }
}

fn padding_counts_for_flow_control_and_is_given_back(target: &Target) {
    let mut client = target.open();
    client.send(settings(&[(setting::INITIAL_WINDOW_SIZE, 1 << 20)]));
    let id = client.send_post();
    // Far more than the windows of the stream and the connection.
    let (mut granted, mut sent) = (client.announced.initial_window_size as usize, 0);
    for _ in 0..8000 {
        while granted.min(client.granted) < sent + 256 {
            let update = client.until("a window", |frame| frame.kind == kind::WINDOW_UPDATE);
            if update.stream == id {
                granted += u32::from_be_bytes(update.payload.try_into().unwrap()) as usize;
            }
        }
        client.send(data(PADDED, id, padded(b"x", 254)));
        sent += 256;
    }
    client.send(data(END_STREAM, id, b""));
    client.until("the end", |frame| frame.stream == id && frame.ends_stream());
}

on_every_runtime! {
    data_belongs_to_a_stream
    data_may_be_empty
    padding_is_no_content
    padding_is_shorter_than_the_payload
    a_padded_frame_says_how_long_its_padding_is
    padding_other_than_zeros_may_be_an_error
    padding_counts_for_flow_control_and_is_given_back
}
