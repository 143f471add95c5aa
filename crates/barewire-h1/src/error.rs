use std::fmt;

use http::StatusCode;

/// How the peer broke the protocol: what happened, which section says so, and what the peer is told.
///
/// Final for the connection. Errors are small, hold no text of the peer's, and compare by kind.
///
/// ```
/// use barewire_h1::{Config, ErrorKind, ServerConnection};
/// use barewire_proto::{Buf, Protocol};
///
/// let mut server = ServerConnection::new(Config::default());
/// assert!(server.input().push("GET / HTTP/1.1\r\n\r\n".into()).is_empty());
/// let error = server.poll_event().unwrap_err();
/// assert_eq!((error.kind(), error.section()), (ErrorKind::MissingHost, "RFC 9112, section 3.2"));
/// // This is in the output, and the error stays: the connection is over once it was sent.
/// assert_eq!(error.answer(), Some(http::StatusCode::BAD_REQUEST));
/// assert!(server.output().chunk().starts_with(b"HTTP/1.1 400 Bad Request\r\n"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Error {
    kind: ErrorKind,
}

/// What a peer did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A chunk was not followed by CRLF.
    BadChunkEnd,
    /// A chunk extension holds a byte that cannot be in one, or lacks its name or value.
    BadChunkExtension,
    /// A chunk size is not `1*HEXDIG`.
    BadChunkSize,
    /// `Content-Length` is not `1*DIGIT`, or is larger than 2^64 - 1.
    BadContentLength,
    /// `Expect` asks for something other than `100-continue`.
    BadExpect,
    /// A field name is not a token.
    BadFieldName,
    /// A field value holds NUL, a bare CR or another control character.
    BadFieldValue,
    /// `Host` is not a host with an optional port.
    BadHost,
    /// The method is not a token.
    BadMethod,
    /// A status line does not have the form `HTTP/1.x SP 3DIGIT [ SP reason ]`.
    BadStatusLine,
    /// The request target has none of the four forms, or not the one that its method needs.
    BadTarget,
    /// A trailer line is not a field, or is one that must not be in trailers.
    BadTrailer,
    /// `Transfer-Encoding` cannot be understood: `chunked` twice or not last, or malformed.
    BadTransferEncoding,
    /// A line ends in LF alone.
    BareLineFeed,
    /// The body is longer than the limit.
    BodyTooLarge,
    /// The body came too slowly, or stopped.
    BodyTimeout,
    /// The extensions of one chunk are longer than the limit.
    ChunkExtensionTooLong,
    /// A chunk size is larger than 2^64 - 1.
    ChunkSizeOverflow,
    /// A message has both `Content-Length` and `Transfer-Encoding`.
    ContentLengthWithTransferEncoding,
    /// The head was not complete in time.
    HeadTimeout,
    /// The head is longer than the limit.
    HeadTooLarge,
    /// An HTTP/1.1 request has no `Host`.
    MissingHost,
    /// A field continues on a line that begins with white space.
    ObsoleteLineFolding,
    /// The peer took nothing of what was to be sent to it, for too long.
    WriteTimeout,
    /// There is more than one `Content-Length`, or a list in one.
    RepeatedContentLength,
    /// There is more than one `Host`.
    RepeatedHost,
    /// The request target is longer than the limit.
    TargetTooLong,
    /// There are more fields than the limit.
    TooManyFields,
    /// There were more informational responses to one request than the limit.
    TooManyInformational,
    /// The trailer section is longer than the limit.
    TrailersTooLarge,
    /// An HTTP/1.0 message has a `Transfer-Encoding`.
    TransferEncodingInHttp10,
    /// The connection ended within a message.
    UnexpectedEnd,
    /// The server sent a response that answers no request.
    UnexpectedResponse,
    /// The server switched protocols without having been asked to.
    UnexpectedUpgrade,
    /// The transfer coding is one that we do not speak.
    UnsupportedTransferCoding,
    /// The version is not HTTP/1.0 or HTTP/1.1.
    UnsupportedVersion,
    /// There is white space between a field name and its colon.
    WhitespaceBeforeColon,
}

impl Error {
    pub(crate) const fn new(kind: ErrorKind) -> Self {
        Self { kind }
    }

    /// What the peer did wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What a server answers, or `None` where the connection is dropped without a word.
    pub fn answer(&self) -> Option<StatusCode> {
        use ErrorKind::*;
        Some(match self.kind {
            BadChunkEnd
            | BadChunkExtension
            | BadChunkSize
            | BadContentLength
            | BadFieldName
            | BadFieldValue
            | BadHost
            | BadMethod
            | BadTarget
            | BadTrailer
            | BadTransferEncoding
            | BareLineFeed
            | ChunkSizeOverflow
            | ContentLengthWithTransferEncoding
            | MissingHost
            | ObsoleteLineFolding
            | RepeatedContentLength
            | RepeatedHost
            | TransferEncodingInHttp10
            | UnexpectedEnd
            | WhitespaceBeforeColon => StatusCode::BAD_REQUEST,
            BodyTimeout | HeadTimeout => StatusCode::REQUEST_TIMEOUT,
            BodyTooLarge | ChunkExtensionTooLong => StatusCode::PAYLOAD_TOO_LARGE,
            TargetTooLong => StatusCode::URI_TOO_LONG,
            BadExpect => StatusCode::EXPECTATION_FAILED,
            HeadTooLarge | TooManyFields | TrailersTooLarge => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            UnsupportedTransferCoding => StatusCode::NOT_IMPLEMENTED,
            UnsupportedVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            BadStatusLine | TooManyInformational | UnexpectedResponse | UnexpectedUpgrade
            | WriteTimeout => return None,
        })
    }

    /// The section that the peer broke, or that the limit follows.
    pub fn section(&self) -> &'static str {
        use ErrorKind::*;
        match self.kind {
            BadChunkEnd | BadChunkSize | ChunkSizeOverflow => "RFC 9112, section 7.1",
            BadChunkExtension | ChunkExtensionTooLong => "RFC 9112, section 7.1.1",
            BadTrailer | TrailersTooLarge => "RFC 9112, section 7.1.2",
            BadContentLength | RepeatedContentLength => "RFC 9110, section 8.6",
            BadExpect => "RFC 9110, section 10.1.1",
            BadFieldName | HeadTooLarge | TooManyFields => "RFC 9110, section 5.4",
            WhitespaceBeforeColon => "RFC 9112, section 5.1",
            BadFieldValue => "RFC 9110, section 5.5",
            BadHost | MissingHost | RepeatedHost => "RFC 9112, section 3.2",
            BadMethod => "RFC 9112, section 3.1",
            BadStatusLine => "RFC 9112, section 4",
            BadTarget => "RFC 9112, section 3.2",
            TargetTooLong => "RFC 9112, section 3",
            BadTransferEncoding
            | ContentLengthWithTransferEncoding
            | TransferEncodingInHttp10
            | UnsupportedTransferCoding => "RFC 9112, section 6.1",
            BareLineFeed => "RFC 9112, section 2.2",
            BodyTimeout | HeadTimeout => "RFC 9110, section 15.5.9",
            BodyTooLarge => "RFC 9110, section 15.5.14",
            ObsoleteLineFolding => "RFC 9112, section 5.2",
            TooManyInformational => "RFC 9110, section 15.2",
            UnexpectedEnd => "RFC 9112, section 8",
            UnexpectedResponse => "RFC 9112, section 9.2",
            UnexpectedUpgrade => "RFC 9110, section 7.8",
            UnsupportedVersion => "RFC 9112, section 2.3",
            WriteTimeout => "RFC 9112, section 9.5",
        }
    }

    fn what(&self) -> &'static str {
        use ErrorKind::*;
        match self.kind {
            BadChunkEnd => "a chunk is not followed by CRLF",
            BadChunkExtension => "a chunk extension is malformed",
            BadChunkSize => "a chunk size is not a hexadecimal number",
            BadContentLength => "Content-Length is not a decimal number",
            BadExpect => "Expect asks for something other than 100-continue",
            BadFieldName => "a field name is not a token",
            BadFieldValue => "a field value holds a control character",
            BadHost => "Host is not a valid host and port",
            BadMethod => "the method is not a token",
            BadStatusLine => "the status line is malformed",
            BadTarget => "the request target is malformed",
            BadTrailer => "the trailer section is malformed",
            BadTransferEncoding => "Transfer-Encoding is malformed",
            BareLineFeed => "a line ends in LF without CR",
            BodyTooLarge => "the body is longer than the limit",
            BodyTimeout => "the body came too slowly",
            ChunkExtensionTooLong => "chunk extensions are longer than the limit",
            ChunkSizeOverflow => "a chunk size is too large",
            ContentLengthWithTransferEncoding => {
                "the message has both Content-Length and Transfer-Encoding"
            }
            HeadTimeout => "the head was not complete in time",
            HeadTooLarge => "the head is longer than the limit",
            MissingHost => "the request has no Host",
            ObsoleteLineFolding => "a field is folded over two lines",
            WriteTimeout => "the peer took none of what was to be sent",
            RepeatedContentLength => "there is more than one Content-Length",
            RepeatedHost => "there is more than one Host",
            TargetTooLong => "the request target is longer than the limit",
            TooManyFields => "there are more fields than the limit",
            TooManyInformational => "there are more informational responses than the limit",
            TrailersTooLarge => "the trailer section is longer than the limit",
            TransferEncodingInHttp10 => "an HTTP/1.0 message has a Transfer-Encoding",
            UnexpectedEnd => "the connection ended within a message",
            UnexpectedResponse => "a response came that answers no request",
            UnexpectedUpgrade => "the server switched protocols without having been asked",
            UnsupportedTransferCoding => "the transfer coding is not supported",
            UnsupportedVersion => "the HTTP version is not supported",
            WhitespaceBeforeColon => "there is white space between a field name and its colon",
        }
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what(), self.section())
    }
}

impl std::error::Error for Error {}

/// The caller misused a command: nothing was queued, and the connection stands as it was.
///
/// ```
/// use barewire_h1::{BodyLength, ClientConnection, Config, UsageError};
///
/// let mut client = ClientConnection::new(Config::default());
/// let mut request = http::Request::get("http://example.com/").body(())?;
/// request.headers_mut().insert("content-length", "5".parse()?);
/// let refused = client.send_request(&request, BodyLength::Empty);
/// assert_eq!(refused, Err(UsageError::LengthMismatch));
/// client.send_request(&request, BodyLength::Known(5))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UsageError {
    /// The request target cannot be sent with this method, is not ASCII (percent-encode it), or has no
    /// authority where one is needed.
    BadTarget,
    /// The message has no body, by its method, its status or its declared length.
    BodyNotAllowed,
    /// The connection is closing or closed: no new message can be begun.
    Closed,
    /// The head's own `Content-Length` or `Transfer-Encoding` contradicts the declared body length, or the
    /// body is longer than declared.
    LengthMismatch,
    /// The body is shorter than declared; send the rest, or abort the connection.
    LengthShort,
    /// A message is still being sent: end it first.
    MessageUnfinished,
    /// There is no request to answer, or it was answered already.
    NoRequest,
    /// As many requests as the limit are under way: wait for a response.
    TooManyRequests,
    /// Trailers need the chunked coding, and must not carry framing or routing fields.
    TrailersNotAllowed,
    /// The status cannot be sent here: 1xx as a final response, or another as an informational one.
    WrongStatus,
    /// The version is not one that this connection can send.
    WrongVersion,
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadTarget => "the request target is not ASCII or does not fit the method",
            Self::BodyNotAllowed => "this message cannot have a body",
            Self::Closed => "the connection is closing: open another for a new message",
            Self::LengthMismatch => "the body does not match the declared length",
            Self::LengthShort => "the body is shorter than declared: send the rest or abort",
            Self::MessageUnfinished => "the message before is not finished",
            Self::NoRequest => "there is no request to answer",
            Self::TooManyRequests => "too many requests under way: wait for a response",
            Self::TrailersNotAllowed => "trailers cannot be sent with this message",
            Self::WrongStatus => "the status cannot be sent with this command",
            Self::WrongVersion => "the version cannot be sent on this connection",
        })
    }
}

impl std::error::Error for UsageError {}
