//! Heads of requests, whole and in place.

use barewire_proto::Status;
use bytes::Bytes;
use http::uri::Uri;
use http::{Method, Request};

use super::{Window, partial, refuses, version, window, with_slots};
use crate::block::Block;
use crate::fields::Role;
use crate::framing::{Framing, is_tchar};
use crate::repeat::{Known, Repeat, Whole};
use crate::section::{check_line_ends, collect};
use crate::{BodyLength, Config, Error, ErrorKind, diagnose, target};

/// Empty lines that are skipped before a request line (RFC 9112, section 2.2).
pub(crate) const MAX_EMPTY_LINES: usize = 4;

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
