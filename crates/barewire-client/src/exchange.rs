//! What a request and its response need of a connection, whichever protocol it speaks.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

pub(crate) use barewire_h1::BodyLength;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri, Version};
use http_body::Frame;

use crate::error::Error;

/// What an exchange begins with.
#[derive(Clone, Copy)]
pub(crate) struct Outset<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) version: Version,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) defaults: &'a HeaderMap,
    pub(crate) now: Instant,
    pub(crate) total: Option<Instant>,
    pub(crate) read: Option<Duration>,
    /// How long the body is held back for the server to say `100 Continue`.
    pub(crate) expect: Option<Duration>,
}

/// A status from which on a server that answers early has no use for the rest of the body.
pub(crate) const REFUSED: StatusCode = StatusCode::MULTIPLE_CHOICES;

/// An exchange whose response is being received, on whatever connection of whatever runtime.
pub(crate) trait Exchange: Send {
    /// The next frame of the response's body; `None` at its end.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>>;

    /// Whether nothing but the end is left, as far as that is known without waiting.
    fn is_at_end(&mut self, cx: &mut Context<'_>) -> bool;

    /// The end was reached: the connection may be kept.
    fn finish(self: Box<Self>);

    /// Nobody wants the rest: what is buffered may be the rest, and then the connection may be kept too.
    fn abandon(self: Box<Self>);
}

/// Where a request's body goes.
pub(crate) trait Carrier {
    /// Takes from the front of `data` what there is room for; with `end` it is the last part.
    fn send_data(&mut self, data: &mut Bytes, end: bool) -> Result<Taken, Error>;

    /// Ends a body with trailers.
    fn send_trailers(&mut self, trailers: &HeaderMap) -> Result<Taken, Error>;

    /// All of the declared length was sent.
    fn complete(&mut self) -> Result<Taken, Error>;

    /// The body is about to be asked for more: what it gave so far may be sent before.
    fn flush(&mut self, cx: &mut Context<'_>);
}

/// Whether a [`Carrier`] goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Open,
    /// The server wants no more of it.
    Closed,
}
