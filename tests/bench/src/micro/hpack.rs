//! HPACK of a browser's request in the steady state: every field is in a table.

use std::borrow::Cow;
use std::hint::black_box;

use barewire_hpack::{Decoder, Encoder, Field, HeaderField, Policy, StaticTable, Value};
use bytes::BytesMut;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method};

use super::case::{Case, HPACK_DECODE, HPACK_ENCODE, Work, repeat};

pub(super) const BROWSER: [(&str, &str); 11] = [
    (":method", "GET"),
    (":scheme", "https"),
    (":authority", "www.example.com"),
    (":path", "/"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/140.0.0.0 Safari/537.36",
    ),
    (
        "accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    ),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-GB,en;q=0.9,de;q=0.8,fr;q=0.7"),
    ("referer", "https://www.example.com/catalogue/books/?sort=published&direction=descending"),
    ("sec-fetch-mode", "navigate"),
    (
        "cookie",
        "session=7b0e6a5e9d4f4c2b8a1d3c5e7f9b1d3a; theme=dark; consent=functional.statistics; \
         basket=3; seen=1f3a5c7e9b2d4f6a8c0e1b3d5f7a",
    ),
];

const LIMIT: usize = 16 * 1024;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(HPACK_DECODE, "barewire-hpack, visited", || {
            ours(|_: &mut Vec<HeaderField>, field| _ = black_box(&*field))
        }),
        Case::new(HPACK_DECODE, "barewire-hpack, kept as octets", || {
            ours(|kept: &mut Vec<HeaderField>, field| kept.push(field.into_owned()))
        }),
        Case::new(HPACK_DECODE, "barewire-hpack, kept as http types", || {
            ours(|kept: &mut Vec<Kept>, field| kept.push(field.into_owned()))
        }),
        Case::new(HPACK_DECODE, "fluke-hpack, octets", fluke_decoder),
        Case::new(HPACK_ENCODE, "barewire-hpack, octets", || our_encoder(false)),
        Case::new(HPACK_ENCODE, "barewire-hpack, http types", || our_encoder(true)),
        Case::new(HPACK_ENCODE, "fluke-hpack, octets", fluke_encoder),
    ]
}

/// What a server makes of a request's fields.
#[derive(Clone)]
#[expect(dead_code, reason = "only what it costs to keep them is of interest")]
enum Kept {
    Method(Method),
    Path(PathAndQuery),
    Other(HeaderValue),
    Field(HeaderName, HeaderValue),
}

impl Field for Kept {
    fn static_table() -> &'static StaticTable<Self> {
        static TABLE: StaticTable<Kept> = StaticTable::new();
        &TABLE
    }

    fn new(name: &[u8], mut value: Value<'_>) -> Self {
        let valid = "the fields are valid";
        match name {
            b":method" => Self::Method(Method::from_bytes(&value).expect(valid)),
            b":path" => Self::Path(PathAndQuery::from_maybe_shared(value.share()).expect(valid)),
            [b':', ..] => Self::Other(HeaderValue::from_maybe_shared(value.share()).expect(valid)),
            _ => Self::Field(
                HeaderName::from_lowercase(name).expect(valid),
                HeaderValue::from_maybe_shared(value.share()).expect(valid),
            ),
        }
    }

    fn with_value(&self, mut value: Value<'_>) -> Self {
        match self {
            Self::Method(_) => Self::new(b":method", value),
            Self::Path(_) => Self::new(b":path", value),
            Self::Other(_) => Self::new(b":", value),
            Self::Field(name, _) => Self::Field(
                name.clone(),
                HeaderValue::from_maybe_shared(value.share()).expect("the fields are valid"),
            ),
        }
    }
}

/// A block in which every field is an index, after the one that made it so.
fn blocks() -> [BytesMut; 2] {
    let mut encoder = Encoder::new(Policy::default());
    [(); 2].map(|()| {
        let mut dst = BytesMut::new();
        let mut block = encoder.block(&mut dst);
        for (name, value) in BROWSER {
            block.field(name.as_bytes(), value.as_bytes());
        }
        dst
    })
}

fn ours<F: Field>(keep: impl Fn(&mut Vec<F>, Cow<'_, F>) + 'static) -> Work {
    let [first, steady] = blocks();
    let mut decoder = Decoder::<F>::new(4096);
    decoder.decode(&first, LIMIT, |_| {}).expect("the block is valid");
    let mut kept = Vec::with_capacity(BROWSER.len());
    repeat(move || {
        let list = decoder.decode(black_box(&steady), LIMIT, |field| keep(&mut kept, field));
        black_box((&kept, list.expect("the block is valid")));
        kept.clear();
    })
}

fn fluke_decoder() -> Work {
    let [first, steady] = blocks();
    let mut decoder = fluke_hpack::Decoder::new();
    decoder.decode(&first).expect("the block is valid");
    repeat(move || {
        black_box(decoder.decode(black_box(&steady)).expect("the block is valid"));
    })
}

fn our_encoder(http: bool) -> Work {
    let mut encoder = Encoder::new(Policy::default());
    let mut dst = BytesMut::with_capacity(1024);
    let fields: Vec<_> = BROWSER[4..]
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    repeat(move || {
        dst.clear();
        let mut block = encoder.block(&mut dst);
        if http {
            block.method(black_box(&Method::GET));
            block.scheme(black_box(b"https"));
            block.authority(black_box(b"www.example.com"));
            block.path(black_box(b"/"));
            for (name, value) in black_box(&fields) {
                block.header(name, value);
            }
        } else {
            for (name, value) in black_box(&BROWSER) {
                block.field(name.as_bytes(), value.as_bytes());
            }
        }
        black_box(&dst);
    })
}

fn fluke_encoder() -> Work {
    let mut encoder = fluke_hpack::Encoder::new();
    let mut dst = Vec::with_capacity(1024);
    repeat(move || {
        dst.clear();
        let fields = black_box(&BROWSER).iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
        encoder.encode_into(fields, &mut dst).expect("a vector takes everything");
        black_box(&dst);
    })
}
