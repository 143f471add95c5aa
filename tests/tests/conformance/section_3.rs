//! Starting HTTP/2: the connection preface (section 3.4).

use crate::harness::{Target, on_every_runtime};
use crate::wire::{self, *};

fn the_server_speaks_first_with_settings(target: &Target) {
    let mut client = target.connect();
    client.send([PREFACE, &settings(&[])].concat());
    client.expect_settings();
    client.expect_ack();
    client.send(settings_ack());
    client.alive();
}

fn settings_may_be_empty(target: &Target) {
    target.open_with(&[]).ping_pong();
}

fn requests_may_follow_the_preface_at_once(target: &Target) {
    let mut client = target.connect();
    let id = client.new_stream();
    client.send([PREFACE, &settings(&[]), &headers(WHOLE, id, get())].concat());
    assert_eq!(client.expect_ok(id).status, 200);
}

fn the_preface_may_come_byte_by_byte(target: &Target) {
    let mut client = target.connect();
    for byte in [PREFACE, &settings(&[])].concat() {
        client.send([byte]);
    }
    client.expect_settings();
    client.expect_ack();
    client.alive();
}

fn a_preface_that_goes_wrong_ends_the_connection(target: &Target) {
    let mut client = target.connect();
    let wrong = [&PREFACE[..PREFACE.len() - 4], b"XX\r\n", &settings(&[])].concat();
    client.send(wrong);
    // GOAWAY may be left out (section 3.4), and who reads HTTP/1.1 may say so.
    client.expect_end();
}

fn the_first_frame_is_settings(target: &Target) {
    for first in [
        ping(NONE, [0; 8]),
        window_update(0, 1),
        headers(WHOLE, 1, get()),
        settings_ack(),
        frame(kind::UNKNOWN, NONE, 0, b"hello"),
    ] {
        let mut client = target.connect();
        client.send([PREFACE, &first].concat());
        client.expect_goaway(&[PROTOCOL_ERROR]);
    }
}

fn first_settings_with_a_wrong_value_end_the_connection(target: &Target) {
    let mut client = target.connect();
    client.send([PREFACE, &settings(&[(setting::ENABLE_PUSH, 2)])].concat());
    client.expect_goaway(&[PROTOCOL_ERROR]);
}

fn a_second_preface_is_no_frame(target: &Target) {
    let mut client = target.open();
    client.send(PREFACE);
    client.expect_goaway(&[FRAME_SIZE_ERROR, PROTOCOL_ERROR]);
}

fn the_end_of_file_ends_the_connection(target: &Target) {
    let mut client = target.open();
    client.alive();
    client.end_writing();
    client.expect_close();
}

fn unknown_settings_in_the_preface_are_ignored(target: &Target) {
    let mut client = target.open_with(&[(0xffff, 7), (wire::setting::HEADER_TABLE_SIZE, 0)]);
    client.alive();
}

on_every_runtime! {
    the_server_speaks_first_with_settings
    settings_may_be_empty
    requests_may_follow_the_preface_at_once
    the_preface_may_come_byte_by_byte
    a_preface_that_goes_wrong_ends_the_connection
    the_first_frame_is_settings
    first_settings_with_a_wrong_value_end_the_connection
    a_second_preface_is_no_frame
    the_end_of_file_ends_the_connection
    unknown_settings_in_the_preface_are_ignored
}
