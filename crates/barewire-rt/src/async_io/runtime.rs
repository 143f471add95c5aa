use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use super::{Sleep, TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream};
use crate::Runtime;
use crate::socket::ListenOptions;

/// A runtime whose sockets and timers are those of this module: implementing it implements [`Runtime`].
///
/// ```
/// use barewire_rt::Runtime;
/// use barewire_rt::async_io::OnAsyncIo;
/// use std::time::Duration;
///
/// #[derive(Clone)]
/// struct Mine;
///
/// impl OnAsyncIo for Mine {
///     const NAME: &'static str = "mine";
/// }
///
/// // Any executor will do.
/// futures_lite::future::block_on(async {
///     let addrs = Mine.resolve("127.0.0.1", 80).await?;
///     assert_eq!(addrs, ["127.0.0.1:80".parse().unwrap()]);
///     Mine.sleep(Duration::from_millis(1)).await;
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
pub trait OnAsyncIo: Clone + Send + Sync + Unpin + 'static {
    /// See [`Runtime::NAME`].
    const NAME: &'static str;
}

impl<R: OnAsyncIo> Runtime for R {
    type TcpStream = TcpStream;
    type TcpListener = TcpListener;
    type UdpSocket = UdpSocket;
    type UnixStream = UnixStream;
    type UnixListener = UnixListener;
    type Sleep = Sleep;

    const NAME: &'static str = R::NAME;

    async fn connect_tcp(
        &self,
        addr: SocketAddr,
        deadline: Option<Instant>,
    ) -> io::Result<TcpStream> {
        TcpStream::connect(addr, deadline).await
    }

    fn listen_tcp(&self, addr: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
        TcpListener::bind(addr, options)
    }

    fn bind_udp(&self, addr: SocketAddr) -> io::Result<UdpSocket> {
        UdpSocket::bind(addr)
    }

    async fn connect_unix(&self, path: &Path) -> io::Result<UnixStream> {
        UnixStream::connect(path).await
    }

    fn listen_unix(&self, path: &Path, options: &ListenOptions) -> io::Result<UnixListener> {
        UnixListener::bind(path, options)
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        super::resolve(host, port).await
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        Sleep::until(at)
    }
}
