//! The client's deadlines, as a layer around any protocol.
//!
//! A driver brings `poll_timeout` to whatever its transport waits with: a timer of an async runtime, the
//! timeout of a blocking read. Deadlines that are put in there hold on every runtime.

use std::fmt;
use std::time::{Duration, Instant};

use barewire_proto::{Input, Output, Protocol};

/// A protocol with deadlines.
#[derive(Debug)]
pub(crate) struct Timed<P> {
    inner: P,
    /// Between exchanges no deadline holds, not even the protocol's own: nobody waits for anything then.
    under_way: bool,
    now: Option<Instant>,
    total: Option<Instant>,
    quiet: Quiet,
    alarm: Option<Instant>,
    rings: bool,
    expired: bool,
    /// What was buffered, and sent, when last looked at: more means that something moved.
    buffered: usize,
    sent: u64,
    sent_before: u64,
    received: bool,
}

/// The time without a byte in either direction.
#[derive(Debug)]
struct Quiet {
    limit: Option<Duration>,
    /// Not while the other side is not what is waited for.
    counts: bool,
    until: Option<Instant>,
    /// It is over, and one more read is tried before that is said: the process may have been suspended,
    /// with all that the peer sent waiting in the transport.
    due: bool,
}

/// What happens on a timed connection.
#[derive(Debug)]
pub(crate) enum TimedEvent<E> {
    /// It is the time that [`Timed::set_alarm`] was given.
    Alarm,
    /// What the protocol says.
    Inner(E),
}

/// Why a timed connection ended.
#[derive(Debug)]
pub(crate) enum TimedError<E> {
    /// A deadline passed.
    Expired,
    /// What the protocol says.
    Inner(E),
}

impl<E: fmt::Display> fmt::Display for TimedError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("a deadline passed"),
            Self::Inner(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error> std::error::Error for TimedError<E> {}

impl<P: Protocol> Timed<P> {
    pub(crate) fn new(inner: P) -> Self {
        Self {
            inner,
            under_way: false,
            now: None,
            total: None,
            quiet: Quiet { limit: None, counts: false, until: None, due: false },
            alarm: None,
            rings: false,
            expired: false,
            buffered: 0,
            sent: 0,
            sent_before: 0,
            received: false,
        }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn into_inner(self) -> P {
        self.inner
    }

    pub(crate) fn inner(&self) -> &P {
        &self.inner
    }

    pub(crate) fn inner_mut(&mut self) -> &mut P {
        &mut self.inner
    }

    /// Begins an exchange at `now` that has to end at `total`, and in which nothing may be quiet for longer
    /// than `quiet`.
    pub(crate) fn begin(&mut self, now: Instant, total: Option<Instant>, quiet: Option<Duration>) {
        self.under_way = true;
        self.now = self.now.max(Some(now));
        self.inner.handle_timeout(now);
        self.total = total;
        self.quiet.limit = quiet;
        self.quiet.counts = true;
        self.restart();
        self.received = false;
        self.buffered = self.inner.input().len();
        self.sent = self.inner.output().total_sent();
        self.sent_before = self.sent;
    }

    /// Ends the exchange.
    pub(crate) fn end(&mut self) {
        self.under_way = false;
        self.total = None;
        self.quiet = Quiet { limit: None, counts: false, until: None, due: false };
        self.alarm = None;
        self.rings = false;
    }

    /// Counts the time without a byte from now on, because only now somebody waits for one.
    pub(crate) fn restart(&mut self) {
        self.quiet.until = None;
        self.quiet.due = false;
    }

    /// Whether the time without a byte counts: not while the peer waits for us.
    pub(crate) fn count_quiet(&mut self, counts: bool) {
        if counts && !self.quiet.counts {
            self.restart();
        }
        self.quiet.counts = counts;
    }

    /// Asks for a [`TimedEvent::Alarm`] after `wait`, or for none any more.
    pub(crate) fn set_alarm(&mut self, wait: Option<Duration>) {
        self.rings = false;
        self.alarm = match (wait, self.now) {
            (Some(wait), Some(now)) => now.checked_add(wait),
            _ => None,
        };
    }

    /// Whether a byte came since the exchange began.
    pub(crate) fn received(&self) -> bool {
        self.received
    }

    /// Whether a byte left since the exchange began.
    pub(crate) fn has_sent(&mut self) -> bool {
        self.inner.output().total_sent() > self.sent_before
    }

    fn look(&mut self, now: Instant) {
        let buffered = self.inner.input().len();
        let sent = self.inner.output().total_sent();
        let moved = buffered > self.buffered || sent > self.sent;
        self.received |= buffered > self.buffered;
        self.buffered = buffered;
        self.sent = sent;
        let Some(limit) = self.quiet.limit else { return };
        match self.quiet.until {
            Some(_) if moved => self.restart(),
            Some(until) if self.quiet.counts && until <= now => {
                self.expired |= self.quiet.due;
                self.quiet.due = true;
                return;
            }
            Some(_) => return,
            None => {}
        }
        self.quiet.until = now.checked_add(limit);
    }
}

impl<P: Protocol> Protocol for Timed<P> {
    type Event = TimedEvent<P::Event>;
    type Error = TimedError<P::Error>;

    fn input(&mut self) -> &mut Input {
        self.inner.input()
    }

    fn output(&mut self) -> &mut Output {
        self.inner.output()
    }

    fn wants_read(&self) -> bool {
        !self.expired && self.inner.wants_read()
    }

    fn is_closed(&self) -> bool {
        self.expired || self.inner.is_closed()
    }

    fn poll_event(&mut self) -> Result<Option<Self::Event>, Self::Error> {
        if self.expired {
            return Err(TimedError::Expired);
        }
        if std::mem::take(&mut self.rings) {
            return Ok(Some(TimedEvent::Alarm));
        }
        let event = self.inner.poll_event();
        self.buffered = self.inner.input().len();
        match event {
            Ok(event) => Ok(event.map(TimedEvent::Inner)),
            Err(error) => Err(TimedError::Inner(error)),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.expired || !self.under_way {
            return None;
        }
        let quiet = match self.quiet {
            Quiet { limit: Some(limit), counts: true, until, .. } => until
                // Too early, when the last look at the clock is long ago: then it is looked at again.
                .or_else(|| self.now.and_then(|now| now.checked_add(limit))),
            _ => None,
        };
        [self.inner.poll_timeout(), self.total, quiet, self.alarm].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.now.is_some_and(|last| now < last) {
            return;
        }
        self.now = Some(now);
        self.inner.handle_timeout(now);
        self.look(now);
        self.expired |= self.total.is_some_and(|at| at <= now);
        if self.alarm.is_some_and(|at| at <= now) {
            self.alarm = None;
            self.rings = true;
        }
        if self.expired {
            self.inner.output().clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use barewire_proto::Buf;

    /// Echoes nothing and takes everything, one byte an event.
    #[derive(Debug)]
    struct Bytes {
        input: Input,
        output: Output,
    }

    impl Protocol for Bytes {
        type Event = u8;
        type Error = std::io::Error;

        fn input(&mut self) -> &mut Input {
            &mut self.input
        }

        fn output(&mut self) -> &mut Output {
            &mut self.output
        }

        fn wants_read(&self) -> bool {
            !self.input.is_full()
        }

        fn is_closed(&self) -> bool {
            false
        }

        fn poll_event(&mut self) -> Result<Option<u8>, Self::Error> {
            let first = self.input.filled().first().copied();
            self.input.consume(1);
            Ok(first)
        }

        fn poll_timeout(&self) -> Option<Instant> {
            None
        }

        fn handle_timeout(&mut self, _: Instant) {}
    }

    const QUIET: Duration = Duration::from_secs(30);

    fn timed(start: Instant, total: Option<Duration>) -> Timed<Bytes> {
        let mut timed = Timed::new(Bytes { input: Input::new(100), output: Output::default() });
        timed.begin(start, total.map(|total| start + total), Some(QUIET));
        timed
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn the_total_deadline_is_hard() {
        let start = Instant::now();
        let mut timed = timed(start, Some(seconds(5)));
        assert_eq!(timed.poll_timeout(), Some(start + seconds(5)));
        timed.output().put(b"request");
        timed.handle_timeout(start + seconds(5));
        assert!(matches!(timed.poll_event(), Err(TimedError::Expired)));
        assert!(timed.is_closed() && !timed.wants_read() && !timed.output().has_remaining());
        assert_eq!(timed.poll_timeout(), None);
        timed.end();
        assert!(matches!(timed.poll_event(), Err(TimedError::Expired)));
    }

    #[test]
    fn quiet_ends_with_a_byte_in_or_out() {
        let start = Instant::now();
        let mut timed = timed(start, None);
        timed.output().put(b"request");
        timed.handle_timeout(start);
        timed.output().advance(3);
        assert!(timed.has_sent());
        timed.handle_timeout(start + seconds(20));
        assert_eq!(timed.poll_timeout(), Some(start + seconds(50)));
        assert!(!timed.received());
        let _ = timed.input().push(bytes::Bytes::from_static(b"x"));
        timed.handle_timeout(start + seconds(40));
        assert!(timed.received());
        assert_eq!(timed.poll_timeout(), Some(start + seconds(70)));
        // Consuming is not moving.
        assert!(matches!(timed.poll_event(), Ok(Some(TimedEvent::Inner(b'x')))));
        timed.handle_timeout(start + seconds(60));
        assert_eq!(timed.poll_timeout(), Some(start + seconds(70)));
    }

    #[test]
    fn one_more_read_is_tried_before_quiet_is_an_error() {
        let start = Instant::now();
        let mut timed = timed(start, None);
        timed.handle_timeout(start);
        timed.handle_timeout(start + seconds(31));
        assert!(matches!(timed.poll_event(), Ok(None)));
        let _ = timed.input().push(bytes::Bytes::from_static(b"x"));
        timed.handle_timeout(start + seconds(31));
        assert_eq!(timed.poll_timeout(), Some(start + seconds(61)));
        timed.handle_timeout(start + seconds(61));
        timed.handle_timeout(start + seconds(61));
        assert!(matches!(timed.poll_event(), Err(TimedError::Expired)));
    }

    #[test]
    fn time_in_which_nobody_waits_does_not_count() {
        let start = Instant::now();
        let mut timed = timed(start, None);
        timed.handle_timeout(start);
        timed.count_quiet(false);
        assert_eq!(timed.poll_timeout(), None);
        timed.handle_timeout(start + seconds(100));
        timed.handle_timeout(start + seconds(100));
        timed.count_quiet(true);
        timed.handle_timeout(start + seconds(101));
        assert_eq!(timed.poll_timeout(), Some(start + seconds(131)));
        timed.restart();
        assert_eq!(timed.poll_timeout(), Some(start + seconds(131)));
        timed.handle_timeout(start + seconds(200));
        assert_eq!(timed.poll_timeout(), Some(start + seconds(230)));
    }

    #[test]
    fn an_alarm_rings_once() {
        let start = Instant::now();
        let mut timed = timed(start, None);
        timed.set_alarm(Some(seconds(1)));
        assert_eq!(timed.poll_timeout(), Some(start + seconds(1)));
        timed.handle_timeout(start);
        assert!(matches!(timed.poll_event(), Ok(None)));
        timed.handle_timeout(start + seconds(1));
        assert!(matches!(timed.poll_event(), Ok(Some(TimedEvent::Alarm))));
        assert!(matches!(timed.poll_event(), Ok(None)));
        timed.set_alarm(Some(seconds(1)));
        timed.end();
        timed.handle_timeout(start + seconds(9));
        assert!(matches!(timed.poll_event(), Ok(None)));
    }
}
