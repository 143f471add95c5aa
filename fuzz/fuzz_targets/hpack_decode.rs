//! Any header blocks: refused or decoded, and a limit takes fields away and changes nothing else.
//!
//! The first two octets are the table's size and the limit; after each octet 0xfe a new block begins.

#![no_main]

use barewire_hpack::{Decoder, HeaderField};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [size, limit, blocks @ ..] = data else { return };
    let size = u32::from(*size) * 32;
    let limit = usize::from(*limit) * 8;
    let mut limited: Decoder = Decoder::new(size);
    let mut other: Decoder = Decoder::new(size);
    for block in blocks.split(|octet| *octet == 0xfe) {
        let (mut some, mut all): (Vec<HeaderField>, Vec<HeaderField>) = (Vec::new(), Vec::new());
        let generation = limited.generation();
        let before = (limited.table_len(), limited.table_size());
        let list = limited.decode(block, limit, |field| some.push(field.into_owned()));
        let total = other.decode(block, usize::MAX, |field| all.push(field.into_owned()));
        assert_eq!(list.map(|list| list.size), total.map(|total| total.size));
        let Ok(list) = list else { return };

        assert!(all.starts_with(&some));
        assert_eq!(list.is_too_large(), some.len() < all.len());
        let size_of = |field: &HeaderField| field.name.len() + field.value.len() + 32;
        assert!(some.iter().map(size_of).sum::<usize>() <= limit);
        assert_eq!(all.iter().map(size_of).sum::<usize>(), list.size);
        assert_eq!(limited.table_size(), other.table_size());
        assert!(limited.table_size() <= size as usize);
        if limited.generation() == generation {
            assert_eq!((limited.table_len(), limited.table_size()), before);
        }
    }
});
