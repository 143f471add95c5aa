use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use barewire_rt::{ConnectError, Runtime, interleave};

use crate::deadline::before;
use crate::error::{Error, ErrorKind, Phase};
use crate::open_error::OpenError;
use crate::origin::OriginRef;
use crate::shared::Shared;
use crate::target::literal_address;

/// Looks a host up and connects to it, until `deadline` at the latest.
///
/// Cancel-safe: what was begun is closed.
pub(crate) async fn connect<R: Runtime>(
    shared: &Shared<R>,
    origin: OriginRef<'_>,
    deadline: Option<Instant>,
) -> Result<R::TcpStream, OpenError> {
    let runtime = &shared.runtime;
    let addresses = if let Some(ip) = literal_address(origin.host) {
        vec![SocketAddr::new(ip, origin.port)]
    } else if let Some(addresses) = shared.hosts.get(origin.host, origin.port) {
        addresses
    } else {
        match before(runtime, deadline, runtime.resolve(origin.host, origin.port)).await {
            Some(Ok(addresses)) => interleave(addresses),
            Some(Err(error)) => return Err(OpenError::Resolve(Arc::new(error))),
            None => return Err(OpenError::Timeout(Phase::Resolve)),
        }
    };
    if addresses.is_empty() {
        return Err(ConnectError::NoAddress.into());
    }
    let stagger = shared.config.connect_stagger;
    Ok(runtime.connect_tcp_any(addresses, stagger, deadline).await?)
}

impl Error {
    pub(crate) fn of_origin(kind: ErrorKind, origin: OriginRef<'_>) -> Self {
        Self::from(kind).at(&origin)
    }
}
