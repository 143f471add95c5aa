//! SETTINGS (6.5).

use crate::harness::{Target, on_every_runtime};
use crate::wire::*;

fn settings_are_acknowledged(target: &Target) {
    let mut client = target.open();
    for _ in 0..3 {
        client.send(settings(&[(setting::MAX_CONCURRENT_STREAMS, 10)]));
        client.expect_ack();
    }
    client.alive();
}

fn settings_are_acknowledged_in_order_with_pings(target: &Target) {
    let mut client = target.open();
    client.send([ping(NONE, [1; 8]), settings(&[]), ping(NONE, [2; 8])].concat());
    let order: Vec<u8> = (0..3)
        .map(|_| {
            client.until("an answer", |frame| [kind::PING, kind::SETTINGS].contains(&frame.kind))
        })
        .map(|frame| frame.kind)
        .collect();
    assert_eq!(order, [kind::PING, kind::SETTINGS, kind::PING]);
}

fn an_acknowledgement_is_not_acknowledged(target: &Target) {
    // The client has acknowledged the server's.
    let mut client = target.open();
    let after = client.ping_pong();
    assert!(after.iter().all(|frame| frame.kind != kind::SETTINGS), "{after:?}");
}

fn an_acknowledgement_has_no_payload(target: &Target) {
    let mut client = target.open();
    client.send(frame(kind::SETTINGS, ACK, 0, [0, 3, 0, 0, 0, 1]));
    client.expect_goaway(&[FRAME_SIZE_ERROR]);
}

fn settings_belong_to_the_connection(target: &Target) {
    for stream in [1, 2] {
        let mut client = target.open();
        client.send_post();
        client.send(frame(kind::SETTINGS, NONE, stream, [0, 3, 0, 0, 0, 1]));
        client.expect_goaway(&[PROTOCOL_ERROR]);
    }
}

fn settings_have_six_bytes_each(target: &Target) {
    for length in [1, 5, 7, 11] {
        let mut client = target.open();
        client.send(frame(kind::SETTINGS, NONE, 0, vec![0; length]));
        client.expect_goaway(&[FRAME_SIZE_ERROR]);
    }
}

fn wrong_value(target: &Target, id: u16, value: u32, code: Code) {
    let mut client = target.open();
    client.send(settings(&[(id, value)]));
    client.expect_goaway(&[code]);
}

fn s6_5_2_enable_push_is_0_or_1(target: &Target) {
    for value in [2, 256, u32::MAX] {
        wrong_value(target, setting::ENABLE_PUSH, value, PROTOCOL_ERROR);
    }
}

fn s6_5_2_initial_windows_have_31_bits(target: &Target) {
    for value in [1 << 31, u32::MAX] {
        wrong_value(target, setting::INITIAL_WINDOW_SIZE, value, FLOW_CONTROL_ERROR);
    }
}

fn s6_5_2_frames_hold_at_least_16384_bytes(target: &Target) {
    for value in [0, 16_383] {
        wrong_value(target, setting::MAX_FRAME_SIZE, value, PROTOCOL_ERROR);
    }
}

fn s6_5_2_frames_hold_less_than_2_to_the_24_bytes(target: &Target) {
    for value in [1 << 24, u32::MAX] {
        wrong_value(target, setting::MAX_FRAME_SIZE, value, PROTOCOL_ERROR);
    }
}

fn s6_5_2_values_at_their_limits_are_taken(target: &Target) {
    let mut client = target.open();
    for (id, value) in [
        (setting::ENABLE_PUSH, 0),
        (setting::ENABLE_PUSH, 1),
        (setting::MAX_CONCURRENT_STREAMS, 0),
        (setting::MAX_CONCURRENT_STREAMS, u32::MAX),
        (setting::INITIAL_WINDOW_SIZE, 0),
        (setting::INITIAL_WINDOW_SIZE, (1 << 31) - 1),
        (setting::MAX_FRAME_SIZE, 16_384),
        (setting::MAX_HEADER_LIST_SIZE, u32::MAX),
    ] {
        client.send(settings(&[(id, value)]));
        client.expect_ack();
    }
    client.alive();
}

fn s6_5_2_larger_frames_may_be_announced(target: &Target) {
    let mut client = target.open();
    client.send(settings(&[(setting::MAX_FRAME_SIZE, (1 << 24) - 1)]));
    client.send(settings(&[(setting::MAX_FRAME_SIZE, 16_384)]));
    client.expect_ack();
    client.expect_ack();
    let id = client.new_stream();
    client.send(headers(WHOLE, id, request("GET", "/large", &[])));
    // `until` looks at the length of each.
    client.expect_data(65_535, Some(id));
}

fn s6_5_3_values_are_processed_in_order(target: &Target) {
    let settings_twice = [
        (setting::HEADER_TABLE_SIZE, 0),
        (setting::INITIAL_WINDOW_SIZE, 100),
        (setting::INITIAL_WINDOW_SIZE, 3),
    ];
    let mut client = target.open_with(&settings_twice);
    let id = client.send_get();
    client.expect_head(id);
    assert_eq!(client.until("DATA", |frame| frame.stream == id).payload.len(), 3);
    assert_eq!(client.body_so_far(id), 0);
}

fn s6_5_3_what_is_not_mentioned_stays(target: &Target) {
    let mut client =
        target.open_with(&[(setting::HEADER_TABLE_SIZE, 0), (setting::INITIAL_WINDOW_SIZE, 3)]);
    client.send(settings(&[(setting::MAX_CONCURRENT_STREAMS, 7)]));
    client.expect_ack();
    let id = client.send_get();
    client.expect_head(id);
    assert_eq!(client.until("DATA", |frame| frame.stream == id).payload.len(), 3);
    assert_eq!(client.body_so_far(id), 0);
}

on_every_runtime! {
    settings_are_acknowledged
    settings_are_acknowledged_in_order_with_pings
    an_acknowledgement_is_not_acknowledged
    an_acknowledgement_has_no_payload
    settings_belong_to_the_connection
    settings_have_six_bytes_each
    s6_5_2_enable_push_is_0_or_1
    s6_5_2_initial_windows_have_31_bits
    s6_5_2_frames_hold_at_least_16384_bytes
    s6_5_2_frames_hold_less_than_2_to_the_24_bytes
    s6_5_2_values_at_their_limits_are_taken
    s6_5_2_larger_frames_may_be_announced
    s6_5_3_values_are_processed_in_order
    s6_5_3_what_is_not_mentioned_stays
}
