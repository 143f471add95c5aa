//! The handshake, and what it decides.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use barewire_proto::{Input, Output, Protocol};
use barewire_rt::{Driver, DriverError, Runtime};
use barewire_tls::{ClientConfig, ConfigError, ErrorKind as TlsErrorKind, Event, Tls, TlsError};

use crate::config::{Config, Versions};
use crate::error::{ErrorKind, Phase};
use crate::open_error::OpenError;
use crate::timed::{Timed, TimedError, TimedEvent};

/// How a client speaks TLS: the configuration with the protocols of ALPN that it offers.
pub(crate) struct Settings {
    given: Option<ClientConfig>,
    versions: Versions,
    made: OnceLock<Result<ClientConfig, ConfigError>>,
}

impl Settings {
    pub(crate) fn new(config: &Config) -> Self {
        Self { given: config.tls.clone(), versions: config.versions, made: OnceLock::new() }
    }

    /// Reads the platform's roots, the first time, if nothing else was given.
    pub(crate) fn config(&self) -> Result<&ClientConfig, OpenError> {
        let made = self.made.get_or_init(|| {
            let config = match &self.given {
                Some(config) => config.clone(),
                None => ClientConfig::builder().build()?,
            };
            config.with_alpn(offered(self.versions).iter().copied())
        });
        made.as_ref().map_err(|error| OpenError::TlsConfig(error.clone()))
    }
}

/// The protocols of ALPN, the preferred one first.
fn offered(versions: Versions) -> &'static [&'static str] {
    match versions {
        #[cfg(feature = "http2")]
        Versions::Negotiated => &["h2", "http/1.1"],
        #[cfg(feature = "http2")]
        Versions::Http2 => &["h2"],
        _ => &["http/1.1"],
    }
}

/// Stands inside of TLS until it is known what has to.
pub(crate) struct Vacant {
    input: Input,
    output: Output,
}

impl Default for Vacant {
    fn default() -> Self {
        Self { input: Input::new(0), output: Output::default() }
    }
}

impl Protocol for Vacant {
    type Event = std::convert::Infallible;
    type Error = std::convert::Infallible;

    fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    fn wants_read(&self) -> bool {
        false
    }

    fn is_closed(&self) -> bool {
        false
    }

    fn poll_event(&mut self) -> Result<Option<Self::Event>, Self::Error> {
        Ok(None)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn handle_timeout(&mut self, _: Instant) {}
}

/// TLS with the handshake behind it, and the stream that it goes over.
pub(crate) type Established<R> = (Tls<Vacant>, <R as Runtime>::TcpStream);

/// Shakes hands, until `deadline` at the latest.
pub(crate) async fn shake<R: Runtime>(
    runtime: &R,
    config: &ClientConfig,
    host: &str,
    stream: R::TcpStream,
    deadline: Option<Instant>,
) -> Result<Established<R>, OpenError> {
    let tls = Tls::client(config, host, |_| Vacant::default()).map_err(OpenError::TlsConfig)?;
    let mut timed = Timed::new(tls);
    timed.begin(runtime.now(), deadline, None);
    let mut driver = Driver::new(timed, stream);
    loop {
        match driver.next_event().await {
            Ok(Some(TimedEvent::Inner(Event::Established))) => break,
            Ok(Some(TimedEvent::Inner(Event::Inner(never)))) => match never {},
            Ok(Some(TimedEvent::Alarm)) => {}
            Ok(None) => return Err(OpenError::TlsClosed),
            Err(DriverError::Io(error)) => return Err(OpenError::TlsIo(Arc::new(error))),
            Err(DriverError::Protocol(TimedError::Expired)) => {
                return Err(OpenError::Timeout(Phase::Handshake));
            }
            Err(DriverError::Protocol(TimedError::Inner(barewire_tls::Error::Tls(error)))) => {
                return Err(match error.kind() {
                    TlsErrorKind::HandshakeTimeout => OpenError::Timeout(Phase::Handshake),
                    _ => OpenError::Tls(error),
                });
            }
            Err(DriverError::Protocol(TimedError::Inner(barewire_tls::Error::Inner(never)))) => {
                match never {}
            }
        }
    }
    let (timed, stream) = driver.into_parts();
    Ok((timed.into_inner(), stream))
}

/// Puts a protocol into its place. It finds all that came for it: what is vacant takes nothing.
pub(crate) fn occupy<P: Protocol + Send + 'static>(tls: Tls<Vacant>, protocol: P) -> Tls<P> {
    tls.map(move |_| protocol)
}

/// How an exchange ends when TLS does.
pub(crate) fn broken(phase: Phase, error: TlsError) -> ErrorKind {
    match error.kind() {
        // The connection is gone, and nothing tells whether that was meant: as if it had no TLS.
        TlsErrorKind::Truncated | TlsErrorKind::UnexpectedEnd => ErrorKind::Closed(phase),
        _ => ErrorKind::Tls(phase, error),
    }
}
