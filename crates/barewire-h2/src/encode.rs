//! Heads as header blocks.

use barewire_hpack::{Encoder, Indexing};
use bytes::BytesMut;
use http::header::{self, HeaderMap};
use http::uri::Authority;
use http::{Method, Request, StatusCode};

use crate::fields::{is_connection_specific, is_host, is_scheme};
use crate::message::decimal;
use crate::{BodyLength, ConnectProtocol, UsageError};

/// A number as text.
pub(crate) struct Decimal {
    digits: [u8; 20],
    at: usize,
}

impl Decimal {
    pub(crate) fn new(mut n: u64) -> Self {
        let mut digits = [0u8; 20];
        let mut at = digits.len();
        loop {
            at = at.saturating_sub(1);
            if let Some(slot) = digits.get_mut(at) {
                *slot = b'0'.wrapping_add((n % 10) as u8);
            }
            n /= 10;
            if n == 0 {
                return Self { digits, at };
            }
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.digits.get(self.at..).unwrap_or_default()
    }
}

/// Whether the caller's own `Content-Length` fits what is declared.
pub(crate) fn survey(headers: &HeaderMap, length: BodyLength) -> Result<(), UsageError> {
    let Some(given) = headers.get(header::CONTENT_LENGTH) else { return Ok(()) };
    match (decimal(given.as_bytes()), length.known()) {
        (Some(given), Some(known)) if given == known => Ok(()),
        _ => Err(UsageError::LengthMismatch),
    }
}

/// A response's fields. `length` becomes `Content-Length`, in place of the caller's own; with `None` that is
/// kept. `date` is for heads that have none. The result is how many octets there are before our own
/// `Content-Length`, which is the last field.
#[inline]
pub(crate) fn response(
    encoder: &mut Encoder,
    dst: &mut BytesMut,
    status: StatusCode,
    headers: &HeaderMap,
    length: Option<u64>,
    date: Option<&[u8; 29]>,
) -> usize {
    let start = dst.len();
    let mut block = encoder.block(dst);
    block.status(status);
    let mut dated = false;
    for (name, value) in headers {
        if *name == header::DATE {
            dated = true;
        } else if *name == header::TE
            || (length.is_some() && *name == header::CONTENT_LENGTH)
            || is_connection_specific(name)
        {
            continue;
        }
        block.header(name, value);
    }
    if let (Some(date), false) = (date, dated) {
        block.field_as(b"date", date, Indexing::Incremental);
    }
    let before_length = dst.len().saturating_sub(start);
    if let Some(length) = length {
        encoder.block(dst).field(b"content-length", Decimal::new(length).as_bytes());
    }
    before_length
}

/// A request that was found good, in the words of its pseudo-header fields.
pub(crate) struct Target<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a [u8]>,
    path: Option<&'a str>,
    protocol: Option<&'a ConnectProtocol>,
}

impl<'a> Target<'a> {
    /// Finds scheme, authority and path of a request (RFC 9113, section 8.3.1).
    pub(crate) fn of(request: &'a Request<()>) -> Result<Self, UsageError> {
        let uri = request.uri();
        let protocol = request.extensions().get::<ConnectProtocol>();
        let host = || {
            let host = request.headers().get(header::HOST).map(|host| host.as_bytes());
            match host.filter(|host| !host.is_empty()) {
                Some(host) if !is_host(host) => Err(UsageError::BadTarget),
                Some(host) => match Authority::try_from(host) {
                    Ok(_) => Ok(Some(host)),
                    Err(_) => Err(UsageError::BadTarget),
                },
                None => Ok(None),
            }
        };
        let authority = match uri.authority() {
            // User information must not be sent.
            Some(authority) => {
                let text = authority.as_str();
                let host = text.rsplit_once('@').map_or(text, |(_, host)| host).as_bytes();
                if !is_host(host) {
                    return Err(UsageError::BadTarget);
                }
                Some(host)
            }
            None => host()?,
        };
        if *request.method() == Method::CONNECT && protocol.is_none() {
            // The port has no default here (RFC 9113, section 8.5).
            if uri.port().is_none() {
                return Err(UsageError::BadTarget);
            }
            return Ok(Self { scheme: None, authority, path: None, protocol: None });
        }
        let connect = *request.method() == Method::CONNECT;
        if protocol.is_some() != connect || (connect && authority.is_none()) {
            return Err(UsageError::BadTarget);
        }
        let path = match uri.path_and_query().map(|path| path.as_str()) {
            None => "/",
            Some(path) => path,
        };
        let scheme = uri.scheme_str().unwrap_or("http");
        // `http` takes UTF-8 in a path (RFC 3986, section 2).
        if !path.is_ascii() || !is_scheme(scheme.as_bytes()) {
            return Err(UsageError::BadTarget);
        }
        Ok(Self { scheme: Some(scheme), authority, path: Some(path), protocol })
    }
}

impl Target<'_> {
    pub(crate) fn has_authority(&self) -> bool {
        self.authority.is_some()
    }
}

/// A request's fields.
pub(crate) fn request(
    encoder: &mut Encoder,
    dst: &mut BytesMut,
    request: &Request<()>,
    target: &Target<'_>,
    length: Option<u64>,
) {
    let mut block = encoder.block(dst);
    block.method(request.method());
    if let Some(scheme) = target.scheme {
        block.scheme(scheme.as_bytes());
    }
    if let Some(authority) = target.authority {
        block.authority(authority);
    }
    if let Some(path) = target.path {
        match path.strip_prefix('?') {
            Some(_) => block.path(&[b"/", path.as_bytes()].concat()),
            None => block.path(path.as_bytes()),
        };
    }
    if let Some(protocol) = target.protocol {
        block.protocol(protocol.as_str().as_bytes());
    }
    for (name, value) in request.headers() {
        let te = *name == header::TE && !value.as_bytes().eq_ignore_ascii_case(b"trailers");
        if te
            || *name == header::HOST
            || (length.is_some() && *name == header::CONTENT_LENGTH)
            || is_connection_specific(name)
        {
            continue;
        }
        block.header(name, value);
    }
    if let Some(length) = length {
        block.field(b"content-length", Decimal::new(length).as_bytes());
    }
}

/// A trailer section.
pub(crate) fn trailers(encoder: &mut Encoder, dst: &mut BytesMut, trailers: &HeaderMap) {
    encoder.block(dst).headers(trailers);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        for n in [0, 9, 10, 12_345, u64::MAX] {
            assert_eq!(Decimal::new(n).as_bytes(), n.to_string().as_bytes());
        }
    }
}
