//! Commands that both roles share, and DATA on its way out.

use bytes::{Buf as _, Bytes};
use http::HeaderMap;

use super::{Connection, Role};
use crate::budget::Cost;
use crate::encode;
use crate::event::Common;
use crate::frame::{self, Frame, FrameHead, Kind, flags};
use crate::stream::{State, Step, UNKNOWN, Waiting};
use crate::streams::Key;
use crate::{Priority, Reason, StreamId, UsageError};

/// The payload of one turn: the most that a stream sends before others have theirs.
const TURN: u32 = 16_384;

/// A DATA frame of this many bytes earns the peer window updates.
const WORTH: usize = 512;

impl<R: Role> Connection<R> {
    /// A stream that this side may send a body on.
    fn sending(&self, id: StreamId) -> Result<Key, UsageError> {
        let key = self.streams.find(id).ok_or(UsageError::StreamClosed)?;
        let stream = self.streams.get(key).ok_or(UsageError::StreamClosed)?;
        match stream.state {
            State::ReservedLocal => Err(UsageError::NoHead),
            state if !state.sends() => Err(UsageError::StreamClosed),
            _ if stream.waiting.as_ref().is_some_and(|waiting| waiting.end) => {
                Err(UsageError::StreamClosed)
            }
            _ if R::SERVER && !stream.answered => Err(UsageError::NoHead),
            _ => Ok(key),
        }
    }

    pub(crate) fn send_data(
        &mut self,
        id: StreamId,
        data: &mut Bytes,
        end: bool,
    ) -> Result<(), UsageError> {
        let key = self.sending(id)?;
        let limit = self.send_buffer();
        if let Some(stream) = self.streams.get_mut(key) {
            if stream.send_left != UNKNOWN {
                let after = stream.send_left.checked_sub(data.len() as u64);
                let after = after.ok_or(UsageError::LengthMismatch)?;
                if end && after > 0 {
                    return Err(UsageError::LengthMismatch);
                }
            }
        }
        let before = data.len();
        self.send_now(key, data, end);
        let Some(stream) = self.streams.get_mut(key).filter(|stream| stream.id == id) else {
            return Ok(());
        };
        if !stream.state.sends() {
            return Ok(());
        }
        let room = limit.saturating_sub(stream.waiting_len());
        let taken = data.split_to(data.len().min(room));
        let complete = data.is_empty();
        stream.blocked |= !complete;
        if stream.send_left != UNKNOWN {
            let sent = before.saturating_sub(data.len()) as u64;
            stream.send_left = stream.send_left.saturating_sub(sent);
        }
        if !taken.is_empty() || (complete && end) {
            self.wait(key, taken, complete && end);
        }
        Ok(())
    }

    /// Sends what can go at once: nothing waits before it, and windows and the output have room.
    #[inline]
    pub(super) fn send_now(&mut self, key: Key, data: &mut Bytes, end: bool) {
        // The end alone needs no window (RFC 9113, section 6.9.1), and so need not wait behind others for one.
        let only_end = end && data.is_empty();
        if !self.scheduler.is_empty() && !only_end {
            return;
        }
        loop {
            let Some(stream) = self.streams.get_mut(key) else { return };
            if stream.waiting.is_some() {
                return;
            }
            let window = stream.send_window.min(self.send_window);
            let most = u32::try_from(window).unwrap_or(0).min(self.peer.max_frame_size).min(TURN);
            let n = data.len().min(most as usize);
            if (n == 0 && !(data.is_empty() && end)) || (n > 0 && self.output.is_full()) {
                return;
            }
            let last = end && n == data.len();
            stream.send_window = stream.send_window.saturating_sub(n as i32);
            self.send_window = self.send_window.saturating_sub(n as i32);
            stream.went = stream.went.saturating_add(n as u32);
            let bits = if last { flags::END_STREAM } else { 0 };
            let head =
                FrameHead { length: n as u32, kind: Kind::Data, flags: bits, stream: stream.id };
            head.put(self.output.tail());
            self.output.push(data.split_to(n));
            if n >= WORTH {
                self.budgets.refund(Cost::WindowUpdate, 4);
            }
            if last {
                self.sent_all(key);
            }
            if data.is_empty() {
                return;
            }
        }
    }

    /// Sends the whole body of a response, and ends the stream with it.
    #[inline]
    pub(crate) fn send_whole(&mut self, key: Key, body: &mut Bytes) {
        self.send_now(key, body, true);
        if !body.is_empty() {
            self.wait(key, std::mem::take(body), true);
        }
    }

    /// Keeps what could not go at once.
    pub(super) fn wait(&mut self, key: Key, data: Bytes, end: bool) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        if stream.waiting.is_none() {
            self.waiting = self.waiting.saturating_add(1);
            stream.went = 0;
            stream.marked = false;
        }
        let waiting = stream.waiting.get_or_insert_default();
        waiting.end |= end;
        waiting.len = waiting.len.saturating_add(data.len());
        if !data.is_empty() {
            waiting.parts.push_back(data);
        }
        self.schedule(key);
    }

    pub(crate) fn send_trailers(
        &mut self,
        id: StreamId,
        trailers: &HeaderMap,
    ) -> Result<(), UsageError> {
        let key = self.sending(id)?;
        let barred = |name: &http::HeaderName| {
            *name == http::header::TE || crate::fields::is_connection_specific(name)
        };
        if trailers.keys().any(barred) {
            return Err(UsageError::BadField);
        }
        let Some(stream) = self.streams.get_mut(key) else { return Ok(()) };
        // A tunnel carries DATA alone (RFC 9113, section 8.5).
        if stream.connect {
            return Err(UsageError::BadField);
        }
        if stream.send_left != UNKNOWN && stream.send_left > 0 {
            return Err(UsageError::LengthMismatch);
        }
        match &mut stream.waiting {
            Some(waiting) => {
                waiting.end = true;
                waiting.trailers = Some(trailers.clone());
            }
            None => self.put_trailers(key, trailers),
        }
        Ok(())
    }

    fn put_trailers(&mut self, key: Key, trailers: &HeaderMap) {
        let Some(stream) = self.streams.get(key) else { return };
        let (encoder, max) = (&mut self.encoder, self.peer.max_frame_size);
        frame::put_block(self.output.tail(), stream.id, true, None, max, |dst| {
            encode::trailers(encoder, dst, trailers);
        });
        self.sent_all(key);
    }

    /// This side ended the stream.
    pub(crate) fn sent_all(&mut self, key: Key) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        stream.step(Step::SendEnd);
        // The answer is complete, and nobody wants the rest of the request (RFC 9113, section 8.1).
        if R::SERVER && stream.state == State::HalfClosedLocal && stream.discard {
            let id = stream.id;
            self.put_reset(id, Reason::NO_ERROR);
            self.forget(key);
        } else {
            self.settle(key);
        }
    }

    /// Gives a stream its place in the scheduler, if it has data that may go.
    pub(super) fn schedule(&mut self, key: Key) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        if !stream.scheduled && stream.is_ready() {
            stream.scheduled = true;
            let urgency = stream.priority.urgency;
            self.scheduler.push(key, urgency);
        }
    }

    pub(super) fn schedule_all(&mut self) {
        let ids: Vec<StreamId> = self
            .streams
            .iter()
            .filter(|stream| !stream.scheduled && stream.is_ready())
            .map(|stream| stream.id)
            .collect();
        for key in ids.into_iter().filter_map(|id| self.streams.find(id)).collect::<Vec<_>>() {
            self.schedule(key);
        }
    }

    /// Moves data into the output, the most urgent first, while there is room and a window.
    pub(super) fn pump(&mut self) {
        while self.send_window > 0 && !self.output.is_full() {
            let Some(key) = self.scheduler.pop() else { return };
            self.send_turn(key);
        }
    }

    fn send_turn(&mut self, key: Key) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        stream.scheduled = false;
        let (id, priority, takes_turns) = (stream.id, stream.priority, stream.takes_turns);
        let Some(waiting) = &mut stream.waiting else { return };
        let window = stream.send_window.min(self.send_window);
        let most = u32::try_from(window).unwrap_or(0).min(self.peer.max_frame_size).min(TURN);
        let n = waiting.len.min(most as usize);
        if n == 0 && waiting.len > 0 {
            // Its own window is closed: WINDOW_UPDATE brings it back.
            return;
        }
        stream.send_window = stream.send_window.saturating_sub(n as i32);
        self.send_window = self.send_window.saturating_sub(n as i32);
        stream.went = stream.went.saturating_add(n as u32);
        let done = n == waiting.len;
        let last = done && waiting.end && waiting.trailers.is_none();
        if n > 0 || last {
            let bits = if last { flags::END_STREAM } else { 0 };
            let head = FrameHead { length: n as u32, kind: Kind::Data, flags: bits, stream: id };
            head.put(self.output.tail());
        }
        let mut left = n;
        while left > 0 {
            let Some(front) = waiting.parts.front_mut() else { break };
            let part = front.split_to(front.len().min(left));
            left = left.saturating_sub(part.len());
            if !front.has_remaining() {
                waiting.parts.pop_front();
            }
            self.output.push(part);
        }
        waiting.len = waiting.len.saturating_sub(n);
        if n >= WORTH {
            self.budgets.refund(Cost::WindowUpdate, 4);
        }
        let room = waiting.len <= self.config.limits.send_buffer / 2;
        if stream.blocked && room && !waiting.end {
            stream.blocked = false;
            self.events.push_back(Common::Writable(id));
        }
        if !done {
            let ready = stream.send_window > 0;
            stream.scheduled = ready;
            match (ready, takes_turns) {
                (true, true) => self.scheduler.push(key, priority.urgency),
                (true, false) => self.scheduler.push_front(key, priority.urgency),
                (false, _) => {}
            }
            return;
        }
        self.waiting = self.waiting.saturating_sub(1);
        let finished = stream.waiting.take().map(|waiting| *waiting);
        match finished {
            Some(Waiting { trailers: Some(trailers), .. }) => self.put_trailers(key, &trailers),
            Some(Waiting { end: true, .. }) => self.sent_all(key),
            _ => {}
        }
    }

    pub(crate) fn capacity(&self, id: StreamId) -> usize {
        let Ok(key) = self.sending(id) else { return 0 };
        let Some(stream) = self.streams.get(key) else { return 0 };
        let window = usize::try_from(stream.send_window.min(self.send_window)).unwrap_or(0);
        let now = if self.scheduler.is_empty() && stream.waiting.is_none() && !self.output.is_full()
        {
            window
        } else {
            0
        };
        self.send_buffer().saturating_sub(stream.waiting_len()).saturating_add(now)
    }

    /// A stream without room for anything would never be told that there is some.
    fn send_buffer(&self) -> usize {
        self.config.limits.send_buffer.max(1)
    }

    pub(crate) fn is_open(&self, id: StreamId) -> bool {
        self.sending(id).is_ok() || {
            let stream = self.streams.find(id).and_then(|key| self.streams.get(key));
            stream.is_some_and(|stream| R::SERVER && !stream.answered && stream.state.sends())
        }
    }

    pub(crate) fn reset_stream(&mut self, id: StreamId, reason: Reason) {
        let Some((key, stream)) = self.streams.by_id(id) else { return };
        if stream.state != State::Closed {
            self.put_reset(id, reason);
        }
        self.events.retain(|event| event.stream() != Some(id));
        self.forget(key);
    }

    pub(crate) fn release_capacity(&mut self, id: StreamId, n: usize) {
        let Some((key, stream)) = self.streams.by_id(id) else { return };
        let n = u32::try_from(n).unwrap_or(u32::MAX).min(stream.unreleased);
        stream.unreleased = stream.unreleased.saturating_sub(n);
        self.give(key, n);
        self.settle(key);
    }

    pub(crate) fn discard(&mut self, id: StreamId) {
        let Some((key, stream)) = self.streams.by_id(id) else { return };
        let receives = stream.state.receives();
        stream.discard = true;
        let n = std::mem::take(&mut stream.unreleased);
        let over = R::SERVER && stream.state == State::HalfClosedLocal;
        self.events.retain(|event| !event.is_body_of(id));
        if receives && (over || !R::SERVER) {
            self.give_connection(n);
            let reason = if R::SERVER { Reason::NO_ERROR } else { Reason::CANCEL };
            self.put_reset(id, reason);
            self.forget(key);
        } else {
            self.give(key, n);
            self.settle(key);
        }
    }

    /// Gives windows back: the stream's, while more may come on it, and the connection's.
    pub(super) fn give(&mut self, key: Key, n: u32) {
        self.give_connection(n);
        let target = self.receive_window;
        let Some(stream) = self.streams.get_mut(key) else { return };
        if !stream.state.receives() {
            return;
        }
        if let Some(increment) = stream.receiving.give(n, target) {
            let frame = Frame::WindowUpdate { stream: stream.id, increment };
            frame.encode(self.output.tail());
        }
    }

    pub(super) fn give_connection(&mut self, n: u32) {
        if let Some(increment) = self.receiving.give(n, self.connection_window()) {
            self.put(&Frame::WindowUpdate { stream: StreamId::CONNECTION, increment });
        }
    }

    pub(crate) fn prioritise(&mut self, key: Key, priority: Priority) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        let before = std::mem::replace(&mut stream.priority, priority);
        stream.takes_turns = priority.incremental;
        if stream.scheduled && before.urgency != priority.urgency {
            self.scheduler.remove(key, before.urgency);
            self.scheduler.push(key, priority.urgency);
        }
    }
}
