use std::task::{Context, Poll, ready};

use barewire_h1::BodyLength;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::error::Error;

/// An exchange whose response is being received, on whatever connection of whatever runtime.
pub(crate) trait Exchange: Send + Sync {
    /// The next frame of the response's body; `None` at its end.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>>;

    /// The end was reached: the connection may be kept.
    fn finish(self: Box<Self>);

    /// Nobody wants the rest: what is buffered may be the rest, and then the connection may be kept too.
    fn abandon(self: Box<Self>);
}

/// A response's body: it owns the exchange until its end.
pub(crate) struct Incoming {
    exchange: Option<Box<dyn Exchange>>,
    left: Option<u64>,
}

impl Incoming {
    pub(crate) fn new(exchange: Box<dyn Exchange>, length: BodyLength) -> Self {
        let left = length.known();
        if left == Some(0) {
            exchange.finish();
            return Self { exchange: None, left };
        }
        Self { exchange: Some(exchange), left }
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(exchange) = &mut self.exchange else { return Poll::Ready(None) };
        let frame = ready!(exchange.poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                let data = frame.data_ref().map_or(0, Bytes::len) as u64;
                self.left = self.left.map(|left| left.saturating_sub(data));
                // Whoever counts the bytes does not ask for the end.
                if self.left == Some(0) && matches!(exchange.poll_frame(cx), Poll::Ready(None)) {
                    self.end();
                }
            }
            // Dropping the exchange closes its connection.
            Some(Err(_)) => self.exchange = None,
            None => self.end(),
        }
        Poll::Ready(frame)
    }

    fn end(&mut self) {
        if let Some(exchange) = self.exchange.take() {
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
        if let Some(exchange) = self.exchange.take() {
            exchange.abandon();
        }
    }
}
