//! A runtime that has no more threads to give.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use barewire_rt::socket::ListenOptions;
use barewire_rt::{JoinError, Runtime, Spawn};

/// As `R`, which refuses to run more than a few things where they may block.
#[derive(Clone)]
pub(crate) struct Reluctant<R> {
    runtime: R,
    left: Arc<AtomicUsize>,
}

impl<R> Reluctant<R> {
    pub(crate) fn new(runtime: R, left: usize) -> Self {
        Self { runtime, left: Arc::new(AtomicUsize::new(left)) }
    }
}

/// `None` where it was refused.
pub(crate) struct Refusable<J>(Option<J>);

impl<T, J: Future<Output = Result<T, JoinError>> + Unpin> Future for Refusable<J> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Some(handle) => Pin::new(handle).poll(cx),
            None => Poll::Ready(Err(JoinError::NotStarted(io::ErrorKind::WouldBlock))),
        }
    }
}

impl<R: Spawn> Runtime for Reluctant<R> {
    type TcpStream = R::TcpStream;
    type TcpListener = R::TcpListener;
    type UdpSocket = R::UdpSocket;
    type UnixStream = R::UnixStream;
    type UnixListener = R::UnixListener;
    type Sleep = R::Sleep;

    const NAME: &'static str = R::NAME;

    async fn connect_tcp(
        &self,
        addr: SocketAddr,
        deadline: Option<Instant>,
    ) -> io::Result<Self::TcpStream> {
        self.runtime.connect_tcp(addr, deadline).await
    }

    fn listen_tcp(
        &self,
        addr: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<Self::TcpListener> {
        self.runtime.listen_tcp(addr, options)
    }

    fn bind_udp(&self, addr: SocketAddr) -> io::Result<Self::UdpSocket> {
        self.runtime.bind_udp(addr)
    }

    async fn connect_unix(&self, path: &Path) -> io::Result<Self::UnixStream> {
        self.runtime.connect_unix(path).await
    }

    fn listen_unix(&self, path: &Path, options: &ListenOptions) -> io::Result<Self::UnixListener> {
        self.runtime.listen_unix(path, options)
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.runtime.resolve(host, port).await
    }

    fn sleep_until(&self, at: Instant) -> Self::Sleep {
        self.runtime.sleep_until(at)
    }
}

impl<R: Spawn> Spawn for Reluctant<R> {
    type JoinHandle<T: Send + 'static> = Refusable<R::JoinHandle<T>>;

    fn spawn<F>(&self, future: F) -> Self::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Refusable(Some(self.runtime.spawn(future)))
    }

    fn spawn_blocking<F, T>(&self, work: F) -> Self::JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let took = |left: usize| left.checked_sub(1);
        let may = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, took).is_ok();
        Refusable(may.then(|| self.runtime.spawn_blocking(work)))
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}
