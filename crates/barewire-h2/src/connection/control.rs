//! Frames of the connection: windows, resets, settings, pings, GOAWAY and priorities.

use std::ops::Range;

use bytes::Bytes;

use super::{Connection, Phase, Role, Why};
use crate::budget::Cost;
use crate::event::{Common, ResetBy};
use crate::flow::widen;
use crate::frame::{self, Frame, FrameHead, SettingsFrame, flags};
use crate::settings::DEFAULT_TABLE;
use crate::stream::State;
use crate::timer::Timer;
use crate::{Error, ErrorKind, Priority, Reason, StreamId};

impl<R: Role> Connection<R> {
    pub(super) fn on_window_update(
        &mut self,
        head: FrameHead,
        payload: Range<usize>,
    ) -> Result<(), Error> {
        self.spend(Cost::WindowUpdate)?;
        let id = head.stream;
        let increment = frame::window_update(self.payload(payload));
        if id.is_connection() {
            let increment = i64::from(increment?);
            self.stall_mark = self.stall_mark.saturating_add(increment);
            return Ok(widen(&mut self.send_window, increment)?);
        }
        if self.is_idle_id(id) {
            return Err(ErrorKind::UnexpectedFrame.into());
        }
        if let Err(ErrorKind::FrameSize) = increment {
            // Even of a stream that is closed (section 6.9).
            return Err(ErrorKind::FrameSize.into());
        }
        let Some((key, stream)) = self.streams.by_id(id) else { return Ok(()) };
        if stream.state == State::ReservedRemote {
            return Err(ErrorKind::UnexpectedFrame.into());
        }
        let result = match increment {
            Ok(increment) => widen(&mut stream.send_window, i64::from(increment)),
            Err(ErrorKind::ZeroIncrement) => Err(ErrorKind::ZeroIncrement),
            Err(kind) => return Err(kind.into()),
        };
        match result {
            Ok(()) => self.schedule(key),
            Err(kind) => self.stream_error(key, kind)?,
        }
        Ok(())
    }

    pub(super) fn on_reset(&mut self, head: FrameHead, payload: Range<usize>) -> Result<(), Error> {
        Self::on_stream(head)?;
        let id = head.stream;
        let reason = frame::reset(self.payload(payload))?;
        if self.is_idle_id(id) {
            return Err(ErrorKind::UnexpectedFrame.into());
        }
        let Some((key, stream)) = self.streams.by_id(id) else { return Ok(()) };
        let received_all = !stream.state.receives() && stream.answered;
        let over = stream.state == State::Closed;
        let quiet = !R::SERVER && received_all && reason == Reason::NO_ERROR;
        if !Self::is_local(id) {
            self.spend(Cost::Reset)?;
        }
        if !quiet && !over {
            let by = ResetBy::Peer;
            self.events.push_back(Common::StreamReset { id, reason, by });
        }
        self.forget(key);
        Ok(())
    }

    pub(super) fn on_settings(
        &mut self,
        head: FrameHead,
        payload: Range<usize>,
    ) -> Result<(), Error> {
        Self::on_connection(head)?;
        if head.has(flags::ACK) {
            if !payload.is_empty() {
                return Err(ErrorKind::FrameSize.into());
            }
            if !self.unacknowledged {
                return self.spend(Cost::Settings);
            }
            self.acknowledged();
            return Ok(());
        }
        self.spend(Cost::Settings)?;
        let frame = SettingsFrame::parse(self.payload(payload))?;
        self.phase = Phase::Open;
        self.apply(&frame)?;
        self.put(&Frame::SettingsAck);
        self.events.push_back(Common::Settings(self.peer));
        Ok(())
    }

    pub(super) fn apply(&mut self, frame: &SettingsFrame) -> Result<(), Error> {
        let before = self.peer;
        self.peer.apply(frame, !R::SERVER)?;
        // One after the other: the peer's table was as small in between (RFC 7541, section 4.2).
        for size in
            [frame.smallest_header_table_size, frame.header_table_size].into_iter().flatten()
        {
            self.encoder.set_max_table_size(size);
        }
        let by = i64::from(self.peer.initial_window_size)
            .saturating_sub(i64::from(before.initial_window_size));
        if by != 0 {
            for stream in self.streams.iter_mut() {
                widen(&mut stream.send_window, by)?;
            }
            self.schedule_all();
        }
        Ok(())
    }

    /// From now on the peer keeps to what we announced (RFC 9113, section 6.5.3).
    fn acknowledged(&mut self) {
        self.unacknowledged = false;
        self.clock.clear(Timer::Settings);
        self.settings_hold();
    }

    /// What our settings say is true from now on.
    pub(crate) fn settings_hold(&mut self) {
        let settings = &self.config.settings;
        if settings.header_table_size != DEFAULT_TABLE {
            self.decoder.set_max_table_size(settings.header_table_size);
        }
        let window = settings.initial_window_size.min(frame::MAX_WINDOW);
        let by = i64::from(window).saturating_sub(i64::from(self.receive_window));
        self.receive_window = window;
        for stream in self.streams.iter_mut() {
            stream.receiving.shift(i32::try_from(by).unwrap_or_default());
        }
    }

    pub(super) fn on_ping(&mut self, head: FrameHead, payload: Range<usize>) -> Result<(), Error> {
        Self::on_connection(head)?;
        let payload = frame::ping(self.payload(payload))?;
        if !head.has(flags::ACK) {
            self.spend(Cost::Ping)?;
            self.put(&Frame::Ping { ack: true, payload });
            return Ok(());
        }
        let number = u64::from_be_bytes(payload);
        let Some(at) = self.pings.iter().position(|asked| asked.number == number) else {
            return self.spend(Cost::Ping);
        };
        let asked = self.pings.remove(at);
        let rtt = asked.at.zip(self.clock.now()).map(|(at, now)| now.saturating_duration_since(at));
        self.rtt = rtt.or(self.rtt);
        match asked.why {
            Why::Caller => {
                self.events.push_back(Common::Pong { rtt: rtt.unwrap_or_default() });
            }
            Why::Drain => self.last_words(),
            Why::Keepalive => self.clock.clear(Timer::Keepalive),
        }
        Ok(())
    }

    pub(super) fn on_go_away(
        &mut self,
        head: FrameHead,
        payload: Range<usize>,
    ) -> Result<(), Error> {
        const KEPT: usize = 1024;
        Self::on_connection(head)?;
        self.spend(Cost::Settings)?;
        let (last, reason, debug) = frame::go_away(self.payload(payload))?;
        let debug = Bytes::copy_from_slice(debug.get(..debug.len().min(KEPT)).unwrap_or_default());
        let last = self.peer_last.map_or(last, |before| before.min(last));
        self.peer_last = Some(last);
        self.events.push_back(Common::GoAway { last, reason, debug });
        // Streams that the peer opened are not touched.
        let refused: Vec<StreamId> = self
            .streams
            .iter()
            .map(|stream| stream.id)
            .filter(|id| Self::is_local(*id) && *id > last)
            .collect();
        for id in refused {
            let (reason, by) = (Reason::REFUSED_STREAM, ResetBy::GoAway);
            self.events.push_back(Common::StreamReset { id, reason, by });
            if let Some(key) = self.streams.find(id) {
                self.forget(key);
            }
        }
        self.close_if_over();
        Ok(())
    }

    pub(super) fn on_priority(
        &mut self,
        head: FrameHead,
        payload: Range<usize>,
    ) -> Result<(), Error> {
        Self::on_stream(head)?;
        self.spend(Cost::Priority)?;
        if frame::priority(self.payload(payload)).is_err() {
            // A stream error, where there is a stream (section 6.3).
            return match self.streams.find(head.stream) {
                Some(key) => self.stream_error(key, ErrorKind::FrameSize),
                None => Err(ErrorKind::FrameSize.into()),
            };
        }
        Ok(())
    }

    pub(super) fn on_priority_update(
        &mut self,
        head: FrameHead,
        payload: Range<usize>,
    ) -> Result<(), Error> {
        Self::on_connection(head)?;
        if !R::SERVER {
            return Err(ErrorKind::UnexpectedFrame.into());
        }
        self.spend(Cost::Priority)?;
        let Some((id, value)) = self.payload(payload).split_first_chunk() else {
            return Err(ErrorKind::FrameSize.into());
        };
        let id = StreamId::new(u32::from_be_bytes(*id));
        let priority = Priority::parse(value);
        if id.is_connection() || (Self::is_local(id) && self.is_idle_id(id)) {
            return Err(ErrorKind::BadStreamId.into());
        }
        if let Some(key) = self.streams.find(id) {
            self.prioritise(key, priority);
            self.events.push_back(Common::Priority(id, priority));
        } else if self.is_idle_id(id) {
            // Numbers that were passed over or refused in the meantime make room.
            let last = self.last_remote;
            self.early.retain(|(other, _)| *other != id && *other > last);
            if self.early.len() < self.config.limits.max_early_priorities {
                self.early.push((id, priority));
            }
        }
        Ok(())
    }
}
