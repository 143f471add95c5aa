//! RST_STREAM (6.4), PUSH_PROMISE (6.6), GOAWAY (6.8), and error codes (7).

use crate::harness::{Target, on_every_runtime};
use crate::wire::*;

fn rst_stream_belongs_to_a_stream(target: &Target) {
    let mut client = target.open();
    client.send(reset(0, CANCEL));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn rst_stream_has_four_bytes(target: &Target) {
    for length in [0, 3, 5] {
        let mut client = target.open();
        let id = client.send_post();
        client.send(frame(kind::RST_STREAM, NONE, id, vec![0; length]));
        client.expect_goaway(&[FRAME_SIZE_ERROR]);
    }
}

fn nothing_is_sent_after_rst_stream(target: &Target) {
    let settings = [(setting::HEADER_TABLE_SIZE, 0), (setting::INITIAL_WINDOW_SIZE, 100)];
    let mut client = target.open_with(&settings);
    let id = client.new_stream();
    client.send(headers(WHOLE, id, request("GET", "/large", &[])));
    client.expect_data(100, Some(id));
    client.send(reset(id, CANCEL));
    client.send(window_update(id, 1 << 20));
    let after = client.ping_pong();
    assert!(after.iter().all(|frame| frame.stream != id), "{after:?}");
    client.alive();
}

fn s7_unknown_codes_of_rst_stream_are_nothing_special(target: &Target) {
    let mut client = target.open();
    for code in [0x0e, 0xff, 0xdead_beef, u32::MAX] {
        let id = client.send_post();
        client.send(reset(id, Code(code)));
        client.expect_ignored(id);
    }
}

fn s7_unknown_codes_of_goaway_are_nothing_special(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.ping_pong();
    client.send(go_away(0, Code(0xdead_beef), b""));
    client.send(data(END_STREAM, id, b"body"));
    client.until("the rest", |frame| frame.stream == id && frame.ends_stream());
}

fn s6_6_clients_do_not_push(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    let payload = [&2u32.to_be_bytes()[..], &get()].concat();
    client.send(frame(kind::PUSH_PROMISE, END_HEADERS, id, payload));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn s6_6_clients_do_not_push_on_the_connection(target: &Target) {
    let mut client = target.open();
    let payload = [&2u32.to_be_bytes()[..], &get()].concat();
    client.send(frame(kind::PUSH_PROMISE, END_HEADERS, 0, payload));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn s6_6_the_server_does_not_push_when_told_so(target: &Target) {
    let settings = [(setting::HEADER_TABLE_SIZE, 0), (setting::ENABLE_PUSH, 0)];
    let mut client = target.open_with(&settings);
    let id = client.send_get();
    let mut frame = client.until("an answer", |_| true);
    while !(frame.stream == id && frame.ends_stream()) {
        assert_ne!(frame.kind, kind::PUSH_PROMISE);
        frame = client.until("an answer", |_| true);
    }
}

fn s6_8_goaway_belongs_to_the_connection(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(frame(kind::GOAWAY, NONE, id, [0; 8]));
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn s6_8_goaway_has_at_least_eight_bytes(target: &Target) {
    let mut client = target.open();
    client.send(frame(kind::GOAWAY, NONE, 0, [0; 7]));
    client.expect_goaway(&[FRAME_SIZE_ERROR]);
}

fn s6_8_streams_under_way_end_after_goaway(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(data(NONE, id, b"bo"));
    client.send(go_away(0, NO_ERROR, b"going"));
    client.send(data(END_STREAM, id, b"dy"));
    let answer = client.expect_ok(id);
    assert_eq!(answer.body, b"body");
    client.end_writing();
    client.expect_close();
}

fn s6_8_several_goaways_are_taken(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(go_away(0x7fff_fffe, NO_ERROR, b""));
    client.send(go_away(0, NO_ERROR, b"now"));
    client.send(data(END_STREAM, id, b"body"));
    assert_eq!(client.expect_ok(id).body, b"body");
}

/// What GOAWAY says never grows, and it is not below what was answered: see `watch.rs`.
fn s6_8_a_shutdown_names_the_last_stream(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(data(NONE, id, b"bo"));
    client.ping_pong();
    if !target.shut_down() {
        return;
    }
    client.send(data(END_STREAM, id, b"dy"));
    let (mut ended, mut last) = (false, None);
    while let Some(frame) = client.frame() {
        match frame.kind {
            kind::PING if frame.flags & ACK == 0 => {
                let payload = frame.payload.try_into().expect("eight bytes");
                client.send(ping(ACK, payload));
            }
            kind::GOAWAY => last = Some(u32::from_be_bytes(frame.payload[..4].try_into().unwrap())),
            kind::RST_STREAM => panic!("{frame:?} although it was under way"),
            _ => ended |= frame.stream == id && frame.ends_stream(),
        }
    }
    assert!(ended, "the answer is cut");
    assert!(last.is_some_and(|last| last >= id), "{last:?}");
}

on_every_runtime! {
    rst_stream_belongs_to_a_stream
    rst_stream_has_four_bytes
    nothing_is_sent_after_rst_stream
    s7_unknown_codes_of_rst_stream_are_nothing_special
    s7_unknown_codes_of_goaway_are_nothing_special
    s6_6_clients_do_not_push
    s6_6_clients_do_not_push_on_the_connection
    s6_6_the_server_does_not_push_when_told_so
    s6_8_goaway_belongs_to_the_connection
    s6_8_goaway_has_at_least_eight_bytes
    s6_8_streams_under_way_end_after_goaway
    s6_8_several_goaways_are_taken
    s6_8_a_shutdown_names_the_last_stream
}
