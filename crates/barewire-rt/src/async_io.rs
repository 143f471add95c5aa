//! Sockets and timers on the reactor of the crate `async-io`, which smol and async-std share. Feature `async-io`.
//!
//! Who writes an application takes `barewire-smol` or `barewire-async-std`, which add tasks and re-export all
//! of this; an executor of one's own on `async-io` needs nothing more than this module.
//!
//! The sockets may be used on any thread, with any executor: the reactor starts itself. Unix systems only, for
//! want of Unix sockets elsewhere.

mod acceptor;
mod alarm;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod edge;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod oneshot;
mod runtime;
mod stream;
mod tcp;
mod timer;
mod udp;
mod unix;

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

#[cfg(any(target_os = "linux", target_os = "android"))]
use edge::Source;
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use edge::look_ahead;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
use oneshot::Source;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub use oneshot::look_ahead;
pub use runtime::OnAsyncIo;
pub use stream::{ReadHalf, Socket, Stream, WriteHalf};
pub use tcp::{TcpListener, TcpStream};
pub use timer::Sleep;
pub use udp::UdpSocket;
pub use unix::{UnixListener, UnixStream};

/// Looks a host name up with the system's resolver, on the pool for blocking work. An IP address is not looked up.
///
/// Cancel-safe: the look-up is abandoned, not stopped.
///
/// # Errors
///
/// The name does not exist, or the resolver cannot be reached.
pub async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let host = host.to_owned();
    blocking::unblock(move || Ok((host, port).to_socket_addrs()?.collect())).await
}
