//! A server in this process, and what its handlers and a test tell each other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use barewire_rt::{Listener, PeerAddr, Spawn, Transport};
use barewire_server::{Config, Handle, Handler, ServeError, Server};
pub(crate) use barewire_tests::exchange::{Connection, PATIENCE};
use smol::channel;

use crate::meter::{Meter, Metered};

/// A server that runs on a thread of its own, where its runtime's tasks may run too.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) handle: Handle,
    ended: Receiver<Result<(), ServeError>>,
}

impl Running {
    pub(crate) fn start<R: Spawn>(runtime: &R, handler: impl Handler) -> Self {
        Self::with(runtime, Config::default(), handler)
    }

    pub(crate) fn with<R: Spawn>(runtime: &R, config: Config, handler: impl Handler) -> Self {
        Self::run(runtime, Server::bind(runtime.clone(), any()).unwrap().config(config), handler)
    }

    /// A server whose connections are measured. `meter` is the caller's so that a handler can look at it.
    pub(crate) fn metered<R: Spawn>(
        runtime: &R,
        meter: &Arc<Meter>,
        config: Config,
        handler: impl Handler,
    ) -> Self {
        let listener = runtime.listen_tcp(any(), &Default::default()).unwrap();
        let listener = Metered::new(listener, Arc::clone(meter));
        Self::run(runtime, Server::new(runtime.clone(), listener).config(config), handler)
    }

    pub(crate) fn run<R: Spawn, L: Listener>(
        runtime: &R,
        server: Server<R, L>,
        handler: impl Handler,
    ) -> Self {
        let Ok(PeerAddr::Tcp(addr)) = server.local_addr() else { panic!("it listens on TCP") };
        let (handle, ended) = serve(runtime, server, handler);
        Self { addr, handle, ended }
    }

    pub(crate) fn open(&self) -> Connection {
        Connection::open(self.addr)
    }

    /// One request on a connection of its own, which the server answers with 200.
    #[track_caller]
    pub(crate) fn answers(&self) {
        let mut connection = self.open();
        connection.send(get("/still-there"));
        assert_eq!(connection.answer().status, 200);
    }

    /// Stops the server. Every connection ends, or this fails.
    #[track_caller]
    pub(crate) fn stop(self) {
        self.handle.shutdown();
        self.ended().expect("every connection ended");
    }

    /// How serving ended, once it did.
    #[track_caller]
    pub(crate) fn ended(self) -> Result<(), ServeError> {
        let ended = soon(&self.ended);
        if ended.is_ok() {
            assert_eq!(self.handle.connections(), 0);
        }
        ended
    }
}

/// Runs a server on a thread.
pub(crate) fn serve<R: Spawn, L: Listener>(
    runtime: &R,
    server: Server<R, L>,
    handler: impl Handler,
) -> (Handle, Receiver<Result<(), ServeError>>) {
    let handle = server.handle();
    let (sender, ended) = mpsc::channel();
    let runtime = runtime.clone();
    // Nobody listens any more when the test has failed.
    thread::spawn(move || drop(sender.send(runtime.block_on(server.serve(handler)))));
    (handle, ended)
}

pub(crate) fn any() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Whether the runtime's futures block.
pub(crate) fn is_blocking<R: Spawn>() -> bool {
    <R::TcpStream as Transport>::BLOCKING
}

/// The next message, which comes soon or the test has failed.
#[track_caller]
pub(crate) fn soon<T>(receiver: &Receiver<T>) -> T {
    receiver.recv_timeout(PATIENCE).expect("it happens")
}

pub(crate) fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n")
}

pub(crate) fn post(target: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// A configuration of short timeouts in all but what a test is about.
pub(crate) fn config(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    config.http1.timeouts.linger = Duration::from_millis(50);
    change(&mut config);
    config
}

/// Where handlers wait, whatever their runtime, until a test lets them pass.
#[derive(Clone)]
pub(crate) struct Gate {
    open: channel::Sender<()>,
    wait: channel::Receiver<()>,
}

impl Gate {
    pub(crate) fn closed() -> Self {
        let (open, wait) = channel::bounded(1);
        Self { open, wait }
    }

    /// Ready once the gate is open.
    pub(crate) async fn pass(&self) {
        // Nothing is ever sent: it fails when the channel is closed.
        let _opened = self.wait.recv().await;
    }

    pub(crate) fn open(&self) {
        self.open.close();
    }
}

/// Tells when it is dropped, and whether the code that held it had come to its end.
pub(crate) struct Witness {
    sender: mpsc::Sender<Fate>,
    fate: Fate,
}

/// How a future or a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Dropped,
    Finished,
}

impl Witness {
    pub(crate) fn new(sender: &mpsc::Sender<Fate>) -> Self {
        Self { sender: sender.clone(), fate: Fate::Dropped }
    }

    pub(crate) fn finish(mut self) {
        self.fate = Fate::Finished;
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.sender.send(self.fate);
    }
}
