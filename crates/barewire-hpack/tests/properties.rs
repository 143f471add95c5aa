//! What holds for every list of fields, every table and every input.

mod support;

use barewire_hpack::{Decoder, Encoder, Indexing, Policy, huffman, integer};
use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;
use support::decode_within;

/// Names and values of which many come again.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::sample::select(vec![
            &b""[..], b"a", b":path", b"cookie", b"accept", b"x-custom", b"date", b"/", b"gzip, deflate",
        ])
        .prop_map(<[u8]>::to_vec),
        2 => vec(any::<u8>(), 0..40),
        1 => vec(any::<u8>(), 0..2000),
    ]
}

fn indexing() -> impl Strategy<Value = Option<Indexing>> {
    prop::sample::select(vec![
        None,
        Some(Indexing::Incremental),
        Some(Indexing::Without),
        Some(Indexing::Never),
    ])
}

#[derive(Clone, Debug)]
struct List {
    sizes: Vec<u32>,
    fields: Vec<(Vec<u8>, Vec<u8>, Option<Indexing>)>,
}

fn list() -> impl Strategy<Value = List> {
    let size = prop_oneof![Just(0), 0u32..200, 0u32..10_000];
    (vec(size, 0..3), vec((text(), text(), indexing()), 0..20))
        .prop_map(|(sizes, fields)| List { sizes, fields })
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(lists in vec(list(), 1..8), most in 0u32..10_000) {
        let mut encoder = Encoder::new(Policy { max_table_size: most, ..Policy::default() });
        let mut decoder = Decoder::new(4096);
        for list in lists {
            for size in list.sizes {
                encoder.set_max_table_size(size);
                decoder.set_max_table_size(size);
            }
            let mut dst = BytesMut::new();
            let mut block = encoder.block(&mut dst);
            for (name, value, indexing) in &list.fields {
                match indexing {
                    None => block.field(name, value),
                    Some(indexing) => block.field_as(name, value, *indexing),
                };
            }
            let limit = usize::MAX;
            let (fields, size) = decode_within(&mut decoder, &dst, limit).unwrap();
            prop_assert_eq!(fields.len(), list.fields.len());
            let mut total = 0;
            for (field, (name, value, indexing)) in fields.iter().zip(&list.fields) {
                prop_assert_eq!((&field.name[..], &field.value[..]), (&name[..], &value[..]));
                prop_assert!(field.never_indexed || *indexing != Some(Indexing::Never));
                total += name.len() + value.len() + 32;
            }
            prop_assert_eq!(size.size, total);
            prop_assert_eq!(decoder.table_size(), encoder.table_size());
            prop_assert_eq!(decoder.table_len(), encoder.table_len());
            prop_assert!(encoder.table_size() <= encoder.max_table_size() as usize);
        }
    }

    #[test]
    fn any_input_is_decoded_or_refused(blocks in vec(vec(any::<u8>(), 0..200), 1..5), size in 0u32..5000, limit in 0usize..500) {
        let mut limited = Decoder::new(size);
        let mut other = Decoder::new(size);
        for block in blocks {
            let all = decode_within(&mut other, &block, usize::MAX);
            let some = decode_within(&mut limited, &block, limit);
            match (all, some) {
                (Ok((all, total)), Ok((some, list))) => {
                    // A limit takes fields away and changes nothing else.
                    prop_assert!(all.starts_with(&some));
                    prop_assert_eq!(total.size, list.size);
                    prop_assert_eq!(all.len() == some.len(), !list.is_too_large());
                    let handed_out: usize =
                        some.iter().map(|it| it.name.len() + it.value.len() + 32).sum();
                    prop_assert!(handed_out <= limit);
                }
                (Err(error), Err(same)) => {
                    prop_assert_eq!(error, same);
                    break;
                }
                (all, some) => prop_assert!(false, "{:?} and {:?}", all, some),
            }
            prop_assert_eq!(limited.table_size(), other.table_size());
            prop_assert!(limited.table_size() <= size as usize);
        }
    }

    #[test]
    fn huffman_there_and_back(octets in vec(any::<u8>(), 0..300)) {
        let mut code = BytesMut::new();
        huffman::encode(&octets, &mut code);
        prop_assert_eq!(code.len(), huffman::encoded_len(&octets));
        let mut decoded = Vec::new();
        huffman::decode(&code, &mut decoded).unwrap();
        prop_assert_eq!(decoded, octets);
    }

    /// A code has one meaning, and a meaning one code.
    #[test]
    fn huffman_of_anything(code in vec(any::<u8>(), 0..40)) {
        let mut decoded = Vec::new();
        if huffman::decode(&code, &mut decoded).is_ok() {
            let mut again = BytesMut::new();
            huffman::encode(&decoded, &mut again);
            prop_assert_eq!(&again[..], &code[..]);
        }
        prop_assert!(decoded.len() <= code.len() * 8 / 5);
    }

    #[test]
    fn integers_there_and_back(value: u32, prefix in 1u32..=8) {
        let mut dst = BytesMut::new();
        integer::encode(0, prefix, value as usize, &mut dst);
        prop_assert_eq!(integer::decode(&dst, prefix).unwrap(), (value, &[][..]));
    }
}
