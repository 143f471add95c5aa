//! From an accepted transport to the loop of the protocol that the client speaks, in the connection's own task.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use barewire_h1::ServerConnection;
#[cfg(any(feature = "http2", feature = "tls"))]
use barewire_proto::Protocol;
use barewire_rt::{Driver, PeerAddr, Transport};
#[cfg(feature = "tls")]
use barewire_tls::Tls;

use crate::Handler;
use crate::connection::Connection;
#[cfg(any(feature = "http2", feature = "tls"))]
use crate::detect::Detect;
#[cfg(feature = "http2")]
use crate::detect::Version;
#[cfg(any(feature = "http2", feature = "tls"))]
use crate::drain::Phase;
use crate::drain::{Membership, Watched};
#[cfg(feature = "http2")]
use crate::http2;
use crate::layer::Over;
#[cfg(feature = "http2")]
use crate::upgrade::{self, Upgrade};

/// What all connections of a server have in common.
pub(crate) struct Common<R, H> {
    #[cfg_attr(not(feature = "http2"), expect(dead_code, reason = "HTTP/1 spawns nothing"))]
    pub(crate) runtime: R,
    pub(crate) handler: H,
    pub(crate) http1: Arc<barewire_h1::Config>,
    #[cfg(feature = "http2")]
    pub(crate) http2: Arc<barewire_h2::Config>,
    #[cfg(feature = "http2")]
    pub(crate) monitor: Arc<http2::Monitor>,
    #[cfg(feature = "http2")]
    pub(crate) places: http2::Places,
    #[cfg(feature = "http2")]
    pub(crate) http1_only: bool,
    #[cfg(feature = "http2")]
    pub(crate) h2c_upgrade: bool,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<barewire_tls::ServerConfig>,
    pub(crate) connect_info: bool,
}

/// One connection, beside its transport.
pub(crate) struct Visit<R, H> {
    pub(crate) common: Arc<Common<R, H>>,
    pub(crate) membership: Membership,
    pub(crate) peer: PeerAddr,
}

/// What a connection goes on with.
#[allow(
    clippy::large_enum_variant,
    reason = "it is moved once, and the large one is the usual one"
)]
#[cfg_attr(not(any(feature = "http2", feature = "tls")), expect(dead_code))]
enum Next<T> {
    Nothing,
    /// In clear text, as most do.
    Http1(Connection<ServerConnection, Watched<T>>),
    Other(Pin<Box<dyn Future<Output = ()> + Send>>),
}

#[cfg(feature = "http2")]
impl<T> Next<T> {
    fn is_upgraded(&self) -> bool {
        matches!(self, Self::Http1(connection) if matches!(connection.upgrade, Upgrade::Taken(_)))
    }
}

impl<R: barewire_rt::Spawn, H: Handler> Visit<R, H> {
    /// Serves the connection until it ends.
    ///
    /// What is only needed at the beginning is in a box of its own, so that the task does not hold room for it
    /// for as long as the connection stands.
    pub(crate) fn serve<T>(self, transport: T) -> impl Future<Output = ()> + Send + use<R, H, T>
    where
        T: Transport + Send + 'static,
    {
        let common = Arc::clone(&self.common);
        let begun = Box::pin(self.begin(transport));
        async move {
            let mut next = begun.await;
            if let Next::Http1(connection) = &mut next {
                connection.run(&common.handler).await;
            }
            #[cfg(feature = "http2")]
            if next.is_upgraded()
                && let Next::Http1(connection) = std::mem::replace(&mut next, Next::Nothing)
            {
                next = Next::Other(upgrade::go_on(common, connection));
            }
            if let Next::Other(other) = &mut next {
                other.await;
            }
        }
    }

    /// Finds out what the client speaks.
    async fn begin<T: Transport + Send + 'static>(self, transport: T) -> Next<T> {
        poll_fn(|cx| {
            self.membership.register(cx.waker());
            Poll::Ready(())
        })
        .await;
        let transport = Watched::new(transport, &self.membership);
        #[cfg(feature = "tls")]
        if let Some(config) = &self.common.tls {
            let tls = Tls::server(config, |_| Detect::settled());
            return self.begin_tls(Driver::new(tls, transport)).await;
        }
        #[cfg(feature = "http2")]
        if !self.common.http1_only {
            let mut driver = Driver::new(Detect::new(self.common.http1.timeouts.head), transport);
            let Some(version) = self.first_event(&mut driver).await else { return Next::Nothing };
            let (detect, transport) = driver.into_parts();
            return match version {
                Version::Http1 => {
                    let layer = detect.hand_over(self.http1());
                    let offers = self.common.h2c_upgrade.then(|| Arc::clone(&self.common.http2));
                    let mut connection = self.connection(Driver::new(layer, transport));
                    connection.upgrade = offers.map_or(Upgrade::Off, Upgrade::On);
                    Next::Http1(connection)
                }
                Version::Http2 => {
                    let layer = detect.hand_over(self.http2());
                    Next::Other(http2::serve(self, Driver::new(layer, transport)))
                }
            };
        }
        let driver = Driver::new(self.http1(), transport);
        Next::Http1(self.connection(driver))
    }

    /// Waits for the handshake, which decides everything.
    #[cfg(feature = "tls")]
    async fn begin_tls<T: Transport + Send + 'static>(
        self,
        mut driver: Driver<Tls<Detect>, Watched<T>>,
    ) -> Next<T> {
        let Some(barewire_tls::Event::Established) = self.first_event(&mut driver).await else {
            return Next::Nothing;
        };
        let (tls, transport) = driver.into_parts();
        #[cfg(feature = "http2")]
        if tls.negotiated().is_some_and(barewire_tls::Negotiated::is_h2) {
            let next = self.http2();
            let layer = tls.map(|detect| detect.hand_over(next));
            let layer = layer.tolerate_end(barewire_h2::ServerConnection::is_idle);
            return Next::Other(http2::serve(self, Driver::new(layer, transport)));
        }
        let next = self.http1();
        let layer = tls.map(|detect| detect.hand_over(next));
        let layer = layer.tolerate_end(ServerConnection::is_idle);
        let common = Arc::clone(&self.common);
        let mut connection = self.connection(Driver::new(layer, transport));
        Next::Other(Box::pin(async move { connection.run(&common.handler).await }))
    }

    fn connection<L, T>(self, driver: Driver<L, Watched<T>>) -> Connection<L, Watched<T>>
    where
        L: Over<ServerConnection>,
        T: Transport + Send + 'static,
    {
        Connection::new(driver, self.membership, self.peer, self.common.connect_info)
    }

    /// The first event of a protocol that only finds out which one comes next; `None` when the connection ends
    /// before that.
    #[cfg(any(feature = "http2", feature = "tls"))]
    async fn first_event<P: Protocol, T: Transport>(
        &self,
        driver: &mut Driver<P, Watched<T>>,
    ) -> Option<P::Event> {
        let mut told = false;
        poll_fn(|cx| {
            // Before the phase is looked at: whoever changes it looks at this afterwards.
            if T::BLOCKING {
                self.membership.set_idle(!driver.transport().is_touched());
            }
            let phase = self.membership.phase();
            if phase >= Phase::Cutting {
                return Poll::Ready(None);
            }
            let drains = phase == Phase::Draining && !driver.transport().is_touched();
            if drains && T::BLOCKING && !told {
                // What has arrived is still read, and then the end of file.
                told = true;
                self.membership.end_reading();
            }
            match driver.poll_next_event(cx) {
                Poll::Ready(Ok(event)) => Poll::Ready(event),
                Poll::Ready(Err(error)) => {
                    match error {
                        barewire_rt::DriverError::Io(error) => {
                            crate::log::broken(&self.peer, &error);
                        }
                        barewire_rt::DriverError::Protocol(error) => {
                            crate::log::violated(&self.peer, &error, None);
                        }
                    }
                    Poll::Ready(None)
                }
                Poll::Pending if drains && !T::BLOCKING && !driver.transport().is_touched() => {
                    Poll::Ready(None)
                }
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    fn http1(&self) -> ServerConnection {
        ServerConnection::new(Arc::clone(&self.common.http1))
    }

    #[cfg(feature = "http2")]
    fn http2(&self) -> barewire_h2::ServerConnection {
        barewire_h2::ServerConnection::new(Arc::clone(&self.common.http2))
    }
}
