use std::io;
use std::os::unix::net::SocketAddr;
use std::path::Path;

use barewire_rt::socket::{self, ListenOptions};
use barewire_rt::{Listener, PeerAddr};

use crate::Stream;
use crate::acceptor::Acceptor;

/// A connected Unix stream.
///
/// ```
/// use barewire_std::UnixStream;
/// use std::io::{Read, Write};
///
/// let (mut one, mut other) = UnixStream::pair()?;
/// one.write_all(b"hello")?;
/// drop(one);
/// let mut text = String::new();
/// other.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # std::io::Result::Ok(())
/// ```
pub type UnixStream = Stream<std::os::unix::net::UnixStream>;

impl UnixStream {
    /// Connects to a path, and blocks until the connection stands.
    ///
    /// # Errors
    ///
    /// There is no socket at the path, or nobody listens on it.
    pub fn connect(path: &Path) -> io::Result<Self> {
        Ok(Self::new(std::os::unix::net::UnixStream::connect(path)?))
    }

    /// Two streams that are connected to each other.
    ///
    /// # Errors
    ///
    /// The process has too many files open.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = std::os::unix::net::UnixStream::pair()?;
        Ok((Self::new(one), Self::new(other)))
    }
}

impl TryFrom<std::os::unix::net::UnixStream> for UnixStream {
    type Error = io::Error;

    /// Makes the socket blocking.
    fn try_from(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        Ok(Self::new(stream))
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
        Ok(Self(Acceptor::new(socket::listen_unix(path, options)?)))
    }

    /// The socket of the standard library.
    pub fn get_ref(&self) -> &std::os::unix::net::UnixListener {
        self.0.get_ref()
    }

    /// Blocks until a connection comes.
    ///
    /// # Errors
    ///
    /// The listener was closed, or the system has no room for the connection.
    pub fn accept_blocking(&self) -> io::Result<(UnixStream, PeerAddr)> {
        let (stream, peer) = self.0.accept(std::os::unix::net::UnixListener::accept)?;
        Ok((UnixStream::new(stream), unix_addr(&peer)))
    }
}

impl TryFrom<std::os::unix::net::UnixListener> for UnixListener {
    type Error = io::Error;

    /// Makes the socket blocking.
    fn try_from(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(false)?;
        Ok(Self(Acceptor::new(listener)))
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, PeerAddr)> {
        self.accept_blocking()
    }

    fn local_addr(&self) -> io::Result<PeerAddr> {
        self.get_ref().local_addr().map(|addr| unix_addr(&addr))
    }

    fn close(&self) {
        self.0.close();
    }
}

fn unix_addr(addr: &SocketAddr) -> PeerAddr {
    PeerAddr::Unix(addr.as_pathname().map(Path::to_path_buf))
}
