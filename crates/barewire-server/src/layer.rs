//! A protocol alone, or inside TLS: what lets each connection's loop be written once for both.

use barewire_proto::Protocol;
use barewire_rt::DriverError;
#[cfg(feature = "tls")]
use barewire_tls::Tls;

/// Something that speaks `P`. There are two: `P` itself, and `P` in TLS, once the handshake is done.
pub(crate) trait Over<P: Protocol>: Protocol + Send + 'static {
    fn inner(&self) -> &P;
    fn inner_mut(&mut self) -> &mut P;

    /// What happened to `P`, if it is not the layer's own business.
    fn event(event: Self::Event) -> Option<P::Event>;

    fn failure(error: Self::Error) -> Failure<P::Error>;
}

/// Who broke a protocol, and which.
#[derive(Debug)]
pub(crate) enum Failure<E> {
    Protocol(E),
    #[cfg(feature = "tls")]
    Tls(barewire_tls::TlsError),
}

/// How a driven connection ended, whatever was around the protocol.
pub(crate) fn ended<P: Protocol, L: Over<P>>(
    error: DriverError<L::Error>,
) -> DriverError<Failure<P::Error>> {
    match error {
        DriverError::Io(error) => DriverError::Io(error),
        DriverError::Protocol(error) => DriverError::Protocol(L::failure(error)),
    }
}

impl<P: Protocol + Send + 'static> Over<P> for P {
    #[inline]
    fn inner(&self) -> &P {
        self
    }

    #[inline]
    fn inner_mut(&mut self) -> &mut P {
        self
    }

    #[inline]
    fn event(event: P::Event) -> Option<P::Event> {
        Some(event)
    }

    #[inline]
    fn failure(error: P::Error) -> Failure<P::Error> {
        Failure::Protocol(error)
    }
}

#[cfg(feature = "tls")]
impl<P: Protocol + Send + 'static> Over<P> for Tls<P> {
    fn inner(&self) -> &P {
        self.inner().expect("the connections' loops begin after the handshake")
    }

    fn inner_mut(&mut self) -> &mut P {
        self.inner_mut().expect("the connections' loops begin after the handshake")
    }

    fn event(event: Self::Event) -> Option<P::Event> {
        match event {
            barewire_tls::Event::Established => None,
            barewire_tls::Event::Inner(event) => Some(event),
        }
    }

    fn failure(error: Self::Error) -> Failure<P::Error> {
        match error {
            barewire_tls::Error::Tls(error) => Failure::Tls(error),
            barewire_tls::Error::Inner(error) => Failure::Protocol(error),
        }
    }
}
