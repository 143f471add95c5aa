use std::io;
use std::net::SocketAddr;

use ::async_io::Async;

/// A bound UDP socket. Any number of tasks may send and receive at once.
///
/// ```
/// use barewire_rt::UdpSocket as _;
/// use barewire_rt::async_io::UdpSocket;
///
/// # futures_lite::future::block_on(async {
/// let server = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
/// let client = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
/// client.connect(server.local_addr()?)?;
/// client.send(b"ping").await?;
///
/// let mut buf = [0; 64];
/// let (n, from) = server.recv_from(&mut buf).await?;
/// assert_eq!((&buf[..n], from), (&b"ping"[..], client.local_addr()?));
/// # std::io::Result::Ok(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct UdpSocket(Async<std::net::UdpSocket>);

impl UdpSocket {
    /// Binds a socket.
    ///
    /// # Errors
    ///
    /// The address is in use, is not one of this machine, or needs a privilege.
    pub fn bind(addr: SocketAddr) -> io::Result<Self> {
        Ok(Self(Async::<std::net::UdpSocket>::bind(addr)?))
    }

    /// The socket of the standard library, for its options. It is non-blocking.
    pub fn get_ref(&self) -> &std::net::UdpSocket {
        self.0.get_ref()
    }
}

impl TryFrom<std::net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    /// Makes the socket non-blocking and leaves its other options as they are.
    fn try_from(socket: std::net::UdpSocket) -> io::Result<Self> {
        Ok(Self(Async::new(socket)?))
    }
}

impl crate::UdpSocket for UdpSocket {
    async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.recv_from(buf).await
    }

    async fn send_to(&self, buf: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.0.send_to(buf, to).await
    }

    fn connect(&self, to: SocketAddr) -> io::Result<()> {
        self.get_ref().connect(to)
    }

    async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf).await
    }

    async fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.send(buf).await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.get_ref().local_addr()
    }
}
