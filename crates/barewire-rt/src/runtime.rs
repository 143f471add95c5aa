use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures_io::{AsyncRead, AsyncWrite};

use crate::connect::{ConnectError, connect_any};
use crate::socket::ListenOptions;
use crate::{JoinError, Transport};

/// What clients, connections and drivers need of a runtime: sockets and time, and never `spawn`.
///
/// A runtime is a cheap handle. Its futures do not need to be polled on a thread of the runtime; where a
/// reactor has to be present and is not, they end in an [`io::Error`] that says so, never in a panic.
///
/// What is written over it runs on every runtime:
///
/// ```
/// use barewire_rt::Runtime;
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
/// use std::io;
/// use std::net::SocketAddr;
/// use std::time::Duration;
///
/// async fn ask<R: Runtime>(runtime: &R, addr: SocketAddr, question: &str) -> io::Result<String> {
///     let deadline = runtime.now() + Duration::from_secs(5);
///     let mut stream = runtime.connect_tcp(addr, Some(deadline)).await?;
///     stream.write_all(question.as_bytes()).await?;
///     stream.close().await?;
///     let mut answer = String::new();
///     stream.read_to_string(&mut answer).await?;
///     Ok(answer)
/// }
/// ```
pub trait Runtime: Clone + Send + Sync + Unpin + 'static {
    /// A connected TCP stream.
    type TcpStream: Transport + AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static;
    /// A listening TCP socket.
    type TcpListener: Listener<Stream = Self::TcpStream>;
    /// A bound UDP socket.
    type UdpSocket: UdpSocket;
    /// A connected Unix stream.
    type UnixStream: Transport + AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static;
    /// A listening Unix socket.
    type UnixListener: Listener<Stream = Self::UnixStream>;
    /// A future that is ready at an instant.
    type Sleep: Future<Output = ()> + Unpin + Send + Sync + 'static;

    /// The name that users know the runtime by, for logs.
    const NAME: &'static str;

    /// Connects to one address, with `TCP_NODELAY` set.
    ///
    /// Cancel-safe: dropping the future closes the socket. A blocking runtime gives up at `deadline` with
    /// [`io::ErrorKind::TimedOut`]; an async one may leave that to the caller.
    ///
    /// # Errors
    ///
    /// The peer refused or cannot be reached.
    fn connect_tcp(
        &self,
        addr: SocketAddr,
        deadline: Option<Instant>,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send;

    /// Connects to the first of several addresses that answers, each one tried `stagger` after the one
    /// before (RFC 8305, section 5). The order is the caller's: see [`interleave`](crate::interleave).
    ///
    /// Cancel-safe: dropping the future closes the sockets.
    ///
    /// # Errors
    ///
    /// See [`ConnectError`].
    fn connect_tcp_any(
        &self,
        addrs: Vec<SocketAddr>,
        stagger: Duration,
        deadline: Option<Instant>,
    ) -> impl Future<Output = Result<Self::TcpStream, ConnectError>> + Send {
        connect_any(self.clone(), addrs, stagger, deadline)
    }

    /// Binds and listens.
    ///
    /// # Errors
    ///
    /// The address is in use, is not one of this machine, or needs a privilege.
    fn listen_tcp(
        &self,
        addr: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<Self::TcpListener>;

    /// Binds a UDP socket.
    ///
    /// # Errors
    ///
    /// As [`listen_tcp`](Self::listen_tcp).
    fn bind_udp(&self, addr: SocketAddr) -> io::Result<Self::UdpSocket>;

    /// Connects to a Unix socket. Cancel-safe.
    ///
    /// # Errors
    ///
    /// There is no socket at the path, or nobody listens on it.
    fn connect_unix(
        &self,
        path: &Path,
    ) -> impl Future<Output = io::Result<Self::UnixStream>> + Send;

    /// Binds and listens on a Unix socket. A file that is there already is an error, not overwritten.
    ///
    /// # Errors
    ///
    /// The path is taken, or cannot be created.
    fn listen_unix(&self, path: &Path, options: &ListenOptions) -> io::Result<Self::UnixListener>;

    /// Looks a host name up with the system's resolver. Cancel-safe: the look-up is abandoned, not stopped.
    ///
    /// # Errors
    ///
    /// The name does not exist, or the resolver cannot be reached.
    fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// A future that is ready at an instant, which may have passed already. Cancel-safe.
    fn sleep_until(&self, at: Instant) -> Self::Sleep;

    /// A future that is ready after a duration. Cancel-safe.
    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.sleep_until(self.now() + duration)
    }

    /// The time, as everything on this runtime sees it.
    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// What the server's accept loop and toolkits need beyond [`Runtime`]: tasks and a pool for blocking work.
///
/// ```
/// use barewire_rt::{JoinError, Spawn};
///
/// async fn sum<R: Spawn>(runtime: &R, parts: Vec<Vec<u64>>) -> Result<u64, JoinError> {
///     // They all run before the first one is waited for.
///     let tasks: Vec<_> = parts
///         .into_iter()
///         .map(|part| runtime.spawn_blocking(move || part.iter().sum::<u64>()))
///         .collect();
///     let mut sum = 0;
///     for task in tasks {
///         sum += task.await?;
///     }
///     Ok(sum)
/// }
/// ```
pub trait Spawn: Runtime {
    /// A handle that waits for a task. Dropping it leaves the task running.
    type JoinHandle<T: Send + 'static>: Future<Output = Result<T, JoinError>>
        + Send
        + Unpin
        + 'static;

    /// Runs a future as a task of its own.
    fn spawn<F>(&self, future: F) -> Self::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Runs a closure where it may block.
    fn spawn_blocking<F, T>(&self, work: F) -> Self::JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static;

    /// Runs a future to its end on this thread, with the runtime's tasks going on meanwhile.
    fn block_on<F: Future>(&self, future: F) -> F::Output;
}

/// Who is at the other end of an accepted stream, or where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PeerAddr {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// A Unix socket, with its path where it has one.
    Unix(Option<PathBuf>),
}

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => addr.fmt(f),
            Self::Unix(Some(path)) => write!(f, "unix:{}", path.display()),
            Self::Unix(None) => f.write_str("unix:"),
        }
    }
}

/// A listening socket.
///
/// ```
/// use barewire_rt::{Listener, Spawn};
/// use futures_lite::AsyncWriteExt;
/// use std::io;
///
/// async fn greet<R: Spawn>(runtime: R, listener: R::TcpListener) -> io::Result<()> {
///     loop {
///         let (mut stream, peer) = listener.accept().await?;
///         runtime.spawn(async move {
///             let greeting = format!("Hello, {peer}\n");
///             stream.write_all(greeting.as_bytes()).await?;
///             stream.close().await
///         });
///     }
/// }
/// ```
pub trait Listener: Send + Sync + 'static {
    /// What it accepts.
    type Stream: Transport + AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static;

    /// Waits for a connection; TCP streams come with `TCP_NODELAY` set. Cancel-safe: no accepted connection is lost.
    ///
    /// # Errors
    ///
    /// The listener was [closed](Self::close), the connection that was to be accepted failed, or the system has no
    /// room for it: after the last two the next one may be fine.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, PeerAddr)>> + Send;

    /// Where it listens: with port 0 asked for, the port that the system picked.
    ///
    /// # Errors
    ///
    /// The system cannot tell.
    fn local_addr(&self) -> io::Result<PeerAddr>;

    /// Stops listening: an `accept` that is waiting, on any thread, ends in the error
    /// [`listener_closed`](crate::socket::listener_closed), and so does every later one. Connections that were
    /// not accepted are refused or reset by the system, now or when the listener is dropped.
    fn close(&self);
}

/// A bound UDP socket. All methods are cancel-safe: a datagram is received whole or not at all.
///
/// ```
/// use barewire_rt::UdpSocket;
/// use std::io;
///
/// async fn echo(socket: impl UdpSocket) -> io::Result<()> {
///     // The largest payload of a datagram over IPv4; what does not fit is cut off.
///     let mut buf = vec![0; 65_507];
///     loop {
///         let (n, from) = socket.recv_from(&mut buf).await?;
///         socket.send_to(&buf[..n], from).await?;
///     }
/// }
/// ```
pub trait UdpSocket: Send + Sync + 'static {
    /// Receives one datagram: its length in bytes, cut to `buf`, and who sent it.
    ///
    /// # Errors
    ///
    /// What the system reports, such as that a peer could not be reached by what was sent before.
    fn recv_from(
        &self,
        buf: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> + Send;

    /// Sends one datagram; how many bytes of it.
    ///
    /// # Errors
    ///
    /// It is too long, or there is no way to `to`.
    fn send_to(&self, buf: &[u8], to: SocketAddr)
    -> impl Future<Output = io::Result<usize>> + Send;

    /// Sets the one peer that [`recv`](Self::recv) and [`send`](Self::send) talk to.
    ///
    /// # Errors
    ///
    /// The address cannot be reached from this socket.
    fn connect(&self, to: SocketAddr) -> io::Result<()>;

    /// Receives one datagram of the connected peer: its length in bytes, cut to `buf`.
    ///
    /// # Errors
    ///
    /// As [`recv_from`](Self::recv_from); [`io::ErrorKind::ConnectionRefused`] where nobody listens at the peer.
    fn recv(&self, buf: &mut [u8]) -> impl Future<Output = io::Result<usize>> + Send;

    /// Sends one datagram to the connected peer; how many bytes of it.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv) and [`send_to`](Self::send_to); none is connected.
    fn send(&self, buf: &[u8]) -> impl Future<Output = io::Result<usize>> + Send;

    /// Where it is bound.
    ///
    /// # Errors
    ///
    /// The system cannot tell.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}
