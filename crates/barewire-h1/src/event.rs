use bytes::Bytes;
use http::{HeaderMap, Request, Response};

/// How long a body is, and so how its end is found (RFC 9112, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyLength {
    /// There is no body: neither data nor an end event follows the head.
    Empty,
    /// `Content-Length`, in bytes.
    Known(u64),
    /// Not known in advance: the chunked coding, or where the peer does not have it, until the connection
    /// closes.
    Unknown,
}

impl BodyLength {
    /// The length in bytes where it is known; zero for [`Empty`](Self::Empty).
    pub fn known(self) -> Option<u64> {
        match self {
            Self::Empty => Some(0),
            Self::Known(length) => Some(length),
            Self::Unknown => None,
        }
    }
}

/// What happens on a server's connection.
///
/// A request is `Request`, and unless its body is [`BodyLength::Empty`] then `Data` any number of times, at
/// most one `Trailers`, and `End`.
#[derive(Debug)]
pub enum ServerEvent {
    /// The head of a request, whole and checked. Its fields are slices of a block of at most 4 KiB (or the
    /// head's size, when that is more) that heads of this connection share, which lives as long as any of them.
    Request(Request<()>, BodyLength),
    /// A part of the request's body. Pins the read buffer that it is a slice of.
    Data(Bytes),
    /// The trailer section of a chunked body.
    Trailers(HeaderMap),
    /// The body is complete.
    End,
    /// There is room in the output again after [`send_data`](crate::ServerConnection::send_data) took
    /// nothing.
    Writable,
}

/// What happens on a client's connection.
///
/// A response is `Informational` any number of times, `Response`, and unless its body is
/// [`BodyLength::Empty`] then `Data` any number of times, at most one `Trailers`, and `End`. Responses come
/// in the order of the requests.
#[derive(Debug)]
pub enum ClientEvent {
    /// A 1xx response other than 101: 100 asks for the body, 103 hints at what will come.
    Informational(Response<()>),
    /// The head of the final response. Its fields are slices of a block of at most 4 KiB (or the head's
    /// size, when that is more) that heads of this connection share, which lives as long as any of them.
    Response(Response<()>, BodyLength),
    /// A part of the response's body. Pins the read buffer that it is a slice of.
    Data(Bytes),
    /// The trailer section of a chunked body.
    Trailers(HeaderMap),
    /// The body is complete.
    End,
    /// There is room in the output again after [`send_data`](crate::ClientConnection::send_data) took
    /// nothing.
    Writable,
}
