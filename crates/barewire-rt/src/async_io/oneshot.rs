//! Readiness of connected sockets as async-io has it, where there is no epoll.

use std::convert::Infallible;

pub(super) use ::async_io::Async as Source;

/// Looks for events of connected sockets ahead of the reactor, where the system has a way that pays. Here it
/// does nothing, for ever.
pub fn look_ahead() -> impl Future<Output = Infallible> + Send {
    std::future::pending()
}
