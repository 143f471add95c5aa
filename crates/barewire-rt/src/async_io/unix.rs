use std::io;
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use ::async_io::Async;
use socket2::SockRef;

use super::Stream;
use super::acceptor::Acceptor;
use crate::socket::{self, ListenOptions};
use crate::{Listener, PeerAddr};

/// A connected Unix stream.
///
/// ```
/// use barewire_rt::async_io::UnixStream;
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
///
/// # futures_lite::future::block_on(async {
/// let (mut one, mut other) = UnixStream::pair()?;
/// one.write_all(b"hello").await?;
/// one.close().await?;
/// let mut text = String::new();
/// other.read_to_string(&mut text).await?;
/// assert_eq!(text, "hello");
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub type UnixStream = Stream<std::os::unix::net::UnixStream>;

impl UnixStream {
    /// Connects to a path. Cancel-safe.
    ///
    /// # Errors
    ///
    /// There is no socket at the path, or nobody listens on it.
    pub async fn connect(path: &Path) -> io::Result<Self> {
        let io = Async::<std::os::unix::net::UnixStream>::connect(path).await?;
        Self::connected(io.into_inner()?)
    }

    /// Two streams that are connected to each other.
    ///
    /// # Errors
    ///
    /// The process has too many files open.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = std::os::unix::net::UnixStream::pair()?;
        Ok((Self::new(one)?, Self::new(other)?))
    }
}

impl TryFrom<std::os::unix::net::UnixStream> for UnixStream {
    type Error = io::Error;

    /// Makes the socket non-blocking.
    fn try_from(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        Self::new(stream)
    }
}

/// A listening Unix socket. Its file stays when it is dropped, as the system has it.
#[derive(Debug)]
pub struct UnixListener(Acceptor<std::os::unix::net::UnixListener>);

impl UnixListener {
    /// Binds and listens. A file that is there already is an error, not overwritten.
    ///
    /// # Errors
    ///
    /// The path is taken, or cannot be created.
    pub fn bind(path: &Path, options: &ListenOptions) -> io::Result<Self> {
        socket::listen_unix(path, options)?.try_into()
    }

    /// The socket of the standard library. It is non-blocking.
    pub fn get_ref(&self) -> &std::os::unix::net::UnixListener {
        self.0.get_ref()
    }
}

impl TryFrom<std::os::unix::net::UnixListener> for UnixListener {
    type Error = io::Error;

    /// Makes the socket non-blocking.
    fn try_from(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        Ok(Self(Acceptor::new(Async::new(listener)?)))
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, PeerAddr)> {
        let (stream, peer) = self.0.accept(std::os::unix::net::UnixListener::accept).await?;
        Ok((UnixStream::try_from(stream)?, unix_addr(&peer)))
    }

    fn local_addr(&self) -> io::Result<PeerAddr> {
        self.get_ref().local_addr().map(|addr| unix_addr(&addr))
    }

    fn close(&self) {
        self.0.close();
        // Where a listening socket cannot be shut down, it refuses connections once it is dropped.
        let _ = SockRef::from(self.get_ref()).shutdown(Shutdown::Both);
    }
}

fn unix_addr(addr: &SocketAddr) -> PeerAddr {
    PeerAddr::Unix(addr.as_pathname().map(Path::to_path_buf))
}
