use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use barewire_proto::{Buf, Input, Output, Protocol, Timers};
use bytes::BytesMut;
use rustls::CommonState;
use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;

use crate::certificates::Asked;
use crate::config::Settings;
use crate::error::{Alert, Error, ErrorKind, TlsError};
use crate::foreign::{Foreign, recognise};
use crate::session::{Fault, Session, Step, Turn, offer};
use crate::{ClientConfig, ConfigError, Negotiated, ServerConfig};

/// What happens on a connection in TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event<E> {
    /// The handshake is done, and the protocol inside is made: once, before all other events.
    Established,
    /// What the protocol inside says.
    Inner(E),
}

type Make<P> = Box<dyn FnOnce(&Negotiated) -> P + Send>;

/// Where the name comes from.
enum ServerName {
    Asked(Arc<Asked>),
    Given(Box<str>),
}

#[derive(Clone, Copy)]
enum Timer {
    /// The handshake has to be done.
    Handshake,
    /// What is left to be sent has to be sent, and the peer to be gone.
    Close,
    /// Nothing moved for a while: buffers go.
    Release,
}

/// A protocol in TLS: itself a [`Protocol`], of records outside, around `P`, of plaintext inside.
///
/// See the [crate's documentation](crate) for how the two work together.
pub struct Tls<P: Protocol> {
    session: Session,
    input: Input,
    /// Records that came before the end of file: a closed [`Input`] takes nothing back.
    last_records: BytesMut,
    output: Output,
    make: Option<Make<P>>,
    inner: Option<P>,
    negotiated: Option<Box<Negotiated>>,
    server_name: ServerName,
    boundary: Option<fn(&P) -> bool>,
    settings: Settings,
    pending: BytesMut,
    gather: BytesMut,
    /// What rustls saw already without being able to go on.
    looked_at: Option<usize>,
    recognised: bool,
    announce: bool,
    peer_closed: bool,
    told_end: bool,
    closing: bool,
    /// [`close`](Self::close) was called: what the protocol inside still waits for does not count.
    abandoned: bool,
    finished: bool,
    dead: bool,
    failure: Option<TlsError>,
    reported: bool,
    active: bool,
    timers: Timers<3>,
    now: Option<Instant>,
}

impl<P: Protocol> Tls<P> {
    /// The server's side. `make` is called once, when the handshake is done, and makes the protocol inside
    /// from what was negotiated.
    ///
    /// The configuration is the one of this moment: a later [`reload`](ServerConfig::reload) is for later
    /// connections.
    pub fn server(
        config: &ServerConfig,
        make: impl FnOnce(&Negotiated) -> P + Send + 'static,
    ) -> Self {
        let (asked, watched) = Asked::watch(&config.current());
        let session = UnbufferedServerConnection::new(watched).map(Session::Server);
        Self::new(session, ServerName::Asked(asked), config.settings(), Box::new(make))
    }

    /// The client's side, for a server of this name: a DNS name or an IP address, without port. The name is
    /// sent (SNI) and the server's certificate has to be for it.
    ///
    /// # Errors
    ///
    /// [`ConfigError::BadServerName`] for what is neither.
    pub fn client(
        config: &ClientConfig,
        server: &str,
        make: impl FnOnce(&Negotiated) -> P + Send + 'static,
    ) -> Result<Self, ConfigError> {
        // An IPv6 address of a URL has its brackets on.
        let bare = server.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let name = bare.unwrap_or(server);
        let owned = rustls_pki_types::ServerName::try_from(name)
            .map_err(|_| ConfigError::BadServerName)?
            .to_owned();
        let session = UnbufferedClientConnection::new(config.current(), owned);
        let session = session.map(Session::Client);
        Ok(Self::new(session, ServerName::Given(name.into()), config.settings(), Box::new(make)))
    }

    fn new(
        session: Result<Session, rustls::Error>,
        server_name: ServerName,
        settings: Settings,
        make: Make<P>,
    ) -> Self {
        let (session, failure) = match session {
            Ok(session) => (session, None),
            Err(error) => (Session::Broken, Some(TlsError::from_rustls(&error))),
        };
        let mut output = Output::new(settings.write_buffer);
        if failure.is_some() {
            output.finish();
        }
        Self {
            recognised: false,
            session,
            input: Input::new(settings.read_buffer),
            last_records: BytesMut::new(),
            output,
            make: Some(make),
            inner: None,
            negotiated: None,
            server_name,
            boundary: None,
            settings,
            pending: BytesMut::new(),
            gather: BytesMut::new(),
            looked_at: None,
            announce: false,
            peer_closed: false,
            told_end: false,
            closing: false,
            abandoned: false,
            finished: false,
            dead: failure.is_some(),
            failure,
            reported: false,
            active: false,
            timers: Timers::default(),
            now: None,
        }
    }

    /// Takes an end without `close_notify` for a proper one whenever `at_boundary` says that the protocol
    /// inside is between two messages. Without this, it is [`ErrorKind::Truncated`].
    ///
    /// Many programs close idle connections like that. It is asked after all that came was handed out.
    pub fn tolerate_end(mut self, at_boundary: fn(&P) -> bool) -> Self {
        self.boundary = Some(at_boundary);
        self
    }

    /// What the handshake agreed on; `None` until it is done.
    pub fn negotiated(&self) -> Option<&Negotiated> {
        self.negotiated.as_deref()
    }

    /// The protocol inside; `None` until the handshake is done.
    pub fn inner(&self) -> Option<&P> {
        self.inner.as_ref()
    }

    /// The protocol inside, to give it commands; `None` until the handshake is done.
    ///
    /// What it puts out is encrypted by the next [`output`](Protocol::output), which every driver calls
    /// before it writes.
    pub fn inner_mut(&mut self) -> Option<&mut P> {
        self.inner.as_mut()
    }

    /// Ends the write side with `close_notify` once all that the protocol inside has put out is sent. Not
    /// needed where that protocol finishes its output itself.
    pub fn close(&mut self) {
        self.closing = true;
        self.abandoned = true;
        if self.inner.is_none() {
            self.output.finish();
            self.dead = true;
        }
    }

    /// Exchanges the protocol inside, for an upgrade: plaintext that came and was not consumed is in the
    /// old one's input, for `exchange` to move ([`Input::take`] and [`Input::push`]).
    ///
    /// Before the handshake is done, `exchange` is called right after the first protocol was made.
    pub fn map<Q: Protocol>(mut self, exchange: impl FnOnce(P) -> Q + Send + 'static) -> Tls<Q>
    where
        P: 'static,
    {
        self.send();
        let (inner, make): (_, Option<Make<Q>>) = match (self.inner, self.make) {
            (Some(inner), _) => (Some(exchange(inner)), None),
            (None, Some(make)) => (None, Some(Box::new(|negotiated| exchange(make(negotiated))))),
            (None, None) => (None, None),
        };
        Tls {
            session: self.session,
            input: self.input,
            last_records: self.last_records,
            output: self.output,
            make,
            inner,
            negotiated: self.negotiated,
            server_name: self.server_name,
            boundary: None,
            settings: self.settings,
            pending: self.pending,
            gather: self.gather,
            looked_at: None,
            recognised: self.recognised,
            announce: self.announce,
            peer_closed: self.peer_closed,
            told_end: false,
            closing: self.closing,
            abandoned: self.abandoned,
            finished: self.finished,
            dead: self.dead,
            failure: self.failure,
            reported: self.reported,
            active: self.active,
            timers: self.timers,
            now: self.now,
        }
    }

    /// Decrypts, and gives plaintext to the protocol inside. Says whether anything moved.
    fn receive(&mut self) -> bool {
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
            let there = self.records();
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
                    self.looked_at = Some(self.records());
                    if self.input.is_full() {
                        // Records are shorter: it is a handshake message in pieces that waits for its end.
                        self.fail(TlsError::new(ErrorKind::HandshakeTooLarge));
                    }
                }
                None => {}
            }
            moved |= self.establish();
        }
        moved | self.end_of_input() | self.failure.is_some()
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

    fn takes_plaintext(&self) -> bool {
        self.inner.as_ref().is_none_or(|inner| inner.wants_read() && !inner.is_closed())
    }

    fn records(&self) -> usize {
        self.input.len().saturating_add(self.last_records.len())
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
        let (session, last) = (&mut self.session, &mut self.last_records);
        let result = on_records(&mut self.input, last, |records| session.turn(records, &mut turn));
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
                let (session, last) = (&mut self.session, &mut self.last_records);
                while session.common().is_some_and(CommonState::wants_write) {
                    let work = |records: &mut [u8]| session.turn(records, &mut turn);
                    if on_records(&mut self.input, last, work).is_err() {
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
                if matches!(self.session, Session::Server(_)) {
                    self.output.put(crate::foreign::ANSWER);
                }
                self.fail(TlsError::new(ErrorKind::PlainHttp));
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
            self.fail(TlsError::new(ErrorKind::Truncated));
        }
        true
    }

    /// Encrypts what the protocol inside has put out, as far as there is room for it. Says whether it did.
    fn send(&mut self) -> bool {
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
    fn settle(&mut self) {
        let waits = self.finished && !self.dead && self.is_done() && self.output.has_remaining();
        if waits && !self.timers.is_set(Timer::Close as usize) {
            self.arm(Timer::Close, self.settings.close_timeout);
        }
    }

    fn is_done(&self) -> bool {
        self.abandoned || self.inner.as_ref().is_some_and(Protocol::is_closed)
    }

    fn inner_has_output(&mut self) -> bool {
        self.inner.as_mut().is_some_and(|inner| inner.output().has_remaining())
    }

    fn fail(&mut self, error: TlsError) {
        self.failure = Some(error);
        self.output.finish();
        self.timers.clear(Timer::Handshake as usize);
        self.arm(Timer::Close, self.settings.close_timeout);
    }

    fn arm(&mut self, timer: Timer, after: std::time::Duration) {
        if let Some(at) = self.now.and_then(|now| now.checked_add(after)) {
            self.timers.set(timer as usize, at);
        }
    }
}

impl<P: Protocol> Protocol for Tls<P> {
    type Event = Event<P::Event>;
    type Error = Error<P::Error>;

    /// Records.
    fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    /// Records. What the protocol inside has put out by now is among them, unless they are full.
    fn output(&mut self) -> &mut Output {
        self.send();
        &mut self.output
    }

    fn wants_read(&self) -> bool {
        if self.dead || self.input.is_closed() {
            return false;
        }
        // After an error one reads on and forgets, so that a reset does not overtake the alert.
        self.failure.is_some()
            || (!self.peer_closed
                && self.pending.is_empty()
                && !self.input.is_full()
                && self.takes_plaintext())
    }

    fn is_closed(&self) -> bool {
        let drained = !self.output.has_remaining();
        if self.failure.is_some() {
            let lingers = self.timers.is_set(Timer::Close as usize) && !self.input.is_closed();
            return self.dead || (drained && !lingers);
        }
        self.dead || (self.finished && drained && self.is_done())
    }

    fn poll_event(&mut self) -> Result<Option<Self::Event>, Self::Error> {
        loop {
            if std::mem::take(&mut self.announce) {
                return Ok(Some(Event::Established));
            }
            if let Some(error) = self.failure.filter(|_| self.reported) {
                self.input.consume(usize::MAX);
                return Err(Error::Tls(error));
            }
            match self.inner.as_mut().map_or(Ok(None), Protocol::poll_event) {
                Ok(None) => {}
                Ok(Some(event)) => return Ok(Some(Event::Inner(event))),
                Err(error) => {
                    // It may have to read on, and forget, until its farewell is out.
                    while self.receive() && self.failure.is_none() {
                        let _the_same = self.inner.as_mut().map(Protocol::poll_event);
                    }
                    self.send();
                    self.settle();
                    return Err(Error::Inner(error));
                }
            }
            if let Some(error) = self.failure {
                self.reported = true;
                return Err(Error::Tls(error));
            }
            if !self.receive() && !self.send() && self.failure.is_none() {
                self.settle();
                return Ok(None);
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.dead {
            return None;
        }
        let inner = self.inner.as_ref().filter(|_| self.failure.is_none());
        let inner = inner.and_then(Protocol::poll_timeout);
        [inner, self.timers.next()].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.dead || self.now.is_some_and(|last| now < last) {
            return;
        }
        self.now = Some(now);
        if self.failure.is_none() {
            match (&mut self.inner, self.settings.handshake_timeout) {
                (Some(inner), _) => inner.handle_timeout(now),
                (None, Some(limit)) if !self.timers.is_set(Timer::Handshake as usize) => {
                    self.arm(Timer::Handshake, limit);
                }
                (None, _) => {}
            }
        }
        if self.timers.expire(Timer::Handshake as usize, now) {
            self.fail(TlsError::new(ErrorKind::HandshakeTimeout));
            self.dead = true;
        }
        if self.timers.expire(Timer::Close as usize, now) {
            self.dead = true;
            self.output.clear();
        }
        self.settle();
        if std::mem::take(&mut self.active) {
            self.arm(Timer::Release, self.settings.release_buffers);
        } else if self.timers.expire(Timer::Release as usize, now) {
            self.release();
        }
    }
}

impl<P: Protocol> Tls<P> {
    fn release(&mut self) {
        self.input.release();
        self.output.release();
        self.gather = BytesMut::new();
        if self.pending.is_empty() {
            self.pending = BytesMut::new();
        }
    }
}

impl<P: Protocol + fmt::Debug> fmt::Debug for Tls<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("session", &self.session)
            .field("negotiated", &self.negotiated)
            .field("inner", &self.inner)
            .field("failure", &self.failure)
            .finish_non_exhaustive()
    }
}

/// Runs `work` on all records that are there, in the buffer that they were read to, and forgets those that it
/// is done with.
fn on_records<R>(
    input: &mut Input,
    last: &mut BytesMut,
    work: impl FnOnce(&mut [u8]) -> (usize, R),
) -> R {
    if input.is_closed() && last.is_empty() {
        *last = owned(input);
    }
    if !last.is_empty() {
        let (done, result) = work(last);
        last.advance(done.min(last.len()));
        return result;
    }
    if input.is_empty() {
        return work(&mut []).1;
    }
    let mut records = owned(input);
    let (done, result) = work(&mut records);
    // Nothing is copied: the input is empty, and nobody shares the buffer.
    let _fits = input.push(records.freeze());
    input.consume(done);
    result
}

fn owned(input: &mut Input) -> BytesMut {
    input.take().try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]))
}
