use std::time::Duration;

/// How a server behaves. Plain fields: start from [`Config::default`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Limits, timeouts and leniency of HTTP/1.1. A server answers the requests of a connection one after the
    /// other, whatever `max_pipelined` says.
    pub http1: barewire_h1::Config,
    /// Settings, limits and timeouts of HTTP/2. As many requests of a connection are handled at the same time
    /// as `settings.max_concurrent_streams` says.
    #[cfg(feature = "http2")]
    pub http2: barewire_h2::Config,
    /// Connections that are open at the same time; further ones wait in the listener's backlog. Guards
    /// memory and file descriptors. Default 20,000.
    pub max_connections: usize,
    /// On a runtime of threads: how many HTTP/2 takes beside one for each connection, for all connections
    /// together. A connection needs one more for each handler that is held up at the same time, and has at most as
    /// many as `http2.settings.max_concurrent_streams` says. Guards memory, of which each thread takes its stack.
    ///
    /// Without a further thread, here or from the system, handlers wait their turn: those that wait for the client
    /// read the connection meanwhile, for all its streams, and requests begin when a handler has returned. A
    /// connection that cannot be read for 5 s, since all its threads are blocked in handlers, tells the client by
    /// GOAWAY to send further requests elsewhere. Default 512.
    #[cfg(feature = "http2")]
    pub max_extra_threads: usize,
    /// Speaks HTTP/1.1 and nothing else, as without the feature `http2`: who begins with HTTP/2 is answered 505, in TLS
    /// `http/1.1` alone is agreed on, and `Upgrade: h2c` is ignored. Default false.
    #[cfg(feature = "http2")]
    pub http1_only: bool,
    /// Takes `Upgrade: h2c`: a connection in clear text goes on in HTTP/2 when an HTTP/1.1 request without a body
    /// offers it (RFC 7540, section 3.2). Default false, since RFC 9113 dropped it: clients that know that a server
    /// speaks HTTP/2 begin with it. It is for those that do not know, such as `curl --http2`, and only
    /// where no proxy is in between that passes on what it should not.
    ///
    /// That request is answered on stream 1. An offer without exactly one `HTTP2-Settings` that can be read, or that
    /// does not name both fields in `Connection`, is ignored, and so is the one of a request with a body: they are
    /// answered in HTTP/1.1. In TLS there are no such offers: ALPN decides.
    #[cfg(feature = "http2")]
    pub h2c_upgrade: bool,
    /// How long a [graceful shutdown](crate::Handle::shutdown) waits for what was accepted. Default 30 s.
    pub drain_timeout: Duration,
    /// Adds [`ConnectInfo`](crate::ConnectInfo) to the extensions of each request. Default false: it costs three
    /// allocations a request.
    pub connect_info: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            http1: barewire_h1::Config::default(),
            #[cfg(feature = "http2")]
            http2: barewire_h2::Config::default(),
            max_connections: 20_000,
            #[cfg(feature = "http2")]
            max_extra_threads: 512,
            #[cfg(feature = "http2")]
            http1_only: false,
            #[cfg(feature = "http2")]
            h2c_upgrade: false,
            drain_timeout: Duration::from_secs(30),
            connect_info: false,
        }
    }
}

impl Config {
    /// What a server speaks, by its names in ALPN, the preferred one first.
    #[cfg(feature = "tls")]
    pub(crate) fn alpn(&self) -> &'static [&'static str] {
        #[cfg(feature = "http2")]
        if !self.http1_only {
            return &["h2", "http/1.1"];
        }
        &["http/1.1"]
    }
}
