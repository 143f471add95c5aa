//! What comes in, frame by frame, and the events that it makes.

use std::ops::Range;

use super::{Connection, Next, Phase, Role};
use crate::budget::Cost;
use crate::event::Common;
use crate::frame::{FrameHead, HEAD, Kind, PREFACE, flags};
use crate::{Error, ErrorKind};

impl<R: Role> Connection<R> {
    pub(crate) fn poll(&mut self) -> Result<Option<R::Event>, Error> {
        if self.first.is_some() {
            return Ok(self.first.take());
        }
        if !self.scheduler.is_empty() {
            self.pump();
        }
        loop {
            while let Some(event) = self.events.pop_front() {
                if let Some(event) = R::event(event) {
                    return Ok(Some(event));
                }
            }
            if let Some(error) = self.error {
                self.input.consume(usize::MAX);
                self.rearm();
                return Err(error);
            }
            if self.ended {
                self.input.consume(usize::MAX);
                break;
            }
            if self.is_choked() {
                break;
            }
            match self.next_frame() {
                Ok(Next::Repeated(at, id, tell)) => {
                    let head = self.repeat.head(at);
                    return Ok(head.and_then(|known| R::announce(id, || known.clone(), tell)));
                }
                Ok(Next::First) => return Ok(self.first.take()),
                Ok(Next::Data(id, data)) => return Ok(R::event(Common::Data(id, data))),
                Ok(Next::More) => {}
                Ok(Next::Wait) if self.is_late() => self.fail(ErrorKind::HeadTimeout.into()),
                Ok(Next::Wait) => {
                    self.seen = self.input.len();
                    if !self.input.is_closed() {
                        break;
                    }
                    self.input_ended();
                    if self.error.is_none() {
                        break;
                    }
                }
                Err(error) => self.fail(error),
            }
        }
        self.rearm();
        Ok(None)
    }

    fn next_frame(&mut self) -> Result<Next, Error> {
        let filled = self.input.filled();
        if self.phase == Phase::Preface {
            let n = filled.len().min(PREFACE.len());
            if filled.get(..n) != PREFACE.get(..n) {
                return Err(ErrorKind::BadPreface.into());
            }
            if n < PREFACE.len() {
                return Ok(Next::Wait);
            }
            self.input.consume(n);
            self.phase = Phase::Settings;
            return Ok(Next::More);
        }
        let Some(head) = FrameHead::parse(filled) else { return Ok(Next::Wait) };
        if head.length > self.max_frame {
            return Err(ErrorKind::FrameTooLarge.into());
        }
        let total = HEAD.saturating_add(head.length as usize);
        if filled.len() < total {
            return Ok(Next::Wait);
        }
        self.frames = self.frames.wrapping_add(1);
        if self.phase == Phase::Settings && (head.kind != Kind::Settings || head.has(flags::ACK)) {
            return Err(ErrorKind::ExpectedSettings.into());
        }
        match &self.block {
            Some(block) if head.kind != Kind::Continuation || head.stream != block.id => {
                return Err(ErrorKind::ExpectedContinuation.into());
            }
            None if head.kind == Kind::Continuation => {
                return Err(ErrorKind::UnexpectedContinuation.into());
            }
            _ => {}
        }
        let payload = HEAD..total;
        match head.kind {
            Kind::Headers => return self.on_headers(head, payload),
            Kind::Data => return self.on_data(head, payload),
            Kind::PushPromise => return self.on_push_promise(head, payload),
            Kind::Continuation => return self.on_continuation(head, payload),
            Kind::WindowUpdate => self.on_window_update(head, payload)?,
            Kind::Reset => self.on_reset(head, payload)?,
            Kind::Settings => self.on_settings(head, payload)?,
            Kind::Ping => self.on_ping(head, payload)?,
            Kind::GoAway => self.on_go_away(head, payload)?,
            Kind::Priority => self.on_priority(head, payload)?,
            Kind::PriorityUpdate => self.on_priority_update(head, payload)?,
            Kind::Unknown(_) => self.spend(Cost::UnknownFrame)?,
        }
        self.input.consume(total);
        if !self.scheduler.is_empty() {
            self.pump();
        }
        Ok(Next::More)
    }

    pub(super) fn payload(&self, range: Range<usize>) -> &[u8] {
        self.input.filled().get(range).unwrap_or_default()
    }

    pub(super) fn on_connection(head: FrameHead) -> Result<(), ErrorKind> {
        if head.stream.is_connection() { Ok(()) } else { Err(ErrorKind::BadStreamId) }
    }

    pub(super) fn on_stream(head: FrameHead) -> Result<(), ErrorKind> {
        if head.stream.is_connection() { Err(ErrorKind::BadStreamId) } else { Ok(()) }
    }
}
