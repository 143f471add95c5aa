//! Flow control (5.2) and priorities of RFC 7540 (5.3).

use crate::harness::{LARGE, Target, on_every_runtime};
use crate::wire::*;

fn large() -> Vec<u8> {
    request("GET", "/large", &[])
}

fn a_stream_window_is_respected(target: &Target) {
    let table = (setting::HEADER_TABLE_SIZE, 0);
    let mut client = target.open_with(&[table, (setting::INITIAL_WINDOW_SIZE, 1000)]);
    client.send(headers(WHOLE, 1, large()));
    client.expect_head(1);
    client.expect_data(1000, Some(1));
    assert_eq!(client.body_so_far(1), 0, "more than the window");
    client.send(window_update(1, 1));
    assert_eq!(client.until("DATA", |frame| frame.stream == 1).payload.len(), 1);
    assert_eq!(client.body_so_far(1), 0, "more than the window");
}

fn the_window_of_the_connection_is_respected(target: &Target) {
    let table = (setting::HEADER_TABLE_SIZE, 0);
    let mut client = target.open_with(&[table, (setting::INITIAL_WINDOW_SIZE, 1 << 20)]);
    client.send([headers(WHOLE, 1, large()), headers(WHOLE, 3, large())].concat());
    client.expect_data(65_535, None);
    let more = client.ping_pong();
    assert!(more.iter().all(|frame| frame.kind != kind::DATA), "{more:?}");
    client.send(window_update(0, 10));
    assert_eq!(client.until("DATA", |frame| frame.kind == kind::DATA).payload.len(), 10);
}

fn a_blocked_stream_holds_up_no_other(target: &Target) {
    let mut client = target.open();
    client.send(settings(&[(setting::INITIAL_WINDOW_SIZE, 10)]));
    client.expect_ack();
    client.send(headers(WHOLE, 1, large()));
    client.expect_head(1);
    client.send(headers(WHOLE, 3, large()));
    client.expect_head(3);
    client.send(window_update(3, 100));
    client.expect_data(110, Some(3));
}

/// Frames must be read and processed as soon as they come (section 5.2.2), or both sides wait for ever.
fn window_updates_are_read_while_data_waits(target: &Target) {
    let mut client = target.open();
    client.send(headers(WHOLE, 1, large()));
    let mut came = 0;
    while came < LARGE {
        let part = client.until("DATA", |frame| frame.stream == 1 && frame.kind == kind::DATA);
        came += part.payload.len();
        if !part.payload.is_empty() {
            let more = u32::try_from(part.payload.len()).unwrap();
            client.send([window_update(0, more), window_update(1, more)].concat());
        }
    }
    assert_eq!(came, LARGE);
}

fn the_window_for_us_is_given_back(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(window_update(0, 100 << 20));
    client.send(window_update(id, 100 << 20));
    const TOTAL: usize = 4 << 20;
    let (mut granted, mut sent, mut back) = (client.announced.initial_window_size as usize, 0, 0);
    while back < TOTAL {
        while sent < TOTAL && granted.min(client.granted) > sent {
            let part = (granted.min(client.granted) - sent).min(16_384).min(TOTAL - sent);
            let last = if sent + part == TOTAL { END_STREAM } else { NONE };
            client.send(data(last, id, vec![b'x'; part]));
            sent += part;
        }
        let frame = client.until("DATA or a window", |_| true);
        match frame.kind {
            kind::DATA => back += frame.payload.len(),
            kind::WINDOW_UPDATE if frame.stream == id => {
                granted += u32::from_be_bytes(frame.payload.try_into().unwrap()) as usize;
            }
            kind::RST_STREAM => panic!("{frame:?}"),
            _ => {}
        }
    }
}

/// Bodies that wait for a window of ours are not read: what others may send comes back all the same.
fn bodies_that_are_not_read_hold_up_no_other(target: &Target) {
    let mut client = target.open();
    client.send(settings(&[(setting::INITIAL_WINDOW_SIZE, 0)]));
    client.expect_ack();
    client.send(window_update(0, 100 << 20));
    let window = client.announced.initial_window_size as usize;
    let mut sent = 0;
    let part = vec![b'x'; 16_384];
    client.ping_pong();
    // As many as leave some of the connection's window, if it has an end.
    for _ in 0..16 {
        if client.granted.saturating_sub(sent) <= window + part.len() {
            break;
        }
        let id = client.send_post();
        let mut left = window.min(client.granted - sent - part.len());
        sent += left;
        while left > 0 {
            let n = left.min(part.len());
            client.send(data(NONE, id, &part[..n]));
            left -= n;
        }
    }
    let id = client.send_post();
    client.send(window_update(id, 100 << 20));
    let (mut granted, mut of_one, mut back) = (window, 0, 0);
    let total = 64 * part.len();
    while back < total {
        while of_one < total && granted.min(of_one + client.granted - sent) >= of_one + part.len() {
            of_one += part.len();
            sent += part.len();
            let last = if of_one == total { END_STREAM } else { NONE };
            client.send(data(last, id, &part));
        }
        let frame = client.until("DATA or a window", |_| true);
        match frame.kind {
            kind::DATA => back += frame.payload.len(),
            kind::WINDOW_UPDATE if frame.stream == id => granted += frame.word(0) as usize,
            kind::RST_STREAM => panic!("{frame:?}"),
            _ => {}
        }
    }
}

fn s5_2_1_settings_do_not_widen_the_connection(target: &Target) {
    let mut client = target.open();
    client.send(settings(&[(setting::INITIAL_WINDOW_SIZE, 1 << 20)]));
    client.expect_ack();
    client.send(headers(WHOLE, 1, large()));
    client.expect_data(65_535, Some(1));
    assert_eq!(client.body_so_far(1), 0);
}

fn s5_3_2_priority_fields_of_headers_are_ignored(target: &Target) {
    let mut client = target.open();
    for on in [0, 1, 0x8000_0005, 0x7fff_ffff] {
        let id = client.new_stream();
        let payload = [dependency(on, 255), get()].concat();
        client.send(headers(WHOLE | PRIORITY, id, payload));
        client.expect_ok(id);
    }
}

fn s5_3_2_priority_frames_are_ignored(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    // Cycles included: nobody builds a tree any more.
    client.send([priority(id, id + 2, 0), priority(id + 2, id, 255), priority(7, 0, 9)].concat());
    client.send(data(END_STREAM, id, b"body"));
    assert_eq!(client.expect_ok(id).body, b"body");
    client.alive();
}

on_every_runtime! {
    a_stream_window_is_respected
    the_window_of_the_connection_is_respected
    a_blocked_stream_holds_up_no_other
    window_updates_are_read_while_data_waits
    the_window_for_us_is_given_back
    bodies_that_are_not_read_hold_up_no_other
    s5_2_1_settings_do_not_widen_the_connection
    s5_3_2_priority_fields_of_headers_are_ignored
    s5_3_2_priority_frames_are_ignored
}
