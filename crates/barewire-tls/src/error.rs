use std::fmt;

use rustls::{AlertDescription, CertificateError};

/// Why a connection in TLS ended: TLS itself, or the protocol inside of it.
///
/// ```
/// use barewire_tls::{Error, ErrorKind};
///
/// /// Whether what came so far may be a part only.
/// fn is_cut<E>(error: &Error<E>) -> bool {
///     matches!(error, Error::Tls(error) if error.kind() == ErrorKind::Truncated)
/// }
/// assert!(!is_cut(&Error::Inner("the protocol's own")));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Error<E> {
    /// What the protocol inside says.
    Inner(E),
    /// TLS failed.
    Tls(TlsError),
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inner(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Inner(error) => error.source(),
            Self::Tls(error) => Some(error),
        }
    }
}

/// How TLS failed: what happened, which section says so, who said it, and what can be done.
///
/// Final for the connection. Small, without text of the peer's, compared by value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TlsError {
    kind: ErrorKind,
    alert: Option<Alert>,
    from_peer: bool,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A certificate cannot be read, has a bad signature, or is not for this purpose.
    BadCertificate,
    /// A certificate's time is over.
    CertificateExpired,
    /// A certificate's time has not come.
    CertificateNotYetValid,
    /// A certificate was revoked.
    CertificateRevoked,
    /// A certificate is required, and the client sent none.
    CertificateRequired,
    /// A record does not decrypt: it was changed on the way, or the keys differ.
    Decrypt,
    /// The handshake did not end in time.
    HandshakeTimeout,
    /// A handshake message is longer than 64 KiB.
    HandshakeTooLarge,
    /// rustls refused to go on for a reason of its own: no randomness, no clock, too many records.
    Internal,
    /// A record or message is malformed.
    Malformed,
    /// A message came that must not come now, or contradicts an earlier one.
    Misbehaved,
    /// No protocol of ALPN is known to both.
    NoCommonProtocol,
    /// No version, cipher suite, group or signature scheme is known to both.
    NothingInCommon,
    /// What came is not TLS at all.
    NotTls,
    /// The peer gave up without a reason that has a kind of its own: see [`TlsError::alert`].
    PeerGaveUp,
    /// What the client sent is HTTP in clear text.
    PlainHttp,
    /// The server answers HTTP in clear text: it has no TLS on this port.
    PlainServer,
    /// The connection ended without `close_notify`: what came may not be all.
    Truncated,
    /// The connection ended within the handshake.
    UnexpectedEnd,
    /// A certificate was issued by nobody who is trusted.
    UnknownIssuer,
    /// The certificate is for other names.
    WrongName,
}

/// An alert's number (RFC 8446, section 6).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alert(u8);

impl Alert {
    /// `close_notify`: a proper end.
    pub const CLOSE_NOTIFY: Self = Self(0);
    /// `unexpected_message`.
    pub const UNEXPECTED_MESSAGE: Self = Self(10);

    /// The number on the wire.
    pub fn code(self) -> u8 {
        self.0
    }

    /// The name that RFC 8446 gives it, `unknown` for what it does not list.
    pub fn name(self) -> &'static str {
        match self.0 {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            22 => "record_overflow",
            40 => "handshake_failure",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            109 => "missing_extension",
            110 => "unsupported_extension",
            112 => "unrecognized_name",
            113 => "bad_certificate_status_response",
            115 => "unknown_psk_identity",
            116 => "certificate_required",
            120 => "no_application_protocol",
            _ => "unknown",
        }
    }
}

impl fmt::Debug for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

impl From<AlertDescription> for Alert {
    fn from(alert: AlertDescription) -> Self {
        Self(alert.into())
    }
}

impl TlsError {
    pub(crate) const fn new(kind: ErrorKind) -> Self {
        Self { kind, alert: None, from_peer: false }
    }

    pub(crate) const fn told(kind: ErrorKind, alert: Alert) -> Self {
        Self { kind, alert: Some(alert), from_peer: false }
    }

    pub(crate) fn from_rustls(error: &rustls::Error) -> Self {
        use rustls::Error::*;
        let sent = |kind, alert: AlertDescription| Self::told(kind, alert.into());
        match error {
            AlertReceived(alert) => Self::from_peer((*alert).into()),
            InvalidCertificate(why) => sent(certificate(why), why.clone().into()),
            NoCertificatesPresented => {
                sent(ErrorKind::CertificateRequired, AlertDescription::CertificateRequired)
            }
            NoApplicationProtocol => {
                sent(ErrorKind::NoCommonProtocol, AlertDescription::NoApplicationProtocol)
            }
            InappropriateMessage { .. } | InappropriateHandshakeMessage { .. } => {
                sent(ErrorKind::Misbehaved, AlertDescription::UnexpectedMessage)
            }
            InvalidMessage(rustls::InvalidMessage::HandshakePayloadTooLarge) => {
                sent(ErrorKind::HandshakeTooLarge, AlertDescription::DecodeError)
            }
            InvalidMessage(why) => sent(ErrorKind::Malformed, (*why).into()),
            DecryptError => sent(ErrorKind::Decrypt, AlertDescription::BadRecordMac),
            PeerIncompatible(_) => Self::new(ErrorKind::NothingInCommon),
            PeerMisbehaved(_) => Self::new(ErrorKind::Misbehaved),
            PeerSentOversizedRecord => sent(ErrorKind::Malformed, AlertDescription::RecordOverflow),
            _ => Self::new(ErrorKind::Internal),
        }
    }

    fn from_peer(alert: Alert) -> Self {
        let kind = match alert.0 {
            42 | 43 | 46 => ErrorKind::BadCertificate,
            44 => ErrorKind::CertificateRevoked,
            45 => ErrorKind::CertificateExpired,
            48 => ErrorKind::UnknownIssuer,
            20 | 51 => ErrorKind::Decrypt,
            40 | 70 | 71 => ErrorKind::NothingInCommon,
            112 => ErrorKind::WrongName,
            116 => ErrorKind::CertificateRequired,
            120 => ErrorKind::NoCommonProtocol,
            _ => ErrorKind::PeerGaveUp,
        };
        Self { kind, alert: Some(alert), from_peer: true }
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The alert that was received if [`is_from_peer`](Self::is_from_peer), otherwise the one that the peer
    /// is told. `None` where there is no word for it, or nobody to tell.
    pub fn alert(&self) -> Option<Alert> {
        self.alert
    }

    /// Whether it was the peer who gave up, and said so.
    pub fn is_from_peer(&self) -> bool {
        self.from_peer
    }

    /// The section that the peer broke, or that describes the alert.
    pub fn section(&self) -> &'static str {
        use ErrorKind::*;
        match self.kind {
            BadCertificate
            | CertificateExpired
            | CertificateNotYetValid
            | CertificateRevoked
            | UnknownIssuer => "RFC 8446, section 4.4.2.4",
            CertificateRequired => "RFC 8446, section 4.4.2.4",
            Decrypt => "RFC 8446, section 5.2",
            HandshakeTimeout | Internal | PeerGaveUp => "RFC 8446, section 6.2",
            HandshakeTooLarge | Malformed => "RFC 8446, section 6.2",
            Misbehaved => "RFC 8446, section 4",
            NoCommonProtocol => "RFC 7301, section 3.2",
            NothingInCommon => "RFC 8446, section 4.1.1",
            NotTls | PlainHttp | PlainServer => "RFC 8446, section 5.1",
            Truncated | UnexpectedEnd => "RFC 8446, section 6.1",
            WrongName => "RFC 9525, section 6",
        }
    }

    /// What to do about it, for the one who reads the message.
    pub fn advice(&self) -> &'static str {
        use ErrorKind::*;
        match (self.kind, self.from_peer) {
            (UnknownIssuer, true) => {
                "the peer does not trust our certificate: send the chain up to an issuer that it knows"
            }
            (UnknownIssuer, false) => {
                "add the issuer's certificate to the roots, if it is to be trusted"
            }
            (BadCertificate | CertificateExpired | CertificateRevoked, true) => {
                "the peer refused our certificate: look at its dates, purpose and chain"
            }
            (BadCertificate, false) => "the peer needs another certificate",
            (CertificateExpired, false) => {
                "the peer's certificate has to be renewed; or this clock is ahead"
            }
            (CertificateNotYetValid, _) => "wait, or set this machine's clock",
            (CertificateRevoked, false) => "the peer needs another certificate",
            (CertificateRequired, true) => "configure a client certificate",
            (CertificateRequired, false) => "the client has to be given a certificate",
            (Decrypt, _) => {
                "something between the two changes bytes: look for a proxy, or try again"
            }
            (HandshakeTimeout, _) => {
                "the peer is too slow or does not speak TLS: see handshake_timeout"
            }
            (HandshakeTooLarge, _) => "shorten the certificate chain",
            (Internal, _) => "see the log of rustls",
            (Malformed | Misbehaved | PeerGaveUp, _) => "the peer's TLS is broken, or not for us",
            (NoCommonProtocol, _) => "let both sides offer a protocol in common (`alpn`)",
            (NothingInCommon, _) => "the peer needs TLS 1.2 or 1.3 with a suite of today",
            (NotTls, _) => "is this the right port?",
            (PlainHttp, _) => "use https:// with this port",
            (PlainServer, _) => "use http:// with this port",
            (Truncated, _) => "do not take what came for all of it; ask again",
            (UnexpectedEnd, _) => "the peer went away: look at what it says about it",
            (WrongName, true) => "the server has no certificate for this name",
            (WrongName, false) => "use a name that is in the certificate, or get one for this name",
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ErrorKind::*;
        f.write_str(match self.kind {
            BadCertificate => "bad certificate",
            CertificateExpired => "certificate expired",
            CertificateNotYetValid => "certificate not yet valid",
            CertificateRevoked => "certificate revoked",
            CertificateRequired => "no client certificate",
            Decrypt => "a record does not decrypt",
            HandshakeTimeout => "the TLS handshake took too long",
            HandshakeTooLarge => "a handshake message is too long",
            Internal => "TLS failed",
            Malformed => "malformed TLS message",
            Misbehaved => "unexpected TLS message",
            NoCommonProtocol => "no application protocol in common",
            NothingInCommon => "no TLS version or cipher suite in common",
            NotTls => "the peer does not speak TLS",
            PeerGaveUp => "the peer ended the TLS connection",
            PlainHttp => "the client speaks HTTP in clear text",
            PlainServer => "the server speaks HTTP in clear text",
            Truncated => "the connection ended without close_notify",
            UnexpectedEnd => "the connection ended within the TLS handshake",
            UnknownIssuer => "certificate of an unknown issuer",
            WrongName => "the certificate is for another name",
        })?;
        if let Some(alert) = self.alert {
            write!(f, ", {} {alert}", if self.from_peer { "the peer says" } else { "it is told" })?;
        }
        write!(f, " ({}): {}", self.section(), self.advice())
    }
}

impl std::error::Error for TlsError {}

fn certificate(why: &CertificateError) -> ErrorKind {
    use CertificateError::*;
    match why {
        Expired | ExpiredContext { .. } => ErrorKind::CertificateExpired,
        NotValidYet | NotValidYetContext { .. } => ErrorKind::CertificateNotYetValid,
        Revoked => ErrorKind::CertificateRevoked,
        NotValidForName | NotValidForNameContext { .. } => ErrorKind::WrongName,
        UnknownIssuer => ErrorKind::UnknownIssuer,
        _ => ErrorKind::BadCertificate,
    }
}
