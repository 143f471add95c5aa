use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;

use crate::certificates::CertificateError;

/// What is common to both roles: how long things take, and how much is held.
///
/// A connection holds at most `read_buffer` of records twice (as they came, and decrypted while the protocol
/// inside has no room), and `write_buffer` and 64 KiB of records to be sent; in use, a few records. An idle
/// connection holds neither.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) handshake_timeout: Option<Duration>,
    pub(crate) close_timeout: Duration,
    pub(crate) release_buffers: Duration,
    pub(crate) read_buffer: usize,
    pub(crate) write_buffer: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            handshake_timeout: Some(Duration::from_secs(10)),
            close_timeout: Duration::from_secs(5),
            release_buffers: Duration::from_secs(1),
            read_buffer: 128 * 1024,
            write_buffer: 64 * 1024,
        }
    }
}

/// The settings of both builders, each with its unit, default and reason.
macro_rules! common_settings {
    () => {
        /// The protocols of ALPN (RFC 7301), the preferred one first: `["h2", "http/1.1"]`. Default: none,
        /// and ALPN is not used.
        pub fn alpn<T: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = T>) -> Self {
            self.alpn = protocols.into_iter().map(Into::into).collect();
            self
        }

        /// How long the handshake may take from the first wake on; `None` is for ever. Guards against peers
        /// that connect and say nothing. Default 10 s; nginx has 60 s.
        pub fn handshake_timeout(mut self, limit: Option<Duration>) -> Self {
            self.settings.handshake_timeout = limit;
            self
        }

        /// How long the last bytes (an alert, `close_notify`) may take to leave. Default 5 s.
        pub fn close_timeout(mut self, limit: Duration) -> Self {
            self.settings.close_timeout = limit;
            self
        }

        /// How long after the last traffic the buffers are given back. Default 1 s.
        pub fn release_buffers(mut self, after: Duration) -> Self {
            self.settings.release_buffers = after;
            self
        }

        /// Bytes of records read ahead, 96 KiB at least. Guards memory. Default 128 KiB.
        pub fn read_buffer(mut self, bytes: usize) -> Self {
            self.settings.read_buffer = bytes.max(96 * 1024);
            self
        }

        /// Bytes of records from which on nothing more is encrypted until some were sent. Default 64 KiB.
        pub fn write_buffer(mut self, bytes: usize) -> Self {
            self.settings.write_buffer = bytes;
            self
        }
    };
}
pub(crate) use common_settings;

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Why a configuration cannot be made. Nothing of it is in force then.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// The server's name is neither a DNS name nor an IP address.
    BadServerName,
    /// A protocol name of ALPN is empty or longer than 255 bytes.
    BadAlpn,
    /// A certificate, a key, or a list of roots cannot be used.
    Certificate {
        /// The file, where it came from one.
        path: Option<PathBuf>,
        /// What is wrong with it.
        why: CertificateError,
    },
    /// A server needs a certificate, and none was given.
    NoCertificate,
    /// There is nobody to trust: the platform has no roots, or the feature `platform-roots` is off.
    NoRoots,
    /// The configuration of rustls lets early data in, which can be replayed: set `max_early_data_size` to 0.
    EarlyData,
    /// It was made from a configuration of rustls: there are no files to read again.
    NothingToReload,
    /// rustls refused it.
    Rustls(rustls::Error),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadServerName => {
                f.write_str("the server's name is neither a DNS name nor an IP address")
            }
            Self::BadAlpn => f.write_str("a protocol name of ALPN has 1 to 255 bytes"),
            Self::Certificate { path: Some(path), why } => write!(f, "{}: {why}", path.display()),
            Self::Certificate { path: None, why } => why.fmt(f),
            Self::NoCertificate => f.write_str("a server needs a certificate and its key"),
            Self::NoRoots if cfg!(feature = "platform-roots") => f.write_str(
                "no root certificates: install those of the system (ca-certificates), or name some \
                 by `roots_file`",
            ),
            Self::NoRoots => f.write_str(
                "no root certificates: turn on the feature `platform-roots`, or name some by \
                 `roots_file`",
            ),
            Self::EarlyData => {
                f.write_str("early data can be replayed: set max_early_data_size to 0")
            }
            Self::NothingToReload => f.write_str("this configuration was not made from files"),
            Self::Rustls(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Certificate { why, .. } => Some(why),
            Self::Rustls(error) => Some(error),
            _ => None,
        }
    }
}

impl From<rustls::Error> for ConfigError {
    fn from(error: rustls::Error) -> Self {
        Self::Rustls(error)
    }
}

pub(crate) fn checked_alpn(protocols: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConfigError> {
    match protocols.iter().all(|name| (1..=255).contains(&name.len())) {
        true => Ok(protocols.to_vec()),
        false => Err(ConfigError::BadAlpn),
    }
}
