//! HPACK (RFC 7541), as a server's decoder and encoder show it.

use crate::harness::{Target, on_every_runtime};
use crate::wire::*;

/// A GET with more in its block, which cannot be decoded.
fn undecodable(target: &Target, more: &[u8]) {
    let mut client = target.open();
    client.what(format!("{more:x?}"));
    client.send(headers(WHOLE, 1, [&get(), more].concat()));
    client.expect_goaway(&[COMPRESSION_ERROR]);
}

/// A block that begins with this, which cannot be decoded.
fn undecodable_first(target: &Target, first: &[u8]) {
    let mut client = target.open();
    client.what(format!("{first:x?}"));
    client.send(headers(WHOLE, 1, [first, &get()].concat()));
    client.expect_goaway(&[COMPRESSION_ERROR]);
}

fn decodable(target: &Target, before: &[u8], after: &[u8]) {
    let mut client = target.open();
    client.what(format!("{before:x?} {after:x?}"));
    client.send(headers(WHOLE, 1, [before, &get(), after].concat()));
    client.expect_ok(1);
}

fn s2_3_1_the_static_table(target: &Target) {
    let mut client = target.open();
    // GET / over http, the authority as a literal with a name of the table.
    let block = [&[0x82, 0x86, 0x84, 0x01][..], &string("test")].concat();
    client.send(headers(WHOLE, 1, block));
    client.expect_ok(1);
}

fn s2_3_2_an_entry_may_be_there_twice(target: &Target) {
    let mut client = target.open();
    let twice = indexed_field("x", "1").repeat(2);
    client.send(headers(WHOLE, 1, [get(), twice, vec![0x80 | 62, 0x80 | 63]].concat()));
    client.expect_ok(1);
}

fn s2_3_3_entries_leave_in_the_order_they_came(target: &Target) {
    let mut client = target.open();
    // Each has 32 + 1 + 1000 bytes (section 4.1), so that the fifth drives the first one out.
    let value = "v".repeat(999);
    let names = ["a", "b", "c", "d"];
    for name in names {
        let id = client.new_stream();
        client.send(headers(WHOLE, id, [get(), indexed_field(name, &value)].concat()));
        client.expect_ok(id);
    }
    let id = client.new_stream();
    client.send(headers(WHOLE, id, [get(), vec![0x80 | 62, 0x80 | 63, 0x80 | 64]].concat()));
    client.expect_ok(id);
    client.send(headers(WHOLE, id + 2, [get(), vec![0x80 | 65]].concat()));
    client.expect_goaway(&[COMPRESSION_ERROR]);
}

/// What the server's encoder chooses is at most what it was allowed.
fn s4_2_the_servers_table_is_no_larger_than_allowed(target: &Target) {
    for most in [0, 1, 30, 31, 100] {
        let mut client = target.open_with(&[(setting::HEADER_TABLE_SIZE, most)]);
        client.what(format!("a table of {most}"));
        let id = client.send_get();
        let block = client.expect_head(id).payload;
        let chosen = table_size(&block).expect("an update stands at the beginning");
        assert!(chosen <= most as usize, "{chosen} of {most}");
    }
}

fn s4_2_an_update_stands_at_the_beginning_of_a_block(target: &Target) {
    undecodable(target, &[0x20]);
}

fn s4_2_two_updates_may_stand_there(target: &Target) {
    decodable(target, &[integer(0x20, 5, 0), integer(0x20, 5, 4096)].concat(), &[]);
}

fn s4_3_a_smaller_table_loses_entries(target: &Target) {
    let mut client = target.open();
    let id = client.new_stream();
    client.send(headers(WHOLE, id, [get(), indexed_field("x", "1")].concat()));
    client.expect_ok(id);
    client.send(headers(WHOLE, id + 2, [vec![0x20], get(), vec![0x80 | 62]].concat()));
    client.expect_goaway(&[COMPRESSION_ERROR]);
}

fn s4_4_an_entry_larger_than_the_table_empties_it(target: &Target) {
    let mut client = target.open();
    let id = client.new_stream();
    client.send(headers(WHOLE, id, [get(), indexed_field("x", "1")].concat()));
    client.expect_ok(id);
    let id = client.new_stream();
    client.send(headers(WHOLE, id, [get(), indexed_field("x", "v".repeat(5000))].concat()));
    client.expect_ok(id);
    client.send(headers(WHOLE, id + 2, [get(), vec![0x80 | 62]].concat()));
    client.expect_goaway(&[COMPRESSION_ERROR]);
}

fn s5_1_integers_may_be_longer_than_needed(target: &Target) {
    // The length 127 of a value, and zeros above it.
    decodable(target, &[], &[&[0x00, 0x01, b'x', 0x7f, 0x80, 0x00][..], &[b'v'; 127]].concat());
}

fn s5_1_integers_that_overflow(target: &Target) {
    let endless = [0xff; 12];
    undecodable(target, &[&endless[..], &[0x7f]].concat());
    undecodable_first(target, &[&[0x3f][..], &endless, &[0x7f]].concat());
    undecodable(target, &[&[0x00, 0x7f][..], &endless, &[0x7f]].concat());
}

fn s5_1_integers_of_endless_zeros(target: &Target) {
    undecodable(target, &[&[0xff][..], &[0x80; 40], &[0x00]].concat());
}

fn s5_1_integers_that_end_with_the_block(target: &Target) {
    undecodable(target, &[0xff]);
    undecodable(target, &[0xff, 0x80]);
    undecodable(target, &[0x00, 0x7f, 0x80]);
}

fn s5_2_strings_longer_than_the_block(target: &Target) {
    undecodable(target, &[0x00, 0x05, b'x']);
    undecodable(target, &[0x00, 0x01, b'x', 0x02, b'v']);
    undecodable(target, &[0x00, 0x01, b'x']);
    undecodable(target, &[0x00]);
}

fn s5_2_huffman_coded_strings(target: &Target) {
    // "custom-key: custom-value" of appendix C.4.3.
    let name = [0x88, 0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xa9, 0x7d, 0x7f];
    let value = [0x89, 0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf];
    decodable(target, &[], &[&[0x40][..], &name, &value].concat());
}

fn s5_2_padding_of_ones_below_a_byte(target: &Target) {
    // 'a' is 00011, and three bits of padding.
    decodable(target, &[], &[&[0x00][..], &string("x"), &[0x81, 0b0001_1111]].concat());
}

fn s5_2_padding_of_a_whole_byte(target: &Target) {
    undecodable(target, &[&[0x00][..], &string("x"), &[0x82, 0b0001_1111, 0xff]].concat());
    undecodable(target, &[&[0x00][..], &string("x"), &[0x81, 0xff]].concat());
}

fn s5_2_padding_with_zeros(target: &Target) {
    undecodable(target, &[&[0x00][..], &string("x"), &[0x81, 0b0001_1000]].concat());
    undecodable(target, &[&[0x00][..], &string("x"), &[0x81, 0b0001_1110]].concat());
}

fn s5_2_the_end_of_string_symbol(target: &Target) {
    // Thirty ones.
    let eos = [0x84, 0xff, 0xff, 0xff, 0xff];
    undecodable(target, &[&[0x00][..], &string("x"), &eos].concat());
    let between = [0x85, 0b0001_1111, 0xff, 0xff, 0xff, 0xff];
    undecodable(target, &[&[0x00][..], &string("x"), &between].concat());
}

fn s6_1_index_zero(target: &Target) {
    undecodable(target, &[0x80]);
}

fn s6_1_indices_beyond_the_tables(target: &Target) {
    for index in [62, 63, 126, 127, 1000, 1 << 20] {
        undecodable(target, &integer(0x80, 7, index));
    }
}

fn s6_2_names_beyond_the_tables(target: &Target) {
    for (first, bits) in [(0x40, 6), (0x00, 4), (0x10, 4)] {
        undecodable(target, &[integer(first, bits, 62), string("v")].concat());
        undecodable(target, &[integer(first, bits, 1000), string("v")].concat());
    }
}

fn s6_2_every_kind_of_literal(target: &Target) {
    for first in [0x40, 0x00, 0x10] {
        decodable(target, &[], &[vec![first], string("x"), string("v")].concat());
    }
    // user-agent is 58.
    for (first, bits) in [(0x40, 6), (0x00, 4), (0x10, 4)] {
        decodable(target, &[], &[integer(first, bits, 58), string("v")].concat());
    }
}

fn s6_3_a_table_above_what_was_announced(target: &Target) {
    let most = target.open().announced.header_table_size as usize;
    undecodable_first(target, &integer(0x20, 5, most + 1));
    undecodable_first(target, &integer(0x20, 5, 1 << 24));
}

fn s6_3_a_table_as_large_as_announced(target: &Target) {
    let most = target.open().announced.header_table_size as usize;
    decodable(target, &integer(0x20, 5, most), &[]);
}

fn s6_3_a_table_of_size_zero(target: &Target) {
    decodable(target, &[0x20], &indexed_field("x", "1"));
}

fn s7_1_a_literal_that_is_never_indexed_is_not(target: &Target) {
    let mut client = target.open();
    let secret = [vec![0x10], string("authorization"), string("secret")].concat();
    client.send(headers(WHOLE, 1, [get(), secret].concat()));
    client.expect_ok(1);
    client.send(headers(WHOLE, 3, [get(), vec![0x80 | 62]].concat()));
    client.expect_goaway(&[COMPRESSION_ERROR]);
}

on_every_runtime! {
    s2_3_1_the_static_table
    s2_3_2_an_entry_may_be_there_twice
    s2_3_3_entries_leave_in_the_order_they_came
    s4_2_the_servers_table_is_no_larger_than_allowed
    s4_2_an_update_stands_at_the_beginning_of_a_block
    s4_2_two_updates_may_stand_there
    s4_3_a_smaller_table_loses_entries
    s4_4_an_entry_larger_than_the_table_empties_it
    s5_1_integers_may_be_longer_than_needed
    s5_1_integers_that_overflow
    s5_1_integers_of_endless_zeros
    s5_1_integers_that_end_with_the_block
    s5_2_strings_longer_than_the_block
    s5_2_huffman_coded_strings
    s5_2_padding_of_ones_below_a_byte
    s5_2_padding_of_a_whole_byte
    s5_2_padding_with_zeros
    s5_2_the_end_of_string_symbol
    s6_1_index_zero
    s6_1_indices_beyond_the_tables
    s6_2_names_beyond_the_tables
    s6_2_every_kind_of_literal
    s6_3_a_table_above_what_was_announced
    s6_3_a_table_as_large_as_announced
    s6_3_a_table_of_size_zero
    s7_1_a_literal_that_is_never_indexed_is_not
}
