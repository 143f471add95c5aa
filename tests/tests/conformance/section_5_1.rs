//! Stream states: each state of a client's stream, and each frame in it (section 5.1).

use crate::client::Client;
use crate::harness::{Target, on_every_runtime};
use crate::wire::*;

/// A stream that the client has ended and the server has not: its body waits for a window.
fn half_closed_remote(target: &Target) -> (Client, u32) {
    let settings = [(setting::HEADER_TABLE_SIZE, 0), (setting::INITIAL_WINDOW_SIZE, 0)];
    let mut client = target.open_with(&settings);
    let id = client.send_get();
    client.expect_head(id);
    (client, id)
}

/// A stream that both sides have ended.
fn closed(target: &Target) -> (Client, u32) {
    let mut client = target.open();
    let id = client.send_get();
    client.expect_ok(id);
    (client, id)
}

/// A stream that the client has reset while it was open.
fn reset_by_us(target: &Target) -> (Client, u32) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(reset(id, CANCEL));
    (client, id)
}

/// A stream that the server has reset for something else than its own end.
fn reset_by_the_server(target: &Target) -> (Client, u32) {
    let mut client = target.open();
    let id = client.new_stream();
    client.send(headers(END_HEADERS, id, [post(), field("X", "1")].concat()));
    client.expect_malformed(id);
    (client, id)
}

fn idle_data(target: &Target) {
    let mut client = target.open();
    client.send(data(END_STREAM, 1, b"x"));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn idle_rst_stream(target: &Target) {
    let mut client = target.open();
    client.send(reset(1, CANCEL));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn idle_window_update(target: &Target) {
    let mut client = target.open();
    client.send(window_update(1, 1));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn idle_continuation(target: &Target) {
    let mut client = target.open();
    client.send(continuation(END_HEADERS, 1, get()));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn idle_priority(target: &Target) {
    let mut client = target.open();
    client.send([priority(1, 0, 16), priority(99, 1, 255)].concat());
    client.alive();
}

fn idle_unknown(target: &Target) {
    let mut client = target.open();
    client.send(frame(kind::UNKNOWN, NONE, 1, b"x"));
    client.alive();
}

fn idle_streams_of_the_server(target: &Target) {
    for wrong in [data(NONE, 2, b"x"), reset(2, CANCEL), window_update(2, 1)] {
        let mut client = target.open();
        client.send(wrong);
        client.expect_goaway(&[PROTOCOL_ERROR]);
    }
}

fn open_takes_every_frame(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(priority(id, 0, 16));
    client.send(window_update(id, 1));
    client.send(data(NONE, id, b"bo"));
    client.send(data(NONE, id, b""));
    client.send(data(NONE, id, b"dy"));
    client.send(headers(WHOLE, id, block(&[("x-trailer", "1")])));
    assert_eq!(client.expect_ok(id).body, b"body");
}

fn open_ends_by_rst_stream(target: &Target) {
    let (mut client, id) = reset_by_us(target);
    client.expect_ignored(id);
}

fn half_closed_data(target: &Target) {
    let (mut client, id) = half_closed_remote(target);
    client.send(data(END_STREAM, id, b"x"));
    client.expect_rst(id, &[STREAM_CLOSED]);
}

fn half_closed_headers(target: &Target) {
    let (mut client, id) = half_closed_remote(target);
    client.send(headers(WHOLE, id, block(&[("x-trailer", "1")])));
    client.expect_rst(id, &[STREAM_CLOSED]);
}

fn half_closed_continuation(target: &Target) {
    let (mut client, id) = half_closed_remote(target);
    client.send(continuation(END_HEADERS, id, block(&[("x", "1")])));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn half_closed_priority(target: &Target) {
    let (mut client, id) = half_closed_remote(target);
    client.send(priority(id, 0, 1));
    client.expect_ignored(id);
}

fn half_closed_window_update(target: &Target) {
    let (mut client, id) = half_closed_remote(target);
    client.send(window_update(id, 5));
    let part = client.until("DATA", |frame| frame.stream == id);
    assert_eq!((part.kind, part.payload.len()), (kind::DATA, 5));
}

fn half_closed_rst_stream(target: &Target) {
    let (mut client, id) = half_closed_remote(target);
    client.send(reset(id, CANCEL));
    client.send(window_update(id, 1000));
    assert_eq!(client.body_so_far(id), 0, "nothing is sent on a stream that was reset");
    client.alive();
}

fn closed_data(target: &Target) {
    let (mut client, id) = closed(target);
    client.send(data(END_STREAM, id, b"x"));
    client.expect_closed(id);
}

fn closed_headers(target: &Target) {
    let (mut client, id) = closed(target);
    client.send(headers(WHOLE, id, get()));
    client.expect_closed(id);
}

fn closed_continuation(target: &Target) {
    let (mut client, id) = closed(target);
    client.send(continuation(END_HEADERS, id, block(&[("x", "1")])));
    client.expect_goaway(&[PROTOCOL_ERROR, STREAM_CLOSED]);
}

fn closed_priority(target: &Target) {
    let (mut client, id) = closed(target);
    client.send(priority(id, 0, 1));
    client.expect_ignored(id);
}

fn closed_window_update(target: &Target) {
    let (mut client, id) = closed(target);
    client.send(window_update(id, 1));
    client.expect_ignored(id);
}

fn closed_rst_stream(target: &Target) {
    let (mut client, id) = closed(target);
    client.send(reset(id, CANCEL));
    client.expect_ignored(id);
}

fn reset_by_the_client_then_data(target: &Target) {
    let (mut client, id) = reset_by_us(target);
    client.send(data(END_STREAM, id, b"x"));
    client.expect_closed(id);
}

fn reset_by_the_client_then_headers(target: &Target) {
    let (mut client, id) = reset_by_us(target);
    client.send(headers(WHOLE, id, get()));
    client.expect_closed(id);
}

fn reset_by_the_client_then_priority(target: &Target) {
    let (mut client, id) = reset_by_us(target);
    client.send(priority(id, 0, 1));
    client.expect_ignored(id);
}

/// To avoid looping (section 5.4.2).
fn reset_by_the_client_then_rst_stream(target: &Target) {
    let (mut client, id) = reset_by_us(target);
    client.send(reset(id, CANCEL));
    client.expect_ignored(id);
}

/// What was under way when the server reset the stream is processed and forgotten.
fn reset_by_the_server_then_anything(target: &Target) {
    let mut client = target.open();
    let id = client.new_stream();
    let trailers = [block(&[("x-trailer", "1")]), indexed_field("x-kept", "1")].concat();
    let under_way = [
        headers(END_HEADERS, id, [post(), field("X", "1")].concat()),
        data(NONE, id, b"body"),
        window_update(id, 1),
        priority(id, 0, 1),
        headers(WHOLE, id, trailers),
        reset(id, CANCEL),
    ];
    client.send(under_way.concat());
    client.expect_malformed(id);
    // The table was kept in step.
    let next = client.new_stream();
    client.send(headers(WHOLE, next, [get(), vec![0x80 | 62]].concat()));
    client.expect_ok(next);
}

/// DATA that is thrown away counts: what it took of the connection's window is given back, or a client that is
/// reset a few times can send nothing any more.
fn reset_by_the_server_gives_the_window_back(target: &Target) {
    let mut client = target.open();
    let body = vec![b'x'; 16_000];
    // More than any usual window of a connection.
    for _ in 0..100 {
        let (id, wrong) = (client.new_stream(), [post(), field("X", "1")].concat());
        client.send([headers(END_HEADERS, id, wrong), data(END_STREAM, id, &body)].concat());
        client.until("RST_STREAM", |frame| frame.stream == id && frame.kind == kind::RST_STREAM);
        client.ping_pong();
    }
    let id = client.send_post();
    client.send(data(END_STREAM, id, b"body"));
    assert_eq!(client.expect_ok(id).body, b"body");
}

fn reset_by_the_server_then_rst_stream(target: &Target) {
    let (mut client, id) = reset_by_the_server(target);
    client.send(reset(id, CANCEL));
    client.expect_ignored(id);
}

on_every_runtime! {
    idle_data
    idle_rst_stream
    idle_window_update
    idle_continuation
    idle_priority
    idle_unknown
    idle_streams_of_the_server
    open_takes_every_frame
    open_ends_by_rst_stream
    half_closed_data
    half_closed_headers
    half_closed_continuation
    half_closed_priority
    half_closed_window_update
    half_closed_rst_stream
    closed_data
    closed_headers
    closed_continuation
    closed_priority
    closed_window_update
    closed_rst_stream
    reset_by_the_client_then_data
    reset_by_the_client_then_headers
    reset_by_the_client_then_priority
    reset_by_the_client_then_rst_stream
    reset_by_the_server_then_anything
    reset_by_the_server_gives_the_window_back
    reset_by_the_server_then_rst_stream
}
