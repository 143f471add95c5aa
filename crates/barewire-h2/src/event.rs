use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};

use crate::{Error, PeerSettings, Priority, Reason, StreamId};

/// Whether a message has a body, and how long it is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BodyLength {
    /// There is no body: the head ends the stream, and neither data nor an end event follows.
    Empty,
    /// `Content-Length`, in bytes.
    Known(u64),
    /// Not known in advance.
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

/// Who put an end to a stream.
///
/// ```
/// use barewire_h2::{Reason, ResetBy};
///
/// // A request that was refused before anything was done can be sent again; one that was cancelled may have done half.
/// assert!(ResetBy::Peer.is_unprocessed(Reason::REFUSED_STREAM));
/// assert!(!ResetBy::Peer.is_unprocessed(Reason::CANCEL));
/// assert!(ResetBy::GoAway.is_unprocessed(Reason::REFUSED_STREAM));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResetBy {
    /// The peer's GOAWAY says that it was not and will not be processed (RFC 9113, section 6.8).
    GoAway,
    /// The peer, with RST_STREAM.
    Peer,
    /// This side, because of what the peer did on the stream.
    Violation(Error),
}

impl ResetBy {
    /// Whether the request was certainly not processed, so that it can be sent again on another connection
    /// whatever its method is (RFC 9113, section 8.7).
    pub fn is_unprocessed(self, reason: Reason) -> bool {
        match self {
            Self::GoAway => true,
            Self::Peer => reason == Reason::REFUSED_STREAM,
            Self::Violation(_) => false,
        }
    }
}

/// The protocol that an extended CONNECT asks for: `:protocol` (RFC 8441, section 4). An extension of the
/// request, when received and to be sent.
///
/// ```
/// use barewire_h2::ConnectProtocol;
///
/// let mut request = http::Request::connect("https://example.com/chat").body(())?;
/// request.extensions_mut().insert(ConnectProtocol::new("websocket").ok_or("a token")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectProtocol(HeaderValue);

impl ConnectProtocol {
    /// `None` if it is not a token, such as `websocket`.
    pub fn new(token: &str) -> Option<Self> {
        Self::from_value(HeaderValue::from_str(token).ok()?)
    }

    pub(crate) fn from_value(value: HeaderValue) -> Option<Self> {
        let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
        let bytes = value.as_bytes();
        (!bytes.is_empty() && bytes.iter().all(token)).then_some(Self(value))
    }

    /// The token.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

impl fmt::Display for ConnectProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What happens on a server's connection.
///
/// A request is `Request`, and unless its body is [`BodyLength::Empty`] then `Data` any number of times, at
/// most one `Trailers`, and `End`. After `StreamReset` nothing more comes for its stream. A request that is `Refused` is
/// no `Request`.
#[derive(Debug)]
pub enum ServerEvent {
    /// The head of a request, whole and checked. Its fields share blocks of 4 KiB with others of this
    /// connection, which live as long as any of them.
    Request(StreamId, Request<()>, BodyLength),
    /// A part of a body. Pins the read buffer that it is a slice of, and is charged to the windows until
    /// [`release_capacity`](crate::ServerConnection::release_capacity) gives it back.
    Data(StreamId, Bytes),
    /// The trailer section.
    Trailers(StreamId, HeaderMap),
    /// The body is complete.
    End(StreamId),
    /// A request was refused for what its head says, or because too many are under way. The client was told already:
    /// there is nothing to do, and this is for the log. Nothing else comes for its stream. Bounded by
    /// [`Limits::provoked_resets`](crate::Limits::provoked_resets).
    Refused {
        /// The stream that the request came on.
        id: StreamId,
        /// What was wrong, and what the client was told.
        error: Error,
    },
    /// The stream is over before its time: nobody waits for an answer any more.
    StreamReset {
        /// The stream.
        id: StreamId,
        /// The error code.
        reason: Reason,
        /// Who did it.
        by: ResetBy,
    },
    /// There is room again after [`send_data`](crate::ServerConnection::send_data) left something.
    Writable(StreamId),
    /// The client changed a stream's priority. It is obeyed already.
    Priority(StreamId, Priority),
    /// The client's settings came, or changed.
    Settings(PeerSettings),
    /// A PING came back.
    Pong {
        /// The time that it took.
        rtt: Duration,
    },
    /// The client closes.
    GoAway {
        /// The last pushed stream that it handled.
        last: StreamId,
        /// Why.
        reason: Reason,
        /// For people who look for a cause; at most 1 KiB is kept.
        debug: Bytes,
    },
}

/// What happens on a client's connection.
///
/// A response is `Informational` any number of times, `Response`, and unless its body is
/// [`BodyLength::Empty`] then `Data` any number of times, at most one `Trailers`, and `End`. After
/// `StreamReset` nothing more comes for its stream; [`ResetBy::is_unprocessed`] tells whether to try again.
#[derive(Debug)]
pub enum ClientEvent {
    /// A 1xx response: 100 asks for the body, 103 hints at what will come.
    Informational(StreamId, Response<()>),
    /// The head of the final response. Its fields share blocks of 4 KiB with others of this connection, which
    /// live as long as any of them.
    Response(StreamId, Response<()>, BodyLength),
    /// A part of a body. Pins the read buffer that it is a slice of, and is charged to the windows until
    /// [`release_capacity`](crate::ClientConnection::release_capacity) gives it back.
    Data(StreamId, Bytes),
    /// The trailer section.
    Trailers(StreamId, HeaderMap),
    /// The body is complete.
    End(StreamId),
    /// The stream is over before its time.
    StreamReset {
        /// The stream.
        id: StreamId,
        /// The error code.
        reason: Reason,
        /// Who did it.
        by: ResetBy,
    },
    /// There is room again after [`send_data`](crate::ClientConnection::send_data) left something.
    Writable(StreamId),
    /// The server promises the response to a request that it made up (RFC 9113, section 8.4), which is safe and
    /// without a body. Whether the server may speak for its authority is for the caller to judge: a promise for
    /// another one is to be reset with PROTOCOL_ERROR.
    PushPromise {
        /// The stream of the request that it belongs to.
        id: StreamId,
        /// The stream that the response will come on; [reset](crate::ClientConnection::reset_stream) it to
        /// refuse.
        promised: StreamId,
        /// The request.
        request: Request<()>,
    },
    /// The server's settings came, or changed.
    Settings(PeerSettings),
    /// A PING came back.
    Pong {
        /// The time that it took.
        rtt: Duration,
    },
    /// The server closes: open another connection for further requests. Streams above `last` follow as
    /// `StreamReset`.
    GoAway {
        /// The last stream that it handles.
        last: StreamId,
        /// Why.
        reason: Reason,
        /// For people who look for a cause; at most 1 KiB is kept.
        debug: Bytes,
    },
}

/// What happens in the same way on both roles.
#[derive(Debug)]
pub(crate) enum Common {
    Data(StreamId, Bytes),
    Trailers(StreamId, HeaderMap),
    End(StreamId),
    Refused { id: StreamId, error: Error },
    StreamReset { id: StreamId, reason: Reason, by: ResetBy },
    Writable(StreamId),
    Priority(StreamId, Priority),
    Settings(PeerSettings),
    Pong { rtt: Duration },
    GoAway { last: StreamId, reason: Reason, debug: Bytes },
}

impl From<Common> for Option<ServerEvent> {
    fn from(event: Common) -> Self {
        use ServerEvent as E;
        Some(match event {
            Common::Data(id, data) => E::Data(id, data),
            Common::Trailers(id, trailers) => E::Trailers(id, trailers),
            Common::End(id) => E::End(id),
            Common::Refused { id, error } => E::Refused { id, error },
            Common::StreamReset { id, reason, by } => E::StreamReset { id, reason, by },
            Common::Writable(id) => E::Writable(id),
            Common::Priority(id, priority) => E::Priority(id, priority),
            Common::Settings(settings) => E::Settings(settings),
            Common::Pong { rtt } => E::Pong { rtt },
            Common::GoAway { last, reason, debug } => E::GoAway { last, reason, debug },
        })
    }
}

impl From<Common> for Option<ClientEvent> {
    fn from(event: Common) -> Self {
        use ClientEvent as E;
        Some(match event {
            Common::Data(id, data) => E::Data(id, data),
            Common::Trailers(id, trailers) => E::Trailers(id, trailers),
            Common::End(id) => E::End(id),
            Common::StreamReset { id, reason, by } => E::StreamReset { id, reason, by },
            Common::Writable(id) => E::Writable(id),
            // Only clients signal priorities, and send requests.
            Common::Priority(..) | Common::Refused { .. } => return None,
            Common::Settings(settings) => E::Settings(settings),
            Common::Pong { rtt } => E::Pong { rtt },
            Common::GoAway { last, reason, debug } => E::GoAway { last, reason, debug },
        })
    }
}

impl Common {
    /// The stream that the event is about.
    pub(crate) fn stream(&self) -> Option<StreamId> {
        match self {
            Self::Data(id, _)
            | Self::Trailers(id, _)
            | Self::End(id)
            | Self::Refused { id, .. }
            | Self::StreamReset { id, .. }
            | Self::Writable(id)
            | Self::Priority(id, _) => Some(*id),
            Self::Settings(_) | Self::Pong { .. } | Self::GoAway { .. } => None,
        }
    }

    /// Whether it belongs to the body that comes in on a stream.
    pub(crate) fn is_body_of(&self, stream: StreamId) -> bool {
        matches!(self, Self::Data(id, _) | Self::Trailers(id, _) | Self::End(id) if *id == stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events are moved for every request: what they weigh is paid for each time.
    #[test]
    fn an_event_is_hardly_larger_than_a_request() {
        assert!(size_of::<ServerEvent>() <= size_of::<Request<()>>() + 24);
        assert!(size_of::<Common>() <= 112, "{}", size_of::<Common>());
    }
}
