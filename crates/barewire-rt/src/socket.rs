//! Sockets with their options set before they are bound: the part that no runtime does differently.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// How a listening socket is made. Plain fields: start from [`ListenOptions::default`].
///
/// ```
/// use barewire_rt::socket::{ListenOptions, listen_tcp};
///
/// let options = ListenOptions { backlog: 16, ..ListenOptions::default() };
/// let listener = listen_tcp("127.0.0.1:0".parse().unwrap(), &options)?;
/// assert_ne!(listener.local_addr()?.port(), 0);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// Connections that the system holds for us before it refuses more. Default 1,024.
    pub backlog: u32,
    /// `SO_REUSEPORT`: several processes share the port, and the system spreads connections among them.
    /// Where a system does not have it, listening fails with [`io::ErrorKind::Unsupported`]. Default false.
    pub reuse_port: bool,
    /// Take IPv4 too when listening on an IPv6 address. Default true.
    pub dual_stack: bool,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { backlog: 1024, reuse_port: false, dual_stack: true }
    }
}

/// A listening TCP socket of the standard library, with `SO_REUSEADDR` set where it means what it should.
///
/// # Errors
///
/// The address is in use, not of this machine, or needs a privilege.
pub fn listen_tcp(addr: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // On Windows the option lets another process take the port over.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if options.reuse_port {
        set_reuse_port(&socket)?;
    }
    if addr.is_ipv6() {
        socket.set_only_v6(!options.dual_stack)?;
    }
    socket.bind(&addr.into())?;
    socket.listen(backlog(options))?;
    Ok(socket.into())
}

/// A listening Unix socket of the standard library.
///
/// # Errors
///
/// The path is taken already, or cannot be created.
#[cfg(unix)]
pub fn listen_unix(
    path: &std::path::Path,
    options: &ListenOptions,
) -> io::Result<std::os::unix::net::UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&socket2::SockAddr::unix(path)?)?;
    socket.listen(backlog(options))?;
    Ok(socket.into())
}

/// What [`Listener::accept`](crate::Listener::accept) ends in once its listener was closed: an error of the
/// kind [`io::ErrorKind::NotConnected`].
pub fn listener_closed() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the listener was closed")
}

/// Whether an error of `accept` is about a connection that was given up before it was accepted, or about
/// nothing: it says nothing about the listener, and the next call may succeed.
pub fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// How long the system goes on sending after a TCP stream is dropped (`SO_LINGER`).
#[doc(hidden)]
pub fn set_linger(stream: &std::net::TcpStream, linger: Option<Duration>) -> io::Result<()> {
    SockRef::from(stream).set_linger(linger)
}

/// The methods that the TCP stream of every runtime has, over its `get_ref`: for adapters.
#[doc(hidden)]
#[macro_export]
macro_rules! tcp_options {
    () => {
        /// Where the other end is.
        ///
        /// # Errors
        ///
        /// The connection is broken already.
        pub fn peer_addr(&self) -> ::std::io::Result<::std::net::SocketAddr> {
            self.get_ref().peer_addr()
        }

        /// Where this end is.
        ///
        /// # Errors
        ///
        /// The system cannot tell.
        pub fn local_addr(&self) -> ::std::io::Result<::std::net::SocketAddr> {
            self.get_ref().local_addr()
        }

        /// Whether small writes leave at once (`TCP_NODELAY`). True for streams made by connecting and accepting.
        ///
        /// # Errors
        ///
        /// The connection is broken already.
        pub fn set_nodelay(&self, nodelay: bool) -> ::std::io::Result<()> {
            self.get_ref().set_nodelay(nodelay)
        }

        /// How long the system goes on sending after the stream is dropped (`SO_LINGER`). Zero makes dropping reset
        /// the connection; `None` is the default: in the background, as long as it takes.
        ///
        /// # Errors
        ///
        /// The connection is broken already.
        pub fn set_linger(&self, linger: Option<::std::time::Duration>) -> ::std::io::Result<()> {
            $crate::socket::set_linger(self.get_ref(), linger)
        }
    };
}

fn backlog(options: &ListenOptions) -> i32 {
    options.backlog.min(i32::MAX as u32) as i32
}

#[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
fn set_reuse_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(all(unix, not(any(target_os = "solaris", target_os = "illumos")))))]
fn set_reuse_port(_: &Socket) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no SO_REUSEPORT"))
}
