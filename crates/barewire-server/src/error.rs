use std::fmt;
use std::io;

/// Why a body could not be read to its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum BodyError {
    /// The response was sent before the request's body was read: its rest is gone. Read it in the handler.
    Abandoned,
    /// The connection broke within the body, or the server cut it.
    Io(io::Error),
    /// The body is not the JSON that it was to be read as.
    #[cfg(feature = "json")]
    Json(serde_json::Error),
    /// The client broke the protocol within the body, or sent it too slowly, or too much of it.
    Protocol(barewire_h1::Error),
    /// The client broke HTTP/2, which ended the whole connection.
    #[cfg(feature = "http2")]
    Http2(barewire_h2::Error),
    /// The stream was reset: by the client, or because of what the client did on it.
    #[cfg(feature = "http2")]
    Reset {
        /// The error code that was sent.
        reason: barewire_h2::Reason,
    },
    /// TLS failed within the body, or ended without having been closed.
    #[cfg(feature = "tls")]
    Tls(barewire_tls::TlsError),
    /// The body is longer than the number of bytes that the reader allowed.
    TooLarge {
        /// The most bytes that were allowed.
        limit: usize,
    },
    /// A body that the application made failed.
    Source(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Abandoned => {
                f.write_str("the response was sent before the request's body was read to its end")
            }
            Self::Io(error) => write!(f, "the connection broke within the body: {error}"),
            #[cfg(feature = "json")]
            Self::Json(error) => write!(f, "the body is not the JSON that is expected: {error}"),
            Self::Protocol(error) => write!(f, "the body is broken: {error}"),
            #[cfg(feature = "http2")]
            Self::Http2(error) => write!(f, "the connection ended within the body: {error}"),
            #[cfg(feature = "http2")]
            Self::Reset { reason } => write!(f, "the stream was reset within the body: {reason}"),
            #[cfg(feature = "tls")]
            Self::Tls(error) => write!(f, "TLS ended within the body: {error}"),
            Self::TooLarge { limit } => write!(f, "the body is longer than {limit} bytes"),
            Self::Source(error) => write!(f, "the body could not be produced: {error}"),
        }
    }
}

impl std::error::Error for BodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            #[cfg(feature = "json")]
            Self::Json(error) => Some(error),
            Self::Protocol(error) => Some(error),
            #[cfg(feature = "http2")]
            Self::Http2(error) => Some(error),
            #[cfg(feature = "tls")]
            Self::Tls(error) => Some(error),
            Self::Source(error) => Some(&**error),
            #[cfg(feature = "http2")]
            Self::Reset { .. } => None,
            Self::Abandoned | Self::TooLarge { .. } => None,
        }
    }
}

impl From<BodyError> for io::Error {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Io(error) => error,
            BodyError::Protocol(_) => Self::new(io::ErrorKind::InvalidData, error),
            #[cfg(feature = "json")]
            BodyError::Json(_) => Self::new(io::ErrorKind::InvalidData, error),
            #[cfg(feature = "http2")]
            BodyError::Http2(_) => Self::new(io::ErrorKind::InvalidData, error),
            #[cfg(feature = "http2")]
            BodyError::Reset { .. } => Self::new(io::ErrorKind::ConnectionReset, error),
            #[cfg(feature = "tls")]
            BodyError::Tls(_) => Self::new(io::ErrorKind::UnexpectedEof, error),
            error => Self::other(error),
        }
    }
}

/// Why a server could not start or go on.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The address could not be listened on.
    Listen {
        /// The address, as it was asked for.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// What was to be listened on is not a host and a port, or the host has no address.
    Resolve {
        /// The address, as it was asked for.
        address: String,
        /// What is wrong with it, or what the resolver said.
        source: io::Error,
    },
    /// The listening socket broke.
    Accept(io::Error),
    /// Connections were still open at the shutdown's deadline, or when it was aborted; they were cut.
    DrainTimedOut {
        /// How many connections were cut.
        connections: usize,
    },
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { address, source } => {
                write!(f, "cannot listen on {address}: {source}")?;
                match source.kind() {
                    io::ErrorKind::AddrInUse => f.write_str(
                        "; stop the other program or choose another port (0 picks a free one)",
                    ),
                    io::ErrorKind::PermissionDenied => {
                        f.write_str("; choose a port from 1024 on, or run with the privilege")
                    }
                    io::ErrorKind::AddrNotAvailable => {
                        f.write_str("; choose an address of this machine")
                    }
                    _ => Ok(()),
                }
            }
            Self::Resolve { address, source } => write!(
                f,
                "cannot listen on {address}: {source}; write host and port, as in 127.0.0.1:8000"
            ),
            Self::Accept(source) => write!(f, "cannot accept connections any more: {source}"),
            Self::DrainTimedOut { connections } => {
                write!(
                    f,
                    "{connections} connections were still open when the server stopped and were cut"
                )
            }
        }
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen { source, .. } | Self::Resolve { source, .. } | Self::Accept(source) => {
                Some(source)
            }
            Self::DrainTimedOut { .. } => None,
        }
    }
}
