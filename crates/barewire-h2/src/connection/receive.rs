//! DATA, and streams that are refused or gone.

use std::ops::Range;

use http::StatusCode;

use super::{Connection, Next, Role, Said};
use crate::budget::Cost;
use crate::event::Common;
use crate::frame::{self, Frame, FrameHead, flags};
use crate::stream::{Step, Stream, UNKNOWN};
use crate::streams::Key;
use crate::{BodyLength, Error, ErrorKind, Reason, StreamId};

/// DATA frames of this many bytes or fewer count as tiny.
const TINY: u32 = 16;

impl<R: Role> Connection<R> {
    pub(super) fn on_data(
        &mut self,
        head: FrameHead,
        payload: Range<usize>,
    ) -> Result<Next, Error> {
        Self::on_stream(head)?;
        let (id, charged, total) = (head.stream, head.length, payload.end);
        let (data, _) = frame::unpad(head.flags, self.payload(payload.clone()))?;
        let length = data.len();
        let before = usize::from(head.has(flags::PADDED));
        let end = head.has(flags::END_STREAM);
        self.receiving.take(charged)?;
        if self.is_idle_id(id) {
            return Err(ErrorKind::UnexpectedFrame.into());
        }
        if !end && length == 0 {
            self.spend(Cost::EmptyFrame)?;
        } else if !end && charged <= TINY {
            self.spend(Cost::TinyData)?;
        }
        let max_body = self.config.limits.max_body;
        let Some((key, stream)) = self.streams.by_id(id) else {
            self.input.consume(total);
            self.give_connection(charged);
            self.on_closed(id)?;
            return Ok(Next::More);
        };
        if let Err(kind) = stream.take(charged, length, end, max_body, R::SERVER) {
            if stream.state.is_reserved() {
                return Err(ErrorKind::UnexpectedFrame.into());
            }
            self.input.consume(total);
            self.give_connection(charged);
            self.stream_error(key, kind)?;
            return Ok(Next::More);
        }
        let discard = stream.discard;
        let padding = charged.saturating_sub(length as u32);
        let given = if discard { charged } else { padding };
        if given > 0 {
            self.give(key, given);
        }
        if discard || length == 0 {
            self.input.consume(total);
            if end {
                self.received_all(key, !discard);
            }
            return Ok(Next::More);
        }
        self.input.consume(payload.start.saturating_add(before));
        let data = self.input.split_to(length);
        self.input.consume(padding.saturating_sub(before as u32) as usize);
        if let Some(stream) = self.streams.get_mut(key) {
            stream.unreleased = stream.unreleased.saturating_add(length as u32);
        }
        if end {
            self.received_all(key, true);
        }
        Ok(Next::Data(id, data))
    }

    /// The peer ended the stream.
    pub(super) fn received_all(&mut self, key: Key, tell: bool) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        stream.step(Step::RecvEnd);
        if tell {
            self.events.push_back(Common::End(stream.id));
        }
        self.settle(key);
    }

    /// A frame came on a stream that is not there any more.
    fn on_closed(&mut self, id: StreamId) -> Result<(), Error> {
        if self.resets.contains(&id) || self.is_beyond_last(id) {
            return Ok(());
        }
        self.spend(Cost::ProvokedReset)?;
        self.put_reset(id, Reason::STREAM_CLOSED);
        Ok(())
    }

    /// Whether a stream of the peer's came after the last one that it was told to be taken.
    pub(super) fn is_beyond_last(&self, id: StreamId) -> bool {
        !Self::is_local(id) && matches!(self.said, Said::Last(last) if id > last)
    }

    /// Resets a stream that the application never heard of, or not any more.
    pub(crate) fn refuse(&mut self, id: StreamId, kind: ErrorKind) -> Result<(), Error> {
        self.spend(Cost::ProvokedReset)?;
        self.put_reset(id, kind.reason());
        Ok(())
    }

    /// Refuses a request. Nobody can answer it, but why it was refused is told.
    pub(crate) fn refuse_request(&mut self, id: StreamId, kind: ErrorKind) -> Result<(), Error> {
        self.refuse(id, kind)?;
        self.events.push_back(Common::Refused { id, error: Error::stream(id, kind) });
        Ok(())
    }

    /// Refuses a request for its head: one that is too large is told so (RFC 9113, section 10.5.1).
    pub(super) fn refuse_head(
        &mut self,
        id: StreamId,
        end: bool,
        kind: ErrorKind,
    ) -> Result<(), Error> {
        if kind != ErrorKind::HeaderListTooLarge || !R::SERVER {
            return self.refuse_request(id, kind);
        }
        self.spend(Cost::ProvokedReset)?;
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        let (encoder, max) = (&mut self.encoder, self.peer.max_frame_size);
        frame::put_block(self.output.tail(), id, true, None, max, |dst| {
            encoder.block(dst).status(status);
        });
        if !end {
            self.put_reset(id, Reason::NO_ERROR);
        }
        self.events.push_back(Common::Refused { id, error: Error::too_large_a_head(id) });
        Ok(())
    }

    /// The priority that came for a stream before it was opened.
    pub(crate) fn take_early(&mut self, id: StreamId) -> Option<crate::Priority> {
        let at = self.early.iter().position(|(other, _)| *other == id)?;
        Some(self.early.remove(at).1)
    }

    /// A stream with the windows of this moment, not yet in any state.
    pub(crate) fn new_stream(&self, id: StreamId) -> Stream {
        Stream::new(id, self.peer.initial_window_size, self.receive_window)
    }

    /// Whether a body follows a head, by what it says of itself.
    pub(crate) fn body_length(
        end: bool,
        content_length: Option<u64>,
    ) -> Result<BodyLength, ErrorKind> {
        match (end, content_length) {
            (true, None | Some(0)) => Ok(BodyLength::Empty),
            (true, Some(_)) => Err(ErrorKind::ContentLengthMismatch),
            (false, Some(length)) => Ok(BodyLength::Known(length)),
            (false, None) => Ok(BodyLength::Unknown),
        }
    }

    pub(super) fn put_reset(&mut self, id: StreamId, reason: Reason) {
        self.put(&Frame::Reset { stream: id, reason });
        if self.resets.len() >= self.config.limits.max_remembered_resets {
            self.resets.pop_front();
        }
        self.resets.push_back(id);
    }
}

impl Stream {
    /// Counts a DATA frame: `charged` against the window, `length` without padding.
    fn take(
        &mut self,
        charged: u32,
        length: usize,
        end: bool,
        max_body: u64,
        server: bool,
    ) -> Result<(), ErrorKind> {
        if !self.state.receives() {
            return Err(ErrorKind::StreamClosed);
        }
        if !server && !self.answered {
            return Err(ErrorKind::UnexpectedData);
        }
        self.receiving.take(charged)?;
        let length = length as u64;
        self.came = self.came.saturating_add(charged);
        self.body_received = self.body_received.saturating_add(length);
        if self.body_received > max_body {
            return Err(ErrorKind::BodyTooLarge);
        }
        if self.body_left != UNKNOWN {
            self.body_left =
                self.body_left.checked_sub(length).ok_or(ErrorKind::ContentLengthMismatch)?;
            if end && self.body_left > 0 {
                return Err(ErrorKind::ContentLengthMismatch);
            }
        }
        Ok(())
    }
}
