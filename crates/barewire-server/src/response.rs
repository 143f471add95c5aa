//! Sending a handler's response over HTTP/1.1.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::Poll;

use barewire_h1::{BodyLength, ServerConnection, UsageError};
use barewire_rt::Transport;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Response, StatusCode};
use http_body::Body as _;

use crate::connection::{Connection, Gone, poll_body};
use crate::drain::Phase;
use crate::handler::internal_error;
use crate::layer::Over;
use crate::{Body, log};

/// So many parts of a body are sent before other tasks have their turn.
const FRAMES_A_TURN: u32 = 32;

/// How much of a response went out with its head.
pub(crate) enum Begun {
    /// All of it; so many bytes of body.
    Whole(u64),
    /// The body is still to be sent.
    Body(Body),
}

impl<L: Over<ServerConnection>, T: Transport + Send + 'static> Connection<L, T> {
    /// Puts the head out, and the body with it if it is there already.
    pub(crate) fn begin_response(&mut self, head: &mut Response<Body>) -> Result<Begun, Gone> {
        self.access.status(head.status());
        let body = take_body(head);
        let mut state = self.shared.lock();
        let protocol = state.protocol();
        if self.membership.phase() > Phase::Serving {
            // The client is told that this is the last response.
            protocol.graceful_shutdown();
        }
        let begun = match body.into_full() {
            Ok(bytes) => {
                let length = bytes.len() as u64;
                respond_full(protocol, head, bytes).map(|()| Begun::Whole(length))
            }
            Err(body) => {
                let length = length_of(head.headers(), &body);
                let length = length.map_or(BodyLength::Unknown, BodyLength::Known);
                protocol.send_response(head, length).map(|()| {
                    if protocol.is_sending_body() { Begun::Body(body) } else { Begun::Whole(0) }
                })
            }
        };
        let begun = begun.or_else(|error| self.refuse(protocol, error))?;
        if let Begun::Whole(_) = begun {
            state.forget_body();
        }
        Ok(begun)
    }

    /// Sends the rest of a response; the number of bytes of its body.
    pub(crate) async fn send_body(&mut self, body: Body) -> Result<u64, Gone> {
        let mut body = pin!(body);
        let mut sent = 0u64;
        let mut turn = 0u32;
        loop {
            let frame = poll_fn(|cx| {
                // A body that is always ready, on a socket that takes all, must not keep others waiting.
                turn += 1;
                if turn.is_multiple_of(FRAMES_A_TURN) && !T::BLOCKING {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if T::BLOCKING {
                    // The body may hold this thread up, and what is out so far is not to wait for it.
                    self.shared.lock().driver.poll_write_some(cx);
                }
                match poll_body(body.as_mut(), cx) {
                    Poll::Ready(frame) => Poll::Ready(Ok(frame)),
                    Poll::Pending => self.poll_gone(cx).map(Err),
                }
            })
            .await?;
            let (mut data, trailers) = match frame {
                None => (Bytes::new(), None),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() => continue,
                    Ok(data) => (data, None),
                    Err(frame) => (Bytes::new(), frame.into_trailers().ok()),
                },
                Some(Err(error)) => {
                    log::body_failed(&self.peer, &error);
                    self.shared.lock().protocol().abort();
                    return Err(Gone);
                }
            };
            sent += data.len() as u64;
            let end = data.is_empty();
            loop {
                let room = poll_fn(|cx| match self.membership.phase() {
                    Phase::Serving | Phase::Draining => self.shared.lock().driver.poll_room(cx),
                    Phase::Cutting | Phase::GivenUp => {
                        Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
                    }
                })
                .await;
                if let Err(error) = room {
                    log::broken(&self.peer, &error);
                    return Err(Gone);
                }
                let mut state = self.shared.lock();
                let protocol = state.protocol();
                let result = match &trailers {
                    Some(trailers) => protocol.send_trailers(trailers),
                    None => protocol.send_data(&mut data, end),
                };
                if let Err(error) = result {
                    // The head is out: all that is left is to cut the body, so that the client notices.
                    log::bad_response(&self.peer, &error);
                    protocol.abort();
                    return Err(Gone);
                }
                if !protocol.is_sending_body() {
                    return Ok(sent);
                }
                if data.is_empty() {
                    break;
                }
            }
        }
    }

    /// Answers 500 instead of a response that cannot be sent.
    fn refuse(&self, protocol: &mut ServerConnection, error: UsageError) -> Result<Begun, Gone> {
        if error == UsageError::Closed {
            // The connection failed meanwhile, and its farewell is out.
            return Ok(Begun::Whole(0));
        }
        log::bad_response(&self.peer, &error);
        let mut head = internal_error();
        let body = std::mem::take(head.body_mut()).into_full().unwrap_or_default();
        protocol.respond(&head, body).map(|()| Begun::Whole(0)).map_err(|_| Gone)
    }
}

/// A response's body. One that must not have any loses it here, as a convenience to handlers.
pub(crate) fn take_body(head: &mut Response<Body>) -> Body {
    let body = std::mem::take(head.body_mut());
    match head.status() {
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => Body::empty(),
        _ => body,
    }
}

/// The length of a body that is to be streamed, as far as it is known.
pub(crate) fn length_of(headers: &HeaderMap, body: &Body) -> Option<u64> {
    body.size_hint().exact().or_else(|| declared(headers))
}

/// The length that a handler gave to a body which does not know its own, such as a proxy's.
fn declared(headers: &HeaderMap) -> Option<u64> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let length = values.next()?.to_str().ok()?.parse().ok()?;
    if values.next().is_some() { None } else { Some(length) }
}

fn respond_full(
    protocol: &mut ServerConnection,
    head: &Response<Body>,
    body: Bytes,
) -> Result<(), UsageError> {
    match body.is_empty() {
        // Keeps the `Content-Length` that a handler gave to a response to HEAD.
        true => protocol.send_response(head, BodyLength::Empty),
        false => protocol.respond(head, body),
    }
}
