//! What RFC 7541 demands of a decoder, section by section.

mod support;

use barewire_hpack::{Decoder, ErrorKind, HeaderField};
use support::{decode, decode_within};

/// Inserts `a: b`, which counts 34.
const A_B: &[u8] = &[0x40, 1, b'a', 1, b'b'];

fn refused(size: u32, block: &[u8]) -> ErrorKind {
    let error = decode(&mut Decoder::new(size), block).expect_err("the block is malformed");
    assert!(error.section().starts_with("RFC 7541, section "));
    assert!(error.to_string().ends_with(&format!("({})", error.section())));
    error.kind()
}

#[test]
fn errors() {
    use ErrorKind::*;
    for (block, kind) in [
        // Section 6.1: the index value of 0 is not used.
        (&[0x80][..], IndexOutOfRange),
        // Section 2.3.3: beyond both tables.
        (&[0xbe], IndexOutOfRange),
        (&[0x7e, 1, b'a'], IndexOutOfRange),
        (&[0x0f, 47 + 1, 1, b'a'], IndexOutOfRange),
        (&[0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], IntegerTooLarge),
        (&[0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], IntegerTooLarge),
        // Section 5.2.
        (&[0x40, 0x81, 0xff, 0], BadHuffman),
        (&[0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0], BadHuffman),
        (&[0x40, 1, b'a', 0x81, 0x18], BadHuffman),
        (&[0x40], Truncated),
        (&[0x40, 1], Truncated),
        (&[0x40, 1, b'a'], Truncated),
        (&[0x40, 1, b'a', 2, b'b'], Truncated),
        (&[0x40, 0x7f, 0xff, 0xff, 0xff, 0xff, 0x0e, b'a'], Truncated),
        (&[0xff], Truncated),
        // Section 4.2: updates come first; section 6.3: and are not larger than allowed.
        (&[0x82, 0x20], SizeUpdateMisplaced),
        (&[0x3f, 0xe2, 0x1f], SizeUpdateTooLarge),
        (&[0x20, 0x3f, 0xe2, 0x1f], SizeUpdateTooLarge),
    ] {
        assert_eq!(refused(4096, block), kind, "{block:x?}");
    }
}

#[test]
fn a_block_may_be_empty() {
    assert_eq!(decode(&mut Decoder::new(4096), b""), Ok(vec![]));
}

/// Section 2.3.3: the first index behind the static table is the newest entry.
#[test]
fn indices_of_the_dynamic_table() {
    let mut decoder = Decoder::new(4096);
    decode(&mut decoder, A_B).unwrap();
    let fields = decode(&mut decoder, &[0x40, 1, b'c', 0, 0xbe, 0xbf, 0x7f, 0, 1, b'd']).unwrap();
    let shown: Vec<_> = fields.iter().map(|field| (&field.name[..], &field.value[..])).collect();
    assert_eq!(shown[..3], [(&b"c"[..], &b""[..]), (b"c", b""), (b"a", b"b")]);
    assert_eq!(shown[3], (&b"a"[..], &b"d"[..]));
    assert_eq!(decoder.table_len(), 3);
}

/// Section 4.4: a new entry may take its name from the one that it evicts.
#[test]
fn an_evicted_name_is_used() {
    let mut decoder = Decoder::new(34);
    decode(&mut decoder, A_B).unwrap();
    let fields = decode(&mut decoder, &[0x7e, 1, b'c', 0xbe]).unwrap();
    assert_eq!((&fields[1].name[..], &fields[1].value[..]), (&b"a"[..], &b"c"[..]));
    assert_eq!((decoder.table_len(), decoder.table_size()), (1, 34));
}

/// Section 4.4: an entry that is larger than the table is handed out, and empties the table.
#[test]
fn an_entry_that_does_not_fit() {
    let mut decoder = Decoder::new(34);
    decode(&mut decoder, A_B).unwrap();
    let fields = decode(&mut decoder, &[0x7e, 2, b'c', b'c']).unwrap();
    assert_eq!((&fields[0].name[..], &fields[0].value[..]), (&b"a"[..], &b"cc"[..]));
    assert_eq!((decoder.table_len(), decoder.table_size()), (0, 0));
}

/// Section 6.2.3: what is never indexed says so to who forwards it, and is in no table.
#[test]
fn never_indexed() {
    let mut decoder = Decoder::new(4096);
    let fields = decode(&mut decoder, &[0x10, 1, b'a', 1, b'b', 0x00, 1, b'a', 1, b'b']).unwrap();
    assert_eq!(fields.iter().map(|field| field.never_indexed).collect::<Vec<_>>(), [true, false]);
    assert_eq!(decoder.table_len(), 0);
}

/// Section 4.2: a table may be emptied and used again, and a change of size is one.
#[test]
fn size_updates() {
    let mut decoder = Decoder::new(4096);
    decode(&mut decoder, A_B).unwrap();
    let before = decoder.generation();
    decode(&mut decoder, &[0xbe]).unwrap();
    assert_eq!(decoder.generation(), before);
    decode(&mut decoder, &[0x20, 0x3f, 0xe1, 0x1f]).unwrap();
    assert_ne!(decoder.generation(), before);
    assert_eq!(decoder.table_len(), 0);
    decode(&mut decoder, A_B).unwrap();
    assert_eq!(decoder.table_len(), 1);
    // A block that must begin with an update is not what the same octets were before.
    let before = decoder.generation();
    decoder.set_max_table_size(100);
    assert_ne!(decoder.generation(), before);
}

/// RFC 9113, section 4.3.1: after a reduction was acknowledged the next block begins with an update.
#[test]
fn a_reduction_is_followed() {
    let reduced = |sizes: &[u32]| {
        let mut decoder = Decoder::new(4096);
        decode(&mut decoder, A_B).unwrap();
        sizes.iter().for_each(|&size| decoder.set_max_table_size(size));
        decoder
    };
    let kind = |mut decoder, block: &[u8]| decode(&mut decoder, block).map_err(|it| it.kind());
    assert_eq!(kind(reduced(&[100]), &[0x82]), Err(ErrorKind::SizeUpdateMissing));
    assert_eq!(kind(reduced(&[100]), &[]), Err(ErrorKind::SizeUpdateMissing));
    assert_eq!(kind(reduced(&[100]), &[0x3f, 0x46]), Err(ErrorKind::SizeUpdateTooLarge));
    assert_eq!(kind(reduced(&[100]), &[0x3f, 0x45]), Ok(vec![]));
    assert_eq!(kind(reduced(&[100]), &[0x20]), Ok(vec![]));
    // The smallest of several counts.
    assert_eq!(kind(reduced(&[30, 4096]), &[0x3f, 0xe1, 0x1f]), Err(ErrorKind::SizeUpdateMissing));
    assert_eq!(kind(reduced(&[30, 4096]), &[0x3e, 0x3f, 0xe1, 0x1f]), Ok(vec![]));
    assert_eq!(kind(reduced(&[30, 4096]), &[0x3e]), Ok(vec![]));
    // More room is an offer.
    assert_eq!(kind(reduced(&[8192]), &[]), Ok(vec![]));
    // Who uses no more than the new maximum has nothing to follow.
    let mut decoder = Decoder::new(4096);
    decode(&mut decoder, &[0x20]).unwrap();
    decoder.set_max_table_size(100);
    assert_eq!(decode(&mut decoder, &[]), Ok(vec![]));
}

/// RFC 9113, section 6.5.2. What passes the limit is not handed out, and the table stays in step.
#[test]
fn the_list_is_limited_as_it_is_decoded() {
    let block = [A_B, &[0x40, 1, b'c', 1, b'd'], &[0x82], &[0x00, 1, b'e', 0]].concat();
    let total = 34 + 34 + 42 + 33;
    for (limit, handed_out) in
        [(0, 0), (33, 0), (34, 1), (67, 1), (68, 2), (110, 3), (142, 3), (143, 4)]
    {
        let mut decoder = Decoder::new(4096);
        let (fields, list) = decode_within(&mut decoder, &block, limit).unwrap();
        assert_eq!(fields.len(), handed_out, "{limit}");
        assert_eq!((list.size, list.is_too_large()), (total, limit < total));
        assert_eq!((decoder.table_len(), decoder.table_size()), (2, 68));
    }
}

/// A bomb: one entry of 4,000 octets, and an octet for each time that it is asked for.
#[test]
fn a_bomb_costs_nothing() {
    let mut block = vec![0x40, 1, b'a', 0x7f, 0xa1, 0x1e];
    block.extend_from_slice(&[b'x'; 4000]);
    block.extend_from_slice(&[0xbe; 16 * 1024]);
    let mut decoder: Decoder = Decoder::new(4096);
    let mut bytes = 0;
    let mut seen = 0;
    let list = decoder
        .decode(&block, 16 * 1024, |field| {
            assert!(matches!(field, std::borrow::Cow::Borrowed(HeaderField { .. })));
            bytes += field.value.len();
            seen += 1;
        })
        .unwrap();
    assert_eq!((seen, bytes), (4, 16_000));
    assert_eq!(list.size, 4033 * (16 * 1024 + 1));
    assert_eq!(decoder.table_len(), 1);
}

/// What repeats is shared: neither is copied again.
#[test]
fn an_entry_is_shared() {
    let mut decoder = Decoder::new(4096);
    let fields = decode(&mut decoder, &[A_B, &[0xbe, 0xbe]].concat()).unwrap();
    assert_eq!(fields[0].value.as_ptr(), fields[2].value.as_ptr());
    assert_eq!(fields[0].name.as_ptr(), fields[2].name.as_ptr());
}
