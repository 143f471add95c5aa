//! Names and values that so many clients and servers send that they are kept here, once for the program.
//!
//! A share of one of them counts no reference and pins nothing. Counting is most of what a field costs that comes
//! as an index and is handed out as a value of its own.

use crate::lookup::hash_of;

/// What RFC 9204, appendix A, found to be common, and what browsers and clients of APIs have sent with every
/// request since.
#[rustfmt::skip]
static KNOWN: [&str; 98] = [
    // Values.
    "*", "*/*", "0", "1", "1; mode=block", "?0", "?1", "DENY", "SAMEORIGIN",
    "application/grpc", "application/grpc+proto", "application/javascript", "application/json",
    "application/octet-stream", "application/x-www-form-urlencoded",
    "br", "bytes", "bytes=0-", "chunked", "clear", "close", "cors", "cross-site", "deny", "document", "empty",
    "en-US,en;q=0.5", "en-US,en;q=0.9", "font",
    "gzip", "gzip, deflate", "gzip, deflate, br", "gzip, deflate, br, zstd", "identity", "iframe", "image",
    "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
    "image/gif", "image/jpeg", "image/png", "keep-alive", "manifest",
    "max-age=0", "max-age=2592000", "max-age=31536000", "max-age=604800",
    "max-age=31536000; includeSubDomains", "navigate", "no-cache", "no-cors", "no-store", "none", "nosniff",
    "origin", "prefetch", "public, max-age=31536000", "same-origin", "same-site", "sameorigin", "script", "style",
    "text/css", "text/css,*/*;q=0.1", "text/html", "text/html; charset=utf-8",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,\
     application/signed-exchange;v=b3;q=0.7",
    "text/plain", "text/plain; charset=utf-8", "text/plain;charset=utf-8", "trailers", "u=0, i", "u=1, i",
    "websocket", "\"Linux\"", "\"Windows\"", "\"macOS\"",
    // Names that are in no static table of HPACK.
    "access-control-allow-headers", "access-control-allow-methods", "access-control-request-headers",
    "access-control-request-method", "alt-svc", "content-security-policy", "forwarded",
    "grpc-accept-encoding", "grpc-encoding", "grpc-timeout", "priority", "sec-ch-ua",
    "sec-ch-ua-mobile", "sec-ch-ua-platform", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site",
    "sec-fetch-user", "upgrade-insecure-requests",
];

/// For the upper parts of hashes, the places of what has them, counted from 1, or right behind where another one
/// was first.
static PLACES: [u8; 256] = places();

/// The same octets, for as long as the program runs, if they are known.
#[inline]
pub(crate) fn find(octets: &[u8]) -> Option<&'static [u8]> {
    let mut slot = slot_of(octets);
    loop {
        let place = usize::from(*PLACES.get(usize::from(slot))?);
        let known = KNOWN.get(place.checked_sub(1)?)?.as_bytes();
        if known == octets {
            return Some(known);
        }
        slot = slot.wrapping_add(1);
    }
}

const fn slot_of(octets: &[u8]) -> u8 {
    (hash_of(octets) >> 24) as u8
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "the compiler runs it"
)]
const fn places() -> [u8; 256] {
    let mut places = [0; 256];
    let mut place = 0;
    while place < KNOWN.len() {
        let mut slot = slot_of(KNOWN[place].as_bytes());
        while places[slot as usize] != 0 {
            slot = slot.wrapping_add(1);
        }
        place += 1;
        places[slot as usize] = place as u8;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_found_and_nothing_else() {
        for known in KNOWN {
            assert_eq!(find(known.as_bytes()), Some(known.as_bytes()));
            for at in 0..known.len() {
                let mut other = known.as_bytes().to_vec();
                other[at] ^= 0x80;
                assert_eq!(find(&other), None, "{}", other.escape_ascii());
            }
        }
        assert_eq!(find(b""), None);
        assert_eq!(find(&[b'x'; 5000]), None);
    }

    /// What is not known, which is most of what comes, is not compared with many.
    #[test]
    fn chains_are_short() {
        let full = |slot: usize| PLACES[slot % PLACES.len()] != 0;
        let longest = (0..PLACES.len()).map(|slot| (slot..).take_while(|&slot| full(slot)).count());
        assert!(longest.max() < Some(16));
    }
}
