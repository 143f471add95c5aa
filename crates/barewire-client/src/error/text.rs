//! What an error says: what happened, where, and what to do about it, in one line.

use std::fmt;

use barewire_rt::ConnectError;

use super::{Error, ErrorKind, Phase};

impl Error {
    fn place(&self) -> &str {
        self.origin().unwrap_or("the server")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place();
        match &self.0.kind {
            ErrorKind::BodyTooLarge { limit } => write!(
                f,
                "the body from {place} is longer than {limit} bytes: raise the limit, or read it in chunks"
            ),
            ErrorKind::Closed(phase) => {
                write!(f, "{place} closed the connection {}: try again", phase.during())
            }
            ErrorKind::Connect(ConnectError::TimedOut) => write!(
                f,
                "no connection to {place} in time: check host and port, or raise the connect timeout"
            ),
            ErrorKind::Connect(error) => write!(
                f,
                "cannot connect to {place}: {error}: check that the server runs and the port is right"
            ),
            #[cfg(feature = "http2")]
            ErrorKind::Http2(phase, error) => {
                write!(f, "{place} did not keep to HTTP/2 {}: {error}", phase.during())
            }
            #[cfg(feature = "http2")]
            ErrorKind::Http2Request(error) => {
                write!(f, "the request to {place} cannot be sent: {error}")
            }
            ErrorKind::InvalidPart(error) => write!(f, "the request cannot be built: {error}"),
            ErrorKind::Io(phase, error) => {
                write!(f, "the connection to {place} broke {}: {error}", phase.during())
            }
            #[cfg(feature = "json")]
            ErrorKind::Json(error) => {
                write!(f, "the body from {place} is not the JSON that was expected: {error}")
            }
            ErrorKind::Protocol(phase, error) => {
                write!(f, "{place} did not keep to HTTP {}: {error}", phase.during())
            }
            ErrorKind::Request(error) => {
                write!(f, "the request to {place} cannot be sent: {error}")
            }
            ErrorKind::RequestBody(error) => {
                write!(f, "the body of the request to {place} failed: {error}")
            }
            #[cfg(all(feature = "http2", feature = "tls"))]
            ErrorKind::NoHttp2 => {
                write!(f, "{place} does not speak HTTP/2: allow HTTP/1.1")
            }
            #[cfg(feature = "http2")]
            ErrorKind::Reset(phase, reason) => {
                write!(
                    f,
                    "{place} gave the request up {}, with {reason}: try again",
                    phase.during()
                )
            }
            ErrorKind::Resolve(error) => write!(
                f,
                "cannot look up the host of {place}: {error}: check its spelling and the network"
            ),
            ErrorKind::Status(status) => write!(f, "{place} answered {status}"),
            ErrorKind::Timeout(Phase::Pool) => write!(
                f,
                "all connections to {place} stayed in use: read or drop responses, or raise the limit"
            ),
            ErrorKind::Timeout(phase) => {
                write!(f, "timed out {} ({place}): raise the timeout, or try again", phase.during())
            }
            #[cfg(feature = "tls")]
            ErrorKind::Tls(Phase::Handshake, error) => {
                write!(f, "TLS handshake with {place} failed: {error}")
            }
            #[cfg(feature = "tls")]
            ErrorKind::Tls(phase, error) => {
                write!(f, "TLS with {place} failed {}: {error}", phase.during())
            }
            #[cfg(feature = "tls")]
            ErrorKind::TlsConfig(error) => {
                write!(f, "cannot reach {place}: TLS is not configured: {error}")
            }
            ErrorKind::TlsUnavailable => write!(
                f,
                "cannot reach {place}: https needs TLS: turn on the feature `platform-roots`, or `tls` with \
                 roots of your own"
            ),
            #[cfg(feature = "http2")]
            ErrorKind::Unprocessed(_) => {
                write!(
                    f,
                    "{place} did not take the request: it is busy or closing: try again later"
                )
            }
            ErrorKind::Url(error) => write!(f, "unusable URL: {error}"),
        }
    }
}

impl Phase {
    fn during(self) -> &'static str {
        match self {
            Self::Pool => "while waiting for a free connection",
            Self::Resolve => "while looking the host up",
            Self::Connect => "while connecting",
            Self::Handshake => "in the TLS handshake",
            Self::Send => "while the request was being sent",
            Self::ReceiveHead => "before it answered",
            Self::ReceiveBody => "in the middle of its response",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use barewire_h1::UsageError;
    use http::StatusCode;

    use super::*;

    #[test]
    fn every_text_is_one_line_and_names_the_place() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let kinds = [
            ErrorKind::BodyTooLarge { limit: 5 },
            ErrorKind::Closed(Phase::ReceiveHead),
            ErrorKind::Connect(ConnectError::Failed(vec![(([127, 0, 0, 1], 9).into(), refused)])),
            ErrorKind::Connect(ConnectError::TimedOut),
            ErrorKind::Io(Phase::Send, io::ErrorKind::BrokenPipe.into()),
            #[cfg(feature = "json")]
            ErrorKind::Json(serde_json::from_str::<u8>("{").unwrap_err()),
            ErrorKind::Protocol(Phase::ReceiveHead, barewire_h1::ErrorKind::BadStatusLine.into()),
            ErrorKind::Request(UsageError::LengthMismatch),
            ErrorKind::RequestBody("disk on fire".into()),
            ErrorKind::Resolve(io::ErrorKind::NotFound.into()),
            ErrorKind::Status(StatusCode::NOT_FOUND),
            ErrorKind::Timeout(Phase::Pool),
            ErrorKind::Timeout(Phase::ReceiveBody),
            #[cfg(feature = "tls")]
            ErrorKind::TlsConfig(barewire_tls::ConfigError::NoRoots),
            ErrorKind::TlsUnavailable,
        ];
        for kind in kinds {
            let error = Error::from(kind).at(&"http://example.org");
            let text = error.to_string();
            assert!(text.contains("http://example.org"), "{text}");
            assert!(!text.contains('\n') && text.len() < 200, "{text}");
        }
    }

    #[test]
    fn what_https_lacks_is_named() {
        let text = Error::from(ErrorKind::TlsUnavailable).to_string();
        assert!(text.contains("`platform-roots`") && text.contains("`tls`"), "{text}");
        #[cfg(all(feature = "tls", not(feature = "platform-roots")))]
        {
            let error = crate::ErrorKind::TlsConfig(barewire_tls::ConfigError::NoRoots);
            let text = Error::from(error).to_string();
            assert!(text.contains("`platform-roots`") && text.contains("`roots_file`"), "{text}");
        }
    }
}
