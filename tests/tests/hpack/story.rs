//! What hpack-test-case calls a story: the header lists of one connection in turn.

use barewire_hpack::{Decoder, Encoder, Policy};
use bytes::BytesMut;
use serde_json::{Value, json};

pub(crate) type Fields = Vec<(String, String)>;

pub(crate) struct Case {
    /// What the decoder has allowed since before this block.
    table_size: Option<u32>,
    wire: Option<Vec<u8>>,
    pub(crate) fields: Fields,
}

pub(crate) fn parse(text: &str) -> Vec<Case> {
    let story: Value = serde_json::from_str(text).expect("a story is JSON");
    story["cases"].as_array().expect("a story has cases").iter().map(case).collect()
}

fn case(case: &Value) -> Case {
    let headers = case["headers"].as_array().expect("a case has headers");
    let fields = headers.iter().flat_map(|header| {
        let header = header.as_object().expect("a header is an object");
        header.iter().map(|(name, value)| {
            (name.clone(), value.as_str().expect("a value is a string").to_owned())
        })
    });
    Case {
        table_size: case["header_table_size"].as_u64().map(|size| size as u32),
        wire: case["wire"].as_str().map(octets),
        fields: fields.collect(),
    }
}

fn octets(hexadecimal: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&hexadecimal[at..at + 2], 16).expect("two digits");
    (0..hexadecimal.len()).step_by(2).map(pair).collect()
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Fields {
    let mut fields = Vec::new();
    let list = decoder.decode(block, 1 << 20, |field| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("stories are text");
        fields.push((text(&field.name), text(&field.value)));
    });
    assert!(!list.expect("the block is valid").is_too_large());
    fields
}

/// Decodes what somebody else has encoded, and says how many blocks that were.
pub(crate) fn check_wire(story: &[Case]) -> usize {
    let mut decoder = Decoder::new(4096);
    for case in story {
        if let Some(size) = case.table_size {
            decoder.set_max_table_size(size);
        }
        let wire = case.wire.as_deref().expect("somebody encoded the story");
        assert_eq!(decode(&mut decoder, wire), case.fields);
    }
    story.len()
}

/// Encodes a story, and decodes that again.
pub(crate) fn check_round_trip(story: &[Case], policy: Policy) {
    let mut decoder = Decoder::new(4096);
    let mut encoder = Encoder::new(policy);
    for case in story {
        let block = encode(&mut encoder, &case.fields);
        assert_eq!(decode(&mut decoder, &block), case.fields);
        assert_eq!(decoder.table_size(), encoder.table_size());
    }
}

fn encode(encoder: &mut Encoder, fields: &Fields) -> BytesMut {
    let mut dst = BytesMut::new();
    let mut block = encoder.block(&mut dst);
    for (name, value) in fields {
        block.field(name.as_bytes(), value.as_bytes());
    }
    dst
}

/// A story that we encode, for somebody else to decode. The table changes its size on the way.
pub(crate) fn encoded(fields: &[Fields]) -> String {
    let mut encoder = Encoder::new(Policy::default());
    let cases = fields.iter().enumerate().map(|(nth, fields)| {
        let size = [4096, 256, 0, 4096][nth / 4 % 4];
        encoder.set_max_table_size(size);
        let wire: String =
            encode(&mut encoder, fields).iter().map(|octet| format!("{octet:02x}")).collect();
        let headers: Vec<_> = fields.iter().map(|(name, value)| json!({ name: value })).collect();
        json!({ "header_table_size": size, "wire": wire, "headers": headers })
    });
    json!({ "cases": cases.collect::<Vec<_>>() }).to_string()
}
