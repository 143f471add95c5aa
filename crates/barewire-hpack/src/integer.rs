//! Integers with a prefix of 1 to 8 bits (RFC 7541, section 5.1).
//!
//! ```
//! use barewire_hpack::integer;
//! use bytes::BytesMut;
//!
//! let mut dst = BytesMut::new();
//! integer::encode(0x80, 7, 1337, &mut dst);
//! assert_eq!(integer::decode(&dst, 7)?, (1337, &[][..]));
//! # Ok::<(), barewire_hpack::Error>(())
//! ```

use bytes::{BufMut, BytesMut};

use crate::{Error, ErrorKind};

/// Octets after the prefix that 2^32 - 1 needs. More of them could only be zeros, and are refused.
const MOST_OCTETS: u32 = 5;

/// The integer at the begin of `buf`, in the lowest `prefix` bits (1 to 8) of its first octet and those that
/// follow, and what comes after it.
///
/// # Errors
///
/// [`ErrorKind::Truncated`] if `buf` ends within the integer, [`ErrorKind::IntegerTooLarge`] if it is larger
/// than 2^32 - 1.
#[inline]
pub fn decode(buf: &[u8], prefix: u32) -> Result<(u32, &[u8]), Error> {
    let (&first, rest) = buf.split_first().ok_or(ErrorKind::Truncated)?;
    let most = most(prefix);
    let value = first & most;
    if value < most { Ok((u32::from(value), rest)) } else { decode_long(value, rest) }
}

fn decode_long(prefix: u8, buf: &[u8]) -> Result<(u32, &[u8]), Error> {
    let mut rest = buf;
    let mut value = u64::from(prefix);
    for nth in 0..MOST_OCTETS {
        let (&octet, after) = rest.split_first().ok_or(ErrorKind::Truncated)?;
        rest = after;
        // Five octets of seven bits: at most 2^35 and a prefix.
        value = value.saturating_add(u64::from(octet & 0x7f) << nth.saturating_mul(7));
        if octet & 0x80 == 0 {
            let value = u32::try_from(value).map_err(|_| ErrorKind::IntegerTooLarge)?;
            return Ok((value, rest));
        }
    }
    Err(ErrorKind::IntegerTooLarge.into())
}

/// Appends `value` with a prefix of `prefix` bits (1 to 8); `flags` are the bits above the prefix.
#[inline]
pub fn encode(flags: u8, prefix: u32, value: usize, dst: &mut BytesMut) {
    let most = most(prefix);
    match u8::try_from(value) {
        Ok(short) if short < most => dst.put_u8(flags | short),
        _ => {
            dst.put_u8(flags | most);
            encode_long(value.saturating_sub(usize::from(most)), dst);
        }
    }
}

fn encode_long(mut value: usize, dst: &mut BytesMut) {
    while value >= 0x80 {
        dst.put_u8(0x80 | low_bits(value));
        value >>= 7;
    }
    dst.put_u8(low_bits(value));
}

fn low_bits(value: usize) -> u8 {
    value.to_le_bytes().first().copied().unwrap_or_default() & 0x7f
}

/// The largest value of a prefix, which says that more octets follow.
#[inline]
fn most(prefix: u32) -> u8 {
    u8::MAX >> 8u32.saturating_sub(prefix).min(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(prefix: u32, value: usize) -> Vec<u8> {
        let mut dst = BytesMut::new();
        encode(0, prefix, value, &mut dst);
        dst.to_vec()
    }

    /// Appendix C.1.
    #[test]
    fn the_examples() {
        for (prefix, value, octets) in
            [(5, 10, &[0x0a][..]), (5, 1337, &[0x1f, 0x9a, 0x0a]), (8, 42, &[0x2a])]
        {
            assert_eq!(encoded(prefix, value), octets);
            assert_eq!(decode(octets, prefix), Ok((value as u32, &[][..])));
        }
    }

    #[test]
    fn there_and_back_at_every_border() {
        for prefix in 1..=8 {
            let most = usize::from(super::most(prefix));
            let borders =
                [0, 1, most - 1, most, most + 1, most + 127, most + 128, 1 << 14, 1 << 21];
            for value in borders.into_iter().chain([u32::MAX as usize - 1, u32::MAX as usize]) {
                let mut octets = encoded(prefix, value);
                octets.push(0xaa);
                assert_eq!(decode(&octets, prefix), Ok((value as u32, &[0xaa][..])));
                for end in 0..octets.len() - 1 {
                    assert_eq!(decode(&octets[..end], prefix), Err(ErrorKind::Truncated.into()));
                }
            }
        }
    }

    /// Section 5.1: what exceeds the limits, in value or in octets, is an error.
    #[test]
    fn too_large() {
        let too_large = Err(ErrorKind::IntegerTooLarge.into());
        for octets in [
            // 2^32, with a prefix of 7 bits: 127 + (2^32 - 127).
            &[0x7f, 0x81, 0xff, 0xff, 0xff, 0x0f][..],
            &[0x7f, 0xff, 0xff, 0xff, 0xff, 0x7f],
            &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            // Zeros beyond any number.
            &[0x7f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
        ] {
            assert_eq!(decode(octets, 7), too_large, "{octets:x?}");
        }
        // Redundant zeros within the limit are legal.
        assert_eq!(decode(&[0x7f, 0x80, 0x80, 0x80, 0x80, 0x00], 7), Ok((127, &[][..])));
        assert_eq!(decode(&[0x7f, 0x80, 0xff, 0xff, 0xff, 0x0f], 7), Ok((u32::MAX, &[][..])));
    }
}
