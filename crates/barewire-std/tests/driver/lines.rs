use std::fmt;
use std::time::{Duration, Instant};

use barewire_proto::{Bytes, Input, Output, Protocol};

/// Lines that end in LF are events; a NUL is a violation, answered with `bye`; the end of file is answered with
/// the same.
#[derive(Debug)]
pub(crate) struct Lines {
    input: Input,
    output: Output,
    now: Option<Instant>,
    deadline: Option<Instant>,
    made: Option<Bytes>,
    paused: bool,
    failed: bool,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            input: Input::new(1 << 16),
            output: Output::default(),
            now: None,
            deadline: None,
            made: None,
            paused: false,
            failed: false,
        }
    }
}

impl Lines {
    pub(crate) fn say(&mut self, line: &str) {
        self.output.put(line.as_bytes());
        self.output.put(b"\n");
    }

    pub(crate) fn say_bytes(&mut self, bytes: Bytes) {
        self.output.push(bytes);
    }

    pub(crate) fn finish(&mut self) {
        self.output.finish();
    }

    /// Ends the connection when so much time has passed.
    pub(crate) fn finish_after(&mut self, time: Duration) {
        self.deadline = self.now.map(|now| now + time);
    }

    pub(crate) fn make_event(&mut self, line: &'static str) {
        self.made = Some(Bytes::from_static(line.as_bytes()));
    }

    pub(crate) fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }
}

#[derive(Debug)]
pub(crate) struct Nul;

impl fmt::Display for Nul {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a NUL came")
    }
}

impl std::error::Error for Nul {}

impl Protocol for Lines {
    type Event = Bytes;
    type Error = Nul;

    fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    fn wants_read(&self) -> bool {
        !self.paused && !self.failed && !self.input.is_closed() && !self.input.is_full()
    }

    fn is_closed(&self) -> bool {
        self.output.is_finished()
    }

    fn poll_event(&mut self) -> Result<Option<Bytes>, Nul> {
        if let Some(event) = self.made.take() {
            return Ok(Some(event));
        }
        if self.failed {
            return Err(Nul);
        }
        match self.input.filled().iter().position(|byte| [b'\n', 0].contains(byte)) {
            Some(at) if self.input.filled()[at] == 0 => {
                self.failed = true;
                self.say("bye");
                self.finish();
                Err(Nul)
            }
            Some(at) => {
                let line = self.input.split_to(at);
                self.input.consume(1);
                Ok(Some(line))
            }
            None => {
                if self.input.is_closed() {
                    self.finish();
                }
                Ok(None)
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.now = Some(now);
        if self.deadline.is_some_and(|at| at <= now) {
            self.deadline = None;
            self.finish();
        }
    }
}
