//! What connections are pooled by: scheme, host and port.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
#[cfg(feature = "http2")]
use std::sync::atomic::AtomicU32;

/// What connections are pooled by, borrowed from a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct OriginRef<'a> {
    pub(crate) tls: bool,
    /// As the URL standard writes it: lower case, an IPv6 address in its brackets.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
}

/// What connections are pooled by.
#[derive(Debug)]
pub(crate) struct Origin {
    tls: bool,
    host: Box<str>,
    port: u16,
    /// Where the pool keeps it, for as long as it has any connection or anybody waits for one.
    slot: usize,
    /// How many streams the server took on its last connection: so many as the next one is believed to take.
    #[cfg(feature = "http2")]
    pub(crate) streams: AtomicU32,
}

/// What RFC 9113, section 6.5.2, recommends as the least.
#[cfg(feature = "http2")]
const STREAMS: u32 = 100;

impl Origin {
    pub(crate) fn new(OriginRef { tls, host, port }: OriginRef<'_>, slot: usize) -> Self {
        Self {
            tls,
            host: host.into(),
            port,
            slot,
            #[cfg(feature = "http2")]
            streams: STREAMS.into(),
        }
    }

    /// Where the pool keeps it.
    pub(crate) fn slot(&self) -> usize {
        self.slot
    }

    pub(crate) fn borrowed(&self) -> OriginRef<'_> {
        OriginRef { tls: self.tls, host: &self.host, port: self.port }
    }
}

impl fmt::Display for OriginRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default) = if self.tls { ("https", 443) } else { ("http", 80) };
        write!(f, "{scheme}://{}", self.host)?;
        match self.port == default {
            true => Ok(()),
            false => write!(f, ":{}", self.port),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.borrowed().fmt(f)
    }
}

/// Lets the map be searched with a borrowed origin, without making an owned one for each request.
pub(crate) trait Key {
    fn key(&self) -> OriginRef<'_>;
}

impl Key for OriginRef<'_> {
    fn key(&self) -> OriginRef<'_> {
        *self
    }
}

#[derive(Clone)]
pub(crate) struct OwnedKey(pub(crate) Arc<Origin>);

impl Key for OwnedKey {
    fn key(&self) -> OriginRef<'_> {
        self.0.borrowed()
    }
}

impl<'a> Borrow<dyn Key + 'a> for OwnedKey {
    fn borrow(&self) -> &(dyn Key + 'a) {
        self
    }
}

impl Hash for dyn Key + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl PartialEq for dyn Key + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for dyn Key + '_ {}

impl Hash for OwnedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl PartialEq for OwnedKey {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for OwnedKey {}
