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

/// A field name that is not looked up by `http`, which takes longer and allocates for those that it does not
/// know.
#[derive(Debug)]
pub(crate) struct Known {
    text: &'static str,
    pub(crate) name: HeaderName,
    pub(crate) role: Role,
}

macro_rules! known {
    ($($text:literal $name:expr, $role:ident;)+) => {
        const KNOWN_TEXTS: &[&str] = &[$($text),+];
        static KNOWN: [Known; KNOWN_TEXTS.len()] =
            [$(Known { text: $text, name: $name, role: Role::$role }),+];
    };
}

known! {
    "accept" header::ACCEPT, None;
    "accept-charset" header::ACCEPT_CHARSET, None;
    "accept-encoding" header::ACCEPT_ENCODING, None;
    "accept-language" header::ACCEPT_LANGUAGE, None;
    "accept-ranges" header::ACCEPT_RANGES, None;
    "access-control-allow-origin" header::ACCESS_CONTROL_ALLOW_ORIGIN, None;
    "age" header::AGE, None;
    "allow" header::ALLOW, None;
    "alt-svc" header::ALT_SVC, None;
    "authorization" header::AUTHORIZATION, None;
    "cache-control" header::CACHE_CONTROL, None;
    "connection" header::CONNECTION, Connection;
    "content-disposition" header::CONTENT_DISPOSITION, None;
    "content-encoding" header::CONTENT_ENCODING, None;
    "content-language" header::CONTENT_LANGUAGE, None;
    "content-length" header::CONTENT_LENGTH, ContentLength;
    "content-range" header::CONTENT_RANGE, None;
    "content-security-policy" header::CONTENT_SECURITY_POLICY, None;
    "content-type" header::CONTENT_TYPE, None;
    "cookie" header::COOKIE, None;
    "date" header::DATE, None;
    "dnt" header::DNT, None;
    "etag" header::ETAG, None;
    "expect" header::EXPECT, Expect;
    "expires" header::EXPIRES, None;
    "host" header::HOST, Host;
    "if-match" header::IF_MATCH, None;
    "if-modified-since" header::IF_MODIFIED_SINCE, None;
    "if-none-match" header::IF_NONE_MATCH, None;
    "if-range" header::IF_RANGE, None;
    "if-unmodified-since" header::IF_UNMODIFIED_SINCE, None;
    "keep-alive" HeaderName::from_static("keep-alive"), None;
    "last-modified" header::LAST_MODIFIED, None;
    "link" header::LINK, None;
    "location" header::LOCATION, None;
    "origin" header::ORIGIN, None;
    "pragma" header::PRAGMA, None;
    "priority" HeaderName::from_static("priority"), None;
    "proxy-authorization" header::PROXY_AUTHORIZATION, None;
    "proxy-connection" HeaderName::from_static("proxy-connection"), None;
    "range" header::RANGE, None;
    "referer" header::REFERER, None;
    "retry-after" header::RETRY_AFTER, None;
    "sec-ch-ua" HeaderName::from_static("sec-ch-ua"), None;
    "sec-ch-ua-mobile" HeaderName::from_static("sec-ch-ua-mobile"), None;
    "sec-ch-ua-platform" HeaderName::from_static("sec-ch-ua-platform"), None;
    "sec-fetch-dest" HeaderName::from_static("sec-fetch-dest"), None;
    "sec-fetch-mode" HeaderName::from_static("sec-fetch-mode"), None;
    "sec-fetch-site" HeaderName::from_static("sec-fetch-site"), None;
    "sec-fetch-user" HeaderName::from_static("sec-fetch-user"), None;
    "sec-websocket-key" header::SEC_WEBSOCKET_KEY, None;
    "sec-websocket-version" header::SEC_WEBSOCKET_VERSION, None;
    "server" header::SERVER, None;
    "set-cookie" header::SET_COOKIE, None;
    "strict-transport-security" header::STRICT_TRANSPORT_SECURITY, None;
    "te" header::TE, None;
    "traceparent" HeaderName::from_static("traceparent"), None;
    "trailer" header::TRAILER, None;
    "transfer-encoding" header::TRANSFER_ENCODING, TransferEncoding;
    "upgrade" header::UPGRADE, Upgrade;
    "upgrade-insecure-requests" header::UPGRADE_INSECURE_REQUESTS, None;
    "user-agent" header::USER_AGENT, None;
    "vary" header::VARY, None;
    "via" header::VIA, None;
    "www-authenticate" header::WWW_AUTHENTICATE, None;
    "x-content-type-options" header::X_CONTENT_TYPE_OPTIONS, None;
    "x-forwarded-for" HeaderName::from_static("x-forwarded-for"), None;
    "x-forwarded-host" HeaderName::from_static("x-forwarded-host"), None;
    "x-forwarded-proto" HeaderName::from_static("x-forwarded-proto"), None;
    "x-frame-options" header::X_FRAME_OPTIONS, None;
    "x-real-ip" HeaderName::from_static("x-real-ip"), None;
    "x-request-id" HeaderName::from_static("x-request-id"), None;
    "x-requested-with" HeaderName::from_static("x-requested-with"), None;
}

const SLOTS: usize = 256;

/// Where to find a name in [`KNOWN`]: one place for each sum of a name's length and three of its letters. That
/// no two names share a place is checked when this is compiled.
static PLACES: [u8; SLOTS] = places();

/// Found by trying.
const MULTIPLIERS: (usize, usize, usize, usize) = (80, 222, 86, 205);

const NOWHERE: u8 = u8::MAX;

const fn place(name: &[u8]) -> usize {
    let (Some((first, _)), Some((last, rest))) = (name.split_first(), name.split_last()) else {
        return 0;
    };
    let (_, tail) = rest.split_at(rest.len().saturating_sub(name.len() / 4));
    // A letter in the last quarter, which is where names of one family differ.
    let inner = match tail.split_first() {
        Some((inner, _)) => inner,
        None => last,
    };
    let letters = ((*first | 32) as usize)
        .wrapping_mul(MULTIPLIERS.0)
        .wrapping_add(((*inner | 32) as usize).wrapping_mul(MULTIPLIERS.1))
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

/// The known name that a token spells, in whatever case.
pub(crate) fn known(token: &str) -> Option<&'static Known> {
    let at = PLACES.get(place(token.as_bytes())).copied().unwrap_or(NOWHERE);
    KNOWN.get(usize::from(at)).filter(|known| spells(known.text.as_bytes(), token.as_bytes()))
}

/// Compares without case, in a few words and not byte by byte. `known` holds small letters and hyphens; of
/// what differs from those by the bit of the case alone, only capital letters are in a token.
fn spells(known: &[u8], token: &[u8]) -> bool {
    known.len() == token.len()
        && match known.len() {
            16.. => ends_spell::<16>(known, token),
            8.. => ends_spell::<8>(known, token),
            4.. => ends_spell::<4>(known, token),
            _ => known.eq_ignore_ascii_case(token),
        }
}

/// For names of at most twice `N` bytes: their first and their last `N` overlap or meet.
fn ends_spell<const N: usize>(known: &[u8], token: &[u8]) -> bool {
    let spell = |known: Option<&[u8; N]>, token: Option<&[u8; N]>| match (known, token) {
        (Some(known), Some(token)) => token.map(|b| b | 32) == *known,
        _ => false,
    };
    spell(known.first_chunk(), token.first_chunk()) && spell(known.last_chunk(), token.last_chunk())
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
        for Known { text, name, role } in &KNOWN {
            assert!(text.len() <= 32 && text.bytes().all(|b| b == b'-' || b.is_ascii_lowercase()));
            assert_eq!(HeaderName::from_bytes(text.as_bytes()).unwrap(), name);
            for spelling in [text.to_string(), text.to_uppercase()] {
                let found = known(&spelling).map(|known| (&known.name, known.role));
                assert_eq!(found, Some((name, *role)), "{spelling}");
            }
        }
    }

    #[test]
    fn nothing_else_is_known() {
        for Known { text, .. } in &KNOWN {
            for at in 0..text.len() {
                for b in (0..0x80).filter(|&b| crate::framing::is_tchar(b)) {
                    let mut other = text.as_bytes().to_vec();
                    other[at] = b;
                    let other = String::from_utf8(other).unwrap();
                    let expected = KNOWN.iter().find(|k| k.text.eq_ignore_ascii_case(&other));
                    assert_eq!(known(&other).map(|k| k.text), expected.map(|k| k.text), "{other}");
                }
            }
        }
        assert!(known("").is_none());
        assert!(known("x-custom").is_none());
    }
}
