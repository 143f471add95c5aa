use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use barewire_rt::{Runtime, Transport};
use http::HeaderMap;

use crate::config::Config;
use crate::connection::Connection;
use crate::deadline::before;
use crate::error::{Error, ErrorKind, Phase};
use crate::hosts::Hosts;
use crate::origin::{Origin, OriginRef};
use crate::park::block_until;
use crate::pool::{Acquired, Grant, Pool, Ticket};

/// What all clones of a client have in common.
pub(crate) struct Shared<R: Runtime> {
    pub(crate) runtime: R,
    pub(crate) config: Config,
    pub(crate) hosts: Hosts,
    /// The part of it that connections share.
    pub(crate) h1: Arc<barewire_h1::Config>,
    pub(crate) defaults: HeaderMap,
    pool: Mutex<Connections<R>>,
}

type Connections<R> = Pool<Box<Connection<R>>>;
type Granted<R> = Grant<Box<Connection<R>>>;

impl<R: Runtime> Shared<R> {
    pub(crate) fn new(runtime: R, config: Config, hosts: Hosts, defaults: HeaderMap) -> Self {
        let h1 = Arc::new(config.h1.clone());
        let pool = Mutex::new(Pool::new(config.pool));
        Self { runtime, config, hosts, h1, defaults, pool }
    }

    /// Idle connections, and those that are counted against the limit, of one origin.
    pub(crate) fn counts(&self, origin: OriginRef<'_>) -> (usize, usize) {
        self.pool().counts(origin)
    }

    fn pool(&self) -> MutexGuard<'_, Connections<R>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the connections to one origin. Dropping it gives it to who waits for one.
pub(crate) struct Lease<R: Runtime> {
    shared: Arc<Shared<R>>,
    origin: Arc<Origin>,
    kept: bool,
}

impl<R: Runtime> Lease<R> {
    fn new(shared: &Arc<Shared<R>>, origin: Arc<Origin>) -> Self {
        Self { shared: shared.clone(), origin, kept: false }
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Leaves a connection, with its place, to the next request.
    pub(crate) fn keep(mut self, connection: Box<Connection<R>>) {
        self.kept = true;
        let now = self.shared.runtime.now();
        let (surplus, wake) = self.shared.pool().put(&self.origin, connection, now);
        drop(surplus);
        if let Some(waker) = wake {
            waker.wake();
        }
    }
}

impl<R: Runtime> Drop for Lease<R> {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let wake = self.shared.pool().release(&self.origin);
        if let Some(waker) = wake {
            waker.wake();
        }
    }
}

/// A ticket that is given back when nobody waits for its turn any more.
struct Queued<'a, R: Runtime> {
    shared: &'a Arc<Shared<R>>,
    origin: Arc<Origin>,
    ticket: Ticket,
}

impl<R: Runtime> Queued<'_, R> {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Granted<R>> {
        match self.shared.pool().poll(&self.origin, self.ticket, cx.waker()) {
            Some(grant) => Poll::Ready(grant),
            None => Poll::Pending,
        }
    }
}

impl<R: Runtime> Drop for Queued<'_, R> {
    fn drop(&mut self) {
        let (surplus, wake) = self.shared.pool().cancel(&self.origin, self.ticket);
        drop(surplus);
        if let Some(waker) = wake {
            waker.wake();
        }
    }
}

/// Waits for a place, until `deadline` at the latest, and tells which connection it comes with.
///
/// Cancel-safe: a place that was not taken goes to the next in the queue.
pub(crate) async fn acquire<R: Runtime>(
    shared: &Arc<Shared<R>>,
    origin: OriginRef<'_>,
    now: Instant,
    deadline: Option<Instant>,
    fresh: bool,
) -> Result<(Lease<R>, Granted<R>), Error> {
    let (origin, acquired) = poll_fn(|cx| {
        let mut dropped = Vec::new();
        let acquired = shared.pool().acquire(origin, now, fresh, cx.waker(), &mut dropped);
        Poll::Ready(acquired)
    })
    .await;
    let ticket = match acquired {
        Acquired::Granted(grant) => return Ok((Lease::new(shared, origin), grant)),
        Acquired::Wait(ticket) => ticket,
    };
    let queued = Queued { shared, origin: origin.clone(), ticket };
    let granted = if R::TcpStream::BLOCKING {
        // A sleep that blocks could not be ended by a connection that gets free.
        block_until(deadline, |cx| queued.poll(cx))
    } else {
        before(&shared.runtime, deadline, poll_fn(|cx| queued.poll(cx))).await
    };
    match granted {
        Some(grant) => Ok((Lease::new(shared, origin), grant)),
        None => Err(Error::from(ErrorKind::Timeout(Phase::Pool)).at(&origin)),
    }
}
