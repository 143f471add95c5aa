use std::io;
use std::net::{Shutdown, SocketAddr};
use std::time::Instant;

use ::async_io::Async;
use futures_lite::future;
use socket2::SockRef;

use super::acceptor::Acceptor;
use super::{Sleep, Stream};
use crate::socket::{self, ListenOptions};
use crate::{Listener, PeerAddr};

/// A connected TCP stream.
///
/// ```
/// use barewire_rt::Listener;
/// use barewire_rt::async_io::{TcpListener, TcpStream};
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
///
/// # futures_lite::future::block_on(async {
/// let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap(), &Default::default())?;
/// let mut client = TcpStream::connect(listener.get_ref().local_addr()?, None).await?;
/// client.write_all(b"hello").await?;
///
/// let (mut server, _) = listener.accept().await?;
/// let mut buf = [0; 5];
/// server.read_exact(&mut buf).await?;
/// assert_eq!(&buf, b"hello");
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
pub type TcpStream = Stream<std::net::TcpStream>;

impl TcpStream {
    /// Connects to one address, with `TCP_NODELAY` set. Cancel-safe: dropping the future closes the socket.
    ///
    /// # Errors
    ///
    /// The peer refused or cannot be reached; [`io::ErrorKind::TimedOut`] at the deadline.
    pub async fn connect(addr: SocketAddr, deadline: Option<Instant>) -> io::Result<Self> {
        let connecting = Async::<std::net::TcpStream>::connect(addr);
        let io = match deadline {
            None => connecting.await?,
            Some(at) => {
                let late = async {
                    Sleep::until(at).await;
                    Err(io::ErrorKind::TimedOut.into())
                };
                future::or(connecting, late).await?
            }
        };
        io.get_ref().set_nodelay(true)?;
        Self::connected(io.into_inner()?)
    }

    crate::tcp_options!();
}

impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    /// Makes the socket non-blocking and leaves its other options as they are.
    fn try_from(stream: std::net::TcpStream) -> io::Result<Self> {
        Self::new(stream)
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
        socket::listen_tcp(addr, options)?.try_into()
    }

    /// The socket of the standard library, for its options. It is non-blocking.
    pub fn get_ref(&self) -> &std::net::TcpListener {
        self.0.get_ref()
    }
}

impl TryFrom<std::net::TcpListener> for TcpListener {
    type Error = io::Error;

    /// Makes the socket non-blocking and leaves its other options as they are.
    fn try_from(listener: std::net::TcpListener) -> io::Result<Self> {
        Ok(Self(Acceptor::new(Async::new(listener)?)))
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, PeerAddr)> {
        let (stream, peer) = self.0.accept(std::net::TcpListener::accept).await?;
        stream.set_nodelay(true)?;
        Ok((TcpStream::try_from(stream)?, PeerAddr::Tcp(peer)))
    }

    fn local_addr(&self) -> io::Result<PeerAddr> {
        self.get_ref().local_addr().map(PeerAddr::Tcp)
    }

    fn close(&self) {
        self.0.close();
        // Where a listening socket cannot be shut down, it refuses connections once it is dropped.
        let _ = SockRef::from(self.get_ref()).shutdown(Shutdown::Both);
    }
}
