#![allow(dead_code, reason = "each test file uses a part")]

use barewire_hpack::{Decoder, Error, HeaderField, ListSize};

pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

pub(crate) fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<HeaderField>, Error> {
    decode_within(decoder, block, usize::MAX).map(|(fields, _)| fields)
}

pub(crate) fn decode_within(
    decoder: &mut Decoder,
    block: &[u8],
    limit: usize,
) -> Result<(Vec<HeaderField>, ListSize), Error> {
    let mut fields = Vec::new();
    let list = decoder.decode(block, limit, |field| fields.push(field.into_owned()))?;
    Ok((fields, list))
}

pub(crate) fn pairs(fields: &[HeaderField]) -> Pairs {
    fields.iter().map(|field| (field.name.to_vec(), field.value.to_vec())).collect()
}

pub(crate) fn octets(hexadecimal: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&hexadecimal[at..at + 2], 16).expect("two digits");
    (0..hexadecimal.len()).step_by(2).map(pair).collect()
}
