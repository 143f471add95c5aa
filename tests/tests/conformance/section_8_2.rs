//! Fields: names and values (8.2.1), HTTP/1.1's connection (8.2.2), cookies (8.2.3).

use crate::harness::{Target, on_every_runtime};
use crate::wire::*;

/// A GET with these fields is malformed.
fn malformed(target: &Target, fields: &[(&str, &str)]) {
    malformed_block(target, &block(fields), fields);
}

fn malformed_block(target: &Target, fields: &[u8], what: impl std::fmt::Debug) {
    let mut client = target.open();
    client.what(format!("{what:?}"));
    client.send(headers(WHOLE, 1, [&get(), fields].concat()));
    client.expect_malformed(1);
}

fn accepted(target: &Target, fields: &[u8]) {
    let mut client = target.open();
    client.send(headers(WHOLE, 1, [&get(), fields].concat()));
    client.expect_ok(1);
}

fn s8_2_1_names_are_lower_case(target: &Target) {
    for name in ["X-Upper", "xX", "Host", "COOKIE"] {
        malformed(target, &[(name, "1")]);
    }
}

fn s8_2_1_names_hold_no_control_characters(target: &Target) {
    for byte in (0x00..=0x20).chain([0x7f]) {
        malformed_block(target, &field([b'x', byte, b'y'], "1"), byte);
    }
}

fn s8_2_1_names_are_ascii(target: &Target) {
    for byte in [0x80, 0xa0, 0xc3, 0xff] {
        malformed_block(target, &field([b'x', byte], "1"), byte);
    }
}

fn s8_2_1_names_hold_no_colon(target: &Target) {
    for name in ["x:y", "x:", ":"] {
        malformed(target, &[(name, "1")]);
    }
}

fn s8_2_1_names_are_not_empty(target: &Target) {
    malformed(target, &[("", "1")]);
}

fn s8_2_1_every_other_name_is_taken(target: &Target) {
    accepted(target, &block(&[("x-!#$%&'*+.^_`|~09az", "1")]));
}

fn s8_2_1_values_hold_no_nul_cr_or_lf(target: &Target) {
    for value in ["a\0b", "a\rb", "a\nb", "a\r\nb: c", "\0", "a\n", "\ra"] {
        malformed(target, &[("x", value)]);
    }
}

fn s8_2_1_values_do_not_begin_or_end_with_white_space(target: &Target) {
    for value in [" a", "a ", "\ta", "a\t", " ", "\t"] {
        malformed(target, &[("x", value)]);
    }
}

fn s8_2_1_other_values_are_taken(target: &Target) {
    let fields = [field("x", ""), field("x", "a b\tc"), field("x", [0x80, 0xff])];
    accepted(target, &fields.concat());
}

fn s8_2_1_values_from_the_table_are_checked_too(target: &Target) {
    let mut client = target.open();
    let bad = indexed_field("x", "a\nb");
    client.send(headers(WHOLE, 1, [get(), bad].concat()));
    client.expect_malformed(1);
    let id = client.new_stream();
    client.send(headers(WHOLE, id, [get(), vec![0x80 | 62]].concat()));
    client.until("a reset", |frame| frame.stream == id && frame.kind == kind::RST_STREAM);
}

fn s8_2_2_connection(target: &Target) {
    malformed(target, &[("connection", "close")]);
}

fn s8_2_2_keep_alive(target: &Target) {
    malformed(target, &[("keep-alive", "timeout=5")]);
}

fn s8_2_2_proxy_connection(target: &Target) {
    malformed(target, &[("proxy-connection", "keep-alive")]);
}

fn s8_2_2_transfer_encoding(target: &Target) {
    for value in ["chunked", "identity", "gzip"] {
        malformed(target, &[("transfer-encoding", value)]);
    }
}

fn s8_2_2_upgrade(target: &Target) {
    malformed(target, &[("upgrade", "h2c")]);
}

fn s8_2_2_te_other_than_trailers(target: &Target) {
    for value in ["gzip", "trailers, deflate;q=0.5", "trailers;q=1", ""] {
        malformed(target, &[("te", value)]);
    }
}

fn s8_2_2_te_trailers(target: &Target) {
    accepted(target, &field("te", "trailers"));
}

fn s8_2_3_cookies_may_be_split(target: &Target) {
    accepted(target, &block(&[("cookie", "a=b"), ("cookie", "c=d"), ("cookie", "e=f")]));
}

on_every_runtime! {
    s8_2_1_names_are_lower_case
    s8_2_1_names_hold_no_control_characters
    s8_2_1_names_are_ascii
    s8_2_1_names_hold_no_colon
    s8_2_1_names_are_not_empty
    s8_2_1_every_other_name_is_taken
    s8_2_1_values_hold_no_nul_cr_or_lf
    s8_2_1_values_do_not_begin_or_end_with_white_space
    s8_2_1_other_values_are_taken
    s8_2_1_values_from_the_table_are_checked_too
    s8_2_2_connection
    s8_2_2_keep_alive
    s8_2_2_proxy_connection
    s8_2_2_transfer_encoding
    s8_2_2_upgrade
    s8_2_2_te_other_than_trailers
    s8_2_2_te_trailers
    s8_2_3_cookies_may_be_split
}
