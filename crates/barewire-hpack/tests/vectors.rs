//! The examples of RFC 7541, appendix C, both ways: see `vectors/`.

mod support;

use barewire_hpack::{Decoder, Encoder, Policy};
use bytes::BytesMut;
use support::{Pairs, decode, octets, pairs};

struct Block {
    octets: Vec<u8>,
    fields: Pairs,
    table_size: usize,
}

/// The blocks of each decoder in turn, and the size of its table.
fn parse(text: &str) -> Vec<(u32, Vec<Block>)> {
    let mut decoders: Vec<(u32, Vec<Block>)> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (word, rest) = line.split_once(' ').expect("a word and what it is about");
        if word == "decoder" {
            decoders.push((rest.parse().expect("a size"), Vec::new()));
            continue;
        }
        let blocks = &mut decoders.last_mut().expect("a decoder comes first").1;
        if word == "block" {
            blocks.push(Block { octets: octets(rest), fields: Vec::new(), table_size: 0 });
            continue;
        }
        let block = blocks.last_mut().expect("a block comes first");
        match word {
            "field" => {
                let colon = rest[1..].find(':').expect("a name and a value") + 1;
                let value = rest[colon + 1..].trim_start();
                block.fields.push((rest[..colon].into(), value.into()));
            }
            "table-size" => block.table_size = rest.parse().expect("a size"),
            _ => panic!("not a word of vectors: {word}"),
        }
    }
    decoders
}

const FILES: [&str; 5] = [
    include_str!("vectors/representations.txt"),
    include_str!("vectors/requests.txt"),
    include_str!("vectors/requests_huffman.txt"),
    include_str!("vectors/responses.txt"),
    include_str!("vectors/responses_huffman.txt"),
];

#[test]
fn the_examples_decode() {
    let mut seen = 0;
    for (size, blocks) in FILES.into_iter().flat_map(parse) {
        let mut decoder = Decoder::new(size);
        for block in blocks {
            let fields = decode(&mut decoder, &block.octets).expect("an example is valid");
            assert_eq!(pairs(&fields), block.fields);
            assert_eq!(decoder.table_size(), block.table_size);
            seen += 1;
        }
    }
    assert_eq!(seen, 4 + 4 * 3);
}

/// A prefix of a valid block is valid where it ends between fields, and truncated elsewhere.
#[test]
fn the_examples_cut_off() {
    for (size, blocks) in FILES.into_iter().flat_map(parse) {
        for (nth, block) in blocks.iter().enumerate() {
            for end in 0..block.octets.len() {
                let mut decoder = Decoder::new(size);
                for before in &blocks[..nth] {
                    decode(&mut decoder, &before.octets).expect("an example is valid");
                }
                match decode(&mut decoder, &block.octets[..end]) {
                    Ok(fields) => assert!(block.fields.starts_with(&pairs(&fields))),
                    Err(error) => {
                        assert_eq!(error.kind(), barewire_hpack::ErrorKind::Truncated);
                    }
                }
            }
        }
    }
}

/// The requests with Huffman code are what this encoder makes of them, to the octet.
#[test]
fn the_examples_encode() {
    let mut encoder = Encoder::new(Policy::default());
    for block in parse(FILES[2]).remove(0).1 {
        let mut dst = BytesMut::new();
        let mut writing = encoder.block(&mut dst);
        for (name, value) in &block.fields {
            writing.field(name, value);
        }
        assert_eq!(dst, block.octets);
        assert_eq!(encoder.table_size(), block.table_size);
    }
}
