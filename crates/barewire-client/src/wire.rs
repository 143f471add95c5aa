//! A protocol as it meets the transport: in clear text, or inside of TLS.

use std::fmt;
use std::time::Instant;

use barewire_proto::{Input, Output, Protocol};
#[cfg(feature = "tls")]
use barewire_tls::{Event, Tls, TlsError};

/// A protocol, in TLS or not. In TLS the handshake is over.
pub(crate) enum Wire<P: Protocol> {
    Clear(P),
    #[cfg(feature = "tls")]
    Tls(Box<Tls<P>>),
}

/// How a protocol or what it is wrapped in failed.
#[derive(Debug)]
pub(crate) enum WireError<E> {
    Inner(E),
    #[cfg(feature = "tls")]
    Tls(TlsError),
}

impl<E: fmt::Display> fmt::Display for WireError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inner(error) => error.fmt(f),
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error> std::error::Error for WireError<E> {}

impl<P: Protocol> Wire<P> {
    /// The protocol itself.
    pub(crate) fn bare(&self) -> &P {
        match self {
            Self::Clear(bare) => bare,
            #[cfg(feature = "tls")]
            Self::Tls(tls) => match tls.inner() {
                Some(bare) => bare,
                None => unreachable!("it is made of what the handshake has led to"),
            },
        }
    }

    /// The protocol itself, to give it commands.
    pub(crate) fn bare_mut(&mut self) -> &mut P {
        match self {
            Self::Clear(bare) => bare,
            #[cfg(feature = "tls")]
            Self::Tls(tls) => match tls.inner_mut() {
                Some(bare) => bare,
                None => unreachable!("it is made of what the handshake has led to"),
            },
        }
    }
}

impl<P: Protocol> Protocol for Wire<P> {
    type Event = P::Event;
    type Error = WireError<P::Error>;

    fn input(&mut self) -> &mut Input {
        match self {
            Self::Clear(bare) => bare.input(),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.input(),
        }
    }

    fn output(&mut self) -> &mut Output {
        match self {
            Self::Clear(bare) => bare.output(),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.output(),
        }
    }

    fn wants_read(&self) -> bool {
        match self {
            Self::Clear(bare) => bare.wants_read(),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.wants_read(),
        }
    }

    fn is_closed(&self) -> bool {
        match self {
            Self::Clear(bare) => bare.is_closed(),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.is_closed(),
        }
    }

    fn poll_event(&mut self) -> Result<Option<P::Event>, Self::Error> {
        match self {
            Self::Clear(bare) => bare.poll_event().map_err(WireError::Inner),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => loop {
                match tls.poll_event() {
                    Ok(Some(Event::Established)) => {}
                    Ok(Some(Event::Inner(event))) => return Ok(Some(event)),
                    Ok(None) => return Ok(None),
                    Err(barewire_tls::Error::Inner(error)) => return Err(WireError::Inner(error)),
                    Err(barewire_tls::Error::Tls(error)) => return Err(WireError::Tls(error)),
                }
            },
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Clear(bare) => bare.poll_timeout(),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.poll_timeout(),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Clear(bare) => bare.handle_timeout(now),
            #[cfg(feature = "tls")]
            Self::Tls(tls) => tls.handle_timeout(now),
        }
    }
}
