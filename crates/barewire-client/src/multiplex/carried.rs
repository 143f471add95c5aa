use std::task::Context;

use barewire_h2::{StreamId, UsageError};
use barewire_rt::{Runtime, Transport};
use bytes::Bytes;
use http::HeaderMap;

use super::Seat;
use crate::error::Error;
use crate::exchange::{Carrier, Taken};

/// Takes a request's body to its stream. The lock is not held while the body is asked for more: it may be the
/// response on another stream.
pub(super) struct Carried<'a, R: Runtime> {
    pub(super) seat: &'a Seat<R>,
    pub(super) id: StreamId,
    /// Something was taken, and is to be sent.
    pub(super) moved: bool,
}

impl<R: Runtime> Carried<'_, R> {
    fn taken(result: Result<(), UsageError>) -> Result<Taken, Error> {
        match result {
            Ok(()) => Ok(Taken::Open),
            // The server needs no more of it; why is told by the response, or by a reset.
            Err(UsageError::StreamClosed) => Ok(Taken::Closed),
            Err(error) => Err(error.into()),
        }
    }
}

impl<R: Runtime> Carrier for Carried<'_, R> {
    fn send_data(&mut self, data: &mut Bytes, end: bool) -> Result<Taken, Error> {
        let (before, id) = (data.len(), self.id);
        let sent = self.seat.line.with(|state| state.connection().send_data(id, data, end));
        self.moved |= data.len() < before || data.is_empty();
        Self::taken(sent)
    }

    fn send_trailers(&mut self, trailers: &HeaderMap) -> Result<Taken, Error> {
        let id = self.id;
        self.moved = true;
        Self::taken(self.seat.line.with(|state| state.connection().send_trailers(id, trailers)))
    }

    fn complete(&mut self) -> Result<Taken, Error> {
        self.send_data(&mut Bytes::new(), true)
    }

    fn flush(&mut self, _: &mut Context<'_>) {
        // A body that blocks must not hold up what it gave before, or the head.
        if R::TcpStream::BLOCKING {
            self.seat.line.with(|state| {
                if state.has_unsent() {
                    state.drive();
                }
            });
        }
    }
}
