//! Pseudo-header fields (8.3.1) and CONNECT (8.5).

use crate::harness::{Target, on_every_runtime};
use crate::wire::*;

const METHOD: (&str, &str) = (":method", "GET");
const SCHEME: (&str, &str) = (":scheme", "http");
const AUTHORITY: (&str, &str) = (":authority", "test");
const PATH: (&str, &str) = (":path", "/");

fn malformed(target: &Target, fields: &[(&str, &str)]) {
    let mut client = target.open();
    client.what(format!("{fields:?}"));
    client.send(headers(WHOLE, 1, block(fields)));
    client.expect_malformed(1);
}

fn accepted(target: &Target, fields: &[(&str, &str)]) {
    let mut client = target.open();
    client.what(format!("{fields:?}"));
    client.send(headers(WHOLE, 1, block(fields)));
    client.expect_ok(1);
}

fn s8_3_unknown_ones(target: &Target) {
    for name in [":", ":unknown", ":host", ":version"] {
        malformed(target, &[METHOD, SCHEME, AUTHORITY, PATH, (name, "x")]);
    }
}

fn s8_3_that_of_a_response(target: &Target) {
    malformed(target, &[METHOD, SCHEME, AUTHORITY, PATH, (":status", "200")]);
}

fn s8_3_after_a_regular_field(target: &Target) {
    let x = ("x", "1");
    malformed(target, &[x, METHOD, SCHEME, AUTHORITY, PATH]);
    malformed(target, &[METHOD, SCHEME, AUTHORITY, x, PATH]);
    malformed(target, &[METHOD, SCHEME, PATH, x, AUTHORITY]);
}

fn s8_3_repeated(target: &Target) {
    for again in [METHOD, SCHEME, AUTHORITY, PATH] {
        malformed(target, &[METHOD, SCHEME, AUTHORITY, PATH, again]);
        let other = (again.0, "other");
        malformed(target, &[METHOD, SCHEME, AUTHORITY, PATH, other]);
    }
}

fn s8_3_in_any_order(target: &Target) {
    accepted(target, &[PATH, AUTHORITY, SCHEME, METHOD]);
    accepted(target, &[AUTHORITY, METHOD, PATH, SCHEME]);
}

fn s8_3_with_upper_case(target: &Target) {
    malformed(target, &[(":Method", "GET"), SCHEME, AUTHORITY, PATH]);
    malformed(target, &[METHOD, SCHEME, AUTHORITY, (":PATH", "/")]);
}

fn s8_3_1_method_is_there(target: &Target) {
    malformed(target, &[SCHEME, AUTHORITY, PATH]);
}

fn s8_3_1_scheme_is_there(target: &Target) {
    malformed(target, &[METHOD, AUTHORITY, PATH]);
}

fn s8_3_1_path_is_there(target: &Target) {
    malformed(target, &[METHOD, SCHEME, AUTHORITY]);
}

fn s8_3_1_something_is_there(target: &Target) {
    malformed(target, &[("x", "1")]);
    let mut client = target.open();
    client.send(headers(WHOLE, 1, []));
    client.expect_malformed(1);
}

fn s8_3_1_methods_are_tokens(target: &Target) {
    for method in ["", "GE T", "GET\t", "G(T", "G\u{e9}T"] {
        malformed(target, &[(":method", method), SCHEME, AUTHORITY, PATH]);
    }
}

fn s8_3_1_schemes_are_schemes(target: &Target) {
    for scheme in ["", "ht tp", "://"] {
        malformed(target, &[METHOD, (":scheme", scheme), AUTHORITY, PATH]);
    }
}

fn s8_3_1_path_is_not_empty(target: &Target) {
    malformed(target, &[METHOD, SCHEME, AUTHORITY, (":path", "")]);
}

fn s8_3_1_path_begins_with_a_slash(target: &Target) {
    for path in ["x", "?a=b", "http://test/", "\\x"] {
        malformed(target, &[METHOD, SCHEME, AUTHORITY, (":path", path)]);
    }
}

fn s8_3_1_path_holds_no_space(target: &Target) {
    for path in ["/a b", "/ ", "/a\0", "/a\r\nb"] {
        malformed(target, &[METHOD, SCHEME, AUTHORITY, (":path", path)]);
    }
}

fn s8_3_1_an_asterisk_is_for_options(target: &Target) {
    malformed(target, &[METHOD, SCHEME, AUTHORITY, (":path", "*")]);
    let mut client = target.open();
    let options = [(":method", "OPTIONS"), SCHEME, AUTHORITY, (":path", "*")];
    client.send(headers(WHOLE, 1, block(&options)));
    // Whatever it is answered: it is well formed.
    client.expect_head(1);
    client.alive();
}

fn s8_3_1_authority_holds_no_user(target: &Target) {
    for authority in ["user@test", "user:password@test", "@test"] {
        malformed(target, &[METHOD, SCHEME, (":authority", authority), PATH]);
    }
}

fn s8_3_1_authority_is_a_host(target: &Target) {
    for authority in ["te st", "test/path", "test\r\n", "a:b:c"] {
        malformed(target, &[METHOD, SCHEME, (":authority", authority), PATH]);
    }
}

fn s8_3_1_host_says_the_same_as_authority(target: &Target) {
    accepted(target, &[METHOD, SCHEME, AUTHORITY, PATH, ("host", "test")]);
    malformed(target, &[METHOD, SCHEME, AUTHORITY, PATH, ("host", "other")]);
}

fn s8_3_1_host_stands_in_for_authority(target: &Target) {
    accepted(target, &[METHOD, SCHEME, PATH, ("host", "test")]);
}

fn s8_3_1_an_authority_may_have_a_port(target: &Target) {
    accepted(target, &[METHOD, SCHEME, (":authority", "test:8080"), PATH]);
    accepted(target, &[METHOD, SCHEME, (":authority", "[::1]:80"), PATH]);
}

fn s8_5_connect_has_no_scheme_and_no_path(target: &Target) {
    let (connect, to) = ((":method", "CONNECT"), (":authority", "test:443"));
    malformed(target, &[connect, to, SCHEME]);
    malformed(target, &[connect, to, PATH]);
    malformed(target, &[connect, to, SCHEME, PATH]);
}

fn s8_5_connect_has_an_authority(target: &Target) {
    malformed(target, &[(":method", "CONNECT")]);
}

fn s8_5_connect_names_a_port(target: &Target) {
    malformed(target, &[(":method", "CONNECT"), (":authority", "test")]);
}

fn s8_5_connect_is_answered_somehow(target: &Target) {
    let mut client = target.open();
    let connect = [(":method", "CONNECT"), (":authority", "test:443")];
    client.send(headers(END_HEADERS, 1, block(&connect)));
    client.until("an answer", |frame| {
        frame.stream == 1 && matches!(frame.kind, kind::HEADERS | kind::RST_STREAM)
    });
    client.alive();
}

/// RFC 8441, section 3: not before the server has said that it takes it.
fn s8_5_extended_connect_was_not_announced(target: &Target) {
    let connect = [(":method", "CONNECT"), SCHEME, AUTHORITY, PATH, (":protocol", "websocket")];
    malformed(target, &connect);
}

fn s8_5_protocol_is_for_connect(target: &Target) {
    malformed(target, &[METHOD, SCHEME, AUTHORITY, PATH, (":protocol", "websocket")]);
}

on_every_runtime! {
    s8_3_unknown_ones
    s8_3_that_of_a_response
    s8_3_after_a_regular_field
    s8_3_repeated
    s8_3_in_any_order
    s8_3_with_upper_case
    s8_3_1_method_is_there
    s8_3_1_scheme_is_there
    s8_3_1_path_is_there
    s8_3_1_something_is_there
    s8_3_1_methods_are_tokens
    s8_3_1_schemes_are_schemes
    s8_3_1_path_is_not_empty
    s8_3_1_path_begins_with_a_slash
    s8_3_1_path_holds_no_space
    s8_3_1_an_asterisk_is_for_options
    s8_3_1_authority_holds_no_user
    s8_3_1_authority_is_a_host
    s8_3_1_host_says_the_same_as_authority
    s8_3_1_host_stands_in_for_authority
    s8_3_1_an_authority_may_have_a_port
    s8_5_connect_has_no_scheme_and_no_path
    s8_5_connect_has_an_authority
    s8_5_connect_names_a_port
    s8_5_connect_is_answered_somehow
    s8_5_extended_connect_was_not_announced
    s8_5_protocol_is_for_connect
}
