use std::fmt;

use http::StatusCode;

use crate::{Reason, StreamId};

/// How the peer broke the protocol: what happened, where, which section says so, and what the peer is told.
///
/// Small, without text of the peer's. As the `Err` of a connection its scope is the connection; as part of a
/// [`StreamReset`](crate::ServerEvent::StreamReset) or of [`Refused`](crate::ServerEvent::Refused) it is one stream.
///
/// ```
/// use barewire_h2::{Answer, Config, ErrorKind, Reason, Scope, ServerConnection};
/// use barewire_proto::Protocol;
///
/// let mut server = ServerConnection::new(Config::default());
/// assert!(server.input().push("GET / HTTP/1.1\r\n\r\n".into()).is_empty());
/// let error = server.poll_event().unwrap_err();
/// assert_eq!((error.kind(), error.scope()), (ErrorKind::BadPreface, Scope::Connection));
/// assert_eq!(error.section(), "RFC 9113, section 3.4");
/// // This is in the output, and the error stays: the connection is over once it was sent.
/// assert_eq!(error.answer(), Answer::GoAway(Reason::PROTOCOL_ERROR));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Error {
    kind: ErrorKind,
    stream: Option<StreamId>,
    /// A response says it.
    responded: bool,
}

/// What an error puts an end to (RFC 9113, section 5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The whole connection (section 5.4.1).
    Connection,
    /// One stream; the others go on (section 5.4.2).
    Stream(StreamId),
}

/// What was queued for the peer because of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// GOAWAY, after which the connection is closed.
    GoAway(Reason),
    /// Nothing: the peer does not listen any more.
    Nothing,
    /// RST_STREAM.
    Reset(StreamId, Reason),
    /// A response without a body: the request was understood well enough for one.
    Response(StreamId, StatusCode),
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident => $reason:ident, $section:literal;)+) => {
        /// What a peer did wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$doc])* $name,)+
        }

        impl ErrorKind {
            /// The error code that the peer is told.
            pub fn reason(self) -> Reason {
                match self {
                    $(Self::$name => Reason::$reason,)+
                }
            }

            /// The section that the peer broke, or that the limit follows.
            pub fn section(self) -> &'static str {
                match self {
                    $(Self::$name => $section,)+
                }
            }
        }
    };
}

kinds! {
    /// `:authority` or `Host` is not a host with an optional port, or has user information.
    BadAuthority => PROTOCOL_ERROR, "RFC 9113, section 8.3.1";
    /// A CONNECT request has the wrong pseudo-header fields.
    BadConnect => PROTOCOL_ERROR, "RFC 9113, section 8.5";
    /// `Content-Length` is not `1*DIGIT`, is above 2^64 - 2, or is there twice.
    BadContentLength => PROTOCOL_ERROR, "RFC 9113, section 8.1.1";
    /// A field name is empty or holds a byte that cannot be in one.
    BadFieldName => PROTOCOL_ERROR, "RFC 9113, section 8.2.1";
    /// A field value holds NUL, CR or LF, or begins or ends with white space.
    BadFieldValue => PROTOCOL_ERROR, "RFC 9113, section 8.2.1";
    /// SETTINGS_INITIAL_WINDOW_SIZE is above 2^31 - 1.
    BadInitialWindow => FLOW_CONTROL_ERROR, "RFC 9113, section 6.5.2";
    /// The method is not a token.
    BadMethod => PROTOCOL_ERROR, "RFC 9113, section 8.3.1";
    /// `:path` is empty, or is not a path with a query.
    BadPath => PROTOCOL_ERROR, "RFC 9113, section 8.3.1";
    /// The client did not begin with the connection preface.
    BadPreface => PROTOCOL_ERROR, "RFC 9113, section 3.4";
    /// `:protocol` is no token, or is not allowed here.
    BadProtocol => PROTOCOL_ERROR, "RFC 8441, section 4";
    /// A promised request is not safe, not cacheable, or has a body.
    BadPromise => PROTOCOL_ERROR, "RFC 9113, section 8.4.1";
    /// `:scheme` is not a scheme.
    BadScheme => PROTOCOL_ERROR, "RFC 9113, section 8.3.1";
    /// A setting has a value outside of its range.
    BadSetting => PROTOCOL_ERROR, "RFC 9113, section 6.5.2";
    /// `:status` is not three digits, is 101, or ends the stream although it is 1xx.
    BadStatus => PROTOCOL_ERROR, "RFC 9113, section 8.3.2";
    /// A frame that belongs to a stream has none, or one that belongs to the connection has one.
    BadStreamId => PROTOCOL_ERROR, "RFC 9113, section 5.1.1";
    /// A stream's body came too slowly, or stopped.
    BodyTimeout => CANCEL, "RFC 9113, section 5.4.2";
    /// The body is longer than the limit.
    BodyTooLarge => CANCEL, "RFC 9113, section 8.1";
    /// A header block cannot be decompressed.
    Compression => COMPRESSION_ERROR, "RFC 9113, section 4.3";
    /// A field of HTTP/1.1's connection is there: `Connection`, `Transfer-Encoding`, `TE` other than `trailers`.
    ConnectionSpecificField => PROTOCOL_ERROR, "RFC 9113, section 8.2.2";
    /// The body is not as long as `Content-Length` says.
    ContentLengthMismatch => PROTOCOL_ERROR, "RFC 9113, section 8.1.1";
    /// The peer opens its window in tiny steps, so that much is held for it and little sent.
    DribbledWindow => ENHANCE_YOUR_CALM, "RFC 9113, section 10.5";
    /// Too many frames that carry nothing.
    EmptyFrameFlood => ENHANCE_YOUR_CALM, "RFC 9113, section 10.5";
    /// Another frame came where CONTINUATION had to.
    ExpectedContinuation => PROTOCOL_ERROR, "RFC 9113, section 6.10";
    /// The first frame is not SETTINGS.
    ExpectedSettings => PROTOCOL_ERROR, "RFC 9113, section 3.4";
    /// More data came than the connection's window or the stream's allowed.
    FlowControl => FLOW_CONTROL_ERROR, "RFC 9113, section 6.9";
    /// A frame has not the length that its type needs.
    FrameSize => FRAME_SIZE_ERROR, "RFC 9113, section 4.2";
    /// A frame is longer than SETTINGS_MAX_FRAME_SIZE.
    FrameTooLarge => FRAME_SIZE_ERROR, "RFC 9113, section 4.2";
    /// Header blocks, or the preface, were not complete in time.
    HeadTimeout => ENHANCE_YOUR_CALM, "RFC 9113, section 10.5";
    /// The compressed header block is longer than the limit.
    HeaderBlockTooLarge => ENHANCE_YOUR_CALM, "RFC 9113, section 10.5.1";
    /// The list of fields is longer than SETTINGS_MAX_HEADER_LIST_SIZE, or has more fields than the limit.
    HeaderListTooLarge => ENHANCE_YOUR_CALM, "RFC 9113, section 10.5.1";
    /// Nothing came in answer to a PING.
    KeepaliveTimeout => NO_ERROR, "RFC 9113, section 6.7";
    /// A pseudo-header field that must be there is missing.
    MissingPseudoHeader => PROTOCOL_ERROR, "RFC 9113, section 8.3";
    /// Padding is as long as the payload or longer.
    PaddingTooLong => PROTOCOL_ERROR, "RFC 9113, section 6.1";
    /// Too many PING frames.
    PingFlood => ENHANCE_YOUR_CALM, "RFC 9113, section 10.5";
    /// Too many PRIORITY or PRIORITY_UPDATE frames.
    PriorityFlood => ENHANCE_YOUR_CALM, "RFC 9113, section 10.5";
    /// Too many resets that the peer made us send (CVE-2025-8671).
    ProvokedResetFlood => ENHANCE_YOUR_CALM, "RFC 9113, section 10.5";
    /// A pseudo-header field comes after a regular one, or in trailers.
    PseudoHeaderMisplaced => PROTOCOL_ERROR, "RFC 9113, section 8.3";
    /// A server pushed although that is switched off, or a client did.
    PushDisabled => PROTOCOL_ERROR, "RFC 9113, section 8.4";
    /// A pseudo-header field is there twice.
    RepeatedPseudoHeader => PROTOCOL_ERROR, "RFC 9113, section 8.3";
    /// Too many streams that the peer opened and reset (CVE-2023-44487).
    ResetFlood => ENHANCE_YOUR_CALM, "RFC 9113, section 10.5";
    /// Too many SETTINGS frames.
    SettingsFlood => ENHANCE_YOUR_CALM, "RFC 9113, section 10.5";
    /// Our SETTINGS were not acknowledged in time.
    SettingsTimeout => SETTINGS_TIMEOUT, "RFC 9113, section 6.5.3";
    /// Data waited for a stream's window for too long.
    StallTimeout => ENHANCE_YOUR_CALM, "RFC 9113, section 10.5";
    /// A frame came on a stream that the peer had ended.
    StreamClosed => STREAM_CLOSED, "RFC 9113, section 5.1";
    /// A new stream has a number that is not above all before, or of the wrong parity.
    StreamIdOrder => PROTOCOL_ERROR, "RFC 9113, section 5.1.1";
    /// Too many DATA frames of a few bytes.
    TinyDataFlood => ENHANCE_YOUR_CALM, "RFC 9113, section 10.5";
    /// Too many CONTINUATION frames in one header block.
    TooManyContinuations => ENHANCE_YOUR_CALM, "RFC 9113, section 10.5";
    /// There were more informational responses to one request than the limit.
    TooManyInformational => ENHANCE_YOUR_CALM, "RFC 9113, section 8.1";
    /// The peer opened more streams than SETTINGS_MAX_CONCURRENT_STREAMS.
    TooManyStreams => REFUSED_STREAM, "RFC 9113, section 5.1.2";
    /// CONTINUATION without a header block that it continues.
    UnexpectedContinuation => PROTOCOL_ERROR, "RFC 9113, section 6.10";
    /// DATA before the head, or where there is no body.
    UnexpectedData => PROTOCOL_ERROR, "RFC 9113, section 8.1";
    /// The transport ended while streams were open.
    UnexpectedEnd => NO_ERROR, "RFC 9113, section 5.4.1";
    /// A frame came on a stream that was never opened.
    UnexpectedFrame => PROTOCOL_ERROR, "RFC 9113, section 5.1";
    /// A second head that does not end the stream.
    UnexpectedHead => PROTOCOL_ERROR, "RFC 9113, section 8.1";
    /// Too many frames of types that nobody knows.
    UnknownFrameFlood => ENHANCE_YOUR_CALM, "RFC 9113, section 10.5";
    /// A pseudo-header field that is not defined for this message.
    UnknownPseudoHeader => PROTOCOL_ERROR, "RFC 9113, section 8.3";
    /// A field name has an upper-case letter.
    UppercaseFieldName => PROTOCOL_ERROR, "RFC 9113, section 8.2.1";
    /// Too many WINDOW_UPDATE frames for the data that was sent.
    WindowUpdateFlood => ENHANCE_YOUR_CALM, "RFC 9113, section 10.5";
    /// A window was made larger than 2^31 - 1.
    WindowOverflow => FLOW_CONTROL_ERROR, "RFC 9113, section 6.9.1";
    /// The peer took nothing of what was to be sent to it, for too long.
    WriteTimeout => NO_ERROR, "RFC 9113, section 10.5";
    /// WINDOW_UPDATE by zero.
    ZeroIncrement => PROTOCOL_ERROR, "RFC 9113, section 6.9";
}

impl Error {
    pub(crate) const fn stream(id: StreamId, kind: ErrorKind) -> Self {
        Self { kind, stream: Some(id), responded: false }
    }

    /// Of a request with a head that is too large, to which a response says so (RFC 9113, section 10.5.1).
    pub(crate) const fn too_large_a_head(id: StreamId) -> Self {
        Self { kind: ErrorKind::HeaderListTooLarge, stream: Some(id), responded: true }
    }

    /// What the peer did wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What it puts an end to.
    pub fn scope(&self) -> Scope {
        self.stream.map_or(Scope::Connection, Scope::Stream)
    }

    /// The error code that belongs to it.
    pub fn code(&self) -> Reason {
        self.kind.reason()
    }

    /// The section that the peer broke, or that the limit follows.
    pub fn section(&self) -> &'static str {
        self.kind.section()
    }

    /// What was queued for the peer.
    pub fn answer(&self) -> Answer {
        match (self.stream, self.kind) {
            (Some(id), _) if self.responded => {
                Answer::Response(id, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
            }
            (Some(id), kind) => Answer::Reset(id, kind.reason()),
            (None, ErrorKind::UnexpectedEnd | ErrorKind::WriteTimeout) => Answer::Nothing,
            (None, kind) => Answer::GoAway(kind.reason()),
        }
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, stream: None, responded: false }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, section) = (self.kind, self.section());
        match (self.answer(), self.stream) {
            (Answer::Response(id, status), _) => {
                write!(f, "{kind:?} on stream {id} ({}, {section})", status.as_u16())
            }
            (_, Some(id)) => write!(f, "{kind:?} on stream {id} ({}, {section})", self.code()),
            (_, None) => write!(f, "{kind:?} ({}, {section})", self.code()),
        }
    }
}

impl std::error::Error for Error {}

/// A command that does not fit: nothing was queued, and the connection stands as it was.
///
/// ```
/// use barewire_h2::{BodyLength, ClientConnection, Config, UsageError};
///
/// let mut client = ClientConnection::new(Config::default());
/// let request = http::Request::get("http://example.com/").header("content-length", "5").body(())?;
/// let refused = client.send_request(&request, BodyLength::Empty);
/// assert_eq!(refused, Err(UsageError::LengthMismatch));
/// client.go_away(barewire_h2::Reason::NO_ERROR);
/// assert_eq!(client.send_request(&request, BodyLength::Known(5)), Err(UsageError::Closed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UsageError {
    /// A field must not be sent in HTTP/2, or not in trailers.
    BadField,
    /// The request lacks its authority, scheme or path, or has what its method must not have.
    BadTarget,
    /// This message cannot have a body.
    BodyNotAllowed,
    /// The connection is closing: open another one.
    Closed,
    /// The peer has not said that it speaks extended CONNECT (RFC 8441, section 3).
    ConnectProtocolDisabled,
    /// The body does not match the declared length.
    LengthMismatch,
    /// The head of the response was not sent yet.
    NoHead,
    /// The peer does not take pushes, or this is no stream to promise on.
    PushDisabled,
    /// The stream was reset, is over, or never was.
    StreamClosed,
    /// As many streams as the peer allows are open: wait for one to end, or open another connection.
    TooManyStreams,
    /// The status cannot be sent with this command.
    WrongStatus,
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadField => "a field must not be sent here",
            Self::BadTarget => "the request target does not fit the method",
            Self::BodyNotAllowed => "this message cannot have a body",
            Self::Closed => "the connection is closing: open another one",
            Self::ConnectProtocolDisabled => "the peer does not speak extended CONNECT",
            Self::LengthMismatch => "the body does not match the declared length",
            Self::NoHead => "the head was not sent yet",
            Self::PushDisabled => "the peer takes no pushes on this stream",
            Self::StreamClosed => "the stream is over",
            Self::TooManyStreams => "as many streams as the peer allows are open",
            Self::WrongStatus => "the status cannot be sent with this command",
        })
    }
}

impl std::error::Error for UsageError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_where_and_why() {
        let error = Error::from(ErrorKind::FrameTooLarge);
        assert_eq!(error.answer(), Answer::GoAway(Reason::FRAME_SIZE_ERROR));
        assert_eq!(error.to_string(), "FrameTooLarge (FRAME_SIZE_ERROR, RFC 9113, section 4.2)");
        let id = StreamId::new(3);
        let error = Error::stream(id, ErrorKind::BadPath);
        assert_eq!(error.scope(), Scope::Stream(id));
        assert_eq!(error.answer(), Answer::Reset(id, Reason::PROTOCOL_ERROR));
        assert!(error.to_string().contains("on stream 3"));
        let error = Error::too_large_a_head(id);
        assert_eq!(
            error.to_string(),
            "HeaderListTooLarge on stream 3 (431, RFC 9113, section 10.5.1)"
        );
        assert!(size_of::<Error>() <= 12);
    }
}
