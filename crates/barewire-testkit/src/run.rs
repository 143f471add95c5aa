//! Feeding a [`Subject`] as a driver would, with every way to split the bytes.

use std::collections::VecDeque;
use std::time::Duration;

use barewire_proto::{Buf, Protocol};

use crate::{Clock, Random, Subject, Transcript};

/// How the output is taken away while the input is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// All of it, after the events of each piece.
    AtOnce,
    /// Nothing, until the input is over.
    AtEnd,
    /// At most so many bytes after the events of each piece, and the rest at the end.
    Bytes(usize),
}

/// What became of a connection.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its events, its error, `closed` or `upgraded`.
    pub transcript: Transcript,
    /// All that it put out.
    pub output: Vec<u8>,
    /// Bytes that it did not want to read.
    pub unread: Vec<u8>,
    /// It was closed as soon as it failed: what it had not sent by then is void.
    pub dropped: bool,
}

/// A connection that is being fed.
#[derive(Debug)]
pub struct Run<S: Subject> {
    /// The connection.
    pub subject: S,
    /// The time it is told.
    pub clock: Clock,
    /// What it did so far.
    pub transcript: Transcript,
    /// What was taken from its output so far.
    pub output: Vec<u8>,
    unread: VecDeque<u8>,
    eof: bool,
    drain: Drain,
    error: Option<String>,
    dropped: bool,
}

impl<S: Subject> Run<S> {
    /// Begins a run, and takes what the subject says before it hears anything.
    pub fn new(subject: S) -> Self {
        Self::with(subject, Clock::start(), Drain::AtOnce)
    }

    /// Begins a run at an instant, with a way to drain.
    pub fn with(subject: S, clock: Clock, drain: Drain) -> Self {
        let mut run = Self {
            subject,
            clock,
            transcript: Transcript::default(),
            output: Vec::new(),
            unread: VecDeque::new(),
            eof: false,
            drain,
            error: None,
            dropped: false,
        };
        run.turn();
        run
    }

    /// One wake of a driver for which these bytes have arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.unread.extend(bytes);
        self.turn();
    }

    /// The end of file arrives. A connection that does not read does not see it.
    pub fn close(&mut self) {
        self.eof = true;
        self.turn();
    }

    /// Whether the connection failed.
    pub fn failed(&self) -> bool {
        self.error.is_some()
    }

    /// Lets time pass from deadline to deadline, and says whether the connection ends, or is handed over, before it
    /// has no more of them. Its peer says nothing, and takes what is left.
    pub fn ends(mut self) -> bool {
        const DEADLINES: usize = 32;
        self.drain = Drain::AtOnce;
        for _ in 0..DEADLINES {
            self.turn();
            let protocol = self.subject.protocol();
            let over = protocol.is_closed() || protocol.output().is_finished();
            if over || self.subject.is_handed_over() {
                return true;
            }
            let Some(deadline) = self.subject.protocol().poll_timeout() else { return false };
            self.clock.advance_to(deadline);
        }
        false
    }

    /// Drains what is left and writes down how the connection stands.
    pub fn finish(mut self) -> Outcome {
        self.drain = Drain::AtOnce;
        self.turn();
        let handed_over = self.error.is_none() && self.subject.is_handed_over();
        let protocol = self.subject.protocol();
        if handed_over {
            let mut left_over = protocol.input().take().to_vec();
            left_over.extend(self.unread.drain(..));
            self.transcript.upgraded(&left_over);
        } else if self.error.is_none() && (protocol.is_closed() || protocol.output().is_finished())
        {
            self.transcript.line("closed");
        }
        let unread = Vec::from(self.unread);
        let Self { transcript, output, dropped, .. } = self;
        Outcome { transcript, output, unread, dropped }
    }

    fn turn(&mut self) {
        loop {
            self.subject.protocol().handle_timeout(self.clock.now());
            let read = self.read();
            self.events();
            if !self.write() && !read {
                return;
            }
        }
    }

    fn read(&mut self) -> bool {
        let mut any = false;
        while !self.unread.is_empty() && self.subject.protocol().wants_read() {
            let input = self.subject.protocol().input();
            let (front, _) = self.unread.as_slices();
            let spare = input.spare(front.len());
            let n = spare.len().min(front.len());
            if n == 0 {
                break;
            }
            spare[..n].copy_from_slice(&front[..n]);
            input.commit(n);
            self.unread.drain(..n);
            any = true;
        }
        let protocol = self.subject.protocol();
        if self.eof && self.unread.is_empty() && protocol.wants_read() {
            any |= !protocol.input().is_closed();
            protocol.input().close();
        }
        any
    }

    fn events(&mut self) {
        loop {
            match self.subject.protocol().poll_event() {
                Ok(Some(event)) => {
                    assert_eq!(self.error, None, "an event after an error");
                    self.subject.on_event(event, &mut self.transcript);
                }
                Ok(None) => {
                    assert_eq!(self.error, None, "no error after an error");
                    if !self.subject.on_quiet() {
                        self.stays_quiet();
                        return;
                    }
                }
                Err(error) => {
                    let text = format!("{error:?}");
                    match &self.error {
                        None => {
                            self.subject.on_error(&error, &mut self.transcript);
                            self.dropped = self.subject.protocol().is_closed();
                        }
                        Some(first) => assert_eq!(*first, text, "another error after an error"),
                    }
                    self.error = Some(text);
                    return;
                }
            }
        }
    }

    /// The second rule of the contract.
    fn stays_quiet(&mut self) {
        let protocol = self.subject.protocol();
        protocol.handle_timeout(self.clock.now());
        let quiet = matches!(protocol.poll_event(), Ok(None));
        assert!(quiet, "rule 2: an event after quiet, without input, timeout or command");
    }

    /// Lets bytes arrive without a wake; what does not fit the input waits.
    pub fn offer(&mut self, bytes: &[u8]) {
        self.unread.extend(bytes);
    }

    /// Calls one method of the protocol, whether this is the time for it or not.
    pub fn poke(&mut self, random: &mut Random) {
        let now = self.clock.now();
        let protocol = self.subject.protocol();
        match random.within(0..=8) {
            0 => {
                let _ = (protocol.wants_read(), protocol.is_closed(), protocol.poll_timeout());
            }
            1 => protocol.handle_timeout(now),
            2 => protocol.handle_timeout(now - Duration::from_secs(1)),
            3 => {
                let _ = protocol.input().spare(random.within(0..=100));
            }
            4 => protocol.input().release(),
            5 => protocol.output().release(),
            6 => drop(self.read()),
            7 => self.events(),
            _ => {
                let output = protocol.output();
                let n = random.within(0..=output.chunk().len());
                self.output.extend_from_slice(&output.chunk()[..n]);
                output.advance(n);
            }
        }
    }

    fn write(&mut self) -> bool {
        let output = self.subject.protocol().output();
        let limit = match self.drain {
            Drain::AtOnce => usize::MAX,
            Drain::AtEnd => 0,
            Drain::Bytes(n) => n,
        };
        let mut taken = 0;
        while taken < limit && output.has_remaining() {
            let chunk = output.chunk();
            let n = chunk.len().min(limit - taken);
            self.output.extend_from_slice(&chunk[..n]);
            output.advance(n);
            taken += n;
        }
        // Bounded draining is once for each piece; going on would be draining at once.
        taken > 0 && self.drain == Drain::AtOnce
    }
}

/// Feeds pieces and, if wanted, the end of file.
pub fn pieces<'a, S: Subject>(
    subject: S,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    eof: bool,
) -> Outcome {
    let mut run = Run::new(subject);
    for piece in pieces {
        run.feed(piece);
    }
    if eof {
        run.close();
    }
    run.finish()
}

/// Feeds everything at once.
pub fn whole<S: Subject>(subject: S, input: &[u8], eof: bool) -> Outcome {
    pieces(subject, [input], eof)
}

/// Feeds one byte at a time.
pub fn bytewise<S: Subject>(subject: S, input: &[u8], eof: bool) -> Outcome {
    pieces(subject, input.chunks(1), eof)
}

/// Feeds two pieces.
pub fn split_at<S: Subject>(subject: S, input: &[u8], at: usize, eof: bool) -> Outcome {
    let (front, back) = input.split_at(at.min(input.len()));
    pieces(subject, [front, back], eof)
}

/// Feeds pieces of random lengths, mostly short ones.
pub fn random<S: Subject>(subject: S, input: &[u8], seed: u64, eof: bool) -> Outcome {
    let mut random = Random::new(seed);
    let mut rest = input;
    let next = std::iter::from_fn(|| {
        if rest.is_empty() {
            return None;
        }
        let most = if random.one_in(4) { rest.len() } else { rest.len().min(12) };
        let (piece, after) = rest.split_at(random.within(1..=most));
        rest = after;
        Some(piece)
    });
    pieces(subject, next, eof)
}

/// Where to split an input in two: everywhere, or for a long one near its ends, at what looks like the end
/// of a line, and at about a hundred places between.
pub fn places(input: &[u8]) -> Vec<usize> {
    const EVERYWHERE: usize = 1500;
    const NEAR: usize = 200;
    let len = input.len();
    if len <= EVERYWHERE {
        return (0..=len).collect();
    }
    let step = len / 97;
    (0..=len)
        .filter(|&at| {
            let around = &input[at.saturating_sub(2)..(at + 2).min(len)];
            at < NEAR || len - at < NEAR || at % step == 0 || around.contains(&b'\n')
        })
        .collect()
}
