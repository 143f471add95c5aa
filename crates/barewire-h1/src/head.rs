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

use barewire_proto::{Output, Status};
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::uri::Uri;
use http::{Method, Request, Response, StatusCode, Version};

use crate::block::Block;
use crate::diagnose;
use crate::encode::{self, LengthField, ResponseFields};
use crate::fields::{self, Role};
use crate::framing::{Coding, Framing, is_tchar};
use crate::repeat::{Known, Repeat, Whole};
use crate::target;
use crate::{BodyLength, Config, Error, ErrorKind, UsageError};

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
        self.framing.offers_upgrade(&self.request)
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
pub(crate) const MAX_EMPTY_LINES: usize = 4;

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
    let mut skipped = 0usize;
    for line in 0usize.. {
        match front(buf.get(skipped..).unwrap_or_default(), config)? {
            Front::Partial => return Ok(Status::Partial),
            Front::Line => break,
            Front::EmptyLine(_) if line >= MAX_EMPTY_LINES => {
                return Err(ErrorKind::BadMethod.into());
            }
            Front::EmptyLine(n) => skipped = skipped.saturating_add(n),
        }
    }
    let mut request = Request::new(());
    let rest = buf.get(skipped..).unwrap_or_default();
    match parse_request_into(&mut request, &mut Scratch::default(), rest, config)? {
        Status::Complete((body, framing), used) => Ok(Status::Complete(
            RequestHead { request, body, framing },
            used.saturating_add(skipped),
        )),
        Status::Partial => Ok(Status::Partial),
    }
}

/// What a connection keeps from one request's head to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    block: Block,
    repeat: Repeat,
}

#[cfg(test)]
impl Scratch {
    /// Whether the last head was taken the short way.
    pub(crate) fn is_repeating(&self) -> bool {
        self.repeat.has_hit()
    }
}

/// A request that is to its last byte one that came before on this connection, for the caller to clone it right
/// to its place.
pub(crate) fn whole_repeated<'a>(
    scratch: &'a mut Scratch,
    buf: &[u8],
    config: &Config,
) -> Option<&'a Whole> {
    scratch.repeat.hit_whole(buf, config.limits.max_head)
}

/// The same in place, with the head's copy made in a block that several heads share: what a connection uses.
/// `request` has to be a new one, and `buf` begins with a [`Front::Line`].
pub(crate) fn parse_request_into(
    request: &mut Request<()>,
    scratch: &mut Scratch,
    buf: &[u8],
    config: &Config,
) -> Result<Status<(BodyLength, Framing)>, Error> {
    if let Some(status) = repeated(request, scratch, buf, config)? {
        return Ok(status);
    }
    let window = match window(buf, config) {
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
                let head = window.get(..used).unwrap_or_default();
                let found = fill_request(request, scratch, &parsed, head, config)?;
                Ok(Status::Complete(found, used))
            }
            Ok(httparse::Status::Partial) => partial(buf, config),
            Err(error) => Err(diagnose::request(window, error, config, |lines| {
                refuses(config, |slots| {
                    httparse::ParserConfig::default()
                        .parse_request_with_uninit_headers(
                            &mut httparse::Request::new(&mut []),
                            lines,
                            slots,
                        )
                        .is_err()
                })
            })),
        }
    })
}

/// Parses the head of a response at the front of `buf`.
///
/// # Errors
///
/// The head breaks a rule or a limit: see [`ErrorKind`].
pub fn parse_response(buf: &[u8], config: &Config) -> Result<Status<ResponseHead>, Error> {
    parse_response_into(&mut Block::default(), buf, config)
}

pub(crate) fn parse_response_into(
    block: &mut Block,
    buf: &[u8],
    config: &Config,
) -> Result<Status<ResponseHead>, Error> {
    // httparse would skip empty lines, which a status line has none before it.
    if buf.first().is_some_and(|&b| b != b'H') {
        return Err(ErrorKind::BadStatusLine.into());
    }
    let window = match window(buf, config) {
        Window::Lines(window) => window,
        Window::Partial => return Ok(Status::Partial),
        Window::Endless => return Err(ErrorKind::HeadTooLarge.into()),
    };
    let mut parser = httparse::ParserConfig::default();
    parser
        .allow_obsolete_multiline_headers_in_responses(config.leniency.obsolete_line_folding)
        .allow_spaces_after_header_name_in_responses(config.leniency.whitespace_before_colon);
    with_slots(config, |slots| {
        let mut parsed = httparse::Response::new(&mut []);
        match parser.parse_response_with_uninit_headers(&mut parsed, window, slots) {
            Ok(httparse::Status::Complete(used)) => {
                let head =
                    response(block, &parsed, window.get(..used).unwrap_or_default(), config)?;
                Ok(Status::Complete(head, used))
            }
            Ok(httparse::Status::Partial) => partial(buf, config),
            Err(error) => Err(diagnose::response(window, error, config, |lines| {
                refuses(config, |slots| {
                    parser
                        .parse_response_with_uninit_headers(
                            &mut httparse::Response::new(&mut []),
                            lines,
                            slots,
                        )
                        .is_err()
                })
            })),
        }
    })
}

/// Puts a response's head out, without a connection to decide anything: `Unknown` is the chunked coding.
///
/// ```
/// use barewire_h1::{BodyLength, head};
/// use barewire_proto::{Buf, Output};
///
/// let mut output = Output::default();
/// head::encode_response(&mut output, &http::Response::new(()), BodyLength::Known(5));
/// assert_eq!(output.chunk(), b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
/// ```
pub fn encode_response(output: &mut Output, response: &Response<()>, length: BodyLength) {
    let fields = ResponseFields { length: length.into(), connection: None, date: None };
    encode::response(output, response.status(), response.headers(), &fields);
}

/// Puts a request's head out, without a connection to decide anything: `Unknown` is the chunked coding, and
/// `Host` comes from the target when the request has none.
///
/// # Errors
///
/// The target cannot be sent in a request line, or the version is not HTTP/1; nothing was put out.
pub fn encode_request(
    output: &mut Output,
    request: &Request<()>,
    length: BodyLength,
) -> Result<(), UsageError> {
    let length = match length {
        BodyLength::Empty => LengthField::None,
        length => length.into(),
    };
    encode::request(output, request, length, false)
}

/// What is before a request line.
pub(crate) enum Front {
    /// An empty line of so many bytes.
    EmptyLine(usize),
    /// Something that may be a request line.
    Line,
    Partial,
}

/// Anything else is refused before its line is complete, so that a TLS client or garbage on this port is told
/// at once.
pub(crate) fn front(buf: &[u8], config: &Config) -> Result<Front, Error> {
    match buf {
        [] | [b'\r'] => Ok(Front::Partial),
        [b'\r', b'\n', ..] => Ok(Front::EmptyLine(2)),
        [b'\n', ..] if config.leniency.bare_lf => Ok(Front::EmptyLine(1)),
        [b'\n', ..] => Err(ErrorKind::BareLineFeed.into()),
        [first, ..] if is_tchar(*first) => Ok(Front::Line),
        _ => Err(ErrorKind::BadMethod.into()),
    }
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

fn partial<T>(buf: &[u8], config: &Config) -> Result<Status<T>, Error> {
    if buf.len() >= config.limits.max_head {
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

/// The cold path's way to ask httparse once more.
#[cold]
fn refuses<'buf>(config: &Config, parse: impl FnOnce(&mut Slots<'buf>) -> bool) -> bool {
    with_slots(config, parse)
}

/// Everything before `at`, counted from the front of `head`: `part` is a slice of `head`.
fn offset(head: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).wrapping_sub(head.as_ptr() as usize)
}

/// The short way for a head whose fields are those of the one before.
fn repeated(
    request: &mut Request<()>,
    scratch: &mut Scratch,
    buf: &[u8],
    config: &Config,
) -> Result<Option<Status<(BodyLength, Framing)>>, Error> {
    let Some(line) = memchr::memchr(b'\n', buf).map(|at| at.saturating_add(1)) else {
        return Ok(None);
    };
    let (line, rest) = buf.split_at_checked(line).unwrap_or((buf, &[]));
    let Some(known) = scratch.repeat.known(rest) else { return Ok(None) };
    let used = line.len().saturating_add(known.section.len());
    let mut parsed = httparse::Request::new(&mut []);
    // The fields are what is missing; whatever else is wrong is found the long way.
    let partial = parsed.parse(line) == Ok(httparse::Status::Partial);
    let http11 = parsed.version == Some(1);
    if !partial
        || known.http11 != http11
        || used > config.limits.max_head
        || !line.ends_with(b"\r\n")
    {
        return Ok(None);
    }
    let (body, framing) = (known.body, known.framing);
    request.headers_mut().clone_from(&known.map);
    scratch.repeat.hit();
    fill_line(request, &mut scratch.block, &parsed, config)?;
    scratch.repeat.remember_line(line, || {
        let target = Bytes::copy_from_slice(parsed.path?.as_bytes());
        let uri = target::parse(request.method(), target).ok()?;
        Some((request.method().clone(), uri))
    });
    Ok(Some(Status::Complete((body, framing), used)))
}

/// Method, target and version.
fn fill_line(
    request: &mut Request<()>,
    block: &mut Block,
    parsed: &httparse::Request<'_, '_>,
    config: &Config,
) -> Result<(), Error> {
    let target = parsed.path.unwrap_or_default();
    if target.len() > config.limits.max_target {
        return Err(ErrorKind::TargetTooLong.into());
    }
    let method = Method::from_bytes(parsed.method.unwrap_or_default().as_bytes())
        .map_err(|_| ErrorKind::BadMethod)?;
    *request.uri_mut() = match target {
        "/" if method != Method::CONNECT => Uri::from_static("/"),
        target => target::parse(&method, block.copy(target.as_bytes()))?,
    };
    *request.method_mut() = method;
    *request.version_mut() = version(parsed.version == Some(1));
    Ok(())
}

fn fill_request(
    request: &mut Request<()>,
    scratch: &mut Scratch,
    parsed: &httparse::Request<'_, '_>,
    head: &[u8],
    config: &Config,
) -> Result<(BodyLength, Framing), Error> {
    let http11 = parsed.version == Some(1);
    if parsed.path.is_some_and(|target| target.len() > config.limits.max_target) {
        return Err(ErrorKind::TargetTooLong.into());
    }
    check_line_ends(head, parsed.headers, config)?;
    scratch.block.reserve(head.len());
    fill_line(request, &mut scratch.block, parsed, config)?;
    let line = memchr::memchr(b'\n', head).map_or(0, |at| at.saturating_add(1));
    let section = head.get(line..).unwrap_or_default();
    let again = scratch.repeat.comes_again(section);
    // What is remembered must not keep the block from being used again.
    let shared = match again {
        true => Bytes::copy_from_slice(section),
        false => scratch.block.copy(section),
    };

    let mut framing = Framing::default();
    let mut host = false;
    let map = request.headers_mut();
    collect(map, section, &shared, parsed.headers, false, |role, value| {
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
            Role::Host if !target::is_host(value) => return Err(ErrorKind::BadHost),
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
    if config.leniency.content_length_with_transfer_encoding && body == BodyLength::Unknown {
        request.headers_mut().remove(http::header::CONTENT_LENGTH);
    }
    if again {
        let map = request.headers().clone();
        scratch.repeat.remember(Known { section: shared, http11, map, body, framing });
    }
    Ok((body, framing))
}

fn response(
    block: &mut Block,
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
    let shared = block.copy(head);
    let mut framing = Framing::default();
    let mut response = Response::new(());
    let map = response.headers_mut();
    let folds = config.leniency.obsolete_line_folding;
    collect(map, head, &shared, parsed.headers, folds, |role, value| {
        match role {
            Role::Connection => framing.connection(value),
            Role::ContentLength => framing.content_length(value, &config.leniency)?,
            Role::TransferEncoding => framing.transfer_encoding(value)?,
            Role::None | Role::Expect | Role::Host | Role::Upgrade => {}
        }
        Ok(())
    })?;
    if framing.content_length.is_some() && framing.coding != Coding::None {
        // Refused later unless a leniency lets the coding win; then nobody downstream may see the length.
        response.headers_mut().remove(http::header::CONTENT_LENGTH);
    }
    *response.status_mut() = status;
    *response.version_mut() = version(parsed.version == Some(1));
    Ok(ResponseHead { response, framing })
}

pub(crate) fn version(http11: bool) -> Version {
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

/// Builds the map of a field section whose bytes are `shared`, a copy of `section`; `folds` where a leniency
/// lets line ends into values.
pub(crate) fn collect(
    map: &mut HeaderMap,
    section: &[u8],
    shared: &Bytes,
    parsed: &[httparse::Header<'_>],
    folds: bool,
    mut check: impl FnMut(Role, &[u8]) -> Result<(), ErrorKind>,
) -> Result<(), Error> {
    map.try_reserve(parsed.len()).map_err(|_| ErrorKind::TooManyFields)?;
    for header in parsed {
        let known = fields::known(header.name);
        if let Some(known) = known {
            check(known.role, header.value)?;
        }
        let at = offset(section, header.value);
        let value = match () {
            _ if folds && memchr::memchr(b'\n', header.value).is_some() => unfold(header.value),
            _ if header.value.is_empty() => Bytes::new(),
            _ => shared.slice(at..at.saturating_add(header.value.len())),
        };
        let value = HeaderValue::from_maybe_shared(value).map_err(|_| ErrorKind::BadFieldValue)?;
        let appended = match known {
            Some(known) => map.try_append(&known.name, value),
            None => {
                let name = HeaderName::from_bytes(header.name.as_bytes());
                map.try_append(name.map_err(|_| ErrorKind::BadFieldName)?, value)
            }
        };
        appended.map_err(|_| ErrorKind::TooManyFields)?;
    }
    Ok(())
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
