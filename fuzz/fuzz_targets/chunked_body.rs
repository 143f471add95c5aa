//! The chunked coding: decoded the same however it arrives, and once more after it was encoded again.

#![no_main]

use barewire_fuzz::take_apart;
use barewire_h1::chunked::{self, Decoder, Part};
use barewire_h1::{Config, Error};
use barewire_proto::{Buf, Input, Output};
use barewire_testkit::Random;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Default, PartialEq)]
struct Decoded {
    data: Vec<u8>,
    trailers: Option<http::HeaderMap>,
    left: Option<usize>,
    error: Option<Error>,
}

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, config: &Config) -> Decoded {
    let (mut decoder, mut input) = (Decoder::default(), Input::new(1 << 16));
    let mut decoded = Decoded::default();
    for piece in pieces {
        assert!(input.push(Bytes::copy_from_slice(piece)).is_empty());
        while decoded.error.is_none() && !decoder.is_done() {
            match decoder.decode(&mut input, config) {
                Ok(None) => break,
                Ok(Some(Part::Data(data))) => {
                    assert!(!data.is_empty());
                    decoded.data.extend_from_slice(&data);
                }
                Ok(Some(Part::Trailers(trailers))) => {
                    assert!(decoded.trailers.replace(trailers).is_none());
                }
                Ok(Some(Part::End)) => assert!(decoder.is_done()),
                Err(error) => decoded.error = Some(error),
            }
        }
    }
    decoded.left = decoder.is_done().then(|| input.len());
    decoded
}

fuzz_target!(|data: &[u8]| {
    let Some((setup, seed, wire)) = take_apart(data) else { return };
    let config = setup.config();
    let whole = decode([wire], &config);
    assert_eq!(whole, decode(wire.chunks(1), &config));
    let step = Random::new(seed).within(2..=wire.len().max(2));
    assert_eq!(whole, decode(wire.chunks(step), &config));

    let mut output = Output::default();
    for part in whole.data.chunks(step) {
        chunked::encode(&mut output, Bytes::copy_from_slice(part));
    }
    chunked::encode_end(&mut output, whole.trailers.as_ref());
    let encoded = output.copy_to_bytes(output.remaining());
    let again = decode([&encoded[..]], &Config::default());
    assert_eq!(
        (again.data, again.trailers, again.left, again.error),
        (whole.data, whole.trailers, Some(0), None)
    );
});
