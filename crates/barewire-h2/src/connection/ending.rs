//! How streams and the connection end, and what happens when time is up.

use std::time::Instant;

use barewire_proto::Buf;

use super::{Asked, Connection, Phase, Role, Said, Why};
use crate::budget::Cost;
use crate::event::{Common, ResetBy};
use crate::frame::Frame;
use crate::stream::State;
use crate::streams::{Key, Streams};
use crate::timer::Timer;
use crate::{Error, ErrorKind, Reason, StreamId};

/// PINGs of the caller's that may be under way at once.
const MOST_PINGS: usize = 16;

impl<R: Role> Connection<R> {
    /// The peer broke the protocol on a stream: it is reset, and the application told.
    pub(crate) fn stream_error(&mut self, key: Key, kind: ErrorKind) -> Result<(), Error> {
        let Some(stream) = self.streams.get(key) else { return Ok(()) };
        let id = stream.id;
        // A stream that is over for both stays so; its data may still be with the application.
        let known = stream.state != State::Closed;
        self.put_reset(id, kind.reason());
        if known {
            let by = ResetBy::Violation(Error::stream(id, kind));
            self.events.push_back(Common::StreamReset { id, reason: kind.reason(), by });
        }
        self.forget(key);
        self.spend(Cost::ProvokedReset)
    }

    /// A stream moved on: when both sides are done with it, it does not count any more, and once all of its
    /// data was given back it is forgotten.
    pub(crate) fn settle(&mut self, key: Key) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        if stream.state != State::Closed {
            return;
        }
        if stream.unreleased == 0 {
            self.forget(key);
        } else if !stream.counted_out {
            stream.counted_out = true;
            let id = stream.id;
            self.count_out(id);
            self.close_if_over();
        }
    }

    fn count_out(&mut self, id: StreamId) {
        let active = match Self::is_local(id) {
            true => &mut self.active_local,
            false => &mut self.active_remote,
        };
        *active = active.saturating_sub(1);
    }

    /// Drops all that is known of a stream; what it held of the connection's window is given back.
    pub(super) fn forget(&mut self, key: Key) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        let (id, urgency) = (stream.id, stream.priority.urgency);
        let counts =
            !stream.counted_out && (stream.state.is_active() || stream.state == State::Closed);
        let unreleased = stream.unreleased;
        if stream.scheduled {
            self.scheduler.remove(key, urgency);
        }
        if stream.waiting.is_some() {
            self.waiting = self.waiting.saturating_sub(1);
        }
        self.streams.remove(key);
        if counts {
            self.count_out(id);
        }
        if unreleased > 0 {
            self.give_connection(unreleased);
        }
        self.close_if_over();
    }

    /// Ends the connection when a GOAWAY went either way and the last stream is over.
    pub(super) fn close_if_over(&mut self) {
        let going = matches!(self.said, Said::Last(_)) || self.peer_last.is_some();
        if !going || self.ended || self.active_local > 0 || self.active_remote > 0 {
            return;
        }
        // They do not count yet, but a promise is kept.
        if self.streams.iter().any(|stream| stream.state.is_reserved()) {
            return;
        }
        if self.said == Said::Nothing {
            let last = self.last_remote;
            self.put(&Frame::GoAway { last, reason: Reason::NO_ERROR, debug: &[] });
            self.said = Said::Last(last);
        }
        self.end();
    }

    /// Nothing will be sent any more; what the peer still sends is read for a while, so that no reset
    /// overtakes our last words. Without streams no command finds anything to send.
    fn end(&mut self) {
        self.ended = true;
        self.linger = true;
        self.streams = Streams::default();
        (self.active_local, self.active_remote, self.waiting) = (0, 0, 0);
        self.scheduler.clear();
        self.block = None;
        self.output.finish();
    }

    pub(super) fn fail(&mut self, error: Error) {
        if self.error.is_some() {
            return;
        }
        self.error = Some(error);
        if self.ended {
            return;
        }
        if let crate::Answer::GoAway(reason) = error.answer() {
            let last = match self.said {
                Said::Last(last) => last,
                _ => self.last_remote,
            };
            self.put(&Frame::GoAway { last, reason, debug: &[] });
        }
        self.end();
    }

    /// The end of file: an error if anything is under way.
    pub(super) fn input_ended(&mut self) {
        let busy = self.active_local > 0 || self.active_remote > 0 || self.block.is_some();
        if busy || !self.input.is_empty() {
            self.fail(ErrorKind::UnexpectedEnd.into());
        } else {
            self.end();
        }
        self.input.consume(usize::MAX);
    }

    pub(crate) fn go_away(&mut self, reason: Reason) {
        if self.ended {
            return;
        }
        let last = match self.said {
            Said::Last(last) => last,
            _ => self.last_remote,
        };
        self.put(&Frame::GoAway { last, reason, debug: &[] });
        self.said = Said::Last(last);
        self.clock.clear(Timer::Drain);
        self.close_if_over();
    }

    pub(crate) fn graceful_shutdown(&mut self) {
        if self.said != Said::Nothing || self.ended {
            return;
        }
        self.said = Said::Soon;
        self.put(&Frame::GoAway { last: StreamId::MAX, reason: Reason::NO_ERROR, debug: &[] });
        self.ask(Why::Drain);
        self.clock.arm(Timer::Drain, Some(self.config.timeouts.drain_ping));
    }

    /// The second step of a graceful shutdown.
    pub(super) fn last_words(&mut self) {
        if self.said == Said::Soon {
            self.go_away(Reason::NO_ERROR);
        }
    }

    pub(crate) fn ping(&mut self) {
        if !self.ended && self.pings.len() < MOST_PINGS {
            self.ask(Why::Caller);
        }
    }

    fn ask(&mut self, why: Why) {
        let number = self.next_ping;
        self.next_ping = number.wrapping_add(1);
        self.pings.push(Asked { number, at: self.clock.now(), why });
        self.put(&Frame::Ping { ack: false, payload: number.to_be_bytes() });
    }

    pub(crate) fn abort(&mut self) {
        self.output.clear();
        self.end();
        self.dead = true;
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.ended || self.said != Said::Nothing || self.peer_last.is_some() || self.error.is_some()
    }

    pub(crate) fn wants_read(&self) -> bool {
        let open = !self.dead && !self.input.is_closed() && !self.input.is_full();
        open && if self.ended { self.linger } else { !self.is_choked() }
    }

    pub(crate) fn is_closed(&self) -> bool {
        let lingers = self.linger && !self.input.is_closed();
        self.dead || (self.ended && !self.output.has_remaining() && !lingers)
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if self.dead { None } else { self.clock.next() }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        let first = self.clock.now().is_none();
        let now = self.clock.advance(now);
        let pending = self.output.has_remaining();
        self.clock.arm_write(&self.output, pending, self.config.timeouts.write_progress);
        let due = self.clock.next().is_some_and(|at| at <= now);
        if due {
            self.expire(now);
        }
        if due || first {
            self.rearm();
        }
    }

    /// Whether the preface, a frame or a header block has begun and not ended.
    fn is_partial(&self) -> bool {
        self.phase == Phase::Preface || !self.input.is_empty() || self.block.is_some()
    }

    /// Whether all that was read was looked at, and what had to end is not in it.
    pub(super) fn is_late(&mut self) -> bool {
        std::mem::take(&mut self.overdue) && self.head_mark == self.frames && self.is_partial()
    }

    /// Brings the deadlines in line with the state.
    pub(super) fn rearm(&mut self) {
        let partial = self.is_partial();
        let timeouts = &self.config.timeouts;
        let clock = &mut self.clock;
        let pending = self.output.has_remaining();
        clock.arm_write(&self.output, pending, timeouts.write_progress);
        if self.ended {
            for timer in [Timer::Settings, Timer::Head, Timer::Idle, Timer::Keepalive] {
                clock.clear(timer);
            }
            for timer in [Timer::Bodies, Timer::Stall, Timer::Drain, Timer::Release] {
                clock.clear(timer);
            }
            let wait = self.linger && !pending && !self.input.is_closed();
            clock.arm_while(wait && !self.dead, Timer::Linger, Some(timeouts.linger));
            return;
        }
        let active = self.active_local > 0 || self.active_remote > 0;
        if partial && !clock.is_set(Timer::Head) {
            self.head_mark = self.frames;
        }
        clock.arm_while(self.unacknowledged, Timer::Settings, timeouts.settings_ack);
        clock.arm_while(partial, Timer::Head, timeouts.head);
        clock.arm_while(R::SERVER && !active && !pending, Timer::Idle, timeouts.idle);
        clock.arm_while(R::SERVER && active, Timer::Bodies, timeouts.body_progress);
        clock.arm_while(self.waiting > 0, Timer::Stall, timeouts.stall);
        if timeouts.keepalive_interval.is_some() && !clock.is_set(Timer::Keepalive) {
            self.keepalive_mark = self.frames;
            clock.arm(Timer::Keepalive, timeouts.keepalive_interval);
        }
        let held = self.input.allocated() > 0 || self.output.allocated() > 0;
        let release = held && self.input.is_empty() && !pending;
        clock.arm_while(release, Timer::Release, Some(timeouts.release_buffers));
    }

    fn expire(&mut self, now: Instant) {
        if self.clock.expire(Timer::Release, now) {
            self.input.release();
            self.output.release();
            self.repeat.clear();
            self.answers.clear();
            self.streams.release();
        }
        if self.clock.expire(Timer::Linger, now) {
            self.dead = true;
        }
        // Whoever wakes late has read by then what came in time, and what was not looked at yet counts.
        let unread = self.input.len() != self.seen;
        if self.clock.expire(Timer::Settings, now) && self.unacknowledged && !unread {
            self.fail(ErrorKind::SettingsTimeout.into());
        }
        let nothing_ended = self.head_mark == self.frames && !self.is_choked();
        self.overdue |= self.clock.expire(Timer::Head, now) && nothing_ended;
        if self.clock.expire(Timer::Idle, now) && !unread {
            self.go_away(Reason::NO_ERROR);
        }
        if self.clock.expire(Timer::Drain, now) {
            self.last_words();
        }
        if self.clock.expire(Timer::Keepalive, now) {
            self.keepalive(unread);
        }
        if self.clock.expire(Timer::Bodies, now) {
            self.look_after_bodies();
        }
        if self.clock.expire(Timer::Stall, now) {
            self.look_after_stalls();
        }
        if self.clock.write_is_stuck(now, &self.output) {
            self.fail(ErrorKind::WriteTimeout.into());
            self.abort();
        }
    }

    fn keepalive(&mut self, unread: bool) {
        let asked = self.pings.iter().any(|asked| asked.why == Why::Keepalive);
        if self.keepalive_mark != self.frames || unread {
            // Something came: whatever it was, the peer is there.
            self.pings.retain(|asked| asked.why != Why::Keepalive);
        } else if asked {
            self.fail(ErrorKind::KeepaliveTimeout.into());
        } else {
            self.ask(Why::Keepalive);
            self.clock.rearm(Timer::Keepalive, Some(self.config.timeouts.keepalive_timeout));
        }
    }

    /// Resets requests whose bodies came too slowly for a whole period.
    fn look_after_bodies(&mut self) {
        if self.receiving.is_exhausted() {
            return;
        }
        let least = self.config.timeouts.body_progress_bytes;
        let mut late = Vec::new();
        for stream in self.streams.iter_mut() {
            // A tunnel may be silent, and who has no window left waits for us.
            if !stream.state.receives() || stream.connect || stream.receiving.is_exhausted() {
                continue;
            }
            let came = std::mem::take(&mut stream.came);
            if std::mem::replace(&mut stream.body_marked, true) && came < least {
                late.push(stream.id);
            }
        }
        self.reset_late(&late, ErrorKind::BodyTimeout);
    }

    /// Resets streams whose data nobody takes, and ends connections that take it in drops.
    fn look_after_stalls(&mut self) {
        let least = self.config.timeouts.stall_bytes;
        let window = i64::from(self.send_window);
        let went = self.stall_mark.saturating_sub(window);
        self.stall_mark = window;
        // Where others had all of the connection's window, the peer is not to blame.
        let closed = window <= 0 && went < i64::from(least);
        let (mut late, mut dribbled) = (Vec::new(), false);
        for stream in self.streams.iter_mut().filter(|stream| stream.waiting.is_some()) {
            let went = std::mem::take(&mut stream.went);
            let stalls = closed || stream.send_window <= 0;
            if std::mem::replace(&mut stream.marked, true) && stalls && went < least {
                dribbled |= went > 0;
                late.push(stream.id);
            }
        }
        if dribbled {
            self.fail(ErrorKind::DribbledWindow.into());
        } else {
            self.reset_late(&late, ErrorKind::StallTimeout);
        }
    }

    fn reset_late(&mut self, late: &[StreamId], kind: ErrorKind) {
        for key in late.iter().filter_map(|id| self.streams.find(*id)).collect::<Vec<_>>() {
            if let Err(error) = self.stream_error(key, kind) {
                return self.fail(error);
            }
        }
    }
}
