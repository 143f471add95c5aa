//! Field sections, of heads and of trailers: from what httparse found to a map.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::fields::{self, Role};
use crate::{Config, Error, ErrorKind};

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

/// Everything before `at`, counted from the front of `head`: `part` is a slice of `head`.
fn offset(head: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).wrapping_sub(head.as_ptr() as usize)
}
