use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use barewire_rt::Runtime;
use barewire_rt::park::block_on;
use http::header::{HeaderMap, HeaderValue};
use http::{Method, Request};

use super::{RequestBuilder, Response};
use crate::{Body, Config, Connections, Error, IntoUrl};

/// An HTTP client whose calls block: see [`crate::Client`].
///
/// ```no_run
/// use barewire_client::blocking::Client;
///
/// let client = Client::new(barewire_std::Std::default());
/// let text = client.get("http://example.org/").send()?.error_for_status()?.text()?;
/// # Ok::<(), barewire_client::Error>(())
/// ```
pub struct Client<R: Runtime>(crate::Client<R>);

impl<R: Runtime> Client<R> {
    /// A client with the default configuration.
    pub fn new(runtime: R) -> Self {
        Self::builder(runtime).build()
    }

    /// Begins a client with a configuration of its own.
    pub fn builder(runtime: R) -> ClientBuilder<R> {
        ClientBuilder(crate::Client::builder(runtime))
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
        RequestBuilder::new(self.0.request(method, url))
    }

    /// Sends a request of the ecosystem's type; its URI has to be absolute. Its extensions are not used.
    ///
    /// # Errors
    ///
    /// As [`RequestBuilder::send`].
    pub fn execute<B: Into<Body>>(&self, request: Request<B>) -> Result<Response, Error> {
        block_on(self.0.execute(request)).map(Response::new)
    }

    /// How many connections there are to the host of a URL, for monitoring.
    ///
    /// # Errors
    ///
    /// The URL cannot be used.
    pub fn connections(&self, url: impl IntoUrl) -> Result<Connections, Error> {
        self.0.connections(url)
    }

    /// Looks after the HTTP/2 connections that nobody uses, on this thread and for ever: see
    /// [`crate::Client::keep_alive`].
    #[cfg(feature = "http2")]
    pub fn keep_alive(&self) -> std::convert::Infallible {
        block_on(self.0.keep_alive())
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        self.0.config()
    }
}

impl<R: Runtime> Clone for Client<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// The same connections, asked without async.
impl<R: Runtime> From<crate::Client<R>> for Client<R> {
    fn from(client: crate::Client<R>) -> Self {
        Self(client)
    }
}

impl<R: Runtime> fmt::Debug for Client<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.0).finish()
    }
}

/// A [`Client`] that is being configured: see [`crate::ClientBuilder`].
///
/// ```
/// use barewire_client::blocking::Client;
/// use std::time::Duration;
///
/// let client = Client::builder(barewire_std::Std::default())
///     .timeout(Duration::from_secs(60))
///     .build();
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing unless it is built"]
pub struct ClientBuilder<R: Runtime>(crate::ClientBuilder<R>);

impl<R: Runtime> ClientBuilder<R> {
    /// Sets all of the configuration, in place of what was set before.
    pub fn config(self, config: Config) -> Self {
        Self(self.0.config(config))
    }

    /// Sets [`Timeouts::connect`](crate::Timeouts::connect).
    pub fn connect_timeout(self, limit: Duration) -> Self {
        Self(self.0.connect_timeout(limit))
    }

    /// Sets [`Timeouts::read`](crate::Timeouts::read).
    pub fn read_timeout(self, limit: Duration) -> Self {
        Self(self.0.read_timeout(limit))
    }

    /// Sets [`Timeouts::total`](crate::Timeouts::total).
    pub fn timeout(self, limit: Duration) -> Self {
        Self(self.0.timeout(limit))
    }

    /// Sets [`PoolLimits::max_per_host`](crate::PoolLimits::max_per_host).
    pub fn max_connections_per_host(self, limit: usize) -> Self {
        Self(self.0.max_connections_per_host(limit))
    }

    /// Sets [`PoolLimits::max_idle_per_host`](crate::PoolLimits::max_idle_per_host).
    pub fn max_idle_per_host(self, limit: usize) -> Self {
        Self(self.0.max_idle_per_host(limit))
    }

    /// Sets [`PoolLimits::idle_timeout`](crate::PoolLimits::idle_timeout).
    pub fn idle_timeout(self, limit: Duration) -> Self {
        Self(self.0.idle_timeout(limit))
    }

    /// Speaks HTTP/1.1 alone: see [`crate::ClientBuilder::http1_only`].
    pub fn http1_only(self) -> Self {
        Self(self.0.http1_only())
    }

    /// Speaks HTTP/2 alone, over clear text too: see [`crate::ClientBuilder::http2_prior_knowledge`].
    #[cfg(feature = "http2")]
    pub fn http2_prior_knowledge(self) -> Self {
        Self(self.0.http2_prior_knowledge())
    }

    /// Asks servers that are silent whether they are there: see [`crate::ClientBuilder::http2_keepalive`].
    #[cfg(feature = "http2")]
    pub fn http2_keepalive(self, interval: Duration) -> Self {
        Self(self.0.http2_keepalive(interval))
    }

    /// Sets how TLS is spoken: see [`crate::ClientBuilder::tls`].
    #[cfg(feature = "tls")]
    pub fn tls(self, config: barewire_tls::ClientConfig) -> Self {
        Self(self.0.tls(config))
    }

    /// Connects to these addresses for a host, in place of looking it up: see
    /// [`crate::ClientBuilder::resolve`].
    pub fn resolve(self, host: &str, addrs: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self(self.0.resolve(host, addrs))
    }

    /// Sets the header fields of every request that has none of the same name itself.
    pub fn default_headers(self, headers: HeaderMap) -> Self {
        Self(self.0.default_headers(headers))
    }

    /// Sets `User-Agent`, in place of `barewire/` and the version.
    pub fn user_agent(self, user_agent: HeaderValue) -> Self {
        Self(self.0.user_agent(user_agent))
    }

    /// The client. Nothing is connected yet.
    pub fn build(self) -> Client<R> {
        Client(self.0.build())
    }
}
