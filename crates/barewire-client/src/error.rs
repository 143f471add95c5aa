mod text;

use std::error::Error as StdError;
use std::fmt;
use std::io;

use barewire_h1::UsageError;
use barewire_rt::ConnectError;
use http::StatusCode;

use crate::target::UrlError;

/// An error of any type, as user code's own body types produce them.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a request got no response, or a response no end.
///
/// [`kind`](Self::kind) says what happened with all its data; the text is one line that says what happened,
/// where, and what to do about it. It never contains what stood in a URL before an `@` or in its path.
///
/// ```
/// use barewire_client::blocking::Client;
/// use barewire_client::{ErrorKind, Phase};
///
/// let client = Client::new(barewire_std::Std::default());
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
/// # let url = format!("http://{}/", listener.local_addr().unwrap());
/// # drop(listener);
/// match client.get(&url).send() {
///     Ok(response) => println!("{}", response.status()),
///     Err(error) if error.is_timeout() => eprintln!("later, perhaps: {error}"),
///     Err(error) => {
///         eprintln!("{error}");
///         assert!(matches!(error.kind(), ErrorKind::Connect(_)));
///         assert_eq!(error.phase(), Some(Phase::Connect));
///     }
/// }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    origin: Option<Box<str>>,
}

/// Which part of an exchange was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Waiting for one of the connections that the pool's limit allows.
    Pool,
    /// Looking the host name up.
    Resolve,
    /// Connecting.
    Connect,
    /// The TLS handshake.
    Handshake,
    /// Sending the request.
    Send,
    /// Waiting for the head of the response.
    ReceiveHead,
    /// Receiving the body of the response.
    ReceiveBody,
}

/// What happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A response body is longer than what [`bytes`](crate::Response::bytes) or
    /// [`text`](crate::Response::text) may collect.
    BodyTooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The server closed the connection before its response was complete.
    Closed(Phase),
    /// No address of the host could be connected to.
    Connect(ConnectError),
    /// The server broke HTTP/2, or exceeded one of the limits of the configuration.
    #[cfg(feature = "http2")]
    Http2(Phase, barewire_h2::Error),
    /// The request cannot be sent over HTTP/2 as it is.
    #[cfg(feature = "http2")]
    Http2Request(barewire_h2::UsageError),
    /// The builder was given something that is not a header name, a header value or a method.
    InvalidPart(http::Error),
    /// The connection broke.
    Io(Phase, io::Error),
    /// The response's body is not the JSON that it was to be read as.
    #[cfg(feature = "json")]
    Json(serde_json::Error),
    /// The server broke the protocol, or exceeded one of the limits of the configuration.
    Protocol(Phase, barewire_h1::Error),
    /// The request cannot be sent as it is, or its body did not have the length that it declared.
    Request(UsageError),
    /// The request's own body failed.
    RequestBody(BoxError),
    /// HTTP/2 alone was asked for, and the server did not pick it in the TLS handshake.
    #[cfg(all(feature = "http2", feature = "tls"))]
    NoHttp2,
    /// The server gave the request up and said why, without ending the connection (RFC 9113, section 5.4.2).
    #[cfg(feature = "http2")]
    Reset(Phase, barewire_h2::Reason),
    /// The host name has no address, or could not be looked up.
    Resolve(io::Error),
    /// The response has a status of 4xx or 5xx, and
    /// [`error_for_status`](crate::Response::error_for_status) was asked for.
    Status(StatusCode),
    /// One of the timeouts passed.
    Timeout(Phase),
    /// TLS failed: in [`Phase::Handshake`], mostly because of the server's certificate.
    #[cfg(feature = "tls")]
    Tls(Phase, barewire_tls::TlsError),
    /// TLS cannot be used as it is configured.
    #[cfg(feature = "tls")]
    TlsConfig(barewire_tls::ConfigError),
    /// The URL is `https`, and this build speaks no TLS: the feature `tls` is off.
    TlsUnavailable,
    /// The server says that it did not begin to handle the request, and it could not be repeated or was
    /// refused again (RFC 9113, section 8.7). It may be sent again, whatever its method is.
    #[cfg(feature = "http2")]
    Unprocessed(Phase),
    /// The URL cannot be used.
    Url(UrlError),
}

impl Error {
    /// What happened.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Takes out what happened, to own its sources.
    pub fn into_kind(self) -> ErrorKind {
        self.0.kind
    }

    /// Scheme, host and port of the request, such as `http://example.org:8080`, where they are known.
    pub fn origin(&self) -> Option<&str> {
        self.0.origin.as_deref()
    }

    /// Which part of the exchange was under way, for errors that have one.
    pub fn phase(&self) -> Option<Phase> {
        Some(match self.0.kind {
            ErrorKind::Closed(phase)
            | ErrorKind::Io(phase, _)
            | ErrorKind::Protocol(phase, _)
            | ErrorKind::Timeout(phase) => phase,
            #[cfg(feature = "http2")]
            ErrorKind::Http2(phase, _)
            | ErrorKind::Reset(phase, _)
            | ErrorKind::Unprocessed(phase) => phase,
            #[cfg(feature = "http2")]
            ErrorKind::Http2Request(_) => return None,
            #[cfg(all(feature = "http2", feature = "tls"))]
            ErrorKind::NoHttp2 => Phase::Handshake,
            #[cfg(feature = "tls")]
            ErrorKind::Tls(phase, _) => phase,
            #[cfg(feature = "tls")]
            ErrorKind::TlsConfig(_) => return None,
            ErrorKind::Resolve(_) => Phase::Resolve,
            ErrorKind::Connect(_) => Phase::Connect,
            ErrorKind::RequestBody(_) => Phase::Send,
            ErrorKind::BodyTooLarge { .. } => Phase::ReceiveBody,
            #[cfg(feature = "json")]
            ErrorKind::Json(_) => Phase::ReceiveBody,
            ErrorKind::InvalidPart(_)
            | ErrorKind::Request(_)
            | ErrorKind::Status(_)
            | ErrorKind::TlsUnavailable
            | ErrorKind::Url(_) => return None,
        })
    }

    /// Whether a timeout passed, whichever it was.
    pub fn is_timeout(&self) -> bool {
        match &self.0.kind {
            ErrorKind::Timeout(_) | ErrorKind::Connect(ConnectError::TimedOut) => true,
            ErrorKind::Connect(ConnectError::Failed(attempts)) => {
                attempts.iter().all(|(_, error)| error.kind() == io::ErrorKind::TimedOut)
            }
            ErrorKind::Protocol(_, error) => matches!(
                error.kind(),
                barewire_h1::ErrorKind::BodyTimeout
                    | barewire_h1::ErrorKind::HeadTimeout
                    | barewire_h1::ErrorKind::WriteTimeout
            ),
            #[cfg(feature = "http2")]
            ErrorKind::Http2(_, error) => matches!(
                error.kind(),
                barewire_h2::ErrorKind::HeadTimeout
                    | barewire_h2::ErrorKind::KeepaliveTimeout
                    | barewire_h2::ErrorKind::SettingsTimeout
                    | barewire_h2::ErrorKind::StallTimeout
                    | barewire_h2::ErrorKind::WriteTimeout
            ),
            _ => false,
        }
    }

    /// Whether no connection came about: no byte of the request was sent, and it may be tried again.
    pub fn is_connect(&self) -> bool {
        matches!(
            self.phase(),
            Some(Phase::Pool | Phase::Resolve | Phase::Connect | Phase::Handshake)
        )
    }

    /// Whether the request was at fault, and would be at the next try too: a bad URL, header or body.
    pub fn is_request(&self) -> bool {
        #[cfg(feature = "http2")]
        if let ErrorKind::Http2Request(_) = self.0.kind {
            return true;
        }
        #[cfg(feature = "tls")]
        if let ErrorKind::TlsConfig(_) = self.0.kind {
            return true;
        }
        matches!(
            self.0.kind,
            ErrorKind::InvalidPart(_)
                | ErrorKind::Request(_)
                | ErrorKind::RequestBody(_)
                | ErrorKind::TlsUnavailable
                | ErrorKind::Url(_)
        )
    }

    /// The status, when the error stands for one.
    pub fn status(&self) -> Option<StatusCode> {
        match self.0.kind {
            ErrorKind::Status(status) => Some(status),
            _ => None,
        }
    }

    pub(crate) fn at(mut self, origin: &dyn fmt::Display) -> Self {
        if self.0.origin.is_none() {
            self.0.origin = Some(origin.to_string().into_boxed_str());
        }
        self
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self(Box::new(Inner { kind, origin: None }))
    }
}

impl From<UrlError> for Error {
    fn from(error: UrlError) -> Self {
        ErrorKind::Url(error).into()
    }
}

impl From<UsageError> for Error {
    fn from(error: UsageError) -> Self {
        ErrorKind::Request(error).into()
    }
}

#[cfg(feature = "http2")]
impl From<barewire_h2::UsageError> for Error {
    fn from(error: barewire_h2::UsageError) -> Self {
        ErrorKind::Http2Request(error).into()
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error.0.kind {
            _ if error.is_timeout() => io::ErrorKind::TimedOut,
            ErrorKind::Io(_, source) | ErrorKind::Resolve(source) => source.kind(),
            ErrorKind::Closed(_) => io::ErrorKind::UnexpectedEof,
            ErrorKind::Protocol(..) => io::ErrorKind::InvalidData,
            #[cfg(feature = "json")]
            ErrorKind::Json(_) => io::ErrorKind::InvalidData,
            ErrorKind::InvalidPart(_) | ErrorKind::Url(_) => io::ErrorKind::InvalidInput,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("kind", &self.0.kind).field("origin", &self.origin()).finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(match &self.0.kind {
            ErrorKind::Connect(error) => error,
            #[cfg(feature = "http2")]
            ErrorKind::Http2(_, error) => error,
            #[cfg(feature = "http2")]
            ErrorKind::Http2Request(error) => error,
            #[cfg(feature = "tls")]
            ErrorKind::Tls(_, error) => error,
            #[cfg(feature = "tls")]
            ErrorKind::TlsConfig(error) => error,
            ErrorKind::InvalidPart(error) => error,
            ErrorKind::Io(_, error) | ErrorKind::Resolve(error) => error,
            #[cfg(feature = "json")]
            ErrorKind::Json(error) => error,
            ErrorKind::Protocol(_, error) => error,
            ErrorKind::Request(error) => error,
            ErrorKind::RequestBody(error) => &**error,
            ErrorKind::Url(error) => error,
            #[cfg(feature = "http2")]
            ErrorKind::Reset(..) | ErrorKind::Unprocessed(_) => return None,
            #[cfg(all(feature = "http2", feature = "tls"))]
            ErrorKind::NoHttp2 => return None,
            ErrorKind::BodyTooLarge { .. }
            | ErrorKind::Closed(_)
            | ErrorKind::Status(_)
            | ErrorKind::Timeout(_)
            | ErrorKind::TlsUnavailable => return None,
        })
    }
}
