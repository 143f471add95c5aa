//! PING (6.7).

use crate::harness::{Target, on_every_runtime};
use crate::wire::*;

fn pings_are_answered_with_their_payload(target: &Target) {
    let mut client = target.open();
    for payload in [[0; 8], [0xff; 8], *b"01234567"] {
        client.send(ping(NONE, payload));
        let answer = client.until("the answer", |frame| frame.kind == kind::PING);
        assert_eq!((answer.flags & ACK, answer.stream), (ACK, 0));
        assert_eq!(answer.payload, payload);
    }
}

fn answers_are_not_answered(target: &Target) {
    let mut client = target.open();
    client.send(ping(ACK, [7; 8]));
    let after = client.ping_pong();
    assert!(after.iter().all(|frame| frame.kind != kind::PING), "{after:?}");
}

fn pings_belong_to_the_connection(target: &Target) {
    for stream in [1, 3] {
        let mut client = target.open();
        client.send_post();
        client.send(frame(kind::PING, NONE, stream, [0; 8]));
        client.expect_goaway(&[PROTOCOL_ERROR]);
    }
}

fn pings_have_eight_bytes(target: &Target) {
    for length in [0, 7, 9] {
        let mut client = target.open();
        client.send(frame(kind::PING, NONE, 0, vec![0; length]));
        client.expect_goaway(&[FRAME_SIZE_ERROR]);
    }
}

fn answers_have_eight_bytes(target: &Target) {
    let mut client = target.open();
    client.send(frame(kind::PING, ACK, 0, [0; 4]));
    client.expect_goaway(&[FRAME_SIZE_ERROR]);
}

fn pings_are_answered_while_a_body_waits(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(data(NONE, id, b"bo"));
    client.ping_pong();
    client.send(data(END_STREAM, id, b"dy"));
    client.until("the end", |frame| frame.stream == id && frame.ends_stream());
}

on_every_runtime! {
    pings_are_answered_with_their_payload
    answers_are_not_answered
    pings_belong_to_the_connection
    pings_have_eight_bytes
    answers_have_eight_bytes
    pings_are_answered_while_a_body_waits
}
