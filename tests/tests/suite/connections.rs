//! Where connections come from, and how many there may be.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, mpsc};

use barewire_rt::socket::ListenOptions;
use barewire_rt::{Listener, PeerAddr, Spawn};
use barewire_server::{Body, Config, ConnectInfo, ServeError, Server};
use barewire_tests::scratch::Scratch;
use http::Request;
use rustix::io::Errno;

use crate::harness::{Connection, PATIENCE, Running, any, config, get, serve, soon};

async fn ok(_: Request<Body>) {}

pub(crate) fn further_ones_wait_for_a_free_place<R: Spawn>(runtime: R) {
    let (sender, seen) = mpsc::channel();
    let handler = move |request: Request<Body>| {
        let seen = sender.clone();
        async move { seen.send(request.uri().to_string()).unwrap() }
    };
    let config = config(|config| config.max_connections = 2);
    let server = Running::with(&runtime, config, handler);
    let (mut first, mut second, mut third) = (server.open(), server.open(), server.open());
    for (n, connection) in [&mut first, &mut second, &mut third].into_iter().enumerate() {
        connection.send(get(&format!("/{}", n + 1)));
    }
    for connection in [&mut first, &mut second] {
        assert_eq!(connection.answer().status, 200);
    }
    for n in 0..20 {
        first.send(get(&format!("/again/{n}")));
        assert_eq!(first.answer().status, 200);
        assert_eq!(server.handle.connections(), 2);
    }
    assert!(third.is_silent());
    assert!(seen.try_iter().all(|target| target != "/3"));
    drop(second);
    assert_eq!(third.answer().status, 200);
    drop((first, third));
    server.stop();
}

pub(crate) fn come_through_a_unix_socket<R: Spawn>(runtime: R) {
    let scratch = Scratch::new();
    let path = scratch.path().join("socket");
    let bind = || Server::bind_unix(runtime.clone(), &path);
    let server = bind().unwrap();
    assert_eq!(server.local_addr().unwrap(), PeerAddr::Unix(Some(path.clone())));
    assert!(matches!(bind(), Err(ServeError::Listen { .. })), "the path is taken");
    let (sender, peers) = mpsc::channel();
    let config = Config { connect_info: true, ..Config::default() };
    let (handle, ended) = serve(&runtime, server.config(config), move |request: Request<Body>| {
        let peers = sender.clone();
        async move {
            peers.send(request.extensions().get::<ConnectInfo>().unwrap().0.clone()).unwrap();
            request.uri().to_string()
        }
    });
    let open = || {
        let stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Connection::over(stream)
    };
    let (mut one, mut other) = (open(), open());
    for n in 0..3 {
        for connection in [&mut one, &mut other] {
            connection.send(get(&format!("/{n}")));
            assert_eq!(connection.answer().text(), format!("/{n}"));
            assert_eq!(soon(&peers), PeerAddr::Unix(None));
        }
    }
    drop(other);
    handle.shutdown();
    assert_eq!(one.rest(), b"");
    soon(&ended).unwrap();
}

pub(crate) fn tell_who_the_client_is<R: Spawn>(runtime: R) {
    for connect_info in [true, false] {
        let config = Config { connect_info, ..Config::default() };
        let server = Running::with(&runtime, config, async |request: Request<Body>| match request
            .extensions()
            .get()
        {
            Some(ConnectInfo(peer)) => peer.to_string(),
            None => "nobody".to_owned(),
        });
        let mut connection = server.open();
        let local = connection.writer().local_addr().unwrap().to_string();
        connection.send(get("/"));
        let expected = if connect_info { &*local } else { "nobody" };
        assert_eq!(connection.answer().text(), expected);
        drop(connection);
        server.stop();
    }
}

pub(crate) fn are_spread_over_servers_that_share_a_port<R: Spawn>(runtime: R) {
    let options = ListenOptions { reuse_port: true, ..ListenOptions::default() };
    let (sender, seen) = mpsc::channel();
    let start = |addr, name| {
        let seen = sender.clone();
        let server = Server::bind_with(runtime.clone(), addr, &options).unwrap();
        Running::run(&runtime, server, move |_: Request<Body>| {
            let seen = seen.clone();
            async move { seen.send(name).unwrap() }
        })
    };
    let first = start(any(), "first");
    let second = start(first.addr, "second");
    assert_eq!(first.addr, second.addr);
    let mut missing = vec!["first", "second"];
    // The system spreads them by the client's port: that one of two gets none of 200 does not happen.
    for _ in 0..200 {
        first.answers();
        let name = soon(&seen);
        missing.retain(|other| *other != name);
        if missing.is_empty() {
            break;
        }
    }
    assert!(missing.is_empty(), "{missing:?} got no connection");
    first.stop();
    for _ in 0..10 {
        second.answers();
        assert_eq!(soon(&seen), "second");
    }
    second.stop();
}

pub(crate) fn cannot_be_had_where_somebody_listens<R: Spawn>(runtime: R) {
    let server = Running::start(&runtime, ok);
    match Server::bind(runtime.clone(), server.addr) {
        Err(ServeError::Listen { address, source }) => {
            assert_eq!(address, server.addr.to_string());
            assert_eq!(source.kind(), std::io::ErrorKind::AddrInUse);
        }
        Ok(_) | Err(_) => panic!("the port is taken"),
    }
    server.answers();
    server.stop();
}

/// A listener that fails before it accepts.
struct Faulty<L> {
    listener: L,
    errors: Mutex<Vec<io::Error>>,
}

impl<L: Listener> Listener for Faulty<L> {
    type Stream = L::Stream;

    async fn accept(&self) -> io::Result<(Self::Stream, PeerAddr)> {
        let error = self.errors.lock().unwrap().pop();
        match error {
            Some(error) => Err(error),
            None => self.listener.accept().await,
        }
    }

    fn local_addr(&self) -> io::Result<PeerAddr> {
        self.listener.local_addr()
    }

    fn close(&self) {
        self.listener.close();
    }
}

pub(crate) fn come_after_what_passes<R: Spawn>(runtime: R) {
    // No descriptor for the process or the system, no memory, and a client that has given up.
    let errors = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::CONNABORTED].map(Into::into);
    let listener = runtime.listen_tcp(any(), &ListenOptions::default()).unwrap();
    let listener = Faulty { listener, errors: Mutex::new(errors.into()) };
    let server = Server::new(runtime.clone(), listener);
    let server = Running::run(&runtime, server, ok);
    server.answers();
    server.stop();
}
