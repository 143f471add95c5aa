//! Stream identifiers (5.1.1) and how many there may be at once (5.1.2).

use crate::harness::{Target, on_every_runtime};
use crate::wire::*;

fn clients_use_odd_numbers(target: &Target) {
    let mut client = target.open();
    client.send(headers(WHOLE, 2, get()));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn numbers_grow(target: &Target) {
    let mut client = target.open();
    client.send(headers(WHOLE, 5, get()));
    client.expect_ok(5);
    client.send(headers(WHOLE, 3, get()));
    // Opening 5 has closed 3, so that it may also be taken for a frame on a closed stream.
    client.expect_rst(3, &[PROTOCOL_ERROR, STREAM_CLOSED]);
}

fn numbers_may_be_left_out(target: &Target) {
    let mut client = target.open();
    for id in [1, 9, 101, 0x7fff_fff1] {
        client.send(headers(WHOLE, id, get()));
        client.expect_ok(id);
    }
}

fn a_left_out_number_is_closed(target: &Target) {
    let mut client = target.open();
    client.send(headers(WHOLE, 9, get()));
    client.expect_ok(9);
    client.send(data(END_STREAM, 7, b"x"));
    client.expect_rst(7, &[PROTOCOL_ERROR, STREAM_CLOSED]);
}

fn the_last_number_can_be_used(target: &Target) {
    let mut client = target.open();
    client.send(headers(WHOLE, 0x7fff_ffff, get()));
    client.expect_ok(0x7fff_ffff);
}

fn s5_1_2_streams_above_the_limit_are_refused(target: &Target) {
    let mut client = target.open();
    let most = client.announced.max_concurrent_streams;
    assert!(most < 10_000, "a server without a limit");
    let open: Vec<u32> = (0..most).map(|_| client.send_post()).collect();
    let above = client.send_post();
    let reset = client.until("a refusal", |frame| frame.stream == above);
    assert_eq!(reset.kind, kind::RST_STREAM, "{reset:?}");
    let code = Code(u32::from_be_bytes(reset.payload.try_into().unwrap()));
    assert!([PROTOCOL_ERROR, REFUSED_STREAM].contains(&code), "{code:?}");
    // The others go on, and one that ends makes room.
    client.send(data(END_STREAM, open[0], b"body"));
    client.until("the end", |frame| frame.stream == open[0] && frame.ends_stream());
    client.alive();
}

fn s5_1_2_streams_that_are_reset_make_room(target: &Target) {
    let mut client = target.open();
    let most = client.announced.max_concurrent_streams;
    assert!(most < 10_000, "a server without a limit");
    for _ in 0..most + 10 {
        let id = client.send_post();
        client.send(reset(id, CANCEL));
    }
    client.alive();
}

fn s5_1_2_idle_streams_do_not_count(target: &Target) {
    let mut client = target.open();
    for id in 1..500 {
        client.send(priority(id, 0, 1));
    }
    client.alive();
}

on_every_runtime! {
    clients_use_odd_numbers
    numbers_grow
    numbers_may_be_left_out
    a_left_out_number_is_closed
    the_last_number_can_be_used
    s5_1_2_streams_above_the_limit_are_refused
    s5_1_2_streams_that_are_reset_make_room
    s5_1_2_idle_streams_do_not_count
}
