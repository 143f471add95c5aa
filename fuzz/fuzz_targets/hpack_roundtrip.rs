//! Any fields, under any table sizes: what is encoded is decoded to the same, and the tables stay the same.

#![no_main]

use arbitrary::Arbitrary;
use barewire_hpack::{Decoder, Encoder, HeaderField, Indexing, Policy};
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct List<'a> {
    table_size: Option<u16>,
    fields: Vec<(&'a [u8], &'a [u8], Option<u8>)>,
}

#[derive(Debug, Arbitrary)]
struct Connection<'a> {
    most: u16,
    index_paths: bool,
    lists: Vec<List<'a>>,
}

fuzz_target!(|connection: Connection<'_>| {
    let mut encoder = Encoder::new(Policy {
        max_table_size: connection.most.into(),
        index_paths: connection.index_paths,
        ..Policy::default()
    });
    let mut decoder: Decoder = Decoder::new(4096);
    for list in connection.lists {
        if let Some(size) = list.table_size {
            encoder.set_max_table_size(size.into());
            decoder.set_max_table_size(size.into());
        }
        let mut dst = BytesMut::new();
        let mut block = encoder.block(&mut dst);
        for (name, value, how) in &list.fields {
            match how.map(|how| how % 3) {
                None => block.field(name, value),
                Some(0) => block.field_as(name, value, Indexing::Incremental),
                Some(1) => block.field_as(name, value, Indexing::Without),
                Some(_) => block.field_as(name, value, Indexing::Never),
            };
        }
        let mut fields: Vec<HeaderField> = Vec::new();
        let size = decoder.decode(&dst, usize::MAX, |field| fields.push(field.into_owned()));
        assert!(size.is_ok(), "{size:?}");
        assert_eq!(fields.len(), list.fields.len());
        for (field, (name, value, how)) in fields.iter().zip(&list.fields) {
            assert_eq!((&field.name[..], &field.value[..]), (*name, *value));
            assert!(field.never_indexed || how.is_none_or(|how| how % 3 != 2));
        }
        assert_eq!(decoder.table_size(), encoder.table_size());
        assert_eq!(decoder.table_len(), encoder.table_len());
    }
});
