//! The short cut for URLs that the URL standard's parser would leave as they are.

use std::net::Ipv4Addr;

/// What is to be known of an authority without credentials.
pub(super) struct Authority {
    pub(super) host_len: usize,
    pub(super) port: Option<u16>,
}

/// Whether it is `https`, and the authority, of a URL that the URL standard's parser would leave as it is:
/// such a URL need not go through it. In doubt there is none.
pub(super) fn plain(text: &[u8]) -> Option<(bool, Authority)> {
    let (tls, rest) = match text.strip_prefix(b"http://") {
        Some(rest) => (false, rest),
        None => (true, text.strip_prefix(b"https://")?),
    };
    let end = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    is_plain_path(path).then_some((tls, plain_authority(authority)?))
}

pub(super) fn plain_authority(authority: &[u8]) -> Option<Authority> {
    let host_len = authority.iter().position(|&byte| byte == b':').unwrap_or(authority.len());
    let (host, port) = authority.split_at(host_len);
    let port = match port.strip_prefix(b":") {
        None => None,
        // The schemes' own ports are left out of `Host`, and leading zeros too.
        Some(b"80" | b"443" | [b'0' | b'+', ..]) => return None,
        Some(port) => Some(str::from_utf8(port).ok()?.parse().ok()?),
    };
    let last = host.rsplit(|&byte| byte == b'.').next().unwrap_or_default();
    let plain = host.len() <= 253
        && host.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
        // A host that ends in a number is an IPv4 address, or nothing.
        && match last.first().is_none_or(u8::is_ascii_digit) {
            true => str::from_utf8(host).is_ok_and(|host| host.parse::<Ipv4Addr>().is_ok()),
            false => host.split(|&byte| byte == b'.').all(|label| {
                !label.is_empty() && !label.starts_with(b"xn--") && label.len() <= 63
            }),
        };
    plain.then_some(Authority { host_len, port })
}

pub(super) fn is_plain_path(path: &[u8]) -> bool {
    let mut before = 0;
    path.iter().all(|&byte| {
        // `/.` may begin a dot segment, and so may `/%2e`.
        let dots = before == b'/' && matches!(byte, b'.' | b'%');
        before = byte;
        let plain = matches!(byte,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&'
            | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@' | b'/' | b'?' | b'%');
        plain && !dots
    })
}

#[cfg(test)]
mod tests {
    use http::Uri;
    use url::Url;

    use super::super::Target;
    use super::*;

    #[test]
    fn what_people_ask_for_is_plain() {
        for text in [
            "http://example.org",
            "https://example.org/",
            "http://localhost:65535/a/b.html?c=d%20e",
            "http://127.0.0.1:38089/hello",
            "http://sub-domain.example.org/~user/(1)",
        ] {
            assert!(plain(text.as_bytes()).is_some(), "{text}");
        }
    }

    proptest::proptest! {
        /// The short cut must not be seen: whatever is called plain is what the parser would have made.
        #[test]
        fn plain_means_that_the_parser_changes_nothing(
            text in "(http|https)://[a-z0-9.x-]{1,12}(:[0-9]{1,6})?(/[a-zA-Z0-9./?%~!$&'()*+,;=:@_-]{0,16})?"
        ) {
            if plain(text.as_bytes()).is_some() {
                let url = Url::parse(&text).unwrap();
                let uri = Uri::try_from(text.as_str()).unwrap();
                proptest::prop_assert_eq!(uri.to_string(), url.as_str());
                let target = Target::parse(&text).unwrap();
                proptest::prop_assert_eq!(Some(target.port), url.port_or_known_default());
                proptest::prop_assert_eq!(Some(target.origin().host), url.host_str());
            }
        }
    }
}
