//! The deadlines of a connection.

use std::time::{Duration, Instant};

use barewire_proto::{Input, Output, Timers};

/// What a connection waits for with a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The end of a head.
    Head,
    /// The first byte of the next message.
    Idle,
    /// Enough of a body.
    Body,
    /// Anything at all of the output to be taken.
    Write,
    /// The peer's end of file after ours.
    Linger,
    /// Nothing: buffers are given back.
    Release,
}

const TIMERS: usize = 6;

/// The clock of a connection and its table of deadlines.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    now: Option<Instant>,
    timers: Timers<TIMERS>,
    body_mark: u64,
    body_strikes: u8,
    /// Since the first strike all that had come of the body was taken.
    body_taken: bool,
    write_mark: u64,
}

/// How long a body that is late is given to show what the transport already holds: the driver may not have
/// been reading, because nobody asked for the body.
const BODY_GRACE: Duration = Duration::from_millis(250);

impl Clock {
    /// Moves the clock; it never goes back.
    pub(crate) fn advance(&mut self, now: Instant) -> Instant {
        let now = self.now.map_or(now, |before| before.max(now));
        self.now = Some(now);
        now
    }

    /// Whether the time was ever told.
    pub(crate) fn is_started(&self) -> bool {
        self.now.is_some()
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.timers.next()
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        self.timers.clear(timer as usize);
    }

    pub(crate) fn clear_all(&mut self) {
        self.timers.clear_all();
    }

    /// Arms a timer unless it is armed already; not before the time is known.
    pub(crate) fn arm(&mut self, timer: Timer, after: Option<Duration>) {
        if self.timers.is_set(timer as usize) {
            return;
        }
        if let Some(at) = self.now.zip(after).and_then(|(now, after)| now.checked_add(after)) {
            self.timers.set(timer as usize, at);
        }
    }

    pub(crate) fn expire(&mut self, timer: Timer, now: Instant) -> bool {
        self.timers.expire(timer as usize, now)
    }

    /// Begins to measure a body's progress, if that is not done already.
    pub(crate) fn arm_body(&mut self, received: u64, period: Option<Duration>) {
        if !self.timers.is_set(Timer::Body as usize) {
            self.body_mark = received;
            self.body_strikes = 0;
            self.arm(Timer::Body, period);
        }
    }

    /// Whether the body came too slowly: less than `least` bytes in a whole period, and in the grace after it.
    pub(crate) fn body_is_late(
        &mut self,
        now: Instant,
        received: u64,
        least: u64,
        period: Option<Duration>,
    ) -> bool {
        if !self.expire(Timer::Body, now) {
            return false;
        }
        if received.saturating_sub(self.body_mark) >= least {
            self.arm_body(received, period);
        } else if self.body_strikes == 0 {
            self.body_strikes = 1;
            self.body_taken = false;
            self.arm(Timer::Body, Some(BODY_GRACE));
        } else {
            return true;
        }
        false
    }

    /// Notes that all was taken that had come of the body.
    pub(crate) fn take_body(&mut self) {
        self.body_taken = true;
    }

    /// Whether somebody took what came in the grace: of a body that is late then, all that is there has just come.
    pub(crate) fn body_was_taken(&self) -> bool {
        self.body_taken
    }

    /// Measures the progress of the output, from when there is any.
    pub(crate) fn arm_write(&mut self, output: &Output, pending: bool, period: Option<Duration>) {
        if !pending {
            self.clear(Timer::Write);
        } else if !self.timers.is_set(Timer::Write as usize) {
            self.write_mark = output.total_sent();
            self.arm(Timer::Write, period);
        }
    }

    /// Whether nothing at all of the output was taken in a whole period.
    pub(crate) fn write_is_stuck(&mut self, now: Instant, output: &Output) -> bool {
        self.expire(Timer::Write, now) && output.total_sent() == self.write_mark
    }
}

/// Gives the buffers of a connection back that had no traffic for a while.
pub(crate) fn release(input: &mut Input, output: &mut Output) {
    input.release();
    output.release();
}
