use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use barewire_proto::{Buf, Input, Output, Protocol, Timers};
use bytes::BytesMut;
use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;

use crate::certificates::Asked;
use crate::config::Settings;
use crate::error::{Error, ErrorKind, TlsError};
use crate::session::Session;
use crate::{ClientConfig, ConfigError, Negotiated, ServerConfig};

/// What happens on a connection in TLS.
///
/// ```
/// use barewire_tls::Event;
///
/// /// For who is told of the handshake by the closure that makes the protocol.
/// fn inner<E>(event: Event<E>) -> Option<E> {
///     match event {
///         Event::Established => None,
///         Event::Inner(event) => Some(event),
///     }
/// }
/// assert_eq!(inner(Event::Inner("a line")), Some("a line"));
/// assert_eq!(inner::<()>(Event::Established), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event<E> {
    /// The handshake is done, and the protocol inside is made: once, before all other events.
    Established,
    /// What the protocol inside says.
    Inner(E),
}

type Make<P> = Box<dyn FnOnce(&Negotiated) -> P + Send>;

/// Where the name comes from.
pub(crate) enum ServerName {
    Asked(Arc<Asked>),
    Given(Box<str>),
}

#[derive(Clone, Copy)]
pub(crate) enum Timer {
    /// The handshake has to be done.
    Handshake,
    /// What is left to be sent has to be sent, and the peer to be gone.
    Close,
    /// Nothing moved for a while: buffers go.
    Release,
}

/// A protocol in TLS: itself a [`Protocol`], of records outside, around `P`, of plaintext inside.
///
/// See the [crate's documentation](crate) for how the two work together. A handshake by hand; a driver carries the
/// bytes by itself:
///
/// ```
/// # #[cfg(feature = "self-signed")] {
/// use barewire_proto::{Buf, Protocol};
/// use barewire_tls::{Event, SelfSigned, Tls, Version};
/// # use barewire_proto::{Input, Output};
/// # struct Inside(Input, Output);
/// # impl Inside { fn new() -> Self { Self(Input::new(1024), Output::default()) } }
/// # impl Protocol for Inside {
/// #     type Event = (); type Error = std::convert::Infallible;
/// #     fn input(&mut self) -> &mut Input { &mut self.0 }
/// #     fn output(&mut self) -> &mut Output { &mut self.1 }
/// #     fn wants_read(&self) -> bool { true }
/// #     fn is_closed(&self) -> bool { false }
/// #     fn poll_event(&mut self) -> Result<Option<()>, Self::Error> { Ok(None) }
/// #     fn poll_timeout(&self) -> Option<std::time::Instant> { None }
/// #     fn handle_timeout(&mut self, _: std::time::Instant) {}
/// # }
///
/// let made = SelfSigned::new(["localhost"])?;
/// let (client, server) = (made.client().alpn(["h2"]), made.server().alpn(["h2", "http/1.1"]));
/// let mut server = Tls::server(&server.build()?, |negotiated| {
///     assert!(negotiated.is_h2());
///     Inside::new()
/// });
/// let mut client = Tls::client(&client.build()?, "localhost", |_| Inside::new())?;
///
/// // Nothing is inside before the handshake is done.
/// assert!(client.inner().is_none() && client.negotiated().is_none());
/// while client.poll_event()? != Some(Event::Established) {
///     let (said, heard) = (client.output().chunk().to_vec(), server.output().chunk().to_vec());
///     client.output().advance(said.len());
///     server.output().advance(heard.len());
///     assert!(server.input().push(said.into()).is_empty());
///     assert!(client.input().push(heard.into()).is_empty());
///     while server.poll_event()?.is_some() {}
/// }
/// assert_eq!(client.negotiated().map(|negotiated| negotiated.version()), Some(Version::Tls13));
/// client.inner_mut().expect("it is made now").output().put(b"in clear text");
/// assert!(!client.output().chunk().windows(4).any(|part| part == b"text"));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Tls<P: Protocol> {
    pub(crate) session: Session,
    pub(crate) input: Input,
    pub(crate) output: Output,
    pub(crate) make: Option<Make<P>>,
    pub(crate) inner: Option<P>,
    pub(crate) negotiated: Option<Box<Negotiated>>,
    pub(crate) server_name: ServerName,
    pub(crate) boundary: Option<fn(&P) -> bool>,
    pub(crate) settings: Settings,
    pub(crate) pending: BytesMut,
    pub(crate) gather: BytesMut,
    /// What rustls saw already without being able to go on.
    pub(crate) looked_at: Option<usize>,
    pub(crate) recognised: bool,
    pub(crate) announce: bool,
    pub(crate) peer_closed: bool,
    pub(crate) told_end: bool,
    pub(crate) closing: bool,
    /// [`close`](Self::close) was called: what the protocol inside still waits for does not count.
    pub(crate) abandoned: bool,
    pub(crate) finished: bool,
    pub(crate) dead: bool,
    pub(crate) failure: Option<TlsError>,
    pub(crate) reported: bool,
    pub(crate) active: bool,
    pub(crate) timers: Timers<3>,
    pub(crate) now: Option<Instant>,
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
