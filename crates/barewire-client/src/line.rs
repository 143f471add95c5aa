//! A connection of either kind, as a request finds it.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use barewire_h1::ClientConnection;
use barewire_rt::Runtime;
#[cfg(all(feature = "http2", feature = "tls"))]
use barewire_tls::Tls;
use http::Response;

use crate::body::Body;
use crate::config::Versions;
use crate::connect::connect;
use crate::connection::Connection;
use crate::deadline::earliest;
use crate::error::Error;
use crate::exchange::{BodyLength, Exchange, Outset};
#[cfg(feature = "http2")]
use crate::multiplex::{Multiplex, Seat, Stream};
use crate::open_error::OpenError;
use crate::origin::OriginRef;
use crate::shared::{Lease, Line, Shared};
#[cfg(all(feature = "http2", feature = "tls"))]
use crate::tls::Vacant;
#[cfg(feature = "tls")]
use crate::tls::{Established, occupy, shake};
use crate::trace::debug;
use crate::wire::Wire;

/// Where a request can be sent.
pub(crate) enum Place<R: Runtime> {
    /// A connection of its own for as long as it takes.
    Alone(Box<Connection<R>>),
    /// A seat on one that others use too.
    #[cfg(feature = "http2")]
    Seat(Seat<R>),
}

/// An exchange that has begun.
pub(crate) enum Begun<R: Runtime> {
    Alone(Box<Connection<R>>),
    #[cfg(feature = "http2")]
    Shared(Box<Stream<R>>),
}

/// Why an exchange was not begun.
pub(crate) enum NotBegun {
    /// The request is at fault.
    Error(Error),
    /// The connection is: with the body, for another one.
    #[cfg(feature = "http2")]
    Elsewhere(Body),
}

/// Whether requests to this origin may share a connection.
pub(crate) fn may_share(versions: Versions, tls: bool) -> bool {
    match versions {
        #[cfg(feature = "http2")]
        Versions::Negotiated => tls,
        #[cfg(feature = "http2")]
        Versions::Http2 => true,
        _ => {
            let _ = tls;
            false
        }
    }
}

/// Opens a connection: looks the host up, connects, and in TLS finds out what the server speaks. Who waits for the
/// connection is told when that fails.
///
/// Cancel-safe: what was begun is closed.
pub(crate) async fn open<R: Runtime>(
    shared: &Arc<Shared<R>>,
    origin: OriginRef<'_>,
    lease: Lease<R>,
    total: Option<Instant>,
) -> Result<Place<R>, OpenError> {
    let deadline = earliest(shared.runtime.now(), shared.config.timeouts.connect, total);
    match reach(shared, origin, deadline).await {
        Ok(reached) => Ok(equip(shared, lease, reached)),
        Err(error) => {
            // The others may have more time than this request.
            let is_own = matches!(error, OpenError::Timeout(_)) && deadline == total;
            if !is_own {
                lease.fail(&error);
            }
            Err(error)
        }
    }
}

/// A server that was reached.
enum Reached<R: Runtime> {
    Clear(R::TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<Established<R>>),
}

async fn reach<R: Runtime>(
    shared: &Arc<Shared<R>>,
    origin: OriginRef<'_>,
    deadline: Option<Instant>,
) -> Result<Reached<R>, OpenError> {
    let stream = connect(shared, origin, deadline).await?;
    #[cfg(feature = "tls")]
    if origin.tls {
        let config = shared.tls.config()?;
        let reached = shake(&shared.runtime, config, origin.host, stream, deadline).await?;
        #[cfg(feature = "http2")]
        if shared.config.versions == Versions::Http2 && !picked_http2(&reached.0) {
            return Err(OpenError::NoHttp2);
        }
        return Ok(Reached::Tls(Box::new(reached)));
    }
    Ok(Reached::Clear(stream))
}

#[cfg(all(feature = "http2", feature = "tls"))]
fn picked_http2(tls: &Tls<Vacant>) -> bool {
    tls.negotiated().is_some_and(barewire_tls::Negotiated::is_h2)
}

/// Puts the protocol that the server speaks on a connection to it.
fn equip<R: Runtime>(shared: &Arc<Shared<R>>, lease: Lease<R>, reached: Reached<R>) -> Place<R> {
    match reached {
        Reached::Clear(stream) => equip_clear(shared, lease, stream),
        #[cfg(feature = "tls")]
        Reached::Tls(reached) => equip_tls(shared, lease, *reached),
    }
}

fn equip_clear<R: Runtime>(
    shared: &Arc<Shared<R>>,
    lease: Lease<R>,
    stream: R::TcpStream,
) -> Place<R> {
    #[cfg(feature = "http2")]
    if may_share(shared.config.versions, false) {
        return share(shared, lease, stream, Wire::Clear);
    }
    debug!(origin = %lease.origin(), "connection opened");
    let wire = Wire::Clear(ClientConnection::new(shared.h1.clone()));
    Place::Alone(Box::new(Connection::new(stream, wire, lease)))
}

#[cfg(feature = "tls")]
fn equip_tls<R: Runtime>(
    shared: &Arc<Shared<R>>,
    #[cfg_attr(not(feature = "http2"), allow(unused_mut))] mut lease: Lease<R>,
    (tls, stream): Established<R>,
) -> Place<R> {
    #[cfg(feature = "http2")]
    if picked_http2(&tls) {
        let wire = |h2| Wire::Tls(Box::new(occupy(tls, h2)));
        return share(shared, lease, stream, wire);
    }
    #[cfg(feature = "http2")]
    if may_share(shared.config.versions, true) {
        lease.keep_alone();
    }
    debug!(origin = %lease.origin(), "connection opened in TLS");
    let tls = occupy(tls, ClientConnection::new(shared.h1.clone()));
    // What a server owes after a whole response is nothing.
    let wire = Wire::Tls(Box::new(tls.tolerate_end(ClientConnection::is_idle)));
    Place::Alone(Box::new(Connection::new(stream, wire, lease)))
}

#[cfg(feature = "http2")]
fn share<R: Runtime>(
    shared: &Arc<Shared<R>>,
    lease: Lease<R>,
    stream: R::TcpStream,
    wire: impl FnOnce(barewire_h2::ClientConnection) -> Wire<barewire_h2::ClientConnection>,
) -> Place<R> {
    debug!(origin = %lease.origin(), "connection opened for HTTP/2");
    let wire = wire(barewire_h2::ClientConnection::new(shared.h2.clone()));
    let runtime = shared.runtime.clone();
    Place::Seat(lease.share(|limit| Multiplex::new(runtime, wire, stream, limit)))
}

impl<R: Runtime> Place<R> {
    /// Begins an exchange.
    pub(crate) fn begin(self, outset: Outset<'_>, body: Body) -> Result<Begun<R>, NotBegun> {
        match self {
            Self::Alone(mut connection) => match connection.begin(outset, body) {
                Ok(()) => Ok(Begun::Alone(connection)),
                Err(error) => {
                    // The connection has no part in that.
                    connection.finish();
                    Err(NotBegun::Error(error))
                }
            },
            #[cfg(feature = "http2")]
            Self::Seat(seat) => match Stream::begin(seat, outset, body) {
                Ok(stream) => Ok(Begun::Shared(Box::new(stream))),
                Err(refusal) => Err(match refusal.error {
                    Some(error) => NotBegun::Error(error),
                    None => NotBegun::Elsewhere(refusal.body),
                }),
            },
        }
    }
}

impl<R: Runtime> Begun<R> {
    pub(crate) fn poll_response(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(Response<()>, BodyLength), Error>> {
        match self {
            Self::Alone(connection) => connection.poll_response(cx),
            #[cfg(feature = "http2")]
            Self::Shared(stream) => stream.poll_response(cx),
        }
    }

    /// Whether any byte came back in this exchange.
    pub(crate) fn has_received(&self) -> bool {
        match self {
            Self::Alone(connection) => connection.has_received(),
            #[cfg(feature = "http2")]
            Self::Shared(stream) => stream.has_received(),
        }
    }

    /// Whether any byte of this exchange's request was handed to the system.
    pub(crate) fn has_sent(&mut self) -> bool {
        match self {
            Self::Alone(connection) => connection.has_sent(),
            #[cfg(feature = "http2")]
            Self::Shared(stream) => stream.has_sent(),
        }
    }

    /// The request's body, if the server refused it before any of it was sent.
    pub(crate) fn take_unsent(&mut self) -> Option<Body> {
        match self {
            Self::Alone(connection) => connection.take_unsent(),
            #[cfg(feature = "http2")]
            Self::Shared(stream) => stream.take_unsent(),
        }
    }

    /// The connection that others use too, to avoid it.
    pub(crate) fn line(&self) -> Option<Line<R>> {
        match self {
            Self::Alone(_) => None,
            #[cfg(feature = "http2")]
            Self::Shared(stream) => Some(stream.line().clone()),
        }
    }

    pub(crate) fn into_exchange(self) -> Box<dyn Exchange> {
        match self {
            Self::Alone(connection) => connection,
            #[cfg(feature = "http2")]
            Self::Shared(stream) => stream,
        }
    }
}
