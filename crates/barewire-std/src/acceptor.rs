use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use barewire_rt::socket::{is_of_one_connection, listener_closed};
use socket2::{SockAddr, SockRef, Socket, Type};

/// The part of a listening socket that TCP and Unix sockets have in common.
#[derive(Debug)]
pub(crate) struct Acceptor<L> {
    listener: L,
    closed: AtomicBool,
    /// The system does not shut listening sockets down.
    one_by_one: AtomicBool,
}

impl<L: AsFd> Acceptor<L> {
    pub(crate) fn new(listener: L) -> Self {
        Self { listener, closed: AtomicBool::new(false), one_by_one: AtomicBool::new(false) }
    }

    pub(crate) fn get_ref(&self) -> &L {
        &self.listener
    }

    /// Runs `accept`, which blocks, until it yields a connection or an error that concerns the listener.
    pub(crate) fn accept<T>(&self, accept: impl Fn(&L) -> io::Result<T>) -> io::Result<T> {
        while !self.closed.load(Ordering::SeqCst) {
            match accept(&self.listener) {
                // Whatever came, it came too late.
                _ if self.closed.load(Ordering::SeqCst) => self.unblock_next(),
                Ok(accepted) => return Ok(accepted),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Err(listener_closed())
    }

    /// Gets every thread out of `accept` with an error.
    ///
    /// On Linux, shutting the socket down does it. Elsewhere a connection to oneself makes one thread return,
    /// which then makes the next one return.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        if SockRef::from(&self.listener).shutdown(Shutdown::Both).is_err() {
            self.one_by_one.store(true, Ordering::SeqCst);
            self.unblock_next();
        }
    }

    fn unblock_next(&self) {
        if self.one_by_one.load(Ordering::SeqCst) {
            // When that fails there is nobody to tell, and the next peer that connects does it instead.
            let _ = SockRef::from(&self.listener).local_addr().and_then(connect_to);
        }
    }
}

fn connect_to(own: SockAddr) -> io::Result<()> {
    let peer = match own.as_socket() {
        Some(mut addr) => {
            if addr.ip().is_unspecified() {
                addr.set_ip(match addr {
                    std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                    std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
                });
            }
            addr.into()
        }
        None => own,
    };
    let socket = Socket::new(peer.domain(), Type::STREAM, None)?;
    // A full backlog must not block the thread that closes; it unblocks the others just as well.
    socket.set_nonblocking(true)?;
    socket.connect(&peer)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    fn closing_ends_every_accept<L: AsFd + Send + Sync>(
        listener: L,
        accept: impl Fn(&L) -> io::Result<()> + Copy + Send,
    ) {
        let acceptor = Acceptor::new(listener);
        thread::scope(|scope| {
            let (ready, waiting) = mpsc::channel();
            let acceptor = &acceptor;
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let ready = ready.clone();
                    scope.spawn(move || {
                        ready.send(()).unwrap();
                        acceptor.accept(accept)
                    })
                })
                .collect();
            waiting.iter().take(threads.len()).for_each(drop);
            acceptor.close();
            for thread in threads {
                let error = thread.join().unwrap().unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::NotConnected);
            }
        });
        assert_eq!(acceptor.accept(accept).unwrap_err().kind(), io::ErrorKind::NotConnected);
    }

    #[test]
    fn closing_ends_every_accept_on_tcp() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        closing_ends_every_accept(listener, |listener| listener.accept().map(drop));
    }

    #[test]
    fn a_connection_to_oneself_ends_an_accept_where_shutting_down_does_not() {
        for any in ["0.0.0.0:0", "127.0.0.1:0"] {
            let acceptor = Acceptor::new(std::net::TcpListener::bind(any).unwrap());
            acceptor.closed.store(true, Ordering::SeqCst);
            acceptor.one_by_one.store(true, Ordering::SeqCst);
            acceptor.unblock_next();
            acceptor.get_ref().accept().unwrap();
        }
    }
}
