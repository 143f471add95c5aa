use std::pin::Pin;
use std::task::{Context, Poll};

use barewire_h1::UsageError;
use bytes::Bytes;
use http_body::Body as _;

use crate::body::Body;
use crate::error::Error;
use crate::exchange::{BodyLength, Carrier, Taken};

/// The rest of a request's body, on its way into a connection.
#[derive(Debug)]
pub(crate) struct Upload {
    body: Body,
    /// What the connection had no room for.
    chunk: Bytes,
    /// Bytes that were declared and not yet sent.
    left: Option<u64>,
    /// Nothing is sent before the server has asked for it, or its time for that is over.
    pub(crate) held: bool,
}

/// How far an [`Upload`] has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// All of it is with the connection.
    Done,
    /// It waits for the body, which has nothing to send at the moment.
    Starved,
    /// It waits for the server: to ask for it, or to make room.
    Waiting,
}

/// What the head has to declare for a body.
pub(crate) fn length_of(body: &Body) -> BodyLength {
    match body.size_hint().exact() {
        Some(0) => BodyLength::Empty,
        Some(length) => BodyLength::Known(length),
        None => BodyLength::Unknown,
    }
}

impl Upload {
    pub(crate) fn new(body: Body, length: BodyLength, held: bool) -> Self {
        Self { body, chunk: Bytes::new(), left: length.known(), held }
    }

    /// The whole body, if it is still held back.
    pub(crate) fn into_untouched(self) -> Option<Body> {
        self.held.then_some(self.body)
    }

    /// Moves what there is into the connection, until one of the two has to wait.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        carrier: &mut impl Carrier,
    ) -> Result<Progress, Error> {
        if self.held {
            return Ok(Progress::Waiting);
        }
        loop {
            if !self.chunk.is_empty() {
                let end = self.body.is_end_stream();
                let offered = self.chunk.len();
                let taken = carrier.send_data(&mut self.chunk, end)?;
                let sent = offered.saturating_sub(self.chunk.len()) as u64;
                self.left = self.left.map(|left| left.saturating_sub(sent));
                if taken == Taken::Closed {
                    return Ok(Progress::Done);
                }
                if !self.chunk.is_empty() {
                    return Ok(Progress::Waiting);
                }
                if end {
                    return Ok(Progress::Done);
                }
            }
            if self.body.may_wait() {
                carrier.flush(cx);
            }
            let frame = match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(frame)) => frame?,
                Poll::Ready(None) if self.left == Some(0) => {
                    carrier.complete()?;
                    return Ok(Progress::Done);
                }
                Poll::Ready(None) => {
                    carrier.send_data(&mut Bytes::new(), true)?;
                    return Ok(Progress::Done);
                }
                Poll::Pending => return Ok(Progress::Starved),
            };
            match frame.into_data() {
                Ok(data) if self.left == Some(0) && !data.is_empty() => {
                    return Err(UsageError::LengthMismatch.into());
                }
                Ok(data) => self.chunk = data,
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        carrier.send_trailers(&trailers)?;
                        return Ok(Progress::Done);
                    }
                }
            }
        }
    }
}
