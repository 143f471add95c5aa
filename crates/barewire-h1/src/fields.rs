//! Field names that most heads are made of, and those that this layer has to understand itself.

use http::header::{self, HeaderName};

/// Which rule of this layer a field takes part in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    None,
    Connection,
    ContentLength,
    Expect,
    Host,
    TransferEncoding,
    Upgrade,
}

type Known = (&'static str, HeaderName, Role);

macro_rules! known {
    ($($text:literal $name:ident $role:ident,)+) => {
        /// The spelling is the one that most clients send.
        static KNOWN: &[Known] = &[$(($text, header::$name, Role::$role)),+];
        const KNOWN_TEXTS: &[&str] = &[$($text),+];
    };
}

known! {
    "Accept" ACCEPT None,
    "Accept-Charset" ACCEPT_CHARSET None,
    "Accept-Encoding" ACCEPT_ENCODING None,
    "Accept-Language" ACCEPT_LANGUAGE None,
    "Accept-Ranges" ACCEPT_RANGES None,
    "Age" AGE None,
    "Allow" ALLOW None,
    "Authorization" AUTHORIZATION None,
    "Cache-Control" CACHE_CONTROL None,
    "Connection" CONNECTION Connection,
    "Content-Disposition" CONTENT_DISPOSITION None,
    "Content-Encoding" CONTENT_ENCODING None,
    "Content-Language" CONTENT_LANGUAGE None,
    "Content-Length" CONTENT_LENGTH ContentLength,
    "Content-Range" CONTENT_RANGE None,
    "Content-Type" CONTENT_TYPE None,
    "Cookie" COOKIE None,
    "DNT" DNT None,
    "Date" DATE None,
    "ETag" ETAG None,
    "Expect" EXPECT Expect,
    "Expires" EXPIRES None,
    "Host" HOST Host,
    "If-Match" IF_MATCH None,
    "If-Modified-Since" IF_MODIFIED_SINCE None,
    "If-None-Match" IF_NONE_MATCH None,
    "If-Range" IF_RANGE None,
    "If-Unmodified-Since" IF_UNMODIFIED_SINCE None,
    "Last-Modified" LAST_MODIFIED None,
    "Location" LOCATION None,
    "Origin" ORIGIN None,
    "Pragma" PRAGMA None,
    "Range" RANGE None,
    "Referer" REFERER None,
    "Sec-WebSocket-Key" SEC_WEBSOCKET_KEY None,
    "Server" SERVER None,
    "Set-Cookie" SET_COOKIE None,
    "TE" TE None,
    "Trailer" TRAILER None,
    "Transfer-Encoding" TRANSFER_ENCODING TransferEncoding,
    "Upgrade" UPGRADE Upgrade,
    "Upgrade-Insecure-Requests" UPGRADE_INSECURE_REQUESTS None,
    "User-Agent" USER_AGENT None,
    "Vary" VARY None,
    "Via" VIA None,
}

const SLOTS: usize = 256;

/// Where to find a name in [`KNOWN`]: one place for each sum of a name's length and three of its letters. That
/// no two names share a place is checked when this is compiled.
static PLACES: [u8; SLOTS] = places();

/// Found by trying.
const MULTIPLIERS: (usize, usize, usize, usize) = (35, 146, 217, 206);

const NOWHERE: u8 = u8::MAX;

const fn place(name: &[u8]) -> usize {
    let (Some((first, _)), Some((last, _))) = (name.split_first(), name.split_last()) else {
        return 0;
    };
    let (_, second_half) = name.split_at(name.len() / 2);
    let Some((middle, _)) = second_half.split_first() else { return 0 };
    let letters = ((*first | 32) as usize)
        .wrapping_mul(MULTIPLIERS.0)
        .wrapping_add(((*middle | 32) as usize).wrapping_mul(MULTIPLIERS.1))
        .wrapping_add(((*last | 32) as usize).wrapping_mul(MULTIPLIERS.2));
    letters.wrapping_add(name.len().wrapping_mul(MULTIPLIERS.3)) % SLOTS
}

#[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "runs in the compiler")]
const fn places() -> [u8; SLOTS] {
    let mut places = [NOWHERE; SLOTS];
    let mut i = 0;
    while i < KNOWN_TEXTS.len() {
        let at = place(KNOWN_TEXTS[i].as_bytes());
        assert!(places[at] == NOWHERE, "two names share a place: choose other multipliers");
        places[at] = i as u8;
        i += 1;
    }
    places
}

/// The name of a field from its spelling in a head; `None` if it is no token.
pub(crate) fn name(raw: &str) -> Option<(HeaderName, Role)> {
    let at = PLACES.get(place(raw.as_bytes())).copied().unwrap_or(NOWHERE);
    match KNOWN.get(usize::from(at)) {
        Some((text, name, role)) if text.eq_ignore_ascii_case(raw) => Some((name.clone(), *role)),
        _ => HeaderName::from_bytes(raw.as_bytes()).ok().map(|name| (name, Role::None)),
    }
}

/// Whether a field must not be in a trailer section: framing, routing, request modifiers, authentication,
/// content handling (RFC 9110, section 6.5.1).
pub(crate) fn is_forbidden_in_trailers(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::ACCEPT
            | header::ACCEPT_CHARSET
            | header::ACCEPT_ENCODING
            | header::ACCEPT_LANGUAGE
            | header::AGE
            | header::AUTHORIZATION
            | header::CACHE_CONTROL
            | header::CONNECTION
            | header::CONTENT_ENCODING
            | header::CONTENT_LENGTH
            | header::CONTENT_RANGE
            | header::CONTENT_TYPE
            | header::COOKIE
            | header::DATE
            | header::EXPECT
            | header::EXPIRES
            | header::HOST
            | header::IF_MATCH
            | header::IF_MODIFIED_SINCE
            | header::IF_NONE_MATCH
            | header::IF_RANGE
            | header::IF_UNMODIFIED_SINCE
            | header::LOCATION
            | header::MAX_FORWARDS
            | header::PRAGMA
            | header::PROXY_AUTHENTICATE
            | header::PROXY_AUTHORIZATION
            | header::RANGE
            | header::RETRY_AFTER
            | header::SET_COOKIE
            | header::TE
            | header::TRAILER
            | header::TRANSFER_ENCODING
            | header::UPGRADE
            | header::VARY
            | header::WARNING
            | header::WWW_AUTHENTICATE
    ) || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_what_the_http_crate_makes_of_it() {
        for (text, expected, role) in KNOWN {
            assert_eq!(HeaderName::from_bytes(text.as_bytes()).unwrap(), expected);
            for spelling in [text.to_string(), text.to_lowercase(), text.to_uppercase()] {
                assert_eq!(name(&spelling), Some((expected.clone(), *role)), "{spelling}");
            }
        }
    }

    #[test]
    fn other_names_are_looked_up_by_the_http_crate() {
        assert_eq!(name("X-Custom").unwrap().0, "x-custom");
        assert_eq!(name("Sec-Fetch-Mode").unwrap().0, "sec-fetch-mode");
        assert_eq!(name("a b"), None);
    }
}
