use std::io;
use std::net::SocketAddr;

/// A bound UDP socket. Any number of threads may send and receive at once.
///
/// The methods of [`barewire_rt::UdpSocket`] block when they are polled; [`get_ref`](Self::get_ref) has the
/// same without futures, and time limits.
///
/// ```
/// use barewire_std::UdpSocket;
/// use std::time::Duration;
///
/// let server = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
/// let client = UdpSocket::bind("127.0.0.1:0".parse().unwrap())?;
/// client.get_ref().send_to(b"ping", server.get_ref().local_addr()?)?;
///
/// server.get_ref().set_read_timeout(Some(Duration::from_secs(5)))?;
/// let mut buf = [0; 64];
/// let (n, from) = server.get_ref().recv_from(&mut buf)?;
/// assert_eq!((&buf[..n], from), (&b"ping"[..], client.get_ref().local_addr()?));
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct UdpSocket(std::net::UdpSocket);

impl UdpSocket {
    /// Binds a socket.
    ///
    /// # Errors
    ///
    /// The address is in use, is not one of this machine, or needs a privilege.
    pub fn bind(addr: SocketAddr) -> io::Result<Self> {
        Ok(Self(std::net::UdpSocket::bind(addr)?))
    }

    /// The socket of the standard library.
    pub fn get_ref(&self) -> &std::net::UdpSocket {
        &self.0
    }
}

impl TryFrom<std::net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    /// Makes the socket blocking and leaves its other options as they are.
    fn try_from(socket: std::net::UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        Ok(Self(socket))
    }
}

impl barewire_rt::UdpSocket for UdpSocket {
    async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.0.recv_from(buf)
    }

    async fn send_to(&self, buf: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.0.send_to(buf, to)
    }

    fn connect(&self, to: SocketAddr) -> io::Result<()> {
        self.0.connect(to)
    }

    async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buf)
    }

    async fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.send(buf)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
