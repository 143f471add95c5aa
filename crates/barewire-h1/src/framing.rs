//! How long a message's body is, and whether the connection lives on after it (RFC 9112, sections 6 and 9).

use http::{Request, Version};

use crate::{BodyLength, Error, ErrorKind, Leniency};

/// What the fields of one head say about framing and the connection, gathered while the head is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Framing {
    pub(crate) content_length: Option<u64>,
    pub(crate) coding: Coding,
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
    pub(crate) expect_continue: bool,
}

/// What all `Transfer-Encoding` fields together say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Coding {
    #[default]
    None,
    Chunked,
    /// Codings that we do not speak, with `chunked` last.
    OtherThenChunked,
    /// Codings that do not end in `chunked`: the length cannot be known.
    Other,
}

impl Framing {
    /// Takes one `Content-Length` field in (RFC 9110, section 8.6).
    pub(crate) fn content_length(
        &mut self,
        value: &[u8],
        leniency: &Leniency,
    ) -> Result<(), ErrorKind> {
        for (i, element) in value.split(|&b| b == b',').enumerate() {
            let length = decimal(element.trim_ascii()).ok_or(ErrorKind::BadContentLength)?;
            if i == 0 && element.len() != value.len() && !leniency.identical_content_length {
                // Judge the whole list first: what is not a number is the worse fault.
                let numbers =
                    value.split(|&b| b == b',').all(|e| decimal(e.trim_ascii()).is_some());
                return Err(match numbers {
                    true => ErrorKind::RepeatedContentLength,
                    false => ErrorKind::BadContentLength,
                });
            }
            match self.content_length {
                None => self.content_length = Some(length),
                Some(first) if first == length && leniency.identical_content_length => {}
                Some(_) => return Err(ErrorKind::RepeatedContentLength),
            }
        }
        Ok(())
    }

    /// Takes one `Transfer-Encoding` field in; several make one list (RFC 9112, section 6.1).
    pub(crate) fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), ErrorKind> {
        for element in value.split(|&b| b == b',') {
            let element = element.trim_ascii();
            let chunked = element.eq_ignore_ascii_case(b"chunked");
            self.coding = match (self.coding, chunked) {
                (Coding::None, true) => Coding::Chunked,
                (Coding::Other, true) => Coding::OtherThenChunked,
                (Coding::None | Coding::Other, false) if is_coding(element) => Coding::Other,
                // `chunked` is not last, or there twice, or something is not a coding at all.
                _ => return Err(ErrorKind::BadTransferEncoding),
            };
        }
        Ok(())
    }

    /// Takes one `Connection` field in (RFC 9110, section 7.6.1).
    pub(crate) fn connection(&mut self, value: &[u8]) {
        if let b"keep-alive" | b"Keep-Alive" = value {
            self.keep_alive = true;
            return;
        }
        for option in value.split(|&b| b == b',') {
            let option = option.trim_ascii();
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            self.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
        }
    }

    /// Whether a request offers another protocol; HTTP/1.0 has no upgrade (RFC 9110, section 7.8).
    pub(crate) fn offers_upgrade(&self, request: &Request<()>) -> bool {
        self.upgrade
            && request.version() == Version::HTTP_11
            && request.headers().contains_key(http::header::UPGRADE)
    }

    /// Whether the sender would keep the connection (RFC 9112, section 9.3).
    pub(crate) fn persists(&self, http11: bool) -> bool {
        !self.close && (http11 || self.keep_alive)
    }

    /// The length of a request's body (RFC 9112, section 6.3).
    pub(crate) fn request_body(
        &mut self,
        http11: bool,
        leniency: &Leniency,
    ) -> Result<BodyLength, Error> {
        self.check_both(http11, leniency)?;
        match self.coding {
            Coding::None => Ok(known(self.content_length.unwrap_or(0))),
            Coding::Chunked => Ok(BodyLength::Unknown),
            Coding::OtherThenChunked => Err(ErrorKind::UnsupportedTransferCoding.into()),
            Coding::Other => Err(ErrorKind::BadTransferEncoding.into()),
        }
    }

    /// The length of a response's body where it may have one; `Unknown` without chunked coding means until
    /// the connection closes (RFC 9112, section 6.3).
    pub(crate) fn response_body(
        &mut self,
        http11: bool,
        leniency: &Leniency,
    ) -> Result<BodyLength, Error> {
        self.check_both(http11, leniency)?;
        match self.coding {
            Coding::None => Ok(self.content_length.map_or(BodyLength::Unknown, known)),
            Coding::Chunked => Ok(BodyLength::Unknown),
            Coding::OtherThenChunked | Coding::Other => {
                Err(ErrorKind::UnsupportedTransferCoding.into())
            }
        }
    }

    fn check_both(&mut self, http11: bool, leniency: &Leniency) -> Result<(), Error> {
        if self.coding == Coding::None {
            return Ok(());
        }
        if !http11 {
            return Err(ErrorKind::TransferEncodingInHttp10.into());
        }
        if self.content_length.is_some() {
            if !leniency.content_length_with_transfer_encoding {
                return Err(ErrorKind::ContentLengthWithTransferEncoding.into());
            }
            self.content_length = None;
            self.close = true;
        }
        Ok(())
    }
}

fn known(length: u64) -> BodyLength {
    if length == 0 { BodyLength::Empty } else { BodyLength::Known(length) }
}

/// `1*DIGIT`, without sign or white space, up to 2^64 - 1.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, b| match b {
        b'0'..=b'9' => n.checked_mul(10)?.checked_add(u64::from(b.wrapping_sub(b'0'))),
        _ => None,
    })
}

pub(crate) fn is_tchar(b: u8) -> bool {
    matches!(b,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*'
        | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
}

pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&b| is_tchar(b))
}

/// A transfer coding other than `chunked`: a token, with parameters that we have no need to understand.
fn is_coding(element: &[u8]) -> bool {
    let mut parts = element.split(|&b| b == b';');
    let name = parts.next().unwrap_or_default().trim_ascii_end();
    is_token(name) && !name.eq_ignore_ascii_case(b"chunked")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coding(fields: &[&str]) -> Result<Coding, ErrorKind> {
        let mut framing = Framing::default();
        fields.iter().try_for_each(|value| framing.transfer_encoding(value.as_bytes()))?;
        Ok(framing.coding)
    }

    #[test]
    fn rfc9112_6_1_transfer_encoding() {
        use ErrorKind::BadTransferEncoding as Bad;
        for (fields, expected) in [
            (&["chunked"][..], Ok(Coding::Chunked)),
            (&["CHUNKED"], Ok(Coding::Chunked)),
            (&["gzip, chunked"], Ok(Coding::OtherThenChunked)),
            (&["gzip", "chunked"], Ok(Coding::OtherThenChunked)),
            (&["gzip;q=1, chunked"], Ok(Coding::OtherThenChunked)),
            (&["gzip"], Ok(Coding::Other)),
            (&["xchunked"], Ok(Coding::Other)),
            (&["identity"], Ok(Coding::Other)),
            (&["chunked, chunked"], Err(Bad)),
            (&["chunked", "chunked"], Err(Bad)),
            (&["chunked, gzip"], Err(Bad)),
            (&["chunked;q=1"], Err(Bad)),
            (&["chunked,"], Err(Bad)),
            (&[",chunked"], Err(Bad)),
            (&[""], Err(Bad)),
            (&["\"chunked\""], Err(Bad)),
            (&["chun ked"], Err(Bad)),
        ] {
            assert_eq!(coding(fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn rfc9110_8_6_content_length() {
        use ErrorKind::{BadContentLength as Bad, RepeatedContentLength as Repeated};
        let strict = Leniency::default();
        let lenient = Leniency { identical_content_length: true, ..strict };
        for (fields, expected, leniently) in [
            (&["0"][..], Ok(Some(0)), Ok(Some(0))),
            (&["18446744073709551615"], Ok(Some(u64::MAX)), Ok(Some(u64::MAX))),
            (&["18446744073709551616"], Err(Bad), Err(Bad)),
            (&["+1"], Err(Bad), Err(Bad)),
            (&["-1"], Err(Bad), Err(Bad)),
            (&["0x10"], Err(Bad), Err(Bad)),
            (&["1 1"], Err(Bad), Err(Bad)),
            (&[""], Err(Bad), Err(Bad)),
            (&["5, 5"], Err(Repeated), Ok(Some(5))),
            (&["5", "5"], Err(Repeated), Ok(Some(5))),
            (&["5, 6"], Err(Repeated), Err(Repeated)),
            (&["5", "6"], Err(Repeated), Err(Repeated)),
            (&["5, x"], Err(Bad), Err(Bad)),
            (&["5,"], Err(Bad), Err(Bad)),
        ] {
            for (leniency, expected) in [(&strict, expected), (&lenient, leniently)] {
                let mut framing = Framing::default();
                let result = fields
                    .iter()
                    .try_for_each(|value| framing.content_length(value.as_bytes(), leniency))
                    .map(|()| framing.content_length);
                assert_eq!(result, expected, "{fields:?} {leniency:?}");
            }
        }
    }

    #[test]
    fn rfc9112_9_3_persistence() {
        for (value, http11, expected) in [
            ("", true, true),
            ("close", true, false),
            ("Close, TE", true, false),
            ("keep-alive, close", true, false),
            ("", false, false),
            ("keep-alive", false, true),
            ("Keep-Alive, close", false, false),
        ] {
            let mut framing = Framing::default();
            framing.connection(value.as_bytes());
            assert_eq!(framing.persists(http11), expected, "{value} {http11}");
        }
    }
}
