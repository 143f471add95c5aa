//! Heads as bytes (RFC 9112, sections 3 to 5). Field names and values come as `http` types, which cannot
//! hold CR, LF or NUL, so that nothing a caller passes can split a head.

use barewire_proto::Output;
use bytes::{BufMut, BytesMut};
use http::header::{self, HeaderMap};
use http::{Method, Request, StatusCode, Version};

use crate::target::is_host;
use crate::{BodyLength, UsageError};

/// How the head says where the body ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LengthField {
    #[default]
    None,
    ContentLength(u64),
    Chunked,
    /// What the caller's own fields say stays as it is.
    AsGiven,
}

impl From<BodyLength> for LengthField {
    fn from(length: BodyLength) -> Self {
        match length {
            BodyLength::Empty => Self::ContentLength(0),
            BodyLength::Known(length) => Self::ContentLength(length),
            BodyLength::Unknown => Self::Chunked,
        }
    }
}

#[derive(Default)]
pub(crate) struct ResponseFields<'a> {
    pub(crate) length: LengthField,
    /// `close` or `keep-alive`, if it has to be said.
    pub(crate) connection: Option<&'static [u8]>,
    pub(crate) date: Option<&'a [u8; DATE_FIELD]>,
}

/// `date: `, an IMF-fixdate, CRLF.
pub(crate) const DATE_FIELD: usize = 37;

pub(crate) fn response(
    output: &mut Output,
    status: StatusCode,
    headers: &HeaderMap,
    fields: &ResponseFields<'_>,
) {
    let tail = output.tail();
    tail.reserve(256);
    status_line(tail, status);
    let date = headers_of(tail, headers, fields.length, fields.connection);
    if let (false, Some(date)) = (date, fields.date) {
        tail.put_slice(date);
    }
    end(tail, fields.length, fields.connection);
}

pub(crate) fn request(
    output: &mut Output,
    request: &Request<()>,
    length: LengthField,
    absolute: bool,
) -> Result<(), UsageError> {
    let uri = request.uri();
    let method = request.method();
    if request.version() != Version::HTTP_11 && request.version() != Version::HTTP_10 {
        return Err(UsageError::WrongVersion);
    }
    let authority = uri.authority().map(|authority| {
        let text = authority.as_str();
        text.rsplit_once('@').map_or(text, |(_, host)| host)
    });
    let has_host = request.headers().contains_key(header::HOST);
    if authority.is_none() && (*method == Method::CONNECT || !has_host) {
        return Err(UsageError::BadTarget);
    }
    if *method == Method::CONNECT && uri.port_u16().is_none() {
        return Err(UsageError::BadTarget);
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    // `http` takes UTF-8 in a path; a request line is ASCII (RFC 3986, section 2). Nor does it look at ports.
    if !path.is_ascii() || authority.is_some_and(|authority| !is_host(authority.as_bytes())) {
        return Err(UsageError::BadTarget);
    }
    if path == "*" && *method != Method::OPTIONS {
        return Err(UsageError::BadTarget);
    }
    // `http` takes anything for a scheme, nothing too (RFC 3986, section 3.1).
    if uri.scheme_str().is_some_and(|scheme| !scheme.starts_with(|c: char| c.is_ascii_alphabetic()))
    {
        return Err(UsageError::BadTarget);
    }

    let tail = output.tail();
    tail.reserve(256);
    tail.put_slice(method.as_str().as_bytes());
    tail.put_slice(b" ");
    match (uri.scheme_str(), authority) {
        (_, Some(authority)) if *method == Method::CONNECT => tail.put_slice(authority.as_bytes()),
        (Some(scheme), Some(authority)) if absolute && path != "*" => {
            tail.put_slice(scheme.as_bytes());
            tail.put_slice(b"://");
            tail.put_slice(authority.as_bytes());
            put_path(tail, path);
        }
        _ => put_path(tail, path),
    }
    tail.put_slice(match request.version() {
        Version::HTTP_10 => b" HTTP/1.0\r\n",
        _ => b" HTTP/1.1\r\n",
    });
    // Host comes first (RFC 9110, section 7.2).
    if let (false, Some(authority)) = (has_host, authority) {
        tail.put_slice(b"host: ");
        tail.put_slice(authority.as_bytes());
        tail.put_slice(b"\r\n");
    } else if let Some(host) = request.headers().get(header::HOST) {
        tail.put_slice(b"host: ");
        tail.put_slice(host.as_bytes());
        tail.put_slice(b"\r\n");
    }
    for (name, value) in request.headers() {
        let ours = *name == header::HOST
            || (length != LengthField::AsGiven
                && (*name == header::CONTENT_LENGTH || *name == header::TRANSFER_ENCODING));
        if !ours {
            field(tail, name.as_str(), value.as_bytes());
        }
    }
    end(tail, length, None);
    Ok(())
}

/// `http` gives an empty path to `http://host?query`; a request line needs the slash (RFC 9112, section 3.2.1).
fn put_path(tail: &mut BytesMut, path: &str) {
    if !path.starts_with(['/', '*']) {
        tail.put_slice(b"/");
    }
    tail.put_slice(path.as_bytes());
}

fn status_line(tail: &mut BytesMut, status: StatusCode) {
    // What most responses say, prepared.
    let line: &[u8] = match status {
        StatusCode::OK => b"HTTP/1.1 200 OK\r\n",
        StatusCode::NO_CONTENT => b"HTTP/1.1 204 No Content\r\n",
        StatusCode::NOT_MODIFIED => b"HTTP/1.1 304 Not Modified\r\n",
        StatusCode::NOT_FOUND => b"HTTP/1.1 404 Not Found\r\n",
        _ => {
            tail.put_slice(b"HTTP/1.1 ");
            tail.put_slice(status.as_str().as_bytes());
            tail.put_slice(b" ");
            tail.put_slice(status.canonical_reason().unwrap_or_default().as_bytes());
            b"\r\n"
        }
    };
    tail.put_slice(line);
}

fn field(tail: &mut BytesMut, name: &str, value: &[u8]) {
    tail.put_slice(name.as_bytes());
    tail.put_slice(b": ");
    tail.put_slice(value);
    tail.put_slice(b"\r\n");
}

/// Writes the caller's fields but for those that framing owns; whether `Date` is among them.
fn headers_of(
    tail: &mut BytesMut,
    headers: &HeaderMap,
    length: LengthField,
    connection: Option<&[u8]>,
) -> bool {
    let mut date = false;
    for (name, value) in headers {
        match *name {
            header::CONTENT_LENGTH | header::TRANSFER_ENCODING
                if length != LengthField::AsGiven =>
            {
                continue;
            }
            header::CONNECTION if connection.is_some() => continue,
            header::DATE => date = true,
            _ => {}
        }
        field(tail, name.as_str(), value.as_bytes());
    }
    date
}

fn end(tail: &mut BytesMut, length: LengthField, connection: Option<&[u8]>) {
    if let Some(connection) = connection {
        field(tail, "connection", connection);
    }
    match length {
        LengthField::None | LengthField::AsGiven => tail.put_slice(b"\r\n"),
        LengthField::Chunked => tail.put_slice(b"transfer-encoding: chunked\r\n\r\n"),
        LengthField::ContentLength(length) => {
            put_content_length(tail, length);
        }
    }
}

/// The last field and the empty line behind it, put together from the end and appended at once.
fn put_content_length(tail: &mut BytesMut, mut n: u64) {
    const NAME: [u8; 16] = *b"content-length: ";
    const END: [u8; 4] = *b"\r\n\r\n";
    const DIGITS_END: usize = NAME.len() + 20;
    let mut line = [0u8; DIGITS_END + END.len()];
    let mut at = DIGITS_END;
    if let Some(end) = line.last_chunk_mut() {
        *end = END;
    }
    loop {
        at = at.saturating_sub(1);
        if let Some(slot) = line.get_mut(at) {
            *slot = b'0'.wrapping_add((n % 10) as u8);
        }
        n /= 10;
        if n == 0 {
            break;
        }
    }
    at = at.saturating_sub(NAME.len());
    if let Some(name) = line.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *name = NAME;
    }
    tail.put_slice(line.get(at..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use barewire_proto::Buf;

    #[test]
    fn lengths() {
        for n in [0, 9, 10, 12_345, u64::MAX] {
            let mut tail = BytesMut::new();
            put_content_length(&mut tail, n);
            assert_eq!(tail, format!("content-length: {n}\r\n\r\n").as_bytes());
        }
    }

    #[test]
    fn rfc9112_3_2_request_targets() {
        for (method, uri, absolute, expected) in [
            ("GET", "http://a/b?c", false, "GET /b?c HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("GET", "http://a", false, "GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("GET", "http://a?q", false, "GET /?q HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("GET", "http://u:p@a:1/b", false, "GET /b HTTP/1.1\r\nhost: a:1\r\n\r\n"),
            ("GET", "http://u:p@a/b", true, "GET http://a/b HTTP/1.1\r\nhost: a\r\n\r\n"),
            ("CONNECT", "a:443", false, "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n"),
        ] {
            let head = Request::builder().method(method).uri(uri).body(()).unwrap();
            let mut output = Output::default();
            request(&mut output, &head, LengthField::None, absolute).unwrap();
            assert_eq!(output.chunk(), expected.as_bytes());
        }
    }

    #[test]
    fn rfc3986_3_what_http_takes_and_is_no_target() {
        for uri in ["://a/", "1://a/", "+x://a?b", "http://a:8o/", "http://a:65536/", "http://[x]/"]
        {
            let head = Request::builder().uri(uri).body(()).unwrap();
            let mut output = Output::default();
            let refused = request(&mut output, &head, LengthField::None, true);
            assert_eq!(
                (refused, output.has_remaining()),
                (Err(UsageError::BadTarget), false),
                "{uri}"
            );
        }
    }
}
