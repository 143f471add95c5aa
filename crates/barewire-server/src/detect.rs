//! Which version of HTTP a connection speaks, before anybody speaks it.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use barewire_proto::{Input, Output, Protocol};

/// What a client has to say first that knows that we speak HTTP/2 (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A protocol that is over when it knows which one comes after it: the first byte that is not of HTTP/2's
/// preface decides for HTTP/1, which so is never held up. It takes nothing off its input and says nothing.
#[derive(Debug)]
pub(crate) struct Detect {
    input: Input,
    output: Output,
    decided: bool,
    /// How long the client may take.
    patience: Option<Duration>,
    deadline: Option<Instant>,
    given_up: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

impl Detect {
    #[cfg(feature = "http2")]
    pub(crate) fn new(patience: Option<Duration>) -> Self {
        Self { decided: false, patience, ..Self::settled() }
    }

    /// For where something else has decided already: a place for what is read meanwhile.
    pub(crate) fn settled() -> Self {
        Self {
            input: Input::new(16 * 1024),
            output: Output::default(),
            decided: true,
            patience: None,
            deadline: None,
            given_up: false,
        }
    }

    /// Gives what was read to the protocol that comes next.
    pub(crate) fn hand_over<P: Protocol>(mut self, mut next: P) -> P {
        if !self.input.is_empty() {
            let refused = next.input().push(self.input.take());
            debug_assert!(refused.is_empty(), "every protocol here takes more than this one");
        }
        if self.input.is_closed() {
            next.input().close();
        }
        next
    }
}

impl Protocol for Detect {
    type Event = Version;
    type Error = Infallible;

    fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    fn wants_read(&self) -> bool {
        !self.decided && !self.given_up
    }

    fn is_closed(&self) -> bool {
        self.given_up
    }

    fn poll_event(&mut self) -> Result<Option<Version>, Infallible> {
        if self.decided {
            return Ok(None);
        }
        let filled = self.input.filled();
        let n = filled.len().min(PREFACE.len());
        let version =
            if filled[..n] != PREFACE[..n] || (n < PREFACE.len() && self.input.is_closed()) {
                Version::Http1
            } else if n == PREFACE.len() {
                Version::Http2
            } else {
                return Ok(None);
            };
        self.decided = true;
        Ok(Some(version))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline.filter(|_| !self.given_up)
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let Some(patience) = self.patience.take() {
            self.deadline = Some(now + patience);
        }
        self.given_up |= self.deadline.is_some_and(|deadline| deadline <= now);
    }
}

#[cfg(all(test, feature = "http2"))]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn push(detect: &mut Detect, bytes: &'static [u8]) -> Option<Version> {
        assert!(detect.input().push(Bytes::from_static(bytes)).is_empty());
        detect.poll_event().unwrap()
    }

    #[test]
    fn the_first_byte_that_differs_decides() {
        for at in 0..PREFACE.len() {
            let mut one = Detect::new(None);
            assert_eq!(push(&mut one, &PREFACE[..at]), None);
            assert_eq!(push(&mut one, b"\0"), Some(Version::Http1));
            assert_eq!(one.poll_event(), Ok(None));
        }
        let mut whole = Detect::new(None);
        assert_eq!(push(&mut whole, PREFACE), Some(Version::Http2));
        let mut next = whole.hand_over(Detect::settled());
        assert_eq!(next.input().filled(), PREFACE);
    }

    #[test]
    fn the_end_of_file_decides() {
        let mut one = Detect::new(None);
        one.input().close();
        assert_eq!(one.poll_event(), Ok(Some(Version::Http1)));
        assert!(one.hand_over(Detect::settled()).input().is_closed());
    }

    #[test]
    fn time_runs_out() {
        let start = Instant::now();
        let mut one = Detect::new(Some(Duration::from_secs(5)));
        one.handle_timeout(start);
        assert_eq!(one.poll_timeout(), Some(start + Duration::from_secs(5)));
        one.handle_timeout(start + Duration::from_secs(4));
        assert_eq!(push(&mut one, b"PRI"), None);
        one.handle_timeout(start + Duration::from_secs(5));
        assert!(one.is_closed() && !one.wants_read());
    }
}
