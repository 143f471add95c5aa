use std::fmt;

use rustls::{CommonState, ProtocolVersion};
use rustls_pki_types::CertificateDer;

/// What the handshake agreed on: what a factory looks at to make the protocol inside.
///
/// ```
/// use barewire_tls::Negotiated;
///
/// /// What the connection goes on with.
/// fn speaks(negotiated: &Negotiated) -> Result<&'static str, String> {
///     match negotiated.alpn() {
///         Some(b"h2") => Ok("HTTP/2"),
///         Some(b"http/1.1") | None => Ok("HTTP/1.1"),
///         Some(other) => Err(other.escape_ascii().to_string()),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Negotiated {
    alpn: Option<Vec<u8>>,
    version: Version,
    cipher_suite: &'static str,
    server_name: Option<String>,
    peer_certificates: Vec<CertificateDer<'static>>,
    resumed: bool,
}

/// The version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Version {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl Version {
    /// As it is usually written: `TLSv1.3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Negotiated {
    pub(crate) fn new(common: &CommonState, server_name: Option<&str>) -> Self {
        let suite = common.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
        Self {
            alpn: common.alpn_protocol().map(<[u8]>::to_vec),
            version: match common.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => Version::Tls13,
                _ => Version::Tls12,
            },
            cipher_suite: suite.unwrap_or("unknown"),
            server_name: server_name.map(str::to_owned),
            peer_certificates: common.peer_certificates().unwrap_or_default().to_vec(),
            resumed: common.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
        }
    }

    /// The protocol that ALPN picked (RFC 7301), such as `h2`; `None` when one of the two does not use ALPN.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.alpn.as_deref()
    }

    /// Whether ALPN picked HTTP/2.
    pub fn is_h2(&self) -> bool {
        self.alpn() == Some(b"h2")
    }

    /// The version of TLS.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The cipher suite, as IANA writes it with `TLS13_` for TLS 1.3.
    pub fn cipher_suite(&self) -> &'static str {
        self.cipher_suite
    }

    /// The host name that the client asked for: by SNI on a server (RFC 6066, section 3), and on a client
    /// the name that the certificate was checked for.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// What the peer showed and what was verified, its own certificate first; empty for a client without
    /// certificate.
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        &self.peer_certificates
    }

    /// Whether an earlier session was resumed, which saves the certificates' work.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }
}

impl fmt::Debug for Negotiated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alpn = self.alpn.as_deref().map(|alpn| alpn.escape_ascii().to_string());
        f.debug_struct("Negotiated")
            .field("alpn", &alpn)
            .field("version", &self.version)
            .field("cipher_suite", &self.cipher_suite)
            .field("server_name", &self.server_name)
            .field("peer_certificates", &self.peer_certificates.len())
            .field("resumed", &self.resumed)
            .finish()
    }
}
