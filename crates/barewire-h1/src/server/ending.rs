//! How a response and the connection end: well, after a violation, or when time is up.

use std::sync::Arc;
use std::time::Instant;

use barewire_proto::Buf;
use bytes::Bytes;
use http::header::{self, HeaderMap};

use super::ServerConnection;
use crate::encode::{self, LengthField, ResponseFields};
use crate::head::Scratch;
use crate::state::{ReadStep, Reading, WriteStep, Writing};
use crate::timer::{self, Timer};
use crate::{Error, ErrorKind};

impl ServerConnection {
    pub(super) fn message_sent(&mut self) {
        self.outgoing = None;
        self.blocked = false;
        self.writing.step(WriteStep::Ends);
        let answered = std::mem::replace(&mut self.front, self.behind.pop_front());
        if let Some((before, _)) = &mut self.farewell {
            *before = before.saturating_sub(1);
        }
        let persistent = answered.is_none_or(|exchange| exchange.persistent);
        if self.farewell.is_some() && persistent {
            self.say_farewell();
        } else if !persistent || (self.front.is_none() && self.nothing_follows()) {
            self.close();
        }
    }

    pub(super) fn nothing_follows(&self) -> bool {
        match self.reading {
            Reading::Done => true,
            Reading::Head => self.last,
            Reading::Body | Reading::Discard | Reading::Upgraded => false,
        }
    }

    pub(super) fn close(&mut self) {
        self.linger |= self.reading.is_in_body() || !self.input.is_empty();
        self.reading.step(ReadStep::Finish);
        self.writing.step(WriteStep::Close);
        self.incoming = None;
        self.outgoing = None;
        self.front = None;
        self.behind.clear();
        self.farewell = None;
        self.output.finish();
    }

    pub(super) fn fail(&mut self, error: Error) {
        self.error = Some(error);
        self.linger = true;
        // A violation within a body is answered in the place of that request, if it still has no answer.
        let own = usize::from(self.reading.is_in_body());
        self.reading.step(ReadStep::Finish);
        self.incoming = None;
        let before = self.under_way().checked_sub(own);
        match (error.answer(), before) {
            // It was answered before it broke.
            (Some(_), None) => self.close(),
            (Some(status), Some(before)) => {
                self.farewell = Some((before, status));
                self.say_farewell();
            }
            (None, _) => self.abort(),
        }
    }

    /// Answers a violation once everything before it is answered; within a response nothing can be said.
    pub(super) fn say_farewell(&mut self) {
        let Some((0, status)) = self.farewell else { return };
        self.farewell = None;
        let answerable = self.writing == Writing::Idle;
        if answerable {
            let mut headers = HeaderMap::new();
            let text = header::HeaderValue::from_static("text/plain; charset=utf-8");
            headers.insert(header::CONTENT_TYPE, text);
            let body = self.error.map(|error| format!("{error}\n")).unwrap_or_default();
            let fields = ResponseFields {
                length: LengthField::ContentLength(body.len() as u64),
                connection: Some(b"close"),
                date: self.date.as_ref(),
            };
            encode::response(&mut self.output, status, &headers, &fields);
            if !self.front.is_some_and(|front| front.head) {
                self.output.push(Bytes::from(body));
            }
        }
        self.close();
    }

    /// What was read was looked at, and the head is not in it.
    #[cold]
    pub(super) fn head_is_late(&mut self) {
        self.overdue = false;
        if self.reading == Reading::Head && self.front.is_none() && !self.input.is_empty() {
            self.fail(ErrorKind::HeadTimeout.into());
        }
    }

    /// All that has come of a body was taken.
    pub(super) fn body_is_taken(&mut self) {
        if std::mem::take(&mut self.body_overdue) {
            self.fail(ErrorKind::BodyTimeout.into());
        }
        self.clock.take_body();
    }

    /// Whether the body that is under way was not asked for, by a client that waits for that.
    fn waits_to_go_on(&self) -> bool {
        self.nothing_received() && self.newest().is_some_and(|newest| newest.waiting)
    }

    pub(super) fn rearm(&mut self) {
        let timeouts = &self.config.timeouts;
        self.clock.arm_write(&self.output, self.output.has_remaining(), timeouts.write_progress);
        match self.reading {
            Reading::Head if self.front.is_none() => {
                self.clock.clear(Timer::Body);
                if self.served && self.input.is_empty() {
                    self.clock.clear(Timer::Head);
                    // A response that is still being taken is not idleness.
                    if self.output.has_remaining() {
                        self.clock.clear(Timer::Idle);
                    } else {
                        self.clock.arm(Timer::Idle, timeouts.idle);
                    }
                } else {
                    self.clock.clear(Timer::Idle);
                    self.clock.arm(Timer::Head, timeouts.head);
                }
            }
            // Who was not told to continue does not hold anybody up.
            Reading::Body | Reading::Discard if self.waits_to_go_on() => {
                self.clock.clear(Timer::Body)
            }
            Reading::Body | Reading::Discard => {
                self.clock.arm_body(self.received, timeouts.body_progress);
            }
            Reading::Head | Reading::Done | Reading::Upgraded => {
                self.clock.clear(Timer::Body);
                self.clock.clear(Timer::Head);
                self.clock.clear(Timer::Idle);
            }
        }
        if self.writing == Writing::Closed && self.linger && !self.output.has_remaining() {
            self.clock.arm(Timer::Linger, Some(timeouts.linger));
        }
        let held = self.input.allocated() > 0 || self.output.allocated() > 0;
        if held && self.input.is_empty() && !self.output.has_remaining() {
            self.clock.arm(Timer::Release, Some(timeouts.release_buffers));
        } else {
            self.clock.clear(Timer::Release);
        }
    }

    pub(super) fn expire(&mut self, now: Instant) {
        let config = Arc::clone(&self.config);
        let timeouts = &config.timeouts;
        if self.clock.expire(Timer::Release, now) {
            timer::release(&mut self.input, &mut self.output);
            self.scratch = Scratch::default();
        }
        if self.clock.expire(Timer::Linger, now) {
            self.dead = true;
        }
        // Whoever wakes late has read by then what came in time.
        if self.clock.expire(Timer::Idle, now) && self.input.is_empty() {
            self.close();
        }
        if self.clock.expire(Timer::Head, now) {
            match self.input.is_empty() {
                true => self.close(),
                false => self.overdue = true,
            }
        }
        let least = timeouts.body_progress_bytes;
        if self.clock.body_is_late(now, self.received, least, timeouts.body_progress)
            && self.reading.is_in_body()
        {
            match self.input.len() <= self.starved {
                true => self.fail(ErrorKind::BodyTimeout.into()),
                // Nobody may have asked for what is there; or it is what a driver has read a moment ago.
                false => self.body_overdue = self.clock.body_was_taken(),
            }
        }
        if self.clock.write_is_stuck(now, &self.output) {
            self.fail(ErrorKind::WriteTimeout.into());
        }
    }
}
