//! The Huffman code of strings (RFC 7541, section 5.2 and appendix B).
//!
//! ```
//! use barewire_hpack::huffman;
//! use bytes::BytesMut;
//!
//! let mut code = BytesMut::new();
//! huffman::encode(b"www.example.com", &mut code);
//! assert_eq!(code.len(), huffman::encoded_len(b"www.example.com"));
//!
//! let mut octets = Vec::new();
//! huffman::decode(&code, &mut octets)?;
//! assert_eq!(octets, b"www.example.com");
//! # Ok::<(), barewire_hpack::Error>(())
//! ```

use bytes::{BufMut, BytesMut};

use crate::{Error, ErrorKind};

/// The code of each octet, in the lowest bits, and its length in bits. EOS is 30 bits of ones.
#[rustfmt::skip]
const CODES: [(u32, u32); 256] = [
    (0x1ff8, 13), (0x7fffd8, 23), (0xfffffe2, 28), (0xfffffe3, 28), (0xfffffe4, 28),
    (0xfffffe5, 28), (0xfffffe6, 28), (0xfffffe7, 28), (0xfffffe8, 28), (0xffffea, 24),
    (0x3ffffffc, 30), (0xfffffe9, 28), (0xfffffea, 28), (0x3ffffffd, 30), (0xfffffeb, 28),
    (0xfffffec, 28), (0xfffffed, 28), (0xfffffee, 28), (0xfffffef, 28), (0xffffff0, 28),
    (0xffffff1, 28), (0xffffff2, 28), (0x3ffffffe, 30), (0xffffff3, 28), (0xffffff4, 28),
    (0xffffff5, 28), (0xffffff6, 28), (0xffffff7, 28), (0xffffff8, 28), (0xffffff9, 28),
    (0xffffffa, 28), (0xffffffb, 28), (0x14, 6), (0x3f8, 10), (0x3f9, 10), (0xffa, 12),
    (0x1ff9, 13), (0x15, 6), (0xf8, 8), (0x7fa, 11), (0x3fa, 10), (0x3fb, 10), (0xf9, 8),
    (0x7fb, 11), (0xfa, 8), (0x16, 6), (0x17, 6), (0x18, 6), (0x0, 5), (0x1, 5), (0x2, 5),
    (0x19, 6), (0x1a, 6), (0x1b, 6), (0x1c, 6), (0x1d, 6), (0x1e, 6), (0x1f, 6), (0x5c, 7),
    (0xfb, 8), (0x7ffc, 15), (0x20, 6), (0xffb, 12), (0x3fc, 10), (0x1ffa, 13), (0x21, 6),
    (0x5d, 7), (0x5e, 7), (0x5f, 7), (0x60, 7), (0x61, 7), (0x62, 7), (0x63, 7), (0x64, 7),
    (0x65, 7), (0x66, 7), (0x67, 7), (0x68, 7), (0x69, 7), (0x6a, 7), (0x6b, 7), (0x6c, 7),
    (0x6d, 7), (0x6e, 7), (0x6f, 7), (0x70, 7), (0x71, 7), (0x72, 7), (0xfc, 8), (0x73, 7),
    (0xfd, 8), (0x1ffb, 13), (0x7fff0, 19), (0x1ffc, 13), (0x3ffc, 14), (0x22, 6), (0x7ffd, 15),
    (0x3, 5), (0x23, 6), (0x4, 5), (0x24, 6), (0x5, 5), (0x25, 6), (0x26, 6), (0x27, 6), (0x6, 5),
    (0x74, 7), (0x75, 7), (0x28, 6), (0x29, 6), (0x2a, 6), (0x7, 5), (0x2b, 6), (0x76, 7),
    (0x2c, 6), (0x8, 5), (0x9, 5), (0x2d, 6), (0x77, 7), (0x78, 7), (0x79, 7), (0x7a, 7), (0x7b, 7),
    (0x7ffe, 15), (0x7fc, 11), (0x3ffd, 14), (0x1ffd, 13), (0xffffffc, 28), (0xfffe6, 20),
    (0x3fffd2, 22), (0xfffe7, 20), (0xfffe8, 20), (0x3fffd3, 22), (0x3fffd4, 22), (0x3fffd5, 22),
    (0x7fffd9, 23), (0x3fffd6, 22), (0x7fffda, 23), (0x7fffdb, 23), (0x7fffdc, 23), (0x7fffdd, 23),
    (0x7fffde, 23), (0xffffeb, 24), (0x7fffdf, 23), (0xffffec, 24), (0xffffed, 24), (0x3fffd7, 22),
    (0x7fffe0, 23), (0xffffee, 24), (0x7fffe1, 23), (0x7fffe2, 23), (0x7fffe3, 23), (0x7fffe4, 23),
    (0x1fffdc, 21), (0x3fffd8, 22), (0x7fffe5, 23), (0x3fffd9, 22), (0x7fffe6, 23), (0x7fffe7, 23),
    (0xffffef, 24), (0x3fffda, 22), (0x1fffdd, 21), (0xfffe9, 20), (0x3fffdb, 22), (0x3fffdc, 22),
    (0x7fffe8, 23), (0x7fffe9, 23), (0x1fffde, 21), (0x7fffea, 23), (0x3fffdd, 22), (0x3fffde, 22),
    (0xfffff0, 24), (0x1fffdf, 21), (0x3fffdf, 22), (0x7fffeb, 23), (0x7fffec, 23), (0x1fffe0, 21),
    (0x1fffe1, 21), (0x3fffe0, 22), (0x1fffe2, 21), (0x7fffed, 23), (0x3fffe1, 22), (0x7fffee, 23),
    (0x7fffef, 23), (0xfffea, 20), (0x3fffe2, 22), (0x3fffe3, 22), (0x3fffe4, 22), (0x7ffff0, 23),
    (0x3fffe5, 22), (0x3fffe6, 22), (0x7ffff1, 23), (0x3ffffe0, 26), (0x3ffffe1, 26), (0xfffeb, 20),
    (0x7fff1, 19), (0x3fffe7, 22), (0x7ffff2, 23), (0x3fffe8, 22), (0x1ffffec, 25), (0x3ffffe2, 26),
    (0x3ffffe3, 26), (0x3ffffe4, 26), (0x7ffffde, 27), (0x7ffffdf, 27), (0x3ffffe5, 26),
    (0xfffff1, 24), (0x1ffffed, 25), (0x7fff2, 19), (0x1fffe3, 21), (0x3ffffe6, 26),
    (0x7ffffe0, 27), (0x7ffffe1, 27), (0x3ffffe7, 26), (0x7ffffe2, 27), (0xfffff2, 24),
    (0x1fffe4, 21), (0x1fffe5, 21), (0x3ffffe8, 26), (0x3ffffe9, 26), (0xffffffd, 28),
    (0x7ffffe3, 27), (0x7ffffe4, 27), (0x7ffffe5, 27), (0xfffec, 20), (0xfffff3, 24), (0xfffed, 20),
    (0x1fffe6, 21), (0x3fffe9, 22), (0x1fffe7, 21), (0x1fffe8, 21), (0x7ffff3, 23), (0x3fffea, 22),
    (0x3fffeb, 22), (0x1ffffee, 25), (0x1ffffef, 25), (0xfffff4, 24), (0xfffff5, 24),
    (0x3ffffea, 26), (0x7ffff4, 23), (0x3ffffeb, 26), (0x7ffffe6, 27), (0x3ffffec, 26),
    (0x3ffffed, 26), (0x7ffffe7, 27), (0x7ffffe8, 27), (0x7ffffe9, 27), (0x7ffffea, 27),
    (0x7ffffeb, 27), (0xffffffe, 28), (0x7ffffec, 27), (0x7ffffed, 27), (0x7ffffee, 27),
    (0x7ffffef, 27), (0x7fffff0, 27), (0x3ffffee, 26),
];

/// No code is longer.
const LONGEST: u32 = 30;

/// Padding is what is left of the last octet (section 5.2).
const MOST_PADDING: u32 = 7;

/// So many bits are looked up at once: two of the commonest octets, or one of nearly all that text is made of.
const WIDTH: u32 = 11;

/// What the next [`WIDTH`] bits say. No octet where a longer code begins.
#[derive(Clone, Copy)]
struct Step {
    octets: [u8; 2],
    count: u8,
    /// The bits of the first octet's code.
    first: u8,
    /// The bits of all codes.
    bits: u8,
}

static STEPS: [Step; 1 << WIDTH] = steps();

/// Codes of one length are consecutive numbers, in the order of the octets, and follow on those of shorter ones:
/// for each length, the first code aligned to the top of 32 bits, and the place of its octet among the sorted.
static LENGTHS: [Length; LONGEST as usize + 1] = lengths();
static SORTED: [u8; 256] = sorted();

#[derive(Clone, Copy)]
struct Length {
    first: u32,
    count: u32,
    place: u32,
}

/// Appends what a string's Huffman code stands for: at most 8/5 of the length of `code`.
///
/// # Errors
///
/// [`ErrorKind::BadHuffman`] if the code holds EOS, or does not end in less than 8 bits of padding, all ones.
/// `dst` then ends in what came before.
pub fn decode(code: &[u8], dst: &mut Vec<u8>) -> Result<(), Error> {
    // The shortest codes have 5 bits.
    dst.reserve(code.len().saturating_mul(8).div_ceil(5));
    let mut bits = Bits { word: 0, count: 0, rest: code };
    loop {
        bits.refill();
        // One refill gives 56 bits or all there are.
        while bits.count >= WIDTH {
            let Some(step) = STEPS.get((bits.word >> (64 - WIDTH)) as usize) else { break };
            match step.count {
                2 => dst.extend_from_slice(&step.octets),
                1 => dst.push(step.octets[0]),
                _ => break,
            }
            bits.take(u32::from(step.bits));
        }
        if bits.count < LONGEST {
            bits.refill();
        }
        match bits.one() {
            Some((octet, len)) => {
                dst.push(octet);
                bits.take(len);
            }
            None => break,
        }
    }
    // Section 5.2: more padding, or other bits than the first ones of EOS, is an error. EOS itself is longer.
    let padding = bits.word.leading_ones() >= bits.count;
    if bits.count <= MOST_PADDING && padding { Ok(()) } else { Err(ErrorKind::BadHuffman.into()) }
}

/// Bits that are yet to be decoded: those in `word` from the top on, zeros behind them, then `rest`.
struct Bits<'a> {
    word: u64,
    count: u32,
    rest: &'a [u8],
}

impl Bits<'_> {
    #[inline]
    fn refill(&mut self) {
        if let Some(chunk) = self.rest.first_chunk::<8>() {
            let octets = 63u32.saturating_sub(self.count) / 8;
            if octets == 0 {
                return;
            }
            let fresh = u64::from_be_bytes(*chunk);
            let kept = u64::MAX << (64u32.saturating_sub(octets.saturating_mul(8)).min(63));
            self.word |= (fresh & kept) >> self.count.min(63);
            self.count = self.count.saturating_add(octets.saturating_mul(8));
            self.rest = self.rest.get(octets as usize..).unwrap_or_default();
            return;
        }
        while let Some((&octet, rest)) = self.rest.split_first() {
            if self.count > 56 {
                break;
            }
            self.word |= u64::from(octet) << 56u32.saturating_sub(self.count);
            self.count = self.count.saturating_add(8);
            self.rest = rest;
        }
    }

    #[inline]
    fn take(&mut self, bits: u32) {
        self.word <<= bits.min(63);
        self.count = self.count.saturating_sub(bits);
    }

    /// The octet whose code comes next, and the code's length, unless it is cut off or none.
    fn one(&self) -> Option<(u8, u32)> {
        let step = STEPS.get((self.word >> (64 - WIDTH)) as usize)?;
        if step.count > 0 {
            let len = u32::from(step.first);
            return (len <= self.count).then_some((step.octets[0], len));
        }
        let top = (self.word >> 32) as u32;
        for len in WIDTH.saturating_add(1)..=LONGEST.min(self.count) {
            let length = LENGTHS.get(len as usize)?;
            let nth = top.saturating_sub(length.first) >> 32u32.saturating_sub(len);
            if top >= length.first && nth < length.count {
                let octet = SORTED.get(length.place.saturating_add(nth) as usize)?;
                return Some((*octet, len));
            }
        }
        None
    }
}

/// How many octets the Huffman code of these octets has.
#[inline]
pub fn encoded_len(octets: &[u8]) -> usize {
    let bits =
        octets.iter().fold(0usize, |bits, &octet| bits.saturating_add(code(octet).1 as usize));
    bits.div_ceil(8)
}

/// Appends the Huffman code of these octets.
pub fn encode(octets: &[u8], dst: &mut BytesMut) {
    dst.reserve(encoded_len(octets));
    let mut word: u64 = 0;
    let mut count: u32 = 0;
    for &octet in octets {
        let (code, len) = code(octet);
        // Less than 32 bits are left over each time, and 30 are added.
        word = word << len | u64::from(code);
        count = count.saturating_add(len);
        if count >= 32 {
            count = count.saturating_sub(32);
            dst.put_u32((word >> count.min(63)) as u32);
        }
    }
    while count >= 8 {
        count = count.saturating_sub(8);
        dst.put_u8((word >> count.min(63)) as u8);
    }
    if count > 0 {
        let padding = 8u32.saturating_sub(count).min(7);
        dst.put_u8((word << padding) as u8 | !(u8::MAX << padding));
    }
}

#[inline]
fn code(octet: u8) -> (u32, u32) {
    CODES.get(usize::from(octet)).copied().unwrap_or_default()
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "the compiler runs it"
)]
const fn steps() -> [Step; 1 << WIDTH] {
    let mut steps = [Step { octets: [0; 2], count: 0, first: 0, bits: 0 }; 1 << WIDTH];
    let mut octet = 0;
    while octet < CODES.len() {
        let (code, len) = CODES[octet];
        if len <= WIDTH {
            let first = code << (WIDTH - len);
            let mut low = 0;
            while low < 1 << (WIDTH - len) {
                steps[(first | low) as usize] =
                    Step { octets: [octet as u8, 0], count: 1, first: len as u8, bits: len as u8 };
                low += 1;
            }
        }
        octet += 1;
    }
    let single = steps;
    let mut bits = 0;
    while bits < steps.len() {
        let first = single[bits];
        let second = single[(bits << first.bits) & ((1 << WIDTH) - 1)];
        if first.count > 0 && second.count > 0 && (first.bits + second.bits) as u32 <= WIDTH {
            steps[bits].octets[1] = second.octets[0];
            steps[bits].count = 2;
            steps[bits].bits = first.bits + second.bits;
        }
        bits += 1;
    }
    steps
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "the compiler runs it"
)]
const fn lengths() -> [Length; LONGEST as usize + 1] {
    let mut lengths = [Length { first: 0, count: 0, place: 0 }; LONGEST as usize + 1];
    let mut place = 0;
    let mut len = 1;
    while len <= LONGEST {
        let mut octet = 0;
        lengths[len as usize].place = place;
        while octet < CODES.len() {
            if CODES[octet].1 == len {
                if lengths[len as usize].count == 0 {
                    lengths[len as usize].first = CODES[octet].0 << (32 - len);
                }
                lengths[len as usize].count += 1;
                place += 1;
            }
            octet += 1;
        }
        len += 1;
    }
    lengths
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "the compiler runs it"
)]
const fn sorted() -> [u8; 256] {
    let mut sorted = [0; 256];
    let mut place = 0;
    let mut len = 1;
    while len <= LONGEST {
        let mut octet = 0;
        while octet < CODES.len() {
            if CODES[octet].1 == len {
                sorted[place] = octet as u8;
                place += 1;
            }
            octet += 1;
        }
        len += 1;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(octets: &[u8]) -> BytesMut {
        let mut code = BytesMut::new();
        encode(octets, &mut code);
        assert_eq!(code.len(), encoded_len(octets));
        code
    }

    fn decoded(code: &[u8]) -> Result<Vec<u8>, Error> {
        let mut octets = Vec::new();
        decode(code, &mut octets).map(|()| octets)
    }

    #[test]
    fn every_pair_of_octets_there_and_back() {
        for first in 0..=u8::MAX {
            assert_eq!(decoded(&encoded(&[first])).unwrap(), [first]);
            for second in 0..=u8::MAX {
                let pair = [first, second];
                assert_eq!(decoded(&encoded(&pair)).unwrap(), pair);
            }
        }
    }

    #[test]
    fn every_octet_at_every_offset() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        for zeros in 0..16 {
            // The code of '0' has 5 bits, so that all alignments come by.
            let octets = [&vec![b'0'; zeros][..], &all, b"text/html; charset=utf-8"].concat();
            assert_eq!(decoded(&encoded(&octets)).unwrap(), octets);
        }
    }

    #[test]
    fn padding() {
        let bad = Err(ErrorKind::BadHuffman.into());
        // 'a' is 00011.
        assert_eq!(decoded(&[0b0001_1111]).unwrap(), b"a");
        assert_eq!(decoded(&[]).unwrap(), b"");
        for (code, why) in [
            (&[0b0001_1110][..], "padding that is not ones"),
            (&[0b0001_1000], "padding of zeros"),
            (&[0b0001_1111, 0xff], "more than 7 bits of padding"),
            (&[0xff], "8 bits of padding and nothing else"),
            (&[0xff, 0xff, 0xff, 0xff], "EOS"),
            (&[0b0001_1111, 0xff, 0xff, 0xff, 0xff], "EOS after an octet"),
            (&[0xff, 0xff, 0xff, 0xfc, 0x07], "EOS before an octet"),
            (&[0xff, 0xff, 0xfe], "a long code that is cut off"),
            (&[0xfe], "the first 8 bits of a longer code"),
        ] {
            assert_eq!(decoded(code), bad, "{why}");
        }
    }

    #[test]
    fn eos_is_what_no_octet_has() {
        let total: u64 = CODES.iter().map(|&(_, len)| 1u64 << (LONGEST - len)).sum();
        assert_eq!(total, (1 << LONGEST) - 1);
    }
}
