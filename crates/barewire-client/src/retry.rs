//! Whether a failed exchange is tried once more. A function of what is known; no I/O.

use http::Method;

use crate::error::{ErrorKind, Phase};

/// What is known about an exchange that failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure<'a> {
    pub(crate) method: &'a Method,
    /// Whether the connection had carried an exchange before.
    pub(crate) reused: bool,
    /// Whether this was already the second try.
    pub(crate) retried: bool,
    /// Whether any byte came back.
    pub(crate) received: bool,
    /// Whether any byte of the request was handed to the system.
    pub(crate) sent: bool,
    /// Whether the body can be sent again from its beginning.
    pub(crate) replayable: bool,
}

/// Whether to try again on a new connection.
///
/// A server may close a kept connection at any moment, and the request that is sent at that moment has
/// done nothing wrong (RFC 9110, section 9.2.2; RFC 9112, section 9.3.1). It is repeated only when it
/// cannot have had an effect twice: not a byte of it was sent, or its method is idempotent.
///
/// What the server says that it has not begun may be repeated whatever it is (RFC 9113, section 8.7).
pub(crate) fn is_safe(error: &ErrorKind, failure: Failure<'_>) -> bool {
    if is_unprocessed(error) {
        return failure.replayable && !failure.retried && !failure.received;
    }
    let hung_up = match error {
        ErrorKind::Closed(phase) | ErrorKind::Io(phase, _) => {
            matches!(phase, Phase::Send | Phase::ReceiveHead)
        }
        _ => false,
    };
    hung_up
        && failure.reused
        && !failure.retried
        && !failure.received
        && failure.replayable
        && (failure.method.is_idempotent() || !failure.sent)
}

/// Whether the server says that it did not begin to handle the request.
pub(crate) fn is_unprocessed(error: &ErrorKind) -> bool {
    match error {
        #[cfg(feature = "http2")]
        ErrorKind::Unprocessed(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALE: Failure<'static> = Failure {
        method: &Method::GET,
        reused: true,
        retried: false,
        received: false,
        sent: true,
        replayable: true,
    };

    #[test]
    fn a_stale_connection_is_worth_a_second_try() {
        assert!(is_safe(&ErrorKind::Closed(Phase::ReceiveHead), STALE));
        let reset = std::io::ErrorKind::ConnectionReset;
        assert!(is_safe(&ErrorKind::Io(Phase::Send, reset.into()), STALE));
        let delete = Failure { method: &Method::DELETE, ..STALE };
        assert!(is_safe(&ErrorKind::Closed(Phase::ReceiveHead), delete));
    }

    #[test]
    fn an_effect_must_not_happen_twice() {
        let post = Failure { method: &Method::POST, ..STALE };
        assert!(!is_safe(&ErrorKind::Closed(Phase::ReceiveHead), post));
        assert!(is_safe(&ErrorKind::Closed(Phase::Send), Failure { sent: false, ..post }));
        let patch = Failure { method: &Method::PATCH, ..STALE };
        assert!(!is_safe(&ErrorKind::Closed(Phase::ReceiveHead), patch));
    }

    #[test]
    fn everything_else_is_told() {
        let closed = ErrorKind::Closed(Phase::ReceiveHead);
        assert!(!is_safe(&closed, Failure { reused: false, ..STALE }));
        assert!(!is_safe(&closed, Failure { retried: true, ..STALE }));
        assert!(!is_safe(&closed, Failure { received: true, ..STALE }));
        assert!(!is_safe(&closed, Failure { replayable: false, ..STALE }));
        assert!(!is_safe(&ErrorKind::Timeout(Phase::ReceiveHead), STALE));
        assert!(!is_safe(&ErrorKind::Closed(Phase::ReceiveBody), STALE));
        let broken = barewire_h1::ErrorKind::BadStatusLine.into();
        assert!(!is_safe(&ErrorKind::Protocol(Phase::ReceiveHead, broken), STALE));
    }
}
