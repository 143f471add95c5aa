use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::time::{Duration, Instant};

use barewire_rt::park::block_on;
use barewire_rt::socket::ListenOptions;
use barewire_rt::{ConnectError, Runtime, Spawn};

use crate::connect::connect_any;
use crate::task::{self, JoinHandle};
use crate::{Sleep, TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream};

/// The runtime without a runtime: futures that block, and a thread for each task.
///
/// ```
/// use barewire_std::Std;
/// use std::time::Duration;
///
/// let std = Std::default();
/// // A thread that is joined by waiting for it; no `async` is needed for that.
/// let task = std.spawn_blocking(|| 40 + 2);
/// assert_eq!(std.block_on(task), Ok(42));
///
/// // Blocks for that long, and is ready then.
/// std.block_on(std.sleep(Duration::from_millis(1)));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Std {
    stack_size: usize,
}

/// So much address space for each task that tens of thousands of idle ones are affordable; a page of memory is
/// only taken when it is first touched.
const STACK_SIZE: usize = 256 * 1024;

impl Default for Std {
    fn default() -> Self {
        Self { stack_size: STACK_SIZE }
    }
}

impl Std {
    /// Gives each thread a stack of so many bytes instead of 256 KiB.
    ///
    /// A task that needs more ends the process, so raise it for handlers that recurse or keep large arrays on
    /// the stack. The main thread's stack is the system's.
    pub fn with_stack_size(bytes: usize) -> Self {
        Self { stack_size: bytes }
    }
}

/// What [`Spawn`] and [`Runtime`] have, for programs that name this runtime and need not import the traits.
impl Std {
    /// [`Spawn::block_on`]: runs a future to its end on this thread.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        Spawn::block_on(self, future)
    }

    /// [`Spawn::spawn`]: runs a future as a task of its own.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Spawn::spawn(self, future)
    }

    /// [`Spawn::spawn_blocking`]: runs a closure where it may block.
    pub fn spawn_blocking<F, T>(&self, work: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Spawn::spawn_blocking(self, work)
    }

    /// [`Runtime::sleep`]: a future that blocks for a duration when it is polled.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        Runtime::sleep(self, duration)
    }
}

impl Runtime for Std {
    type TcpStream = TcpStream;
    type TcpListener = TcpListener;
    type UdpSocket = UdpSocket;
    type UnixStream = UnixStream;
    type UnixListener = UnixListener;
    type Sleep = Sleep;

    const NAME: &'static str = "std";

    async fn connect_tcp(
        &self,
        addr: SocketAddr,
        deadline: Option<Instant>,
    ) -> io::Result<TcpStream> {
        TcpStream::connect(addr, deadline)
    }

    async fn connect_tcp_any(
        &self,
        addrs: Vec<SocketAddr>,
        stagger: Duration,
        deadline: Option<Instant>,
    ) -> Result<TcpStream, ConnectError> {
        connect_any(addrs, stagger, deadline)
    }

    fn listen_tcp(&self, addr: SocketAddr, options: &ListenOptions) -> io::Result<TcpListener> {
        TcpListener::bind(addr, options)
    }

    fn bind_udp(&self, addr: SocketAddr) -> io::Result<UdpSocket> {
        UdpSocket::bind(addr)
    }

    async fn connect_unix(&self, path: &Path) -> io::Result<UnixStream> {
        UnixStream::connect(path)
    }

    fn listen_unix(&self, path: &Path, options: &ListenOptions) -> io::Result<UnixListener> {
        UnixListener::bind(path, options)
    }

    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok((host, port).to_socket_addrs()?.collect())
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        Sleep::until(at)
    }
}

impl Spawn for Std {
    type JoinHandle<T: Send + 'static> = JoinHandle<T>;

    fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        task::start(self.stack_size, || block_on(future))
    }

    fn spawn_blocking<F, T>(&self, work: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        task::start(self.stack_size, work)
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        block_on(future)
    }
}
