use std::time::Duration;

use barewire_rt::CONNECT_STAGGER;

/// How a client waits, keeps connections and bounds what it takes. Plain fields: start from
/// [`Config::default`].
///
/// ```
/// use barewire_client::Config;
/// use std::time::Duration;
///
/// let mut config = Config::default();
/// config.timeouts.total = Some(Duration::from_secs(20));
/// config.pool.max_per_host = 6;
/// config.h1.limits.max_fields = 200;
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// How long each part of an exchange may take.
    pub timeouts: Timeouts,
    /// How many connections are kept, and for how long.
    pub pool: PoolLimits,
    /// What a server may send over HTTP/1.1. Its timeouts for heads, idle connections and body progress are
    /// off here: [`timeouts`](Self::timeouts) takes their place.
    pub h1: barewire_h1::Config,
    /// What a server may send over HTTP/2, and what it is told. Responses that nobody reads hold their part of
    /// the connection's window, so that it is larger here than a server's: 8 MiB, and 1 MiB for each of them.
    /// hyper has 5 MiB and 2 MiB. A connection that nobody waits on is not driven, see
    /// [`Client::keep_alive`](crate::Client::keep_alive).
    #[cfg(feature = "http2")]
    pub h2: barewire_h2::Config,
    /// Which versions of HTTP are spoken.
    pub versions: Versions,
    /// How TLS is spoken, for `https`. Its protocols of ALPN are set by the client. `None`: whom the platform
    /// trusts, which needs the feature `platform-roots`; it is read when it is first needed.
    #[cfg(feature = "tls")]
    pub tls: Option<barewire_tls::ClientConfig>,
    /// Bytes that [`Response::bytes`](crate::Response::bytes) and [`text`](crate::Response::text) collect
    /// at most. Guards memory against a server that never stops. Default 64 MiB; reqwest and curl have
    /// none. What is read in chunks is not limited.
    pub max_collected_body: u64,
    /// How long an attempt to connect is alone before the next address is tried beside it. Default 250 ms
    /// (RFC 8305, section 8).
    pub connect_stagger: Duration,
}

/// Which versions of HTTP a client speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Versions {
    /// HTTP/2 where the server picks it in the TLS handshake (ALPN, RFC 7301), else HTTP/1.1. Without the
    /// feature `http2` it is [`Http1`](Self::Http1).
    #[default]
    Negotiated,
    /// HTTP/1.1 alone.
    Http1,
    /// HTTP/2 alone, over clear text too: the server is known to speak it (RFC 9113, section 3.3).
    #[cfg(feature = "http2")]
    Http2,
}

/// How long each part of an exchange may take. `None` is for ever.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Waiting until one of the connections that [`PoolLimits::max_per_host`] allows is free. Default 30 s.
    pub pool: Option<Duration>,
    /// Looking the host up and connecting, all addresses together, and the TLS handshake. Default 10 s. Requests
    /// that wait for a connection which another one opens share its failure.
    pub connect: Option<Duration>,
    /// Without a byte in either direction while the server is waited for. The time in which nobody polls
    /// the response, or in which the request's own body has nothing to send, does not count. Default 30 s.
    pub read: Option<Duration>,
    /// From the beginning of `send` to the end of the response's body. Over a blocking runtime it cannot end
    /// what blocks on its own: the system's look-up of a name, or a request's body that waits. Default none.
    pub total: Option<Duration>,
}

/// How many connections are kept, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// Idle connections kept for one host. 0 turns keep-alive off. Default 32; reqwest has no limit,
    /// ureq 3.
    pub max_idle_per_host: usize,
    /// Connections to one host, idle ones and those being opened included; further requests wait in the
    /// order in which they came. At least 1. Guards file descriptors and the server. Default 128; browsers
    /// have 6.
    pub max_per_host: usize,
    /// How long a connection may be idle and still be used again. `None` is for ever. Default 60 s; nginx
    /// closes after 75 s, Apache after 5 s.
    pub idle_timeout: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        let mut h1 = barewire_h1::Config::default();
        h1.timeouts.head = None;
        h1.timeouts.idle = None;
        h1.timeouts.body_progress = None;
        #[cfg(feature = "http2")]
        let h2 = {
            let mut h2 = barewire_h2::Config::default();
            h2.settings.initial_window_size = 1 << 20;
            h2.settings.connection_window = 8 << 20;
            h2
        };
        Self {
            timeouts: Timeouts::default(),
            pool: PoolLimits::default(),
            h1,
            #[cfg(feature = "http2")]
            h2,
            versions: Versions::default(),
            #[cfg(feature = "tls")]
            tls: None,
            max_collected_body: 64 << 20,
            connect_stagger: CONNECT_STAGGER,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            pool: Some(Duration::from_secs(30)),
            connect: Some(Duration::from_secs(10)),
            read: Some(Duration::from_secs(30)),
            total: None,
        }
    }
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            max_idle_per_host: 32,
            max_per_host: 128,
            idle_timeout: Some(Duration::from_secs(60)),
        }
    }
}
