use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use barewire_rt::Runtime;
use http::header::{HeaderMap, HeaderValue};
use http::{Method, Request};

use crate::body::Body;
use crate::config::{Config, Versions};
use crate::error::Error;
use crate::execute::execute;
use crate::head;
use crate::hosts::Hosts;
use crate::request::{RequestBuilder, draft};
use crate::response::Response;
use crate::shared::Shared;
use crate::target::IntoUrl;
use crate::target::sealed::IntoTarget;

/// An HTTP client: connections that are kept, limits and defaults.
///
/// Clones are cheap and share all of it. It needs sockets and time of its runtime, and starts no tasks: a
/// connection is driven by who waits for its response.
///
/// ```
/// use barewire_client::Client;
/// use barewire_smol::Smol;
/// # use std::io::{Read, Write};
/// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/", listener.local_addr()?);
/// # std::thread::spawn(move || -> std::io::Result<()> {
/// #     let (mut stream, _) = listener.accept()?;
/// #     stream.read(&mut [0; 1024])?;
/// #     stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nHello")
/// # });
///
/// futures_lite::future::block_on(async {
///     let client = Client::new(Smol::default());
///     let response = client.get(&url).send().await?;
///     assert_eq!(response.status(), 200);
///     assert_eq!(response.text().await?, "Hello");
///     Ok::<(), barewire_client::Error>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Client<R: Runtime> {
    shared: Arc<Shared<R>>,
}

impl<R: Runtime> Client<R> {
    /// A client with the default configuration.
    pub fn new(runtime: R) -> Self {
        Self::builder(runtime).build()
    }

    /// Begins a client with a configuration of its own.
    pub fn builder(runtime: R) -> ClientBuilder<R> {
        ClientBuilder::new(runtime)
    }

    /// Begins a GET request.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder<R> {
        self.request(Method::GET, url)
    }

    /// Begins a HEAD request.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder<R> {
        self.request(Method::HEAD, url)
    }

    /// Begins a POST request.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder<R> {
        self.request(Method::POST, url)
    }

    /// Begins a PUT request.
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder<R> {
        self.request(Method::PUT, url)
    }

    /// Begins a PATCH request.
    pub fn patch(&self, url: impl IntoUrl) -> RequestBuilder<R> {
        self.request(Method::PATCH, url)
    }

    /// Begins a DELETE request.
    pub fn delete(&self, url: impl IntoUrl) -> RequestBuilder<R> {
        self.request(Method::DELETE, url)
    }

    /// Begins a request with any method.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder<R> {
        RequestBuilder::new(self.clone(), method, url)
    }

    /// Sends a request of the ecosystem's type; its URI has to be absolute. Its extensions are not used, and its
    /// version as [`RequestBuilder::version`] has it.
    ///
    /// Cancel-safe as [`RequestBuilder::send`].
    ///
    /// # Errors
    ///
    /// As [`RequestBuilder::send`].
    pub async fn execute<B: Into<Body>>(&self, request: Request<B>) -> Result<Response, Error> {
        let (parts, body) = request.into_parts();
        let mut draft = draft(parts.method, parts.uri.into_target()?);
        draft.version = parts.version;
        draft.headers = parts.headers;
        draft.body = body.into();
        execute(&self.shared, draft).await
    }

    /// How many connections there are to the host of a URL, for monitoring.
    ///
    /// # Errors
    ///
    /// The URL cannot be used.
    pub fn connections(&self, url: impl IntoUrl) -> Result<Connections, Error> {
        let target = url.into_target()?;
        let (idle, open) = self.shared.counts(target.origin());
        Ok(Connections { idle, in_use: open.saturating_sub(idle) })
    }

    /// Looks after the HTTP/2 connections that nobody uses, for as long as it is polled: PINGs of the server are
    /// answered, those of [`ClientBuilder::http2_keepalive`] are sent, and connections that the server closes
    /// are let go. Without it that happens when a connection is used again.
    ///
    /// A client starts no tasks: spawn this one, or poll it beside something else. Over a blocking runtime it
    /// takes a thread, and looks every few seconds. Cancel-safe.
    ///
    /// ```no_run
    /// # use barewire_client::Client;
    /// # use barewire_rt::Spawn;
    /// # use std::time::Duration;
    /// # fn f<R: Spawn>(runtime: R) {
    /// let client = Client::builder(runtime.clone()).http2_keepalive(Duration::from_secs(30)).build();
    /// let keeper = client.clone();
    /// runtime.spawn(async move { keeper.keep_alive().await });
    /// # }
    /// ```
    #[cfg(feature = "http2")]
    pub async fn keep_alive(&self) -> std::convert::Infallible {
        crate::keep::keep_alive(&self.shared).await
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// The runtime that the client runs on.
    pub fn runtime(&self) -> &R {
        &self.shared.runtime
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<R>> {
        &self.shared
    }
}

impl<R: Runtime> Clone for Client<R> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<R: Runtime> fmt::Debug for Client<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("runtime", &R::NAME)
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}

/// Connections to one host, as [`Client::connections`] counts them. One that requests share counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connections {
    /// Kept for the next request.
    pub idle: usize,
    /// Carrying an exchange, or being opened.
    pub in_use: usize,
}

/// A [`Client`] that is being configured.
///
/// ```
/// use barewire_client::Client;
/// use barewire_smol::Smol;
/// use std::time::Duration;
///
/// let client = Client::builder(Smol::default())
///     .connect_timeout(Duration::from_secs(3))
///     .timeout(Duration::from_secs(60))
///     .max_connections_per_host(6)
///     .build();
/// assert_eq!(client.config().pool.max_per_host, 6);
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing unless it is built"]
pub struct ClientBuilder<R: Runtime> {
    runtime: R,
    config: Config,
    hosts: Hosts,
    headers: HeaderMap,
    user_agent: HeaderValue,
}

const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("barewire/", env!("CARGO_PKG_VERSION")));

impl<R: Runtime> ClientBuilder<R> {
    fn new(runtime: R) -> Self {
        Self {
            runtime,
            config: Config::default(),
            hosts: Hosts::default(),
            headers: HeaderMap::new(),
            user_agent: USER_AGENT,
        }
    }

    /// Sets all of the configuration, in place of what was set before.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Sets [`Timeouts::connect`](crate::Timeouts::connect).
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.config.timeouts.connect = Some(limit);
        self
    }

    /// Sets [`Timeouts::read`](crate::Timeouts::read).
    pub fn read_timeout(mut self, limit: Duration) -> Self {
        self.config.timeouts.read = Some(limit);
        self
    }

    /// Sets [`Timeouts::total`](crate::Timeouts::total).
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.config.timeouts.total = Some(limit);
        self
    }

    /// Sets [`PoolLimits::max_per_host`](crate::PoolLimits::max_per_host).
    pub fn max_connections_per_host(mut self, limit: usize) -> Self {
        self.config.pool.max_per_host = limit;
        self
    }

    /// Sets [`PoolLimits::max_idle_per_host`](crate::PoolLimits::max_idle_per_host).
    pub fn max_idle_per_host(mut self, limit: usize) -> Self {
        self.config.pool.max_idle_per_host = limit;
        self
    }

    /// Sets [`PoolLimits::idle_timeout`](crate::PoolLimits::idle_timeout).
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.config.pool.idle_timeout = Some(limit);
        self
    }

    /// Speaks HTTP/1.1 alone: [`Versions::Http1`].
    pub fn http1_only(mut self) -> Self {
        self.config.versions = Versions::Http1;
        self
    }

    /// Speaks HTTP/2 alone, over clear text too: [`Versions::Http2`].
    #[cfg(feature = "http2")]
    pub fn http2_prior_knowledge(mut self) -> Self {
        self.config.versions = Versions::Http2;
        self
    }

    /// Asks the server with a PING whether it is there after so long without anything from it, and gives the
    /// connection up if there is no answer in
    /// [`Timeouts::keepalive_timeout`](barewire_h2::Timeouts::keepalive_timeout). While somebody waits on the
    /// connection that happens by itself; idle ones are kept alive by [`Client::keep_alive`].
    #[cfg(feature = "http2")]
    pub fn http2_keepalive(mut self, interval: Duration) -> Self {
        self.config.h2.timeouts.keepalive_interval = Some(interval);
        self
    }

    /// Sets how TLS is spoken: whom to trust, and a certificate to show. What it says of ALPN is replaced.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: barewire_tls::ClientConfig) -> Self {
        self.config.tls = Some(config);
        self
    }

    /// Connects to these addresses for a host, in place of looking it up: for tests, and for servers that no
    /// name leads to. They are tried in this order, one [`Config::connect_stagger`] after the other; a port of
    /// 0 stands for the URL's. `Host` and the errors still name the host. A host that is set again gets the
    /// new addresses; one that is an IP address is never looked up.
    ///
    /// ```
    /// use barewire_client::Client;
    /// use barewire_smol::Smol;
    ///
    /// let client = Client::builder(Smol::default())
    ///     .resolve("example.org", [([127, 0, 0, 1], 0).into(), ([127, 0, 0, 2], 8080).into()])
    ///     .build();
    /// ```
    pub fn resolve(mut self, host: &str, addrs: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.hosts.set(host, addrs.into_iter().collect());
        self
    }

    /// Sets the header fields of every request that has none of the same name itself.
    pub fn default_headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    /// Sets `User-Agent`, in place of `barewire/` and the version.
    pub fn user_agent(mut self, user_agent: HeaderValue) -> Self {
        self.user_agent = user_agent;
        self
    }

    /// The client. Nothing is connected yet.
    pub fn build(self) -> Client<R> {
        let defaults = head::defaults(self.user_agent, &self.headers);
        Client { shared: Arc::new(Shared::new(self.runtime, self.config, self.hosts, defaults)) }
    }
}
