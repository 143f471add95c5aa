//! WINDOW_UPDATE and windows (6.9).

use crate::harness::{Target, on_every_runtime};
use crate::wire::*;

const MOST: u32 = (1 << 31) - 1;

fn large(target: &Target, window: u32) -> (crate::client::Client, u32) {
    let settings = [(setting::HEADER_TABLE_SIZE, 0), (setting::INITIAL_WINDOW_SIZE, window)];
    let mut client = target.open_with(&settings);
    let id = client.new_stream();
    client.send(headers(WHOLE, id, request("GET", "/large", &[])));
    client.expect_head(id);
    (client, id)
}

fn updates_have_four_bytes(target: &Target) {
    for length in [0, 3, 5] {
        let mut client = target.open();
        client.send(frame(kind::WINDOW_UPDATE, NONE, 0, vec![1; length]));
        client.expect_goaway(&[FRAME_SIZE_ERROR]);
    }
}

fn updates_of_streams_have_four_bytes(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(frame(kind::WINDOW_UPDATE, NONE, id, [1; 3]));
    client.expect_goaway(&[FRAME_SIZE_ERROR]);
}

fn updates_of_closed_streams_have_four_bytes(target: &Target) {
    let mut client = target.open();
    let id = client.send_get();
    client.expect_ok(id);
    client.send(frame(kind::WINDOW_UPDATE, NONE, id, [1; 3]));
    client.expect_goaway(&[FRAME_SIZE_ERROR]);
}

fn zero_on_the_connection_ends_it(target: &Target) {
    let mut client = target.open();
    client.send(window_update(0, 0));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn zero_on_a_stream_resets_it(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(window_update(id, 0));
    client.expect_rst(id, &[PROTOCOL_ERROR]);
}

fn s6_9_1_the_window_of_the_connection_has_31_bits(target: &Target) {
    let mut client = target.open();
    client.send([window_update(0, MOST), window_update(0, MOST)].concat());
    client.expect_goaway(&[FLOW_CONTROL_ERROR]);
}

fn s6_9_1_one_more_than_the_most_is_too_much(target: &Target) {
    let mut client = target.open();
    client.send(window_update(0, MOST - 65_535));
    client.alive();
    // The answer has used some of it.
    client.send(window_update(0, 65_535));
    client.expect_goaway(&[FLOW_CONTROL_ERROR]);
}

fn s6_9_1_the_window_of_a_stream_has_31_bits(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send([window_update(id, MOST), window_update(id, MOST)].concat());
    client.expect_rst(id, &[FLOW_CONTROL_ERROR]);
}

fn s6_9_1_a_window_may_be_as_large_as_can_be(target: &Target) {
    let mut client = target.open();
    client.send(window_update(0, MOST - 65_535));
    let id = client.send_post();
    client.send(window_update(id, MOST - 65_535));
    client.send(data(END_STREAM, id, b"body"));
    assert_eq!(client.expect_ok(id).body, b"body");
}

fn s6_9_1_updates_come_in_any_steps(target: &Target) {
    let (mut client, id) = large(target, 0);
    for step in [1, 2, 3, 500] {
        client.send(window_update(id, step));
        client.expect_data(step as usize, Some(id));
    }
}

fn s6_9_1_who_sends_more_than_the_connection_allows_is_cut(target: &Target) {
    let mut client = target.open();
    let length = client.announced.max_frame_size.min(16_384) as usize;
    // More than any window, while the echo has none, so that nobody takes it.
    let id = client.send_post();
    let most = (64 << 20) / length;
    client.flood(data(NONE, id, vec![b'x'; length]).repeat(most));
    client.expect_flow_control(id);
}

fn s6_9_1_an_empty_frame_needs_no_window(target: &Target) {
    let settings = [(setting::HEADER_TABLE_SIZE, 0), (setting::INITIAL_WINDOW_SIZE, 0)];
    let mut client = target.open_with(&settings);
    let id = client.send_post();
    client.send(data(END_STREAM, id, b""));
    assert_eq!(client.expect_ok(id).body, b"");
}

fn s6_9_2_new_settings_move_windows_of_open_streams(target: &Target) {
    let (mut client, id) = large(target, 0);
    client.send(settings(&[(setting::INITIAL_WINDOW_SIZE, 7)]));
    let part = client.until("DATA", |frame| frame.stream == id);
    assert_eq!(part.payload.len(), 7);
    client.send(settings(&[(setting::INITIAL_WINDOW_SIZE, 9)]));
    let part = client.until("DATA", |frame| frame.stream == id);
    assert_eq!(part.payload.len(), 2);
    assert_eq!(client.body_so_far(id), 0);
}

fn s6_9_2_a_window_may_fall_below_zero(target: &Target) {
    let (mut client, id) = large(target, 100);
    client.expect_data(100, Some(id));
    client.send(settings(&[(setting::INITIAL_WINDOW_SIZE, 40)]));
    // Now it is 60 below.
    client.send(window_update(id, 60));
    assert_eq!(client.body_so_far(id), 0);
    client.send(window_update(id, 1));
    assert_eq!(client.until("DATA", |frame| frame.stream == id).payload.len(), 1);
    assert_eq!(client.body_so_far(id), 0);
}

fn s6_9_2_settings_that_make_a_window_too_large_end_the_connection(target: &Target) {
    let (mut client, id) = large(target, 100);
    client.send(window_update(id, MOST - 100));
    client.send(settings(&[(setting::INITIAL_WINDOW_SIZE, MOST)]));
    client.expect_goaway(&[FLOW_CONTROL_ERROR]);
}

fn s6_9_2_settings_do_not_move_the_connection(target: &Target) {
    let mut client = target.open();
    client.send(settings(&[(setting::INITIAL_WINDOW_SIZE, MOST)]));
    client.expect_ack();
    client.send(window_update(0, MOST - 65_535));
    client.alive();
}

fn s6_9_3_new_windows_count_for_new_streams(target: &Target) {
    let mut client = target.open();
    client.alive();
    client.send(settings(&[(setting::INITIAL_WINDOW_SIZE, 1)]));
    client.expect_ack();
    let id = client.send_get();
    client.expect_head(id);
    assert_eq!(client.until("DATA", |frame| frame.stream == id).payload.len(), 1);
    assert_eq!(client.body_so_far(id), 0);
}

on_every_runtime! {
    updates_have_four_bytes
    updates_of_streams_have_four_bytes
    updates_of_closed_streams_have_four_bytes
    zero_on_the_connection_ends_it
    zero_on_a_stream_resets_it
    s6_9_1_the_window_of_the_connection_has_31_bits
    s6_9_1_one_more_than_the_most_is_too_much
    s6_9_1_the_window_of_a_stream_has_31_bits
    s6_9_1_a_window_may_be_as_large_as_can_be
    s6_9_1_updates_come_in_any_steps
    s6_9_1_who_sends_more_than_the_connection_allows_is_cut
    s6_9_1_an_empty_frame_needs_no_window
    s6_9_2_new_settings_move_windows_of_open_streams
    s6_9_2_a_window_may_fall_below_zero
    s6_9_2_settings_that_make_a_window_too_large_end_the_connection
    s6_9_2_settings_do_not_move_the_connection
    s6_9_3_new_windows_count_for_new_streams
}
