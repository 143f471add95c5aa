//! How plaintext and records move through the layer, and how it ends.

use std::time::Duration;

use barewire_proto::{Buf, Input, Protocol};
use bytes::BytesMut;
use rustls::CommonState;

use crate::Negotiated;
use crate::error::{Alert, ErrorKind, TlsError};
use crate::foreign::{ANSWER, Foreign, recognise};
use crate::layer::{ServerName, Timer, Tls};
use crate::session::{Fault, Session, Step, Turn, offer};

impl<P: Protocol> Tls<P> {
    /// Decrypts, and gives plaintext to the protocol inside. Says whether anything moved.
    pub(crate) fn receive(&mut self) -> bool {
        if self.failure.is_some() {
            self.input.consume(usize::MAX);
            return false;
        }
        let mut moved = self.feed();
        if !self.pending.is_empty() {
            return moved;
        }
        if !self.recognised && !self.recognise() {
            return false;
        }
        while self.failure.is_none() && self.pending.is_empty() && self.takes_plaintext() {
            let there = self.input.len();
            if self.looked_at == Some(there) {
                break;
            }
            match self.turn(false) {
                Some(Step::Again) => moved = true,
                Some(Step::PeerClosed) => {
                    self.peer_closed = true;
                    moved = true;
                }
                Some(Step::Blocked | Step::Ready) => {
                    self.looked_at = Some(self.input.len());
                    if self.input.is_full() {
                        // Records are shorter: it is a handshake message in pieces that waits for its end.
                        self.fail(TlsError::new(ErrorKind::HandshakeTooLarge));
                    }
                }
                None => {}
            }
            moved |= self.establish();
        }
        // What came is handled before the end is looked at: an answer may still be sent.
        moved || self.end_of_input() || self.failure.is_some()
    }

    /// Plaintext that found no room before.
    fn feed(&mut self) -> bool {
        let Some(inner) = self.inner.as_mut().filter(|inner| inner.wants_read()) else {
            return false;
        };
        if self.pending.is_empty() {
            return false;
        }
        let rest = offer(inner, &self.pending).len();
        let taken = self.pending.len().saturating_sub(rest);
        self.pending.advance(taken);
        taken > 0
    }

    pub(crate) fn takes_plaintext(&self) -> bool {
        self.inner.as_ref().is_none_or(|inner| inner.wants_read() && !inner.is_closed())
    }

    /// One turn of rustls, over all records that are there. `None` when it failed.
    fn turn(&mut self, send: bool) -> Option<Step> {
        self.active = true;
        self.looked_at = None;
        let mut turn = Turn {
            inner: self.inner.as_mut(),
            pending: &mut self.pending,
            gather: &mut self.gather,
            output: &mut self.output,
            send,
            close: send && self.closing,
        };
        let session = &mut self.session;
        let result = on_records(&mut self.input, |records| session.turn(records, &mut turn));
        match result {
            Ok(step) => Some(step),
            Err(Fault::Exhausted) => {
                self.fail(TlsError::new(ErrorKind::Internal));
                None
            }
            Err(Fault::Rustls(error)) => {
                // rustls has queued the alert: the next turns hand it out.
                let mut turn = Turn {
                    inner: None::<&mut P>,
                    pending: &mut self.pending,
                    gather: &mut self.gather,
                    output: &mut self.output,
                    send: false,
                    close: false,
                };
                let session = &mut self.session;
                while session.common().is_some_and(CommonState::wants_write) {
                    let work = |records: &mut [u8]| session.turn(records, &mut turn);
                    if on_records(&mut self.input, work).is_err() {
                        break;
                    }
                }
                self.fail(TlsError::from_rustls(&error));
                None
            }
        }
    }

    /// Makes the protocol inside, as soon as the handshake is done.
    fn establish(&mut self) -> bool {
        if self.inner.is_some() || self.failure.is_some() || self.session.is_handshaking() {
            return false;
        }
        let (Some(make), Some(common)) = (self.make.take(), self.session.common()) else {
            return false;
        };
        let name = match &self.server_name {
            ServerName::Asked(asked) => asked.name(),
            ServerName::Given(name) => Some(&**name),
        };
        let negotiated = Box::new(Negotiated::new(common, name));
        let mut inner = make(&negotiated);
        if let Some(now) = self.now {
            inner.handle_timeout(now);
        }
        self.inner = Some(inner);
        self.negotiated = Some(negotiated);
        self.timers.clear(Timer::Handshake as usize);
        self.announce = true;
        true
    }

    /// Looks at the first bytes: people do speak HTTP to TLS ports.
    fn recognise(&mut self) -> bool {
        if self.input.is_empty() && !self.input.is_closed() {
            // A client begins; a server has nothing to do yet.
            return true;
        }
        match recognise(self.input.filled(), self.input.is_closed()) {
            Foreign::Tls => self.recognised = true,
            Foreign::Unknown => return false,
            Foreign::Http => {
                let kind = match self.session {
                    Session::Server(_) => {
                        self.output.put(ANSWER);
                        ErrorKind::PlainHttp
                    }
                    Session::Client(_) | Session::Broken => ErrorKind::PlainServer,
                };
                self.fail(TlsError::new(kind));
            }
            Foreign::Other => {
                let alert = Alert::UNEXPECTED_MESSAGE;
                self.output.put(&[21, 3, 3, 0, 2, 2, alert.code()]);
                self.fail(TlsError::told(ErrorKind::NotTls, alert));
            }
        }
        self.recognised
    }

    /// Tells the protocol inside, or the world, that nothing more will come.
    fn end_of_input(&mut self) -> bool {
        if self.told_end || self.failure.is_some() || !self.pending.is_empty() {
            return false;
        }
        let Some(inner) = &mut self.inner else {
            if self.input.is_closed() || self.peer_closed {
                self.fail(TlsError::new(ErrorKind::UnexpectedEnd));
            }
            return false;
        };
        if self.peer_closed || (self.input.is_closed() && inner.is_closed()) {
            self.told_end = true;
            inner.input().close();
            return true;
        }
        if !self.input.is_closed() || !inner.wants_read() {
            return false;
        }
        if self.boundary.is_some_and(|at_boundary| at_boundary(inner)) {
            self.told_end = true;
            inner.input().close();
        } else {
            self.send();
            self.fail(TlsError::new(ErrorKind::Truncated));
        }
        true
    }

    /// Encrypts what the protocol inside has put out, as far as there is room for it. Says whether it did.
    pub(crate) fn send(&mut self) -> bool {
        let mut moved = false;
        while self.failure.is_none() && !self.finished {
            let Some(inner) = &mut self.inner else { break };
            self.closing |= inner.output().is_finishing();
            let empty = !inner.output().has_remaining();
            if inner.is_closed() && !(self.closing && empty) {
                // It gave up: what it did not send is void, and the peer must not take it for an end.
                self.finished = true;
                self.dead = true;
                break;
            }
            if if empty { !self.closing } else { self.output.is_full() } {
                break;
            }
            moved = true;
            match self.turn(true) {
                Some(Step::PeerClosed) => self.peer_closed = true,
                Some(Step::Ready) if self.closing && !self.inner_has_output() => {
                    self.finished = true;
                    self.output.finish();
                }
                Some(Step::Again | Step::Ready) => {}
                Some(Step::Blocked) | None => break,
            }
        }
        moved
    }

    /// Nothing is waited for but that the last bytes leave: not for ever.
    pub(crate) fn settle(&mut self) {
        let waits = self.finished && !self.dead && self.is_done() && self.output.has_remaining();
        if waits && !self.timers.is_set(Timer::Close as usize) {
            self.arm(Timer::Close, self.settings.close_timeout);
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.abandoned || self.inner.as_ref().is_some_and(Protocol::is_closed)
    }

    fn inner_has_output(&mut self) -> bool {
        self.inner.as_mut().is_some_and(|inner| inner.output().has_remaining())
    }

    pub(crate) fn fail(&mut self, error: TlsError) {
        self.failure = Some(error);
        self.output.finish();
        self.timers.clear(Timer::Handshake as usize);
        self.arm(Timer::Close, self.settings.close_timeout);
    }

    pub(crate) fn arm(&mut self, timer: Timer, after: Duration) {
        if let Some(at) = self.now.and_then(|now| now.checked_add(after)) {
            self.timers.set(timer as usize, at);
        }
    }

    pub(crate) fn release(&mut self) {
        self.input.release();
        self.output.release();
        self.gather = BytesMut::new();
        if self.pending.is_empty() {
            self.pending = BytesMut::new();
        }
    }
}

/// Runs `work` on all records that are there, in the buffer that they were read to, and forgets those that it
/// is done with.
fn on_records<R>(input: &mut Input, work: impl FnOnce(&mut [u8]) -> (usize, R)) -> R {
    let (done, result) = work(input.filled_mut());
    input.consume(done);
    result
}
