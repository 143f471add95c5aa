//! What RFC 7541 demands of an encoder, and what the policy promises.

mod support;

use barewire_hpack::{Decoder, Encoder, Indexing, Policy, Prepared};
use bytes::BytesMut;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use support::{decode, pairs};

fn block(encoder: &mut Encoder, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut dst = BytesMut::new();
    let mut block = encoder.block(&mut dst);
    for (name, value) in fields {
        block.field(name.as_bytes(), value.as_bytes());
    }
    dst.to_vec()
}

#[test]
fn what_comes_again_is_an_index() {
    let mut encoder = Encoder::new(Policy::default());
    let fields =
        [("x-a", "1"), ("x-b", "2"), (":status", "200"), ("accept-encoding", "gzip, deflate")];
    assert!(block(&mut encoder, &fields).len() > 10);
    let before = encoder.generation();
    assert_eq!(block(&mut encoder, &fields), [0xbf, 0xbe, 0x88, 0x90]);
    assert_eq!(encoder.generation(), before);
    assert_eq!(block(&mut encoder, &[("x-a", "")]), [0x7f, 0, 0]);
    assert_ne!(encoder.generation(), before);
    // The update at the front of a block comes only once.
    encoder.set_max_table_size(100);
    let before = encoder.generation();
    assert_eq!(block(&mut encoder, &[(":status", "200")]), [0x3f, 69, 0x88]);
    assert_ne!(encoder.generation(), before);
}

/// Section 7.1.3: what must not be indexed is sent so, and stays out of the table.
#[test]
fn secrets_are_never_indexed() {
    for (name, value) in [("authorization", "Basic YTpi"), ("set-cookie", "a=b"), ("cookie", "a=b")]
    {
        let mut encoder = Encoder::new(Policy::default());
        let first = block(&mut encoder, &[(name, value)]);
        assert_eq!(first[0] & 0xf0, 0x10, "{name}");
        assert_eq!(block(&mut encoder, &[(name, value)]), first);
        assert_eq!(encoder.table_len(), 0);
    }
    let mut encoder = Encoder::new(Policy::default());
    let mut secret = HeaderValue::from_static("s");
    let mut dst = BytesMut::new();
    // Also if the same was sent before by one who saw no harm in it.
    encoder.block(&mut dst).header(&http::header::VIA, &secret);
    secret.set_sensitive(true);
    dst.clear();
    encoder.block(&mut dst).header(&http::header::VIA, &secret);
    let fields = decode(&mut Decoder::new(4096), &[&[0x40, 1, b'a', 1, b'b'], &dst[..]].concat());
    assert!(fields.is_ok_and(|fields| fields[1].never_indexed));
}

/// Section 4.2: the smallest maximum and then the last one, at the begin of the next block, once.
#[test]
fn size_updates() {
    let updates = |policy: Policy, sizes: &[u32]| {
        let mut encoder = Encoder::new(policy);
        sizes.iter().for_each(|&size| encoder.set_max_table_size(size));
        let first = block(&mut encoder, &[]);
        assert_eq!(block(&mut encoder, &[]), []);
        first
    };
    let default = Policy::default;
    assert_eq!(updates(default(), &[]), []);
    assert_eq!(updates(default(), &[4096]), []);
    assert_eq!(updates(default(), &[0]), [0x20]);
    assert_eq!(updates(default(), &[30]), [0x3e]);
    assert_eq!(updates(default(), &[0, 30]), [0x20, 0x3e]);
    assert_eq!(updates(default(), &[30, 0]), [0x20]);
    assert_eq!(updates(default(), &[30, 4096]), [0x3e, 0x3f, 0xe1, 0x1f]);
    // No more than the policy's own.
    assert_eq!(updates(default(), &[65_536]), [0x3f, 0xe1, 0x1f]);
    assert_eq!(updates(Policy { max_table_size: 0, ..default() }, &[]), [0x20]);
}

#[test]
fn a_smaller_table_evicts() {
    let mut encoder = Encoder::new(Policy::default());
    block(&mut encoder, &[("x-a", "1"), ("x-b", "2")]);
    encoder.set_max_table_size(36);
    block(&mut encoder, &[]);
    assert_eq!((encoder.table_len(), encoder.table_size()), (1, 36));
    encoder.set_max_table_size(0);
    encoder.set_max_table_size(4096);
    block(&mut encoder, &[]);
    assert_eq!(encoder.table_len(), 0);
}

/// Three quarters of the table is the most that one field may take of it.
#[test]
fn a_large_field_leaves_the_table_alone() {
    let mut encoder = Encoder::new(Policy::default());
    let fits = "x".repeat(3072 - 32 - 1);
    block(&mut encoder, &[("a", &fits)]);
    assert_eq!(encoder.table_len(), 1);
    block(&mut encoder, &[("b", &format!("{fits}x"))]);
    assert_eq!((encoder.table_len(), encoder.table_size()), (1, 3072));
}

/// Section 5.2: Huffman code where it is shorter.
#[test]
fn huffman_where_it_is_shorter() {
    let mut encoder = Encoder::new(Policy::default());
    assert_eq!(block(&mut encoder, &[(":path", "~~~")]), [0x04, 3, b'~', b'~', b'~']);
    assert_eq!(block(&mut encoder, &[(":path", "aaa")])[..2], [0x04, 0x82]);
}

#[test]
fn every_verb() {
    let mut encoder = Encoder::new(Policy::default());
    let mut decoder = Decoder::new(4096);
    let mut map = HeaderMap::new();
    map.append("x", HeaderValue::from_static("1"));
    map.append("x", HeaderValue::from_static("2"));
    let prepared = Prepared::new().status(StatusCode::IM_A_TEAPOT).field(b"server", b"s");
    for _ in 0..3 {
        let mut dst = BytesMut::new();
        encoder
            .block(&mut dst)
            .method(&Method::GET)
            .method(&Method::POST)
            .method(&Method::CONNECT)
            .protocol(b"websocket")
            .scheme(b"http")
            .scheme(b"https")
            .scheme(b"coap")
            .authority(b"a")
            .path(b"/")
            .path(b"/b")
            .status(StatusCode::OK)
            .status(StatusCode::FOUND)
            .prepared(&prepared)
            .field_as(b"y", b"z", Indexing::Without)
            .headers(&map);
        let fields = decode(&mut decoder, &dst).unwrap();
        let fields: Vec<_> = pairs(&fields)
            .into_iter()
            .map(|(name, value)| [name, value].map(|it| String::from_utf8(it).unwrap()).join("="))
            .collect();
        assert_eq!(
            fields,
            [
                ":method=GET",
                ":method=POST",
                ":method=CONNECT",
                ":protocol=websocket",
                ":scheme=http",
                ":scheme=https",
                ":scheme=coap",
                ":authority=a",
                ":path=/",
                ":path=/b",
                ":status=200",
                ":status=302",
                ":status=418",
                "server=s",
                "y=z",
                "x=1",
                "x=2",
            ]
        );
    }
    for code in 100..600 {
        let status = StatusCode::from_u16(code).unwrap();
        let mut dst = BytesMut::new();
        encoder.block(&mut dst).status(status);
        let fields = decode(&mut decoder, &dst).unwrap();
        assert_eq!(fields[0].value, status.as_str());
    }
}
