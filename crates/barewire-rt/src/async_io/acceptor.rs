use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use ::async_io::Async;
use event_listener::{Event, listener};
use futures_lite::future;

use crate::socket::{is_of_one_connection, listener_closed};

/// The part of a listening socket that TCP and Unix sockets have in common.
#[derive(Debug)]
pub(super) struct Acceptor<L> {
    io: Async<L>,
    closed: AtomicBool,
    closing: Event,
}

impl<L> Acceptor<L> {
    pub(super) fn new(io: Async<L>) -> Self {
        Self { io, closed: AtomicBool::new(false), closing: Event::new() }
    }

    pub(super) fn get_ref(&self) -> &L {
        self.io.get_ref()
    }

    /// Runs `accept` until it does not block any more; cancel-safe when `accept` is one system call.
    pub(super) async fn accept<T>(&self, accept: impl Fn(&L) -> io::Result<T>) -> io::Result<T> {
        loop {
            listener!(self.closing => closing);
            if self.closed.load(Ordering::Acquire) {
                return Err(listener_closed());
            }
            match accept(self.io.get_ref()) {
                Ok(accepted) => return Ok(accepted),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if is_of_one_connection(&error) => continue,
                // Closing makes the system call fail too, on some systems.
                Err(_) if self.closed.load(Ordering::Acquire) => return Err(listener_closed()),
                Err(error) => return Err(error),
            }
            let closed = async {
                closing.await;
                Ok(())
            };
            future::or(self.io.readable(), closed).await?;
        }
    }

    /// Wakes every `accept`, and makes it and all later ones fail.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.closing.notify(usize::MAX);
    }
}
