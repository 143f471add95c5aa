//! Frames: format (4.1), size (4.2), and the compression of fields (4.3).

use crate::harness::{Target, on_every_runtime};
use crate::wire::*;

fn s4_1_unknown_types_are_ignored(target: &Target) {
    let mut client = target.open();
    for stream in [0, 1, 2, 99] {
        client.send(frame(kind::UNKNOWN, 0xff, stream, b"whatever"));
    }
    client.alive();
}

fn s4_1_unknown_types_are_ignored_on_an_open_stream(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(frame(kind::UNKNOWN, NONE, id, b"whatever"));
    client.send(data(END_STREAM, id, b"body"));
    assert_eq!(client.expect_ok(id).body, b"body");
}

fn s4_1_undefined_flags_are_ignored(target: &Target) {
    let mut client = target.open();
    client.send(frame(kind::PING, 0xfe, 0, [7; 8]));
    client.send(frame(kind::SETTINGS, 0xfe, 0, []));
    client.send(frame(kind::WINDOW_UPDATE, 0xff, 0, [0, 0, 0, 1]));
    let id = client.new_stream();
    // Neither PADDED nor PRIORITY among them.
    client.send(headers(0x92 | END_HEADERS, id, post()));
    client.send(frame(kind::WINDOW_UPDATE, 0xff, id, [0, 0, 0, 1]));
    client.send(data(0xf6 | END_STREAM, id, b"body"));
    assert_eq!(client.expect_ok(id).body, b"body");
    client.alive();
}

fn s4_1_the_reserved_bit_is_ignored(target: &Target) {
    const RESERVED: u32 = 1 << 31;
    let mut client = target.open();
    client.send(frame(kind::PING, NONE, RESERVED, [7; 8]));
    client.send(settings(&[]));
    let id = client.new_stream();
    client.send(headers(END_HEADERS, id | RESERVED, post()));
    client.send(data(END_STREAM, id | RESERVED, b"body"));
    assert_eq!(client.expect_ok(id).body, b"body");
    client.send(window_update(RESERVED, 1));
    client.send(window_update(0, RESERVED | 1));
    client.alive();
}

fn s4_2_the_largest_frame_is_taken(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(data(END_STREAM, id, vec![b'x'; 16_384]));
    assert_eq!(client.expect_ok(id).body.len(), 16_384);
}

/// A frame header with a length beyond what was announced, and the beginning of its payload.
fn oversized(target: &Target, kind: u8, opens: bool) {
    let mut client = target.open();
    let id = if opens { client.send_post() } else { 0 };
    let length = client.announced.max_frame_size as usize + 1;
    client.send([&head(length, kind, NONE, id)[..], &vec![0; length]].concat());
    match kind {
        kind::DATA => client.expect_rst(id, &[FRAME_SIZE_ERROR]),
        _ => client.expect_goaway(&[FRAME_SIZE_ERROR]),
    }
}

fn s4_2_data_above_the_limit_is_a_frame_size_error(target: &Target) {
    oversized(target, kind::DATA, true);
}

fn s4_2_headers_above_the_limit_end_the_connection(target: &Target) {
    oversized(target, kind::HEADERS, true);
}

fn s4_2_settings_above_the_limit_end_the_connection(target: &Target) {
    oversized(target, kind::SETTINGS, false);
}

fn s4_2_unknown_frames_above_the_limit_end_the_connection(target: &Target) {
    oversized(target, kind::UNKNOWN, false);
}

fn s4_2_continuation_above_the_limit_ends_the_connection(target: &Target) {
    let mut client = target.open();
    client.send(headers(END_STREAM, 1, get()));
    let length = client.announced.max_frame_size as usize + 1;
    client.send([&head(length, kind::CONTINUATION, NONE, 1)[..], &vec![0; length]].concat());
    client.expect_goaway(&[FRAME_SIZE_ERROR]);
}

fn s4_2_padding_counts_towards_the_size(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(data(END_STREAM | PADDED, id, padded(vec![b'x'; 16_384 - 256], 255)));
    assert_eq!(client.expect_ok(id).body.len(), 16_384 - 256);
}

fn s4_2_frames_may_come_byte_by_byte(target: &Target) {
    let mut client = target.open();
    let id = client.new_stream();
    for byte in [headers(END_HEADERS, id, post()), data(END_STREAM, id, b"body")].concat() {
        client.send([byte]);
    }
    assert_eq!(client.expect_ok(id).body, b"body");
}

fn s4_3_a_block_that_cannot_be_decoded_ends_the_connection(target: &Target) {
    for flags in [END_HEADERS, WHOLE] {
        let mut client = target.open();
        // Index 127 of tables that have no such entry.
        client.send(headers(flags, 1, [get(), vec![0xff, 0x00]].concat()));
        client.expect_goaway(&[COMPRESSION_ERROR]);
    }
}

fn s4_3_trailers_that_cannot_be_decoded_end_the_connection(target: &Target) {
    let mut client = target.open();
    let id = client.send_post();
    client.send(headers(WHOLE, id, [0x80]));
    client.expect_goaway(&[COMPRESSION_ERROR]);
}

fn s4_3_a_block_is_decoded_across_continuations(target: &Target) {
    let mut client = target.open();
    let id = client.new_stream();
    let block = get();
    let mut frames = headers(END_STREAM, id, &block[..1]);
    let parts: Vec<&[u8]> = block[1..].chunks(block.len() / 4).collect();
    for (at, part) in parts.iter().enumerate() {
        let last = if at + 1 == parts.len() { END_HEADERS } else { NONE };
        frames.extend(continuation(last, id, part));
    }
    client.send(frames);
    client.expect_ok(id);
}

fn s4_3_an_unfinished_block_is_an_error(target: &Target) {
    let block = get();
    let mut client = target.open();
    client.send(headers(WHOLE, 1, &block[..block.len() - 1]));
    client.expect_goaway(&[COMPRESSION_ERROR]);
}

fn s4_3_other_frames_do_not_stand_within_a_block(target: &Target) {
    let between = [
        ping(NONE, [0; 8]),
        settings(&[]),
        window_update(0, 1),
        data(NONE, 1, b"x"),
        priority(3, 0, 1),
        reset(1, CANCEL),
        headers(WHOLE, 3, get()),
        headers(WHOLE, 1, get()),
        // Even one that is ignored anywhere else (section 5.5).
        frame(kind::UNKNOWN, NONE, 0, b"x"),
        continuation(END_HEADERS, 3, b""),
    ];
    for other in between {
        let mut client = target.open();
        let block = get();
        client.send([headers(END_STREAM, 1, &block[..9]), other].concat());
        client.expect_goaway(&[PROTOCOL_ERROR]);
    }
}

/// What a head has beyond one frame follows it at once, whatever else is to be sent: see `watch.rs`.
fn s4_3_the_servers_blocks_are_contiguous(target: &Target) {
    let window = (setting::INITIAL_WINDOW_SIZE, 1 << 20);
    let mut client = target.open_with(&[(setting::HEADER_TABLE_SIZE, 0), window]);
    client.send(window_update(0, 1 << 24));
    let ids = [1, 3, 5, 7, 9, 11];
    let frames: Vec<u8> = ids
        .into_iter()
        .flat_map(|id| {
            let path = if id % 4 == 1 { "/large" } else { "/fields" };
            headers(WHOLE, id, request("GET", path, &[]))
        })
        .chain([ping(NONE, [7; 8]), settings(&[])].concat())
        .collect();
    client.send(frames);
    for _ in ids {
        client.until("the end", |frame| frame.ends_stream());
    }
    client.alive();
}

fn s4_3_1_the_table_is_one_for_all_streams(target: &Target) {
    let mut client = target.open();
    let first = client.new_stream();
    client.send(headers(WHOLE, first, [get(), indexed_field("x-first", "1")].concat()));
    client.expect_ok(first);
    let second = client.new_stream();
    client.send(headers(WHOLE, second, [get(), vec![0x80 | 62]].concat()));
    client.expect_ok(second);
    client.send(headers(WHOLE, second + 2, [get(), vec![0x80 | 63]].concat()));
    client.expect_goaway(&[COMPRESSION_ERROR]);
}

fn s4_3_1_the_heads_of_refused_streams_enter_the_table(target: &Target) {
    let mut client = target.open();
    let id = client.new_stream();
    // Malformed, but decoded (section 8.1.1).
    let wrong = [get(), field("X-Upper", "1"), indexed_field("x-first", "1")].concat();
    client.send(headers(WHOLE, id, wrong));
    client.expect_malformed(id);
    let next = client.new_stream();
    client.send(headers(WHOLE, next, [get(), vec![0x80 | 62]].concat()));
    client.expect_ok(next);
}

fn s4_3_1_a_smaller_table_is_acknowledged_in_the_next_block(target: &Target) {
    let mut client = target.open_with(&[]);
    client.alive();
    client.send(settings(&[(setting::HEADER_TABLE_SIZE, 0)]));
    client.expect_ack();
    let id = client.send_get();
    let block = client.expect_head(id).payload;
    assert_eq!(block.first(), Some(&0x20), "a size update to zero: {block:x?}");
    assert_eq!(status(&block), Some(200));
}

fn s4_3_1_the_smallest_of_several_table_sizes_is_acknowledged(target: &Target) {
    let mut client = target.open_with(&[]);
    client.alive();
    client.send(settings(&[(setting::HEADER_TABLE_SIZE, 0)]));
    client.send(settings(&[(setting::HEADER_TABLE_SIZE, 4096)]));
    client.expect_ack();
    client.expect_ack();
    let id = client.send_get();
    let block = client.expect_head(id).payload;
    assert_eq!(block.first(), Some(&0x20), "a size update to zero: {block:x?}");
}

fn s4_3_1_also_when_both_sizes_are_in_one_frame(target: &Target) {
    let mut client = target.open_with(&[]);
    client.alive();
    let table = setting::HEADER_TABLE_SIZE;
    client.send(settings(&[(table, 0), (table, 4096)]));
    client.expect_ack();
    let id = client.send_get();
    let block = client.expect_head(id).payload;
    assert_eq!(block.first(), Some(&0x20), "a size update to zero: {block:x?}");
}

on_every_runtime! {
    s4_1_unknown_types_are_ignored
    s4_1_unknown_types_are_ignored_on_an_open_stream
    s4_1_undefined_flags_are_ignored
    s4_1_the_reserved_bit_is_ignored
    s4_2_the_largest_frame_is_taken
    s4_2_data_above_the_limit_is_a_frame_size_error
    s4_2_headers_above_the_limit_end_the_connection
    s4_2_settings_above_the_limit_end_the_connection
    s4_2_unknown_frames_above_the_limit_end_the_connection
    s4_2_continuation_above_the_limit_ends_the_connection
    s4_2_padding_counts_towards_the_size
    s4_2_frames_may_come_byte_by_byte
    s4_3_a_block_that_cannot_be_decoded_ends_the_connection
    s4_3_trailers_that_cannot_be_decoded_end_the_connection
    s4_3_a_block_is_decoded_across_continuations
    s4_3_an_unfinished_block_is_an_error
    s4_3_other_frames_do_not_stand_within_a_block
    s4_3_the_servers_blocks_are_contiguous
    s4_3_1_the_table_is_one_for_all_streams
    s4_3_1_the_heads_of_refused_streams_enter_the_table
    s4_3_1_a_smaller_table_is_acknowledged_in_the_next_block
    s4_3_1_the_smallest_of_several_table_sizes_is_acknowledged
    s4_3_1_also_when_both_sizes_are_in_one_frame
}
