use std::io;
use std::sync::Arc;

use barewire_rt::ConnectError;
#[cfg(feature = "tls")]
use barewire_tls::{ConfigError, TlsError};

use crate::error::{ErrorKind, Phase};

/// Why a connection could not be opened, for each of those who wait for it.
#[derive(Clone, Debug)]
pub(crate) enum OpenError {
    Connect(Arc<ConnectError>),
    #[cfg(all(feature = "http2", feature = "tls"))]
    NoHttp2,
    Resolve(Arc<io::Error>),
    Timeout(Phase),
    #[cfg(feature = "tls")]
    Tls(TlsError),
    #[cfg(feature = "tls")]
    TlsClosed,
    #[cfg(feature = "tls")]
    TlsConfig(ConfigError),
    #[cfg(feature = "tls")]
    TlsIo(Arc<io::Error>),
}

impl From<OpenError> for ErrorKind {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Connect(error) => {
                Self::Connect(Arc::try_unwrap(error).unwrap_or_else(|error| match &*error {
                    ConnectError::NoAddress => ConnectError::NoAddress,
                    ConnectError::TimedOut => ConnectError::TimedOut,
                    ConnectError::Failed(attempts) => ConnectError::Failed(
                        attempts.iter().map(|(addr, error)| (*addr, same(error))).collect(),
                    ),
                }))
            }
            #[cfg(all(feature = "http2", feature = "tls"))]
            OpenError::NoHttp2 => Self::NoHttp2,
            OpenError::Resolve(error) => Self::Resolve(own(error)),
            OpenError::Timeout(phase) => Self::Timeout(phase),
            #[cfg(feature = "tls")]
            OpenError::Tls(error) => Self::Tls(Phase::Handshake, error),
            #[cfg(feature = "tls")]
            OpenError::TlsClosed => Self::Closed(Phase::Handshake),
            #[cfg(feature = "tls")]
            OpenError::TlsConfig(error) => Self::TlsConfig(error),
            #[cfg(feature = "tls")]
            OpenError::TlsIo(error) => Self::Io(Phase::Handshake, own(error)),
        }
    }
}

impl From<ConnectError> for OpenError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::TimedOut => Self::Timeout(Phase::Connect),
            error => Self::Connect(Arc::new(error)),
        }
    }
}

/// An error that others have too: itself for the last of them.
pub(crate) fn own(error: Arc<io::Error>) -> io::Error {
    Arc::try_unwrap(error).unwrap_or_else(|error| same(&error))
}

/// The same error once more. What does not come from the system keeps its kind and its text.
fn same(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_told_the_same() {
        let attempts = || {
            let refused = io::Error::from_raw_os_error(111);
            vec![(([127, 0, 0, 1], 1).into(), refused), (([127, 0, 0, 2], 1).into(), other())]
        };
        fn other() -> io::Error {
            io::Error::other("in words")
        }
        for error in [
            OpenError::from(ConnectError::Failed(attempts())),
            ConnectError::NoAddress.into(),
            ConnectError::TimedOut.into(),
            OpenError::Resolve(Arc::new(other())),
        ] {
            let [first, last] = [error.clone(), error].map(|error| {
                let error = crate::Error::from(ErrorKind::from(error));
                (error.to_string(), error.phase(), error.is_timeout())
            });
            assert_eq!(first, last);
        }
    }
}
