use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use barewire_rt::socket::{self, ListenOptions};
use barewire_rt::{Listener, PeerAddr};

use crate::Stream;
use crate::acceptor::Acceptor;

/// A connected TCP stream.
///
/// ```
/// use barewire_std::{TcpListener, TcpStream};
/// use std::io::{Read, Write};
///
/// let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap(), &Default::default())?;
/// let mut client = TcpStream::connect(listener.get_ref().local_addr()?, None)?;
/// client.write_all(b"hello")?;
///
/// let (mut server, _) = listener.accept_blocking()?;
/// let mut buf = [0; 5];
/// server.read_exact(&mut buf)?;
/// assert_eq!(&buf, b"hello");
/// # std::io::Result::Ok(())
/// ```
pub type TcpStream = Stream<std::net::TcpStream>;

impl TcpStream {
    /// Connects to one address, with `TCP_NODELAY` set, and blocks until the connection stands.
    ///
    /// # Errors
    ///
    /// The peer refused or cannot be reached; [`io::ErrorKind::TimedOut`] at the deadline.
    pub fn connect(addr: SocketAddr, deadline: Option<Instant>) -> io::Result<Self> {
        let stream = match deadline.map(|at| at.saturating_duration_since(Instant::now())) {
            None => std::net::TcpStream::connect(addr)?,
            Some(Duration::ZERO) => return Err(io::ErrorKind::TimedOut.into()),
            Some(left) => std::net::TcpStream::connect_timeout(&addr, left)?,
        };
        stream.set_nodelay(true)?;
        Ok(Self::new(stream))
    }

    barewire_rt::tcp_options!();
}

impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    /// Makes the socket blocking and leaves its other options as they are.
    fn try_from(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        Ok(Self::new(stream))
    }
}

/// A listening TCP socket.
#[derive(Debug)]
pub struct TcpListener(Acceptor<std::net::TcpListener>);

impl TcpListener {
    /// Binds and listens.
    ///
    /// # Errors
    ///
    /// The address is in use, is not one of this machine, or needs a privilege.
    pub fn bind(addr: SocketAddr, options: &ListenOptions) -> io::Result<Self> {
        Ok(Self(Acceptor::new(socket::listen_tcp(addr, options)?)))
    }

    /// The socket of the standard library, for its options.
    pub fn get_ref(&self) -> &std::net::TcpListener {
        self.0.get_ref()
    }

    /// Blocks until a connection comes; it has `TCP_NODELAY` set.
    ///
    /// # Errors
    ///
    /// The listener was closed, or the system has no room for the connection.
    pub fn accept_blocking(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.0.accept(std::net::TcpListener::accept)?;
        stream.set_nodelay(true)?;
        Ok((TcpStream::new(stream), peer))
    }
}

impl TryFrom<std::net::TcpListener> for TcpListener {
    type Error = io::Error;

    /// Makes the socket blocking and leaves its other options as they are.
    fn try_from(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(false)?;
        Ok(Self(Acceptor::new(listener)))
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, PeerAddr)> {
        self.accept_blocking().map(|(stream, peer)| (stream, PeerAddr::Tcp(peer)))
    }

    fn local_addr(&self) -> io::Result<PeerAddr> {
        self.get_ref().local_addr().map(PeerAddr::Tcp)
    }

    fn close(&self) {
        self.0.close();
    }
}
