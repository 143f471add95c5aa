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
    ($($list:ident: $($text:literal $name:ident $role:ident),+;)+) => {
        $(static $list: &[Known] = &[$(($text, header::$name, Role::$role)),+];)+
    };
}

// The spelling is the one that most clients send: it is compared first, as it is.
known! {
    LEN_2: "TE" TE None;
    LEN_3: "DNT" DNT None, "Via" VIA None, "Age" AGE None;
    LEN_4: "Host" HOST Host, "Date" DATE None, "ETag" ETAG None, "Vary" VARY None, "From" FROM None;
    LEN_5: "Range" RANGE None, "Allow" ALLOW None;
    LEN_6: "Accept" ACCEPT None, "Cookie" COOKIE None, "Origin" ORIGIN None, "Server" SERVER None,
        "Expect" EXPECT Expect, "Pragma" PRAGMA None;
    LEN_7: "Referer" REFERER None, "Upgrade" UPGRADE Upgrade, "Trailer" TRAILER None,
        "Expires" EXPIRES None;
    LEN_8: "Location" LOCATION None, "If-Match" IF_MATCH None, "If-Range" IF_RANGE None;
    LEN_10: "User-Agent" USER_AGENT None, "Connection" CONNECTION Connection,
        "Set-Cookie" SET_COOKIE None;
    LEN_12: "Content-Type" CONTENT_TYPE None;
    LEN_13: "Cache-Control" CACHE_CONTROL None, "Authorization" AUTHORIZATION None,
        "Last-Modified" LAST_MODIFIED None, "If-None-Match" IF_NONE_MATCH None,
        "Accept-Ranges" ACCEPT_RANGES None, "Content-Range" CONTENT_RANGE None;
    LEN_14: "Content-Length" CONTENT_LENGTH ContentLength, "Accept-Charset" ACCEPT_CHARSET None;
    LEN_15: "Accept-Encoding" ACCEPT_ENCODING None, "Accept-Language" ACCEPT_LANGUAGE None;
    LEN_16: "Content-Encoding" CONTENT_ENCODING None, "Content-Language" CONTENT_LANGUAGE None;
    LEN_17: "Transfer-Encoding" TRANSFER_ENCODING TransferEncoding,
        "If-Modified-Since" IF_MODIFIED_SINCE None,
        "Sec-WebSocket-Key" SEC_WEBSOCKET_KEY None;
    LEN_19: "If-Unmodified-Since" IF_UNMODIFIED_SINCE None,
        "Content-Disposition" CONTENT_DISPOSITION None;
    LEN_25: "Upgrade-Insecure-Requests" UPGRADE_INSECURE_REQUESTS None;
}

/// The name of a field from its spelling in a head; `None` if it is no token.
pub(crate) fn name(raw: &str) -> Option<(HeaderName, Role)> {
    let list = match raw.len() {
        2 => LEN_2,
        3 => LEN_3,
        4 => LEN_4,
        5 => LEN_5,
        6 => LEN_6,
        7 => LEN_7,
        8 => LEN_8,
        10 => LEN_10,
        12 => LEN_12,
        13 => LEN_13,
        14 => LEN_14,
        15 => LEN_15,
        16 => LEN_16,
        17 => LEN_17,
        19 => LEN_19,
        25 => LEN_25,
        _ => &[],
    };
    let exact = list.iter().find(|(text, ..)| *text == raw);
    let found = exact.or_else(|| list.iter().find(|(text, ..)| text.eq_ignore_ascii_case(raw)));
    match found {
        Some((_, name, role)) => Some((name.clone(), *role)),
        None => HeaderName::from_bytes(raw.as_bytes()).ok().map(|name| (name, Role::None)),
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
        let lists = [
            LEN_2, LEN_3, LEN_4, LEN_5, LEN_6, LEN_7, LEN_8, LEN_10, LEN_12, LEN_13, LEN_14,
            LEN_15, LEN_16, LEN_17, LEN_19, LEN_25,
        ];
        for (text, expected, role) in lists.into_iter().flatten() {
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
