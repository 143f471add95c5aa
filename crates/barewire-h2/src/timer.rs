//! The deadlines of a connection.

use std::time::{Duration, Instant};

use barewire_proto::{Output, Timers};

/// What a connection waits for with a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The acknowledgement of our SETTINGS.
    Settings,
    /// The end of the preface, of a frame or of a header block.
    Head,
    /// The next stream.
    Idle,
    /// Anything from the peer; then the answer to our PING.
    Keepalive,
    /// Bodies that are awaited.
    Bodies,
    /// Data that waits for windows.
    Stall,
    /// Anything at all of the output to be taken.
    Write,
    /// The answer to the PING of a graceful shutdown.
    Drain,
    /// The peer's end of file after ours.
    Linger,
    /// Nothing: buffers are given back.
    Release,
}

const TIMERS: usize = 10;

/// The clock of a connection and its table of deadlines.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    now: Option<Instant>,
    timers: Timers<TIMERS>,
    write_mark: u64,
}

impl Clock {
    /// Moves the clock; it never goes back.
    pub(crate) fn advance(&mut self, now: Instant) -> Instant {
        let now = self.now.map_or(now, |before| before.max(now));
        self.now = Some(now);
        now
    }

    pub(crate) fn now(&self) -> Option<Instant> {
        self.now
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.timers.next()
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        self.timers.clear(timer as usize);
    }

    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.timers.is_set(timer as usize)
    }

    /// Arms a timer unless it is armed already; not before the time is known.
    pub(crate) fn arm(&mut self, timer: Timer, after: Option<Duration>) {
        if !self.is_set(timer) {
            self.rearm(timer, after);
        }
    }

    /// Arms a timer, or moves it.
    pub(crate) fn rearm(&mut self, timer: Timer, after: Option<Duration>) {
        if let Some(at) = self.now.zip(after).and_then(|(now, after)| now.checked_add(after)) {
            self.timers.set(timer as usize, at);
        }
    }

    /// Arms a timer while a condition holds, and disarms it otherwise.
    pub(crate) fn arm_while(&mut self, holds: bool, timer: Timer, after: Option<Duration>) {
        match holds {
            true => self.arm(timer, after),
            false => self.clear(timer),
        }
    }

    pub(crate) fn expire(&mut self, timer: Timer, now: Instant) -> bool {
        self.timers.expire(timer as usize, now)
    }

    /// Measures the progress of the output, from when there is any.
    pub(crate) fn arm_write(&mut self, output: &Output, pending: bool, period: Option<Duration>) {
        if !pending {
            self.clear(Timer::Write);
        } else if !self.is_set(Timer::Write) {
            self.write_mark = output.total_sent();
            self.arm(Timer::Write, period);
        }
    }

    /// Whether nothing at all of the output was taken in a whole period.
    pub(crate) fn write_is_stuck(&mut self, now: Instant, output: &Output) -> bool {
        self.expire(Timer::Write, now) && output.total_sent() == self.write_mark
    }
}
