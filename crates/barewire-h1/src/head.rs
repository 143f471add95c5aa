//! Heads of requests and responses, parsed without a connection (RFC 9112, sections 2 to 5).
//!
//! ```
//! use barewire_h1::{head, Config};
//! use barewire_proto::Status;
//!
//! let buf = b"GET /a HTTP/1.1\r\nHost: example\r\n\r\nnext";
//! let Status::Complete(head, used) = head::parse_request(buf, &Config::default())? else { panic!() };
//! assert_eq!(head.request.uri(), "/a");
//! assert_eq!(&buf[used..], b"next");
//! # Ok::<(), barewire_h1::Error>(())
//! ```

use std::mem::MaybeUninit;

use barewire_proto::Status;
use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderValue};
use http::uri::Uri;
use http::{Method, Request, Response, StatusCode, Version};

use crate::diagnose;
use crate::fields::{self, Role};
use crate::framing::{Framing, is_tchar};
use crate::{BodyLength, Config, Error, ErrorKind};

/// A request's head and what it says about the message and the connection.
#[derive(Debug)]
pub struct RequestHead {
    /// Method, target, version and fields.
    pub request: Request<()>,
    /// How long the body is.
    pub body: BodyLength,
    pub(crate) framing: Framing,
}

impl RequestHead {
    /// Whether the client means to use the connection again (RFC 9112, section 9.3).
    pub fn is_persistent(&self) -> bool {
        self.framing.persists(self.request.version() == Version::HTTP_11)
    }

    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110, section 10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.framing.expect_continue
    }

    /// Whether the client offers another protocol (RFC 9110, section 7.8); HTTP/1.0 has no
    /// upgrade.
    pub fn offers_upgrade(&self) -> bool {
        self.framing.upgrade
            && self.request.version() == Version::HTTP_11
            && self.request.headers().contains_key(http::header::UPGRADE)
    }
}

/// A response's head and what it says about the message and the connection.
#[derive(Debug)]
pub struct ResponseHead {
    /// Version, status and fields.
    pub response: Response<()>,
    pub(crate) framing: Framing,
}

/// Empty lines that are skipped before a request line (RFC 9112, section 2.2).
const MAX_EMPTY_LINES: usize = 4;

/// As many fields are parsed without an allocation.
const STACK_FIELDS: usize = 128;

type Slots<'buf> = [MaybeUninit<httparse::Header<'buf>>];

/// Parses the head of a request at the front of `buf`.
///
/// A line is judged when it is complete, so that the outcome does not depend on how the bytes arrive.
/// The result's fields share one allocation of the head's size; nothing of `buf` is kept.
///
/// # Errors
///
/// The head breaks a rule or a limit: see [`ErrorKind`].
pub fn parse_request(buf: &[u8], config: &Config) -> Result<Status<RequestHead>, Error> {
    parse_request_into(&mut BytesMut::new(), buf, config)
}

/// The same with the head's copy made in a block that several heads share: what a connection uses.
pub(crate) fn parse_request_into(
    block: &mut BytesMut,
    buf: &[u8],
    config: &Config,
) -> Result<Status<RequestHead>, Error> {
    let skipped = match empty_lines(buf, config)? {
        Some(skipped) => skipped,
        None => return Ok(Status::Partial),
    };
    let window = match window(buf.get(skipped..).unwrap_or_default(), config) {
        Window::Lines(window) => window,
        Window::Partial => return Ok(Status::Partial),
        Window::Endless => return Err(ErrorKind::TargetTooLong.into()),
    };
    with_slots(config, |slots| {
        let mut parsed = httparse::Request::new(&mut []);
        match httparse::ParserConfig::default().parse_request_with_uninit_headers(
            &mut parsed,
            window,
            slots,
        ) {
            Ok(httparse::Status::Complete(used)) => {
                let head = request(block, &parsed, window.get(..used).unwrap_or_default(), config)?;
                Ok(Status::Complete(head, used.saturating_add(skipped)))
            }
            Ok(httparse::Status::Partial) => partial(buf, skipped, config),
            Err(error) => Err(diagnose::request(window, error, config)),
        }
    })
}

/// Parses the head of a response at the front of `buf`.
///
/// # Errors
///
/// The head breaks a rule or a limit: see [`ErrorKind`].
pub fn parse_response(buf: &[u8], config: &Config) -> Result<Status<ResponseHead>, Error> {
    parse_response_into(&mut BytesMut::new(), buf, config)
}

pub(crate) fn parse_response_into(
    block: &mut BytesMut,
    buf: &[u8],
    config: &Config,
) -> Result<Status<ResponseHead>, Error> {
    let window = match window(buf, config) {
        Window::Lines(window) => window,
        Window::Partial => return Ok(Status::Partial),
        Window::Endless => return Err(ErrorKind::HeadTooLarge.into()),
    };
    with_slots(config, |slots| {
        let mut parsed = httparse::Response::new(&mut []);
        match httparse::ParserConfig::default()
            .allow_obsolete_multiline_headers_in_responses(config.leniency.obsolete_line_folding)
            .allow_spaces_after_header_name_in_responses(config.leniency.whitespace_before_colon)
            .parse_response_with_uninit_headers(&mut parsed, window, slots)
        {
            Ok(httparse::Status::Complete(used)) => {
                let head =
                    response(block, &parsed, window.get(..used).unwrap_or_default(), config)?;
                Ok(Status::Complete(head, used))
            }
            Ok(httparse::Status::Partial) => partial(buf, 0, config),
            Err(error) => Err(diagnose::response(window, error, config)),
        }
    })
}

/// Whether a further byte could begin a request line: anything else is refused before its line is complete,
/// so that a TLS client or garbage on this port is told at once.
fn empty_lines(buf: &[u8], config: &Config) -> Result<Option<usize>, Error> {
    let mut skipped = 0usize;
    for _ in 0..=MAX_EMPTY_LINES {
        match buf.get(skipped..).unwrap_or_default() {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', ..] => skipped = skipped.saturating_add(2),
            [b'\n', ..] if config.leniency.bare_lf => skipped = skipped.saturating_add(1),
            [b'\n', ..] => return Err(ErrorKind::BareLineFeed.into()),
            [first, ..] if is_tchar(*first) => return Ok(Some(skipped)),
            _ => break,
        }
    }
    Err(ErrorKind::BadMethod.into())
}

enum Window<'a> {
    /// All lines that are complete within the limit.
    Lines(&'a [u8]),
    Partial,
    /// The limit is reached without the end of the first line.
    Endless,
}

fn window<'a>(buf: &'a [u8], config: &Config) -> Window<'a> {
    let limit = config.limits.max_head;
    let within = buf.get(..limit.min(buf.len())).unwrap_or_default();
    match memchr::memrchr(b'\n', within) {
        Some(last) => Window::Lines(within.get(..=last).unwrap_or_default()),
        None if buf.len() >= limit => Window::Endless,
        None => Window::Partial,
    }
}

fn partial<T>(buf: &[u8], skipped: usize, config: &Config) -> Result<Status<T>, Error> {
    if buf.len().saturating_sub(skipped) >= config.limits.max_head {
        return Err(ErrorKind::HeadTooLarge.into());
    }
    Ok(Status::Partial)
}

fn with_slots<'buf, T>(config: &Config, parse: impl FnOnce(&mut Slots<'buf>) -> T) -> T {
    let mut stack = [const { MaybeUninit::uninit() }; STACK_FIELDS];
    match stack.get_mut(..config.limits.max_fields) {
        Some(slots) => parse(slots),
        None => {
            let mut heap = Vec::new();
            heap.resize_with(config.limits.max_fields, MaybeUninit::uninit);
            parse(&mut heap)
        }
    }
}

/// Heads are copied into blocks of this size, one after the other. A block is used again once no head in it
/// is held any more, so that a connection whose handlers keep nothing allocates none for its heads.
const BLOCK: usize = 4096;

fn copy(block: &mut BytesMut, head: &[u8]) -> Bytes {
    if block.capacity() < head.len() {
        block.reserve(if head.len() > BLOCK / 2 { head.len() } else { BLOCK });
    }
    block.extend_from_slice(head);
    block.split().freeze()
}

/// Everything before `at`, counted from the front of `head`: `part` is a slice of `head`.
fn offset(head: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).wrapping_sub(head.as_ptr() as usize)
}

fn request(
    block: &mut BytesMut,
    parsed: &httparse::Request<'_, '_>,
    head: &[u8],
    config: &Config,
) -> Result<RequestHead, Error> {
    let target = parsed.path.unwrap_or_default();
    let http11 = parsed.version == Some(1);
    if target.len() > config.limits.max_target {
        return Err(ErrorKind::TargetTooLong.into());
    }
    check_line_ends(head, parsed.headers, config)?;
    let method = Method::from_bytes(parsed.method.unwrap_or_default().as_bytes())
        .map_err(|_| ErrorKind::BadMethod)?;
    let shared = copy(block, head);
    let at = offset(head, target.as_bytes());
    let target = shared.slice(at..at.saturating_add(target.len()));
    let uri = parse_target(&method, target)?;

    let mut framing = Framing::default();
    let mut host = false;
    let headers = collect(head, &shared, parsed.headers, |role, value| {
        match role {
            Role::None => {}
            Role::Connection => framing.connection(value),
            Role::ContentLength => framing.content_length(value, &config.leniency)?,
            Role::TransferEncoding => framing.transfer_encoding(value)?,
            Role::Expect if !http11 => {}
            Role::Expect if value.eq_ignore_ascii_case(b"100-continue") => {
                framing.expect_continue = true;
            }
            Role::Expect => return Err(ErrorKind::BadExpect),
            Role::Host if host => return Err(ErrorKind::RepeatedHost),
            Role::Host if !is_host(value) => return Err(ErrorKind::BadHost),
            Role::Host => host = true,
            Role::Upgrade => {}
        }
        Ok(())
    })?;
    if http11 && !host {
        return Err(ErrorKind::MissingHost.into());
    }
    let body = framing.request_body(http11, &config.leniency)?;
    if body.known().is_some_and(|length| length > config.limits.max_body) {
        return Err(ErrorKind::BodyTooLarge.into());
    }
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.version_mut() = version(http11);
    *request.headers_mut() = headers;
    if config.leniency.content_length_with_transfer_encoding && body == BodyLength::Unknown {
        request.headers_mut().remove(http::header::CONTENT_LENGTH);
    }
    Ok(RequestHead { request, body, framing })
}

fn response(
    block: &mut BytesMut,
    parsed: &httparse::Response<'_, '_>,
    head: &[u8],
    config: &Config,
) -> Result<ResponseHead, Error> {
    let status = parsed
        .code
        .filter(|code| (100..600).contains(code))
        .and_then(|code| StatusCode::from_u16(code).ok())
        .ok_or(ErrorKind::BadStatusLine)?;
    check_line_ends(head, parsed.headers, config)?;
    let shared = copy(block, head);
    let mut framing = Framing::default();
    let headers = collect(head, &shared, parsed.headers, |role, value| {
        match role {
            Role::Connection => framing.connection(value),
            Role::ContentLength => framing.content_length(value, &config.leniency)?,
            Role::TransferEncoding => framing.transfer_encoding(value)?,
            Role::None | Role::Expect | Role::Host | Role::Upgrade => {}
        }
        Ok(())
    })?;
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.version_mut() = version(parsed.version == Some(1));
    *response.headers_mut() = headers;
    Ok(ResponseHead { response, framing })
}

fn version(http11: bool) -> Version {
    if http11 { Version::HTTP_11 } else { Version::HTTP_10 }
}

/// httparse takes LF for the end of a line; each line's end is known without another search, because it is
/// right before the next name.
pub(crate) fn check_line_ends(
    head: &[u8],
    headers: &[httparse::Header<'_>],
    config: &Config,
) -> Result<(), Error> {
    if config.leniency.bare_lf {
        return Ok(());
    }
    let end = head.ends_with(b"\r\n\r\n") || head == b"\r\n";
    let lines = headers.iter().all(|header| {
        match offset(head, header.name.as_bytes()).checked_sub(2) {
            Some(at) => head.get(at) == Some(&b'\r'),
            // The first field of a section of its own.
            None => true,
        }
    });
    // A folded line hides its first line's end within its value.
    let folds = !config.leniency.obsolete_line_folding
        || headers.iter().all(|header| {
            memchr::memchr_iter(b'\n', header.value)
                .all(|at| at.checked_sub(1).and_then(|cr| header.value.get(cr)) == Some(&b'\r'))
        });
    if end && lines && folds { Ok(()) } else { Err(ErrorKind::BareLineFeed.into()) }
}

/// Builds the map of a field section whose bytes are `shared`, a copy of `section`.
pub(crate) fn collect(
    section: &[u8],
    shared: &Bytes,
    parsed: &[httparse::Header<'_>],
    mut check: impl FnMut(Role, &[u8]) -> Result<(), ErrorKind>,
) -> Result<HeaderMap, Error> {
    let mut map =
        HeaderMap::try_with_capacity(parsed.len()).map_err(|_| ErrorKind::TooManyFields)?;
    for header in parsed {
        let (name, role) = fields::name(header.name).ok_or(ErrorKind::BadFieldName)?;
        check(role, header.value)?;
        let at = offset(section, header.value);
        let value = match header.value.contains(&b'\n') {
            false if header.value.is_empty() => Bytes::new(),
            false => shared.slice(at..at.saturating_add(header.value.len())),
            true => unfold(header.value),
        };
        let value = HeaderValue::from_maybe_shared(value).map_err(|_| ErrorKind::BadFieldValue)?;
        map.try_append(name, value).map_err(|_| ErrorKind::TooManyFields)?;
    }
    Ok(map)
}

/// Replaces each folding by one space (RFC 9112, section 5.2).
fn unfold(value: &[u8]) -> Bytes {
    let mut unfolded = Vec::with_capacity(value.len());
    for line in value.split(|&b| b == b'\n') {
        if !unfolded.is_empty() {
            unfolded.push(b' ');
        }
        unfolded.extend_from_slice(line.trim_ascii());
    }
    unfolded.into()
}

/// The four forms of a request target (RFC 9112, section 3.2).
fn parse_target(method: &Method, target: Bytes) -> Result<Uri, ErrorKind> {
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
            _ => {
                uri.scheme().is_some()
                    && uri.host().is_some_and(|host| !host.is_empty())
                    && !has_userinfo()
            }
        }
    };
    if fits { Ok(uri) } else { Err(ErrorKind::BadTarget) }
}

/// `uri-host [ ":" port ]` (RFC 9110, section 7.2); empty where the target has no authority.
fn is_host(value: &[u8]) -> bool {
    let (host, port) = match value {
        [b'[', rest @ ..] => match memchr::memchr(b']', rest) {
            Some(end) => (rest.get(..end), rest.get(end.saturating_add(1)..)),
            None => return false,
        },
        _ => {
            let end = memchr::memchr(b':', value).unwrap_or(value.len());
            (value.get(..end), value.get(end..))
        }
    };
    let (Some(host), Some(port)) = (host, port) else { return false };
    let port_fits = match port {
        [] => true,
        [b':', digits @ ..] => {
            digits.is_empty()
                || crate::framing::decimal(digits).is_some_and(|n| n <= u64::from(u16::MAX))
        }
        _ => return false,
    };
    let host_fits = match value.first() {
        Some(b'[') => is_ip_literal(host),
        _ => is_reg_name(host) && (!host.is_empty() || port.is_empty()),
    };
    port_fits && host_fits
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

fn is_reg_name(host: &[u8]) -> bool {
    let is_plain = |b: &u8| REG_NAME.get(usize::from(*b)).copied().unwrap_or(false);
    if host.iter().all(is_plain) {
        return true;
    }
    let mut rest = host;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [a, b, tail @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => tail,
            (first, tail) if is_plain(first) => tail,
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
            parse_target(&method, Bytes::from_static(target.as_bytes())).is_ok()
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
