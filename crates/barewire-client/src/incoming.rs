use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::error::Error;
use crate::exchange::{BodyLength, Exchange};

/// A response's body: it owns the exchange until its end.
pub(crate) struct Incoming {
    /// The lock is never taken: it lets a body be shared whose exchange cannot be.
    exchange: Option<Mutex<Box<dyn Exchange>>>,
    left: Option<u64>,
}

impl Incoming {
    pub(crate) fn new(exchange: Box<dyn Exchange>, length: BodyLength) -> Self {
        let left = length.known();
        if left == Some(0) {
            exchange.finish();
            return Self { exchange: None, left };
        }
        Self { exchange: Some(Mutex::new(exchange)), left }
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(exchange) = &mut self.exchange else { return Poll::Ready(None) };
        let exchange = exchange.get_mut().unwrap_or_else(PoisonError::into_inner);
        let frame = ready!(exchange.poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                let data = frame.data_ref().map_or(0, Bytes::len) as u64;
                self.left = self.left.map(|left| left.saturating_sub(data));
                // Whoever counts the bytes does not ask for the end.
                if self.left == Some(0) && exchange.is_at_end(cx) {
                    self.end();
                }
            }
            // Dropping the exchange closes its connection.
            Some(Err(_)) => self.exchange = None,
            None => self.end(),
        }
        Poll::Ready(frame)
    }

    fn take(&mut self) -> Option<Box<dyn Exchange>> {
        self.exchange
            .take()
            .map(|exchange| exchange.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn end(&mut self) {
        if let Some(exchange) = self.take() {
            exchange.finish();
        }
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.exchange.is_none()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        match (&self.exchange, self.left) {
            (None, _) => SizeHint::with_exact(0),
            (_, Some(left)) => SizeHint::with_exact(left),
            (_, None) => SizeHint::new(),
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(exchange) = self.take() {
            exchange.abandon();
        }
    }
}
