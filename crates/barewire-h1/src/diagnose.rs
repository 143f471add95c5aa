//! What is wrong with a head that httparse refused: the cold path, which tells people and peers apart what
//! one parser error may mean.

use crate::framing::{is_tchar, is_token};
use crate::{Config, Error, ErrorKind};

/// `refuses` says whether httparse refuses a beginning of the head that ends with a line.
pub(crate) fn request(
    head: &[u8],
    error: httparse::Error,
    config: &Config,
    refuses: impl Fn(&[u8]) -> bool,
) -> Error {
    let head = up_to_the_fault(head, refuses);
    let mut lines = head.split_inclusive(|&b| b == b'\n');
    let verdict = lines
        .next()
        .and_then(|line| line_end(line, config).err().or_else(|| request_line(content(line))))
        .or_else(|| fields(lines, config, false));
    verdict.unwrap_or_else(|| fallback(error)).into()
}

pub(crate) fn response(
    head: &[u8],
    error: httparse::Error,
    config: &Config,
    refuses: impl Fn(&[u8]) -> bool,
) -> Error {
    let head = up_to_the_fault(head, refuses);
    let mut lines = head.split_inclusive(|&b| b == b'\n');
    let verdict = lines
        .next()
        .and_then(|line| status_line(content(line)).or_else(|| line_end(line, config).err()))
        .or_else(|| fields(lines, config, true));
    verdict.unwrap_or_else(|| fallback(error)).into()
}

pub(crate) fn trailers(section: &[u8], config: &Config) -> Error {
    let lines = section.split_inclusive(|&b| b == b'\n');
    let strict =
        Config { leniency: Default::default(), limits: config.limits.clone(), ..Config::default() };
    match fields(lines, &strict, false) {
        Some(
            kind @ (ErrorKind::BareLineFeed
            | ErrorKind::ObsoleteLineFolding
            | ErrorKind::WhitespaceBeforeColon),
        ) => kind.into(),
        _ => ErrorKind::BadTrailer.into(),
    }
}

/// The lines up to the first that is refused: what comes after it must not change the verdict, since with
/// slower bytes it would not be there yet.
fn up_to_the_fault(head: &[u8], refuses: impl Fn(&[u8]) -> bool) -> &[u8] {
    let ends: Vec<usize> =
        memchr::memchr_iter(b'\n', head).map(|at| at.saturating_add(1)).collect();
    let first = ends.partition_point(|&end| !refuses(head.get(..end).unwrap_or_default()));
    ends.get(first).and_then(|&end| head.get(..end)).unwrap_or(head)
}

fn fallback(error: httparse::Error) -> ErrorKind {
    match error {
        httparse::Error::HeaderName => ErrorKind::BadFieldName,
        httparse::Error::HeaderValue => ErrorKind::BadFieldValue,
        httparse::Error::NewLine => ErrorKind::BareLineFeed,
        httparse::Error::Status => ErrorKind::BadStatusLine,
        httparse::Error::Token => ErrorKind::BadTarget,
        httparse::Error::TooManyHeaders => ErrorKind::TooManyFields,
        httparse::Error::Version => ErrorKind::UnsupportedVersion,
    }
}

/// A line without its end.
fn content(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).unwrap_or(line)
}

fn line_end(line: &[u8], config: &Config) -> Result<(), ErrorKind> {
    if config.leniency.bare_lf || line.ends_with(b"\r\n") {
        Ok(())
    } else {
        Err(ErrorKind::BareLineFeed)
    }
}

fn request_line(line: &[u8]) -> Option<ErrorKind> {
    let mut parts = line.split(|&b| b == b' ');
    if !is_token(parts.next().unwrap_or_default()) {
        return Some(ErrorKind::BadMethod);
    }
    let target = parts.next().unwrap_or_default();
    if target.is_empty() || target.iter().any(|&b| b <= b' ' || b >= 0x7f) {
        return Some(ErrorKind::BadTarget);
    }
    match (parts.next(), parts.next()) {
        (Some(b"HTTP/1.1" | b"HTTP/1.0"), None) => None,
        (Some(version), None) if is_version(version) => Some(ErrorKind::UnsupportedVersion),
        _ => Some(ErrorKind::BadTarget),
    }
}

fn status_line(line: &[u8]) -> Option<ErrorKind> {
    let (version, rest) = match line.iter().position(|&b| b == b' ') {
        Some(at) => (line.get(..at).unwrap_or_default(), line.get(at..).unwrap_or_default()),
        None => (line, &b""[..]),
    };
    if !matches!(version, b"HTTP/1.1" | b"HTTP/1.0") {
        return Some(match is_version(version) {
            true => ErrorKind::UnsupportedVersion,
            false => ErrorKind::BadStatusLine,
        });
    }
    let fits = match rest {
        [b' ', a, b, c, rest @ ..] => {
            [a, b, c].iter().all(|d| d.is_ascii_digit())
                && matches!(rest.first(), None | Some(b' '))
                && rest.iter().all(|&b| is_text(b))
        }
        _ => false,
    };
    if fits { None } else { Some(ErrorKind::BadStatusLine) }
}

/// `HTTP/DIGIT.DIGIT`
fn is_version(version: &[u8]) -> bool {
    matches!(version, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
        if major.is_ascii_digit() && minor.is_ascii_digit())
}

fn is_text(b: u8) -> bool {
    b == b'\t' || (b >= b' ' && b != 0x7f)
}

fn fields<'a>(
    lines: impl Iterator<Item = &'a [u8]>,
    config: &Config,
    response: bool,
) -> Option<ErrorKind> {
    let mut count = 0usize;
    for line in lines {
        if let Err(kind) = line_end(line, config) {
            return Some(kind);
        }
        let line = content(line);
        if line.is_empty() {
            return None;
        }
        if line.first().is_some_and(|b| matches!(b, b' ' | b'\t')) {
            if response && config.leniency.obsolete_line_folding && count > 0 {
                continue;
            }
            return Some(ErrorKind::ObsoleteLineFolding);
        }
        let Some(colon) = line.iter().position(|&b| b == b':') else {
            return Some(ErrorKind::BadFieldName);
        };
        let name = line.get(..colon).unwrap_or_default();
        let trimmed = name.trim_ascii_end();
        if !trimmed.is_empty()
            && trimmed.len() != name.len()
            && trimmed.iter().all(|&b| is_tchar(b))
        {
            let blank = name.iter().skip(trimmed.len()).all(|b| matches!(b, b' ' | b'\t'));
            if !blank {
                return Some(ErrorKind::BadFieldName);
            }
            if !(response && config.leniency.whitespace_before_colon) {
                return Some(ErrorKind::WhitespaceBeforeColon);
            }
        } else if !is_token(name) {
            return Some(ErrorKind::BadFieldName);
        }
        let value = line.get(colon.saturating_add(1)..).unwrap_or_default();
        if !value.iter().all(|&b| is_text(b)) {
            return Some(ErrorKind::BadFieldValue);
        }
        count = count.saturating_add(1);
        if count > config.limits.max_fields {
            return Some(ErrorKind::TooManyFields);
        }
    }
    None
}
