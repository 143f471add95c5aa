//! Sending a handler's response.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use barewire_h1::{BodyLength, ServerConnection, UsageError};
use barewire_rt::Transport;
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Body as _;

use crate::connection::{Connection, Gone, poll_body};
use crate::handler::internal_error;
use crate::{Body, log};

impl<T: Transport + Send + 'static> Connection<T> {
    /// Sends a response; the number of bytes of its body.
    pub(crate) async fn respond(&mut self, response: Response<Body>) -> Result<u64, Gone> {
        let (parts, body) = response.into_parts();
        let head = Response::from_parts(parts, ());
        // What must not have a body loses it here, as a convenience to handlers.
        let bodiless = matches!(head.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let body = if bodiless { Body::empty() } else { body };
        match body.into_full() {
            Ok(bytes) => {
                let length = bytes.len() as u64;
                let mut state = self.shared.lock();
                let protocol = state.driver.protocol_mut();
                match respond_full(protocol, &head, bytes) {
                    Ok(()) => Ok(length),
                    Err(error) => self.refuse(protocol, error),
                }
            }
            Err(body) => self.respond_streaming(&head, body).await,
        }
    }

    async fn respond_streaming(&mut self, head: &Response<()>, body: Body) -> Result<u64, Gone> {
        let length = match body.size_hint().exact() {
            Some(length) => BodyLength::Known(length),
            None => BodyLength::Unknown,
        };
        {
            let mut state = self.shared.lock();
            let protocol = state.driver.protocol_mut();
            if let Err(error) = protocol.send_response(head, length) {
                return self.refuse(protocol, error);
            }
            if !protocol.is_sending_body() {
                return Ok(0);
            }
        }
        let mut body = pin!(body);
        let mut sent = 0u64;
        loop {
            let frame = poll_fn(|cx| match poll_body(body.as_mut(), cx) {
                Poll::Ready(frame) => Poll::Ready(Ok(frame)),
                Poll::Pending => self.poll_gone(cx).map(Err),
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
                    self.shared.lock().driver.protocol_mut().abort();
                    return Err(Gone);
                }
            };
            sent += data.len() as u64;
            let end = data.is_empty();
            loop {
                let room = poll_fn(|cx| self.shared.lock().driver.poll_room(cx)).await;
                if let Err(error) = room {
                    log::broken(&self.peer, &error);
                    return Err(Gone);
                }
                let mut state = self.shared.lock();
                let protocol = state.driver.protocol_mut();
                let result = match &trailers {
                    Some(trailers) => protocol.send_trailers(trailers),
                    None => protocol.send_data(&mut data, end),
                };
                if let Err(error) = result {
                    // The head is out: all that is left is to cut the body, so that the client notices.
                    log::bad_response(&self.peer, error);
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
    fn refuse(&self, protocol: &mut ServerConnection, error: UsageError) -> Result<u64, Gone> {
        if error == UsageError::Closed {
            // The connection failed meanwhile, and its farewell is out.
            return Ok(0);
        }
        log::bad_response(&self.peer, error);
        let (parts, body) = internal_error().into_parts();
        let body = body.into_full().unwrap_or_default();
        let head = Response::from_parts(parts, ());
        protocol.respond(&head, body).map(|()| 0).map_err(|_| Gone)
    }
}

fn respond_full(
    protocol: &mut ServerConnection,
    head: &Response<()>,
    body: Bytes,
) -> Result<(), UsageError> {
    match body.is_empty() {
        // Keeps the `Content-Length` that a handler gave to a response to HEAD.
        true => protocol.send_response(head, BodyLength::Empty),
        false => protocol.respond(head, body),
    }
}
