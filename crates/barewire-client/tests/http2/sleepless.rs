//! A runtime on which no time passes while somebody waits: only what is woken goes on.

use std::future::{Future, Pending, pending};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use barewire_rt::Runtime;
use barewire_rt::socket::ListenOptions;
use barewire_smol::Smol;

/// smol, without its timers.
#[derive(Clone)]
pub(crate) struct Sleepless(pub(crate) Smol);

impl Runtime for Sleepless {
    type TcpStream = <Smol as Runtime>::TcpStream;
    type TcpListener = <Smol as Runtime>::TcpListener;
    type UdpSocket = <Smol as Runtime>::UdpSocket;
    type UnixStream = <Smol as Runtime>::UnixStream;
    type UnixListener = <Smol as Runtime>::UnixListener;
    type Sleep = Pending<()>;

    const NAME: &'static str = "sleepless";

    fn connect_tcp(
        &self,
        addr: SocketAddr,
        deadline: Option<Instant>,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send {
        self.0.connect_tcp(addr, deadline)
    }

    fn listen_tcp(
        &self,
        addr: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<Self::TcpListener> {
        self.0.listen_tcp(addr, options)
    }

    fn bind_udp(&self, addr: SocketAddr) -> io::Result<Self::UdpSocket> {
        self.0.bind_udp(addr)
    }

    fn connect_unix(
        &self,
        path: &Path,
    ) -> impl Future<Output = io::Result<Self::UnixStream>> + Send {
        self.0.connect_unix(path)
    }

    fn listen_unix(&self, path: &Path, options: &ListenOptions) -> io::Result<Self::UnixListener> {
        self.0.listen_unix(path, options)
    }

    fn resolve(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
        self.0.resolve(host, port)
    }

    fn sleep_until(&self, _: Instant) -> Self::Sleep {
        pending()
    }
}
