use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use barewire_rt::socket::ListenOptions;
use barewire_rt::{Listener, PeerAddr, Spawn};

use crate::accept::accept;
use crate::begin::Common;
use crate::drain::{Phase, Registry, drain};
#[cfg(feature = "http2")]
use crate::http2;
use crate::{Config, Handler, ServeError};

/// Who sent a request: in its extensions where [`Config::connect_info`] asks for it.
///
/// ```
/// use barewire_server::{Body, ConnectInfo};
/// use http::Request;
///
/// async fn who(request: Request<Body>) -> String {
///     match request.extensions().get::<ConnectInfo>() {
///         Some(ConnectInfo(peer)) => format!("You are {peer}\n"),
///         None => "`connect_info` is off\n".to_owned(),
///     }
/// }
/// # fn is_handler(_: impl barewire_server::Handler) {}
/// # is_handler(who);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectInfo(pub PeerAddr);

/// An HTTP server on one listening socket.
///
/// ```
/// use barewire_server::{Config, Server};
/// use barewire_smol::Smol;
/// use std::time::Duration;
///
/// let runtime = Smol::default();
/// let mut config = Config::default();
/// config.max_connections = 1_000;
/// config.drain_timeout = Duration::from_secs(5);
/// config.http1.limits.max_head = 16 * 1024;
/// let server = Server::listen(runtime.clone(), "127.0.0.1:0")?.config(config);
///
/// // From a signal, another thread, or as here from a task:
/// let (handle, clock) = (server.handle(), runtime.clone());
/// runtime.spawn(async move {
///     clock.sleep(Duration::from_millis(10)).await;
///     handle.shutdown();
/// });
/// // Returns when what was accepted is answered.
/// runtime.block_on(server.serve(async |_request| "Hello, World!"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server<R, L> {
    runtime: R,
    listener: Arc<L>,
    config: Config,
    #[cfg(feature = "tls")]
    tls: Option<barewire_tls::ServerConfig>,
    handle: Handle,
}

/// Tells a running server to stop, from any task or thread: see [`Server`]. Clones tell the same server.
#[derive(Clone)]
pub struct Handle {
    stop: Arc<Stop>,
}

struct Stop {
    registry: Arc<Registry>,
    close: Box<dyn Fn() + Send + Sync>,
}

/// Serves a handler on a listener with the default [`Config`], for ever: for what [`Server`] can do beside, such as
/// to stop, there is no handle. Dropping the future stops accepting, and leaves connections to themselves.
///
/// # Errors
///
/// See [`Server::serve`].
pub async fn serve<R: Spawn, L: Listener>(
    runtime: R,
    listener: L,
    handler: impl Handler,
) -> Result<(), ServeError> {
    Server::new(runtime, listener).serve(handler).await
}

impl<R: Spawn> Server<R, R::TcpListener> {
    /// A server on a host and a port, on the first of its addresses that can be listened on, as
    /// [`std::net::TcpListener::bind`] does it; port 0 lets the system pick one. A name is looked up by the system's
    /// resolver, which blocks this thread.
    ///
    /// ```
    /// # use barewire_server::Server;
    /// # use barewire_smol::Smol;
    /// let server = Server::listen(Smol::default(), "127.0.0.1:0")?;
    /// println!("listening on http://{}", server.local_addr()?);
    /// let server = Server::listen(Smol::default(), ("localhost", 0))?;
    ///
    /// let error = Server::listen(Smol::default(), "localhost").unwrap_err();
    /// assert!(error.to_string().starts_with("cannot listen on \"localhost\": "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ServeError::Resolve`]: it is no host and port, or the host has no address. [`ServeError::Listen`]: the last
    /// of the addresses is in use, is not of this machine, or needs a privilege.
    pub fn listen(runtime: R, addrs: impl ToSocketAddrs + fmt::Debug) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Resolve { address: format!("{addrs:?}"), source };
        let mut error = None;
        for addr in addrs.to_socket_addrs().map_err(failed)? {
            match Self::bind(runtime.clone(), addr) {
                Ok(server) => return Ok(server),
                Err(failed) => error = Some(failed),
            }
        }
        Err(error.unwrap_or_else(|| failed(io::ErrorKind::NotFound.into())))
    }

    /// A server on one TCP address, which is not looked up: see [`listen`](Self::listen) for text.
    ///
    /// # Errors
    ///
    /// [`ServeError::Listen`]: the address is in use, is not of this machine, or needs a privilege.
    pub fn bind(runtime: R, addr: SocketAddr) -> Result<Self, ServeError> {
        Self::bind_with(runtime, addr, &ListenOptions::default())
    }

    /// The same with a backlog or `SO_REUSEPORT`.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn bind_with(
        runtime: R,
        addr: SocketAddr,
        options: &ListenOptions,
    ) -> Result<Self, ServeError> {
        let listener = runtime
            .listen_tcp(addr, options)
            .map_err(|source| ServeError::Listen { address: addr.to_string(), source })?;
        Ok(Self::new(runtime, listener))
    }
}

impl<R: Spawn> Server<R, R::UnixListener> {
    /// A server on a Unix socket. The file must not exist; who removes it is up to the caller.
    ///
    /// # Errors
    ///
    /// [`ServeError::Listen`]: the path is taken, or cannot be created.
    pub fn bind_unix(runtime: R, path: &std::path::Path) -> Result<Self, ServeError> {
        let listener = runtime
            .listen_unix(path, &ListenOptions::default())
            .map_err(|source| ServeError::Listen { address: path.display().to_string(), source })?;
        Ok(Self::new(runtime, listener))
    }
}

impl<R: Spawn, L: Listener> Server<R, L> {
    /// A server on a listener that is there already.
    pub fn new(runtime: R, listener: L) -> Self {
        let listener = Arc::new(listener);
        // Who keeps a handle does not keep the socket.
        let closing = Arc::downgrade(&listener);
        let close = move || closing.upgrade().into_iter().for_each(|listener| listener.close());
        let stop = Stop { registry: Arc::default(), close: Box::new(close) };
        let handle = Handle { stop: Arc::new(stop) };
        Self {
            runtime,
            listener,
            config: Config::default(),
            #[cfg(feature = "tls")]
            tls: None,
            handle,
        }
    }

    /// Sets the configuration.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Speaks TLS on every connection, and nothing in clear text. Which version of HTTP a client speaks is agreed
    /// on by ALPN (RFC 7301, RFC 9113, section 3.2): a configuration that names no protocol is taken to name
    /// `h2`, unless the feature `http2` is off, and `http/1.1`. One that names some is taken at its word, so that
    /// `http/1.1` alone turns HTTP/2 off. A client without ALPN speaks HTTP/1.1.
    ///
    /// ```
    /// # #[cfg(not(feature = "self-signed"))] fn main() {}
    /// # #[cfg(feature = "self-signed")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use barewire_server::Server;
    /// use barewire_server::tls::ServerConfig;
    /// # use barewire_smol::Smol;
    ///
    /// # let made = barewire_server::tls::SelfSigned::new(["localhost"])?;
    /// # let dir = std::env::temp_dir().join(format!("barewire-server-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&dir)?;
    /// # let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    /// # std::fs::write(&cert, made.certificate_pem())?;
    /// # std::fs::write(&key, made.key_pem())?;
    /// let config = ServerConfig::builder().certificate_files(&cert, &key).build()?;
    /// let runtime = Smol::default();
    /// // A clone exchanges the certificates while the server runs: `config.reload()`.
    /// let server = Server::listen(runtime.clone(), "127.0.0.1:0")?.tls(config.clone());
    /// println!("listening on https://{}", server.local_addr()?);
    /// # server.handle().shutdown();
    /// runtime.block_on(server.serve(async |_request| "Hello, World!"))?;
    /// # std::fs::remove_dir_all(&dir)?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, config: barewire_tls::ServerConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// Where the server listens.
    ///
    /// # Errors
    ///
    /// The system cannot tell.
    pub fn local_addr(&self) -> io::Result<PeerAddr> {
        self.listener.local_addr()
    }

    /// A handle to stop the server with, from another task or thread.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Accepts and serves until [`Handle::shutdown`]; then finishes what was accepted.
    ///
    /// Dropping the future stops accepting, and leaves connections to themselves.
    ///
    /// # Errors
    ///
    /// [`ServeError::Accept`] when the listening socket breaks; [`ServeError::DrainTimedOut`] when
    /// connections had to be cut at the end.
    pub async fn serve(self, handler: impl Handler) -> Result<(), ServeError> {
        let Self { runtime, listener, config, handle, .. } = self;
        let _guard = CloseOnDrop(handle.clone());
        let drain_timeout = config.drain_timeout;
        let registry = Arc::clone(&handle.stop.registry);
        let max_connections = config.max_connections;
        #[cfg(feature = "tls")]
        let versions = config.alpn();
        let mut http1 = config.http1;
        // One handler at a time: further requests wait in the input, and are answered in the same write.
        http1.limits.max_pipelined = 1;
        let common = Common {
            runtime: runtime.clone(),
            handler,
            http1: Arc::new(http1),
            #[cfg(feature = "http2")]
            http2: Arc::new(config.http2),
            #[cfg(feature = "http2")]
            monitor: Arc::default(),
            #[cfg(feature = "http2")]
            places: http2::Places::new(config.max_extra_threads),
            #[cfg(feature = "http2")]
            http1_only: config.http1_only,
            #[cfg(feature = "http2")]
            h2c_upgrade: config.h2c_upgrade,
            #[cfg(feature = "tls")]
            tls: self.tls.map(|tls| with_spoken(tls, versions)),
            connect_info: config.connect_info,
        };
        // A task of its own: a future given to an executor's `run` is polled at every wake of any task.
        let accepting =
            accept(runtime.clone(), listener, max_connections, registry, Arc::new(common));
        let accepting = runtime.spawn(accepting);
        let accepted = accepting.await.unwrap_or_else(|panicked| Err(io::Error::other(panicked)));
        accepted.map_err(ServeError::Accept)?;
        drain(&runtime, &handle.stop.registry, drain_timeout).await
    }
}

/// The configuration with the protocols of ALPN that are served: what it names, or else all of `spoken`.
#[cfg(feature = "tls")]
fn with_spoken(config: barewire_tls::ServerConfig, spoken: &[&str]) -> barewire_tls::ServerConfig {
    let mut protocols = config.alpn();
    // Whoever picked it would be answered in another language.
    protocols.retain(|name| name != b"h2" || spoken.contains(&"h2"));
    if protocols.is_empty() {
        protocols.extend(spoken.iter().map(|name| name.as_bytes().to_vec()));
    }
    // Only a configuration of rustls' own can hold a name that is refused, and is left as it was made.
    config.with_alpn(protocols).unwrap_or(config)
}

struct CloseOnDrop(Handle);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        (self.0.stop.close)();
    }
}

impl Handle {
    /// Stops accepting, lets every connection finish what it has begun, and makes
    /// [`Server::serve`] return. A connection that is idle is closed at once.
    pub fn shutdown(&self) {
        self.stop.registry.enter(Phase::Draining);
        (self.stop.close)();
    }

    /// Stops accepting and cuts every connection.
    pub fn abort(&self) {
        self.stop.registry.enter(Phase::Cutting);
        self.shutdown();
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.stop.registry.len()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("connections", &self.connections()).finish()
    }
}

impl<R, L> fmt::Debug for Server<R, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use barewire_smol::Smol;
    use std::net::TcpListener;

    #[test]
    fn the_first_address_that_can_be_listened_on_is_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = listener.local_addr().unwrap();
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::listen(Smol::default(), &[taken, free][..]).unwrap();
        assert_ne!(server.local_addr().unwrap(), PeerAddr::Tcp(taken));
        let error = Server::listen(Smol::default(), taken).unwrap_err();
        assert!(matches!(error, ServeError::Listen { .. }), "{error}");
    }

    #[test]
    fn what_is_no_host_and_port_is_said() {
        for given in ["localhost", "localhost:", "localhost:65536", "[::1", ""] {
            let error = Server::listen(Smol::default(), given).unwrap_err();
            assert!(matches!(error, ServeError::Resolve { .. }), "{error:?}");
            let text = error.to_string();
            assert!(text.starts_with(&format!("cannot listen on {given:?}: ")), "{text}");
        }
        let error = Server::listen(Smol::default(), &[][..]).unwrap_err();
        assert!(matches!(error, ServeError::Resolve { .. }), "{error:?}");
    }

    #[cfg(feature = "self-signed")]
    #[test]
    fn alpn_is_what_the_configuration_names_or_else_all_that_is_spoken() {
        let given = barewire_tls::SelfSigned::new(["localhost"]).unwrap().server();
        let check = |config: &Config, h2: bool| {
            let all = if h2 { &["h2", "http/1.1"][..] } else { &["http/1.1"] };
            for (named, spoken) in [
                (&[][..], all),
                (&["http/1.1"], &["http/1.1"]),
                (&["h2"], if h2 { &["h2"] } else { &["http/1.1"] }),
                (&["http/1.1", "h2"], if h2 { &["http/1.1", "h2"] } else { &["http/1.1"] }),
                (&["acme-tls/1"], &["acme-tls/1"]),
            ] {
                let tls = given.clone().alpn(named.iter().copied()).build().unwrap();
                let spoken: Vec<_> = spoken.iter().map(|name| name.as_bytes().to_vec()).collect();
                assert_eq!(with_spoken(tls, config.alpn()).alpn(), spoken, "{named:?}");
            }
        };
        check(&Config::default(), cfg!(feature = "http2"));
        #[cfg(feature = "http2")]
        check(&Config { http1_only: true, ..Config::default() }, false);
    }
}
