//! Sending a handler's response over HTTP/2.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use barewire_h2::{BodyLength, Reason, ServerConnection, StreamId, UsageError};
use barewire_rt::{PeerAddr, Transport};
use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::Body as _;

use super::state::{Shared, State};
use crate::connection::poll_body;
use crate::handler::internal_error;
use crate::layer::Over;
use crate::response::length_of;
use crate::{Body, log};

/// So many parts of a body are sent before others have their turn.
const FRAMES_A_TURN: u32 = 32;

/// How much of a response went out with its head.
pub(super) enum Begun {
    /// All of it, so many bytes of body; `None` when the client was gone.
    Whole(Option<u64>),
    /// The body is still to be sent.
    Body(Body),
}

/// A body on its way out.
pub(super) struct Sending {
    body: Body,
    /// The part that is sent now, as far as it is not.
    data: Bytes,
    trailers: Option<HeaderMap>,
    /// Nothing comes after `data`.
    last: bool,
    sent: u64,
}

/// How far a body is.
pub(super) enum Sent {
    /// It waits for itself, or for the client to take more; its waker will be woken.
    Waiting,
    /// So many bytes; `None` when it broke off.
    All(Option<u64>),
}

impl<L: Over<ServerConnection>, T: Transport + Send + 'static> State<L, T> {
    /// Puts a head out, and the body with it if it is there already.
    pub(super) fn begin_response(
        &mut self,
        peer: &PeerAddr,
        id: StreamId,
        head: &Response<()>,
        body: Body,
    ) -> Begun {
        self.tell_date();
        let protocol = self.protocol();
        let begun = match body.into_full() {
            Ok(bytes) => {
                let length = bytes.len() as u64;
                protocol.respond(id, head, bytes).map(|()| Begun::Whole(Some(length)))
            }
            Err(body) => {
                let length = length_of(head.headers(), &body);
                let length = length.map_or(BodyLength::Unknown, BodyLength::Known);
                protocol.send_response(id, head, length).map(|()| {
                    if protocol.is_open(id) { Begun::Body(body) } else { Begun::Whole(Some(0)) }
                })
            }
        };
        let begun = begun.unwrap_or_else(|error| Begun::Whole(self.refuse(peer, id, error)));
        if let Begun::Whole(_) = begun {
            self.finish(id);
        }
        begun
    }

    /// Answers 500 instead of a response that cannot be sent.
    #[cold]
    fn refuse(&mut self, peer: &PeerAddr, id: StreamId, error: UsageError) -> Option<u64> {
        if matches!(error, UsageError::StreamClosed | UsageError::Closed) {
            // The client does not want it any more.
            return None;
        }
        log::bad_response(peer, &error);
        let (head, body) = internal_error().into_parts();
        let body = body.into_full().unwrap_or_default();
        let head = Response::from_parts(head, ());
        if self.protocol().respond(id, &head, body).is_err() {
            self.protocol().reset_stream(id, Reason::INTERNAL_ERROR);
        }
        Some(0)
    }

    /// What is out of a response is all there will be of it: the client has to notice.
    fn cut(&mut self, id: StreamId) {
        self.protocol().reset_stream(id, Reason::INTERNAL_ERROR);
        self.finish(id);
    }
}

impl Sending {
    pub(super) fn new(body: Body) -> Self {
        Self { body, data: Bytes::new(), trailers: None, last: false, sent: 0 }
    }

    /// Sends what there is. Who waits for the client is woken by the event `Writable`, through `waker` as the
    /// stream's handler.
    pub(super) fn poll<L, T>(
        &mut self,
        shared: &Shared<L, T>,
        peer: &PeerAddr,
        id: StreamId,
        waker: &Waker,
    ) -> Sent
    where
        L: Over<ServerConnection>,
        T: Transport + Send + 'static,
    {
        let mut cx = Context::from_waker(waker);
        for _ in 0..FRAMES_A_TURN {
            if self.data.is_empty() && !self.last {
                match poll_body(Pin::new(&mut self.body), &mut cx) {
                    Poll::Pending => return Sent::Waiting,
                    Poll::Ready(None) => self.last = true,
                    Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                        Ok(data) if data.is_empty() => continue,
                        Ok(data) => {
                            self.sent += data.len() as u64;
                            self.data = data;
                            self.last = self.body.is_end_stream();
                        }
                        Err(frame) => {
                            self.trailers = frame.into_trailers().ok();
                            self.last = true;
                        }
                    },
                    Poll::Ready(Some(Err(error))) => {
                        log::body_failed(peer, &error);
                        shared.lock().cut(id);
                        return Sent::All(None);
                    }
                }
            }
            let mut state = shared.lock();
            let protocol = state.protocol();
            let result = match &self.trailers {
                Some(trailers) => protocol.send_trailers(id, trailers),
                None => protocol.send_data(id, &mut self.data, self.last),
            };
            match result {
                Ok(()) if !self.data.is_empty() => return Sent::Waiting,
                Ok(()) if self.last => {
                    state.finish(id);
                    return Sent::All(Some(self.sent));
                }
                Ok(()) => {
                    drop(state);
                    // The body may take its time, and what is out so far is not to wait for it.
                    shared.ready.call();
                }
                Err(error) => {
                    if !matches!(error, UsageError::StreamClosed | UsageError::Closed) {
                        log::bad_response(peer, &error);
                    }
                    state.cut(id);
                    return Sent::All(None);
                }
            }
        }
        waker.wake_by_ref();
        Sent::Waiting
    }
}
