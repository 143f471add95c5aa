//! A protocol of lines that the tests of this crate run on, good or broken on purpose.

use std::fmt;
use std::time::{Duration, Instant};

use barewire_proto::{Buf, Bytes, Input, Output, Protocol};

use crate::{Subject, Transcript};

const IDLE: Duration = Duration::from_secs(5);

/// Which rule an [`Echo`] breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    DrainMatters,
    ErrorOvertakesEvents,
    EventAfterQuiet,
    FiresEarly,
    FiresForEver,
    ForgetsError,
    Grows,
    NoFarewell,
    SplitMatters,
}

/// Lines that end in LF are events; NUL is a violation, answered with `bye`; five idle seconds end it.
#[derive(Debug)]
pub(crate) struct Echo {
    input: Input,
    output: Output,
    error: Option<EchoError>,
    now: Option<Instant>,
    idle: Option<Instant>,
    quiet: bool,
    broken: Option<Broken>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum EchoEvent {
    Line(Bytes),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EchoError;

impl fmt::Display for EchoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a NUL came")
    }
}

impl std::error::Error for EchoError {}

impl Default for Echo {
    fn default() -> Self {
        Self {
            input: Input::new(1 << 20),
            output: Output::default(),
            error: None,
            now: None,
            idle: None,
            quiet: false,
            broken: None,
        }
    }
}

impl Echo {
    pub(crate) fn broken(broken: Broken) -> Self {
        Self { broken: Some(broken), ..Self::default() }
    }

    pub(crate) fn say(&mut self, line: &[u8]) {
        self.output.put(line);
    }

    fn is(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    fn fail(&mut self) -> EchoError {
        self.error = Some(EchoError);
        if !self.is(Broken::NoFarewell) {
            self.output.put(b"bye\n");
            self.output.finish();
        }
        self.idle = None;
        EchoError
    }
}

impl Protocol for Echo {
    type Event = EchoEvent;
    type Error = EchoError;

    fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    fn wants_read(&self) -> bool {
        self.error.is_none() && !self.output.is_finishing() && !self.input.is_full()
    }

    fn is_closed(&self) -> bool {
        self.output.is_finished()
    }

    fn poll_event(&mut self) -> Result<Option<EchoEvent>, EchoError> {
        if let Some(error) = self.error {
            if self.is(Broken::ForgetsError) {
                return Ok(None);
            }
            return Err(error);
        }
        let filled = self.input.filled();
        if self.is(Broken::ErrorOvertakesEvents) && filled.contains(&0) {
            return Err(self.fail());
        }
        let end = filled.iter().position(|&byte| byte == b'\n' || byte == 0);
        match end {
            Some(at) if filled.get(at) == Some(&0) => Err(self.fail()),
            Some(at) => {
                let line = self.input.split_to(at);
                self.input.consume(1);
                if self.is(Broken::Grows) {
                    let held = self.output.allocated();
                    self.output.tail().reserve(held.saturating_add(1));
                }
                if self.is(Broken::DrainMatters) && self.output.has_remaining() {
                    self.output.put(b"!");
                }
                self.idle = self.now.map(|now| now + IDLE);
                Ok(Some(EchoEvent::Line(line)))
            }
            None if self.is(Broken::SplitMatters) && filled.len() > 3 => {
                Ok(Some(EchoEvent::Line(self.input.take())))
            }
            None if self.is(Broken::EventAfterQuiet) && !self.quiet && !filled.is_empty() => {
                self.quiet = true;
                Ok(None)
            }
            None if self.quiet => {
                self.quiet = false;
                Ok(Some(EchoEvent::Line(Bytes::new())))
            }
            None => {
                if self.input.is_closed() {
                    self.output.finish();
                }
                Ok(None)
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.idle
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.error.is_some() || self.now.is_some_and(|last| last >= now) {
            return;
        }
        self.now = Some(now);
        let idle = *self.idle.get_or_insert(now + IDLE);
        if self.is(Broken::FiresEarly) && now + Duration::from_nanos(1) == idle {
            self.output.put(b"early");
        }
        if idle <= now && !self.is(Broken::FiresForEver) {
            self.output.finish();
            self.idle = None;
        }
    }
}

/// An application that says every line back.
pub(crate) struct EchoSubject(pub(crate) Echo);

impl Subject for EchoSubject {
    type Protocol = Echo;

    fn protocol(&mut self) -> &mut Echo {
        &mut self.0
    }

    fn on_event(&mut self, EchoEvent::Line(line): EchoEvent, transcript: &mut Transcript) {
        transcript.line([b"line ", &line[..]].concat());
        self.0.say(&line);
        self.0.say(b"\n");
    }

    fn on_error(&mut self, error: &EchoError, transcript: &mut Transcript) {
        transcript.line(format!("error {error}"));
    }
}
