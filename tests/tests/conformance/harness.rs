//! The server under test.

use std::cell::RefCell;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use barewire_rt::{PeerAddr, Spawn};
use barewire_server::{Body, Handle, ServeError, Server};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};

use crate::client::Client;

const PATIENCE: Duration = Duration::from_secs(30);

/// The body of `GET /large`.
pub(crate) const LARGE: usize = 300_000;

/// The fields of the answer to `GET /fields`, which take more than one frame.
const FIELDS: usize = 40;

/// Runs each function on each runtime.
macro_rules! on_every_runtime {
    ($($test:ident)*) => {
        on_every_runtime! { @on on_async_std, barewire_async_std::AsyncStd; $($test)* }
        on_every_runtime! { @on on_smol, barewire_smol::Smol::default(); $($test)* }
        on_every_runtime! {
            @on on_smol_with_one_thread, barewire_smol::Smol::with_threads(1).unwrap(); $($test)*
        }
        on_every_runtime! { @on on_std, barewire_std::Std::default(); $($test)* }
    };
    (@on $on:ident, $runtime:expr; $($test:ident)*) => {
        mod $on {
            $(
                #[test]
                fn $test() {
                    $crate::harness::run($runtime, super::$test);
                }
            )*
        }
    };
}
pub(crate) use on_every_runtime;

/// A server, ours or the one that was named.
pub(crate) struct Target {
    addr: SocketAddr,
    /// Of ours, until it was told to end.
    handle: RefCell<Option<Handle>>,
}

impl Target {
    /// A connection on which nothing was said yet.
    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.addr)
    }

    /// A connection that is ready for requests.
    pub(crate) fn open(&self) -> Client {
        Client::open(self.addr)
    }

    pub(crate) fn open_with(&self, settings: &[(u16, u32)]) -> Client {
        Client::open_with(self.addr, settings)
    }

    /// Has the server end once what is under way is over, and says whether it does: one that was named goes on.
    pub(crate) fn shut_down(&self) -> bool {
        let handle = self.handle.take();
        handle.inspect(Handle::shutdown).is_some()
    }
}

pub(crate) fn run<R: Spawn>(runtime: R, test: impl FnOnce(&Target)) {
    if let Ok(target) = std::env::var("BAREWIRE_CONFORMANCE_TARGET") {
        let addr = target.to_socket_addrs().expect("host:port").next().expect("an address");
        return test(&Target { addr, handle: RefCell::new(None) });
    }
    let server = Server::bind(runtime.clone(), SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let Ok(PeerAddr::Tcp(addr)) = server.local_addr() else { panic!("it listens on TCP") };
    let (handle, ended) = serve(&runtime, server);
    let target = Target { addr, handle: RefCell::new(Some(handle.clone())) };
    test(&target);
    // Whatever was done to it, it serves others, and every connection comes to its end.
    if target.handle.borrow().is_some() {
        target.open().alive();
        target.shut_down();
    }
    ended.recv_timeout(PATIENCE).expect("it ends").expect("every connection ended");
    assert_eq!(handle.connections(), 0);
}

fn serve<R: Spawn>(
    runtime: &R,
    server: Server<R, R::TcpListener>,
) -> (Handle, Receiver<Result<(), ServeError>>) {
    let handle = server.handle();
    let (sender, ended) = mpsc::channel();
    let runtime = runtime.clone();
    // Nobody listens any more when the test has failed.
    thread::spawn(move || drop(sender.send(runtime.block_on(server.serve(answer)))));
    (handle, ended)
}

async fn answer(request: Request<Body>) -> Response<Body> {
    match (request.method(), request.uri().path()) {
        // Its body goes back as it comes.
        (&Method::POST, _) => Response::new(request.into_body()),
        (_, "/large") => Response::new(Body::from(Bytes::from(vec![b'x'; LARGE]))),
        (_, "/fields") => {
            let mut response = Response::new(Body::from("Hello, World!"));
            let value = HeaderValue::from_str(&"v".repeat(1000)).expect("it is text");
            for _ in 0..FIELDS {
                response.headers_mut().append("x-long", value.clone());
            }
            response
        }
        _ => Response::new(Body::from("Hello, World!")),
    }
}
