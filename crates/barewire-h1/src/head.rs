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

mod request;
mod response;

use std::mem::MaybeUninit;

use barewire_proto::{Output, Status};
use http::{Request, Response, Version};

use crate::block::Block;
use crate::encode::{self, LengthField, ResponseFields};
use crate::framing::Framing;
use crate::{BodyLength, Config, Error, ErrorKind, UsageError};

pub(crate) use request::{
    Front, MAX_EMPTY_LINES, Scratch, front, parse_request_into, whole_repeated,
};
pub(crate) use response::parse_response_into;

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

/// Parses the head of a response at the front of `buf`.
///
/// # Errors
///
/// The head breaks a rule or a limit: see [`ErrorKind`].
pub fn parse_response(buf: &[u8], config: &Config) -> Result<Status<ResponseHead>, Error> {
    parse_response_into(&mut Block::default(), buf, config)
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

pub(crate) fn version(http11: bool) -> Version {
    if http11 { Version::HTTP_11 } else { Version::HTTP_10 }
}
