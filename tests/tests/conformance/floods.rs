//! What costs the server more than the client (RFC 9113, section 10.5): it ends in ENHANCE_YOUR_CALM, whatever of
//! it is on its way, or where a limit says something else, in that.

use crate::client::Client;
use crate::harness::{Target, on_every_runtime};
use crate::wire::*;

/// Sends far more of it than anybody needs, while the answers are read.
fn calms(client: &mut Client, frames: Vec<u8>) {
    client.flood(frames);
    client.expect_goaway(&[ENHANCE_YOUR_CALM]);
}

/// CVE-2023-44487.
fn rapid_resets(target: &Target) {
    let mut client = target.open();
    let pairs = (0..10_000).flat_map(|n| {
        let id = 2 * n + 1;
        [headers(WHOLE, id, get()), reset(id, CANCEL)].concat()
    });
    let frames = pairs.collect();
    calms(&mut client, frames);
}

/// CVE-2025-8671: the client has the server reset its streams.
fn provoked_resets(target: &Target) {
    let mut client = target.open();
    let pairs = (0..10_000).flat_map(|n| {
        let id = 2 * n + 1;
        [headers(END_HEADERS, id, post()), window_update(id, 0)].concat()
    });
    let frames = pairs.collect();
    calms(&mut client, frames);
}

fn malformed_requests(target: &Target) {
    let mut client = target.open();
    let wrong = [get(), field("X", "1")].concat();
    let frames = (0..10_000).flat_map(|n| headers(WHOLE, 2 * n + 1, &wrong)).collect();
    calms(&mut client, frames);
}

fn streams_above_the_limit(target: &Target) {
    let mut client = target.open();
    let frames = (0..10_000).flat_map(|n| headers(END_HEADERS, 2 * n + 1, post())).collect();
    calms(&mut client, frames);
}

fn data_on_closed_streams(target: &Target) {
    let mut client = target.open();
    let id = client.send_get();
    client.expect_ok(id);
    client.flood(data(NONE, id, b"x").repeat(20_000));
    client.expect_goaway(&[ENHANCE_YOUR_CALM, STREAM_CLOSED]);
}

/// CVE-2019-9515.
fn settings_frames(target: &Target) {
    let mut client = target.open();
    calms(&mut client, settings(&[]).repeat(20_000));
}

fn acknowledgements_of_nothing(target: &Target) {
    let mut client = target.open();
    calms(&mut client, settings_ack().repeat(20_000));
}

/// CVE-2019-9512.
fn pings(target: &Target) {
    let mut client = target.open();
    calms(&mut client, ping(NONE, [0; 8]).repeat(50_000));
}

/// CVE-2019-9518.
fn empty_data(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    calms(&mut client, data(NONE, id, b"").repeat(50_000));
}

fn padding_alone(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    calms(&mut client, data(PADDED, id, padded(b"", 0)).repeat(50_000));
}

fn tiny_data(target: &Target) {
    let mut client = target.open();
    let settings = [(setting::INITIAL_WINDOW_SIZE, 1 << 30)];
    client.send([crate::wire::settings(&settings), window_update(0, 1 << 30)].concat());
    let id = client.send_post();
    // Below any window.
    calms(&mut client, data(NONE, id, b"x").repeat(60_000));
}

/// CVE-2019-9513.
fn priorities(target: &Target) {
    let mut client = target.open();
    let frames = (0..50_000).flat_map(|n| priority(2 * n + 1, 0, n as u8)).collect();
    calms(&mut client, frames);
}

/// CVE-2019-9511 has one byte at a time asked for.
fn window_updates(target: &Target) {
    let mut client = target.open();
    calms(&mut client, window_update(0, 1).repeat(100_000));
}

fn frames_that_nobody_knows(target: &Target) {
    let mut client = target.open();
    calms(&mut client, frame(kind::UNKNOWN, NONE, 0, b"x").repeat(50_000));
}

/// CVE-2024-27316 and its kin: a block that does not end.
fn continuations(target: &Target) {
    let mut client = target.open();
    let part = continuation(NONE, 1, field("x", "v".repeat(1000)));
    calms(&mut client, [headers(END_STREAM, 1, get()), part.repeat(10_000)].concat());
}

fn continuations_of_one_byte(target: &Target) {
    let mut client = target.open();
    let part = continuation(NONE, 1, [0x82]);
    calms(&mut client, [headers(END_STREAM, 1, get()), part.repeat(10_000)].concat());
}

/// CVE-2019-9518 with header blocks.
fn empty_continuations(target: &Target) {
    let mut client = target.open();
    let part = continuation(NONE, 1, []);
    calms(&mut client, [headers(END_STREAM, 1, get()), part.repeat(50_000)].concat());
}

/// CVE-2019-9516: each costs what an entry costs and holds nothing.
fn fields_without_name_and_value(target: &Target) {
    let mut client = target.open();
    let nothing = field("", "").repeat(4000);
    client.send(headers(WHOLE, 1, [get(), nothing].concat()));
    client.expect_too_large(1);
}

/// A few bytes that become many.
fn header_bombs(target: &Target) {
    let mut client = target.open();
    let bomb = [get(), indexed_field("x", "v".repeat(4000)), vec![0x80 | 62; 8000]].concat();
    client.send(headers(WHOLE, 1, bomb));
    client.expect_too_large(1);
}

fn many_fields(target: &Target) {
    let mut client = target.open();
    let fields: Vec<u8> = (0..1500).flat_map(|n| field(format!("x{n}"), "v")).collect();
    client.send(headers(WHOLE, 1, [get(), fields].concat()));
    client.expect_too_large(1);
}

fn one_long_field(target: &Target) {
    let mut client = target.open();
    let block = [get(), field("x", "v".repeat(200_000))].concat();
    let parts: Vec<&[u8]> = block.chunks(16_000).collect();
    let mut frames = headers(END_STREAM, 1, parts[0]);
    for part in &parts[1..parts.len() - 1] {
        frames.extend(continuation(NONE, 1, part));
    }
    frames.extend(continuation(END_HEADERS, 1, parts[parts.len() - 1]));
    client.flood(frames);
    client.expect_too_large(1);
}

/// Who asks on and reads nothing.
fn answers_that_nobody_reads(target: &Target) {
    let mut client = target.open_with(&[(setting::INITIAL_WINDOW_SIZE, (1 << 31) - 1)]);
    client.send(window_update(0, 1 << 30));
    let large = request("GET", "/large", &[]);
    for n in 0..100 {
        client.send(headers(WHOLE, 2 * n + 1, &large));
    }
    // Others are served meanwhile.
    target.open().alive();
}

on_every_runtime! {
    rapid_resets
    provoked_resets
    malformed_requests
    streams_above_the_limit
    data_on_closed_streams
    settings_frames
    acknowledgements_of_nothing
    pings
    empty_data
    padding_alone
    tiny_data
    priorities
    window_updates
    frames_that_nobody_knows
    continuations
    continuations_of_one_byte
    empty_continuations
    fields_without_name_and_value
    header_bombs
    many_fields
    one_long_field
    answers_that_nobody_reads
}
