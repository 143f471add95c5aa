//! The chunked transfer coding, decoded and encoded without a connection (RFC 9112, section 7.1).
//!
//! ```
//! use barewire_h1::chunked::{Decoder, Part};
//! use barewire_h1::Config;
//! use barewire_proto::{Bytes, Input};
//!
//! let mut input = Input::new(1024);
//! let _ = input.push(Bytes::from_static(b"5\r\nhello\r\n0\r\nCheck: ok\r\n\r\n"));
//! let (mut decoder, config) = (Decoder::default(), Config::default());
//! assert_eq!(decoder.decode(&mut input, &config)?, Some(Part::Data(Bytes::from_static(b"hello"))));
//! let Some(Part::Trailers(trailers)) = decoder.decode(&mut input, &config)? else { panic!() };
//! assert_eq!(trailers["check"], "ok");
//! assert_eq!(decoder.decode(&mut input, &config)?, Some(Part::End));
//! # Ok::<(), barewire_h1::Error>(())
//! ```

use barewire_proto::{Input, Output};
use bytes::{BufMut, Bytes};
use http::HeaderMap;

use crate::framing::is_token;
use crate::section::{check_line_ends, collect};
use crate::{Config, Error, ErrorKind, diagnose, fields};

/// A part of a chunked body.
#[derive(Debug, PartialEq)]
pub enum Part {
    /// Payload: a slice of the read buffer, never empty.
    Data(Bytes),
    /// The trailer section, when it has any field.
    Trailers(HeaderMap),
    /// The body is complete. Repeated at every further call.
    End,
}

/// Takes the chunked coding off a stream. A line is judged when it is complete; a data byte at once.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    state: State,
    extensions: usize,
    /// Payload of all chunks whose size is known.
    announced: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    Data(u64),
    DataEnd,
    Trailers,
    End,
}

/// A chunk's size is at most as many digits: 2^64 - 1.
const MAX_DIGITS: usize = 16;

/// Extensions of all chunks of a body together, as a multiple of the limit for one.
const EXTENSIONS_OF_A_BODY: usize = 16;

impl Decoder {
    /// The next part of the body, or `None` when more input is needed.
    ///
    /// # Errors
    ///
    /// The framing, an extension or the trailer section breaks a rule or a limit.
    pub fn decode(&mut self, input: &mut Input, config: &Config) -> Result<Option<Part>, Error> {
        loop {
            match self.state {
                State::Size => match self.size_line(input, config)? {
                    Some(0) => self.state = State::Trailers,
                    Some(size) => self.state = State::Data(size),
                    None => return Ok(None),
                },
                State::Data(left) => {
                    if input.is_empty() {
                        return Ok(None);
                    }
                    let data = input.split_to(usize::try_from(left).unwrap_or(usize::MAX));
                    let left = left.saturating_sub(data.len() as u64);
                    self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
                    return Ok(Some(Part::Data(data)));
                }
                State::DataEnd => match input.filled() {
                    [b'\r', b'\n', ..] => {
                        input.consume(2);
                        self.state = State::Size;
                    }
                    [] | [b'\r'] => return Ok(None),
                    [b'\n', ..] => return Err(ErrorKind::BareLineFeed.into()),
                    _ => return Err(ErrorKind::BadChunkEnd.into()),
                },
                State::Trailers if input.filled().starts_with(b"\r\n") => {
                    input.consume(2);
                    self.state = State::End;
                }
                State::Trailers => match trailers(input, config)? {
                    Some(trailers) => {
                        self.state = State::End;
                        if !trailers.is_empty() {
                            return Ok(Some(Part::Trailers(trailers)));
                        }
                    }
                    None => return Ok(None),
                },
                State::End => return Ok(Some(Part::End)),
            }
        }
    }

    /// Whether the body is complete.
    pub fn is_done(&self) -> bool {
        self.state == State::End
    }

    fn size_line(&mut self, input: &mut Input, config: &Config) -> Result<Option<u64>, Error> {
        if let Some((size, used)) = bare_size(input.filled()) {
            input.consume(used);
            return self.announce(size, config).map(Some);
        }
        let allowed = config.limits.max_chunk_extension;
        let longest = allowed.saturating_add(MAX_DIGITS).saturating_add(2);
        let Some(line) = next_line(input, longest) else {
            if input.len() < longest {
                return Ok(None);
            }
            let kind = match size(input.filled().get(..longest).unwrap_or_default()) {
                Ok((_, _)) => ErrorKind::ChunkExtensionTooLong,
                Err(kind) => kind,
            };
            return Err(kind.into());
        };
        let used = line.len();
        let Some(content) = line.strip_suffix(b"\r\n") else {
            return Err(ErrorKind::BareLineFeed.into());
        };
        let (size, extensions) = size(content)?;
        check_extensions(extensions)?;
        self.extensions = self.extensions.saturating_add(extensions.len());
        if extensions.len() > allowed
            || self.extensions > allowed.saturating_mul(EXTENSIONS_OF_A_BODY)
        {
            return Err(ErrorKind::ChunkExtensionTooLong.into());
        }
        input.consume(used);
        self.announce(size, config).map(Some)
    }

    /// Bodies are judged by what is announced, and not by what has arrived of it.
    fn announce(&mut self, size: u64, config: &Config) -> Result<u64, Error> {
        self.announced = self.announced.saturating_add(size);
        if self.announced > config.limits.max_body {
            return Err(ErrorKind::BodyTooLarge.into());
        }
        Ok(size)
    }
}

/// A chunk's size on a line without extensions, as almost all are, and the length of the line.
fn bare_size(buf: &[u8]) -> Option<(u64, usize)> {
    let mut size = 0u64;
    for (digits, b) in buf.iter().take(MAX_DIGITS.saturating_add(1)).enumerate() {
        let Some(digit) = char::from(*b).to_digit(16) else {
            let ends = digits > 0 && buf.get(digits..).unwrap_or_default().starts_with(b"\r\n");
            return ends.then(|| (size, digits.saturating_add(2)));
        };
        size = size.wrapping_shl(4) | u64::from(digit);
    }
    None
}

/// The next line, its end included, if it is complete within `longest` bytes. Searches each byte once.
fn next_line(input: &mut Input, longest: usize) -> Option<&[u8]> {
    let scanned = input.scanned();
    let fresh = input.filled().get(scanned..).unwrap_or_default();
    let Some(at) = memchr::memchr(b'\n', fresh) else {
        input.set_scanned(usize::MAX);
        return None;
    };
    let end = scanned.saturating_add(at).saturating_add(1);
    if end > longest {
        return None;
    }
    input.filled().get(..end)
}

/// `1*HEXDIG`, and what comes after it on the line.
fn size(line: &[u8]) -> Result<(u64, &[u8]), ErrorKind> {
    let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let (digits, rest) = line.split_at_checked(digits).unwrap_or((line, &[]));
    if digits.is_empty() || !matches!(rest.first(), None | Some(b';')) {
        return Err(ErrorKind::BadChunkSize);
    }
    if digits.len() > MAX_DIGITS {
        return Err(ErrorKind::ChunkSizeOverflow);
    }
    let size = digits.iter().fold(0u64, |n, b| {
        let digit = char::from(*b).to_digit(16).unwrap_or_default();
        n.wrapping_shl(4) | u64::from(digit)
    });
    Ok((size, rest))
}

/// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )` (RFC 9112, section 7.1.1).
fn check_extensions(mut rest: &[u8]) -> Result<(), ErrorKind> {
    let bad = ErrorKind::BadChunkExtension;
    loop {
        rest = skip_blank(rest);
        match rest {
            [] => return Ok(()),
            [b';', tail @ ..] => rest = skip_blank(tail),
            _ => return Err(bad),
        }
        rest = skip_token(rest).ok_or(bad)?;
        if let [b'=', tail @ ..] = skip_blank(rest) {
            let value = skip_blank(tail);
            rest = match value {
                [b'"', quoted @ ..] => skip_quoted(quoted).ok_or(bad)?,
                _ => skip_token(value).ok_or(bad)?,
            };
        }
    }
}

fn skip_blank(bytes: &[u8]) -> &[u8] {
    let blank = bytes.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    bytes.get(blank..).unwrap_or_default()
}

fn skip_token(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|&b| !is_token(&[b])).unwrap_or(bytes.len());
    if end == 0 { None } else { bytes.get(end..) }
}

fn skip_quoted(mut bytes: &[u8]) -> Option<&[u8]> {
    let text = |b: u8| b == b'\t' || (b >= b' ' && b != 0x7f);
    loop {
        match bytes {
            [b'"', tail @ ..] => return Some(tail),
            [b'\\', b, tail @ ..] if text(*b) => bytes = tail,
            [b, tail @ ..] if text(*b) && *b != b'\\' => bytes = tail,
            _ => return None,
        }
    }
}

/// The trailer section with its empty line, or `None` when bytes are missing.
fn trailers(input: &mut Input, config: &Config) -> Result<Option<HeaderMap>, Error> {
    let limit = config.limits.max_trailers.max(2);
    let fresh = input.filled().get(input.scanned()..).unwrap_or_default();
    let ends_a_line = memchr::memchr(b'\n', fresh).is_some();
    let within = input.filled().get(..limit.min(input.len())).unwrap_or_default();
    let section = match memchr::memrchr(b'\n', within) {
        Some(last) if ends_a_line || input.len() >= limit => {
            within.get(..=last).unwrap_or_default()
        }
        _ if input.len() >= limit => return Err(ErrorKind::TrailersTooLarge.into()),
        _ => {
            input.set_scanned(usize::MAX);
            return Ok(None);
        }
    };
    let mut parsed = vec![httparse::EMPTY_HEADER; config.limits.max_fields];
    match httparse::parse_headers(section, &mut parsed) {
        Ok(httparse::Status::Complete((used, found))) => {
            let section = section.get(..used).unwrap_or_default();
            let strict = Config { leniency: Default::default(), ..config.clone() };
            check_line_ends(section, found, &strict)?;
            let shared = Bytes::copy_from_slice(section);
            let mut map = HeaderMap::new();
            collect(&mut map, section, &shared, found, false, |_, _| Ok(()))
                .map_err(|_| ErrorKind::BadTrailer)?;
            if map.keys().any(fields::is_forbidden_in_trailers) {
                return Err(ErrorKind::BadTrailer.into());
            }
            input.consume(used);
            Ok(Some(map))
        }
        Ok(httparse::Status::Partial) if input.len() >= limit => {
            Err(ErrorKind::TrailersTooLarge.into())
        }
        Ok(httparse::Status::Partial) => {
            input.set_scanned(usize::MAX);
            Ok(None)
        }
        Err(httparse::Error::TooManyHeaders) => Err(ErrorKind::TrailersTooLarge.into()),
        Err(_) => Err(diagnose::trailers(section, config)),
    }
}

/// Puts one chunk out; nothing when `data` is empty, since that would end the body.
pub fn encode(output: &mut Output, data: Bytes) {
    if data.is_empty() {
        return;
    }
    let mut line = [0u8; MAX_DIGITS + 2];
    output.put(hex_line(data.len(), &mut line));
    output.push(data);
    output.put(b"\r\n");
}

/// Ends a chunked body, with a trailer section if there is one.
pub fn encode_end(output: &mut Output, trailers: Option<&HeaderMap>) {
    output.put(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten() {
        let tail = output.tail();
        tail.put_slice(name.as_str().as_bytes());
        tail.put_slice(b": ");
        tail.put_slice(value.as_bytes());
        tail.put_slice(b"\r\n");
    }
    output.put(b"\r\n");
}

fn hex_line(mut n: usize, line: &mut [u8; MAX_DIGITS + 2]) -> &[u8] {
    let mut at = line.len();
    for b in [b'\n', b'\r'] {
        at = at.saturating_sub(1);
        if let Some(slot) = line.get_mut(at) {
            *slot = b;
        }
    }
    loop {
        at = at.saturating_sub(1);
        if let (Some(slot), Some(digit)) = (line.get_mut(at), b"0123456789abcdef".get(n & 15)) {
            *slot = *digit;
        }
        n = n.wrapping_shr(4);
        if n == 0 {
            return line.get(at..).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9112_7_1_chunk_size() {
        use ErrorKind::{BadChunkSize, ChunkSizeOverflow};
        for (line, expected) in [
            (&b"0"[..], Ok(0)),
            (b"1aF", Ok(0x1af)),
            (b"00000000000000ff", Ok(255)),
            (b"ffffffffffffffff", Ok(u64::MAX)),
            (b"10000000000000000", Err(ChunkSizeOverflow)),
            (b"", Err(BadChunkSize)),
            (b"-1", Err(BadChunkSize)),
            (b"+1", Err(BadChunkSize)),
            (b"0x1", Err(BadChunkSize)),
            (b" 1", Err(BadChunkSize)),
            (b"1 ", Err(BadChunkSize)),
            (b"1 ;a", Err(BadChunkSize)),
            (b"1g", Err(BadChunkSize)),
        ] {
            assert_eq!(size(line).map(|(n, _)| n), expected, "{:?}", line.escape_ascii());
            let whole = [line, b"\r\nnext"].concat();
            let bare = expected.ok().map(|n| (n, line.len() + 2));
            assert_eq!(bare_size(&whole), bare, "{:?}", line.escape_ascii());
            assert_eq!(bare_size(line), None);
        }
    }

    #[test]
    fn rfc9112_7_1_1_chunk_extensions() {
        for good in ["", ";a", ";a=b", "; a = b", ";a=\"b;c\"", ";a=\"\\\"\";b", ";a;b=c"] {
            assert_eq!(check_extensions(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in
            [";", ";;a", ";=b", ";a=", ";a=\"b", ";a=b c", ";a\r", ";a=\"\r\"", ";a=\"\n\"", "a"]
        {
            assert!(check_extensions(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn hexadecimal_lines() {
        let mut line = [0; MAX_DIGITS + 2];
        for n in [0, 1, 15, 16, 255, 4096, usize::MAX] {
            assert_eq!(hex_line(n, &mut line), format!("{n:x}\r\n").as_bytes());
        }
    }
}
