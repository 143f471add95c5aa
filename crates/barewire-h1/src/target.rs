//! Request targets and `Host` (RFC 9112, section 3.2; RFC 9110, section 7.2).

use bytes::Bytes;
use http::Method;
use http::uri::Uri;

use crate::ErrorKind;
use crate::framing::{decimal, is_tchar};

/// The four forms of a request target (RFC 9112, section 3.2).
pub(crate) fn parse(method: &Method, target: Bytes) -> Result<Uri, ErrorKind> {
    let clean = target.is_ascii() && memchr::memchr(b'#', &target).is_none();
    if !clean {
        return Err(ErrorKind::BadTarget);
    }
    let first = target.first().copied();
    let uri = Uri::from_maybe_shared(target).map_err(|_| ErrorKind::BadTarget)?;
    let has_userinfo = || uri.authority().is_some_and(|a| a.as_str().contains('@'));
    let fits = if *method == Method::CONNECT {
        // authority-form: the port is not optional (RFC 9110, section 9.3.6).
        uri.scheme().is_none()
            && uri.path_and_query().is_none()
            && uri.port_u16().is_some_and(|port| port != 0)
            && uri.host().is_some_and(|host| !host.is_empty())
            && !has_userinfo()
    } else {
        match first {
            Some(b'/') => true,
            Some(b'*') => *method == Method::OPTIONS && uri.path() == "*",
            // `http` checks neither how a scheme begins nor that a port is a number.
            Some(letter) => {
                letter.is_ascii_alphabetic()
                    && uri.scheme().is_some()
                    && uri.host().is_some_and(|host| !host.is_empty())
                    && uri.authority().is_some_and(|a| is_host(a.as_str().as_bytes()))
            }
            None => false,
        }
    };
    if fits { Ok(uri) } else { Err(ErrorKind::BadTarget) }
}

/// `uri-host [ ":" port ]` (RFC 9110, section 7.2); empty where the target has no authority.
pub(crate) fn is_host(value: &[u8]) -> bool {
    if let [b'[', rest @ ..] = value {
        let Some(end) = rest.iter().position(|&b| b == b']') else { return false };
        let (literal, port) = rest.split_at_checked(end).unwrap_or_default();
        return is_ip_literal(literal) && is_port(port.get(1..).unwrap_or_default());
    }
    let plain = value.iter().take_while(|b| is_plain(**b)).count();
    match value.get(plain..).unwrap_or_default() {
        [] => true,
        port @ [b':', ..] => plain > 0 && is_port(port),
        _ => {
            let end = value.iter().position(|&b| b == b':').unwrap_or(value.len());
            let (name, port) = value.split_at_checked(end).unwrap_or_default();
            is_reg_name(name) && is_port(port)
        }
    }
}

/// Nothing, or a colon and at most a port number.
fn is_port(port: &[u8]) -> bool {
    match port {
        [] | [b':'] => true,
        [b':', digits @ ..] => decimal(digits).is_some_and(|n| n <= u64::from(u16::MAX)),
        _ => false,
    }
}

fn is_ip_literal(host: &[u8]) -> bool {
    match host {
        [b'v' | b'V', rest @ ..] => {
            rest.len() >= 3 && rest.iter().all(|&b| b == b':' || (is_tchar(b) && b != b'%'))
        }
        _ => std::str::from_utf8(host).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok()),
    }
}

/// `unreserved / sub-delims` (RFC 3986, section 3.2.2), but for the comma, which would make a list.
static REG_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let allowed = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+;=";
    let mut i = 0;
    #[allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "runs in the compiler"
    )]
    while i < allowed.len() {
        table[allowed[i] as usize] = true;
        i += 1;
    }
    table
};

fn is_plain(b: u8) -> bool {
    REG_NAME.get(usize::from(b)).copied().unwrap_or(false)
}

fn is_reg_name(host: &[u8]) -> bool {
    let mut rest = host;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [a, b, tail @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => tail,
            (first, tail) if is_plain(*first) => tail,
            _ => return false,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9110_7_2_host() {
        for host in
            ["", "a", "a.b", "a:80", "a:", "127.0.0.1:8080", "[::1]", "[::1]:80", "a%20b", "[v1.x]"]
        {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "a b", "a/b", "u@a", "a:b", "a:80:80", "a:65536", ":80", "[::1", "[x]", "::1", "a,b",
            "a%2", "a?b", "a#b", "a\\b", "[::1]x", "a\u{e9}",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn rfc9112_3_2_target_forms() {
        let parse = |method: &str, target: &'static str| {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            super::parse(&method, Bytes::from_static(target.as_bytes())).is_ok()
        };
        for (method, target) in [
            ("GET", "/"),
            ("GET", "//a"),
            ("GET", "/a?b=c"),
            ("GET", "http://a/b"),
            ("GET", "http://a:80"),
            ("GET", "http://[::1]/"),
            ("OPTIONS", "*"),
            ("OPTIONS", "/a"),
            ("CONNECT", "a:443"),
            ("CONNECT", "[::1]:443"),
        ] {
            assert!(parse(method, target), "{method} {target}");
        }
        for (method, target) in [
            ("GET", "*"),
            ("GET", "a"),
            ("GET", "a:80"),
            ("GET", "/a#b"),
            ("GET", "/\u{e9}"),
            ("GET", "http://u@a/"),
            ("GET", "http:///a"),
            ("GET", "?a"),
            ("OPTIONS", "*/a"),
            ("CONNECT", "a"),
            ("CONNECT", "/"),
            ("CONNECT", "u@a:443"),
            ("CONNECT", "http://a:443/"),
            ("CONNECT", "a:443/b"),
        ] {
            assert!(!parse(method, target), "{method} {target}");
        }
    }
}
