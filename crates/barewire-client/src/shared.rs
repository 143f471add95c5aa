use std::future::poll_fn;
#[cfg(feature = "http2")]
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use barewire_rt::park::block_until;
use barewire_rt::{Runtime, Transport};
use http::HeaderMap;

use crate::config::Config;
use crate::connection::Connection;
use crate::deadline::before;
use crate::error::{Error, ErrorKind, Phase};
use crate::hosts::Hosts;
#[cfg(feature = "http2")]
use crate::multiplex::{Multiplex, Seat};
use crate::open_error::OpenError;
use crate::origin::{Origin, OriginRef};
use crate::pool::{Acquired, Grant, Pool, Share, Ticket, Wish};

/// What all clones of a client have in common.
pub(crate) struct Shared<R: Runtime> {
    pub(crate) runtime: R,
    pub(crate) config: Config,
    pub(crate) hosts: Hosts,
    /// The parts of it that connections share.
    pub(crate) h1: Arc<barewire_h1::Config>,
    #[cfg(feature = "http2")]
    pub(crate) h2: Arc<barewire_h2::Config>,
    #[cfg(feature = "tls")]
    pub(crate) tls: crate::tls::Settings,
    pub(crate) defaults: HeaderMap,
    pool: Mutex<Connections<R>>,
    /// Who looks after idle connections, to be told of one more.
    #[cfg(feature = "http2")]
    keeper: Mutex<Option<Waker>>,
}

/// A connection that requests share.
#[cfg(feature = "http2")]
pub(crate) type Line<R> = Arc<Multiplex<R>>;
/// Without HTTP/2 there are none.
#[cfg(not(feature = "http2"))]
pub(crate) type Line<R> = Never<R>;

type Connections<R> = Pool<Box<Connection<R>>, Line<R>, OpenError>;
pub(crate) type Granted<R> = crate::pool::Grant<Box<Connection<R>>, Line<R>>;

impl<R: Runtime> Shared<R> {
    pub(crate) fn new(runtime: R, config: Config, hosts: Hosts, defaults: HeaderMap) -> Self {
        Self {
            runtime,
            hosts,
            h1: Arc::new(config.h1.clone()),
            #[cfg(feature = "http2")]
            h2: Arc::new(config.h2.clone()),
            #[cfg(feature = "tls")]
            tls: crate::tls::Settings::new(&config),
            defaults,
            pool: Mutex::new(Pool::new(config.pool)),
            #[cfg(feature = "http2")]
            keeper: Mutex::new(None),
            config,
        }
    }

    /// Idle connections, and those that are counted against the limit, of one origin.
    pub(crate) fn counts(&self, origin: OriginRef<'_>) -> (usize, usize) {
        self.pool().counts(origin)
    }

    fn pool(&self) -> MutexGuard<'_, Connections<R>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to the pool. What has to go is dropped, and who has to know is told, after its lock.
    fn settle<G>(&self, act: impl FnOnce(&mut Connections<R>) -> (Option<G>, Vec<Waker>)) {
        let (gone, wakes) = act(&mut self.pool());
        drop(gone);
        wakes.into_iter().for_each(Waker::wake);
    }

    /// A place on a shared connection has become free.
    #[cfg(feature = "http2")]
    pub(crate) fn leave(&self, origin: &Origin, line: &Line<R>) {
        let now = self.runtime.now();
        self.settle(|pool| pool.leave(origin, line, now));
        if line.seats().taken() > 0 {
            return;
        }
        let keeper = self.keeper().clone();
        if let Some(keeper) = keeper {
            keeper.wake();
        }
    }

    #[cfg(feature = "http2")]
    fn keeper(&self) -> MutexGuard<'_, Option<Waker>> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whom to tell of shared connections that nobody uses any more.
    #[cfg(feature = "http2")]
    pub(crate) fn set_keeper(&self, keeper: Option<&Waker>) {
        *self.keeper() = keeper.cloned();
    }

    /// The shared connections that nobody uses.
    #[cfg(feature = "http2")]
    pub(crate) fn idle_lines(&self) -> Vec<Line<R>> {
        self.pool().idle_shared()
    }

    /// Lets go of what is closed or was idle for too long.
    #[cfg(feature = "http2")]
    pub(crate) fn tidy(&self) {
        let now = self.runtime.now();
        let mut dropped = Vec::new();
        self.pool().tidy(now, &mut dropped);
    }

    /// How many streams a shared connection takes has changed.
    #[cfg(feature = "http2")]
    pub(crate) fn serve(&self, origin: &Origin) {
        self.settle(|pool| (None::<()>, pool.serve(origin)));
    }
}

/// A place among the connections to one origin. Dropping it gives it to who waits for one.
pub(crate) struct Lease<R: Runtime> {
    shared: Arc<Shared<R>>,
    origin: Arc<Origin>,
    kept: bool,
    /// Others wait for the connection that is to be opened.
    awaited: bool,
}

impl<R: Runtime> Lease<R> {
    fn new(shared: &Arc<Shared<R>>, origin: Arc<Origin>, grant: &Granted<R>) -> Self {
        let awaited = matches!(grant, Grant::Open { awaited: true });
        Self { shared: shared.clone(), origin, kept: false, awaited }
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Leaves a connection, with its place, to the next request.
    pub(crate) fn keep(mut self, connection: Box<Connection<R>>) {
        self.kept = true;
        let now = self.shared.runtime.now();
        self.shared.settle(|pool| pool.put(&self.origin, connection, now));
    }

    /// The connection that was opened is for one request at a time, although it might have been for many.
    #[cfg(all(feature = "http2", feature = "tls"))]
    pub(crate) fn keep_alone(&mut self) {
        let awaited = std::mem::take(&mut self.awaited);
        self.shared.settle(|pool| (None::<()>, pool.keep_alone(&self.origin, awaited)));
    }

    /// No connection could be opened, for a reason that is not the request's own.
    pub(crate) fn fail(mut self, error: &OpenError) {
        self.kept = true;
        self.shared.settle(|pool| (None::<()>, pool.fail(&self.origin, self.awaited, error)));
    }

    /// The connection that was opened is for many requests: its place is its own, and this is the first seat.
    #[cfg(feature = "http2")]
    pub(crate) fn share(mut self, connection: impl FnOnce(u32) -> Multiplex<R>) -> Seat<R> {
        self.kept = true;
        let line = Arc::new(connection(self.origin.streams.load(Ordering::Relaxed)));
        let now = self.shared.runtime.now();
        let (awaited, sharing) = (self.awaited, line.clone());
        self.shared.settle(|pool| (None::<()>, pool.share(&self.origin, awaited, sharing, now)));
        Seat::new(line, self.shared.clone(), self.origin.clone(), true)
    }

    /// The place on a shared connection that was granted.
    #[cfg(feature = "http2")]
    pub(crate) fn seat(mut self, line: Line<R>) -> Seat<R> {
        self.kept = true;
        Seat::new(line, self.shared.clone(), self.origin.clone(), false)
    }
}

impl<R: Runtime> Drop for Lease<R> {
    fn drop(&mut self) {
        if !self.kept {
            self.shared.settle(|pool| (None::<()>, pool.release(&self.origin, self.awaited)));
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
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<Granted<R>, OpenError>> {
        match self.shared.pool().poll(&self.origin, self.ticket, cx.waker()) {
            Some(grant) => Poll::Ready(grant),
            None => Poll::Pending,
        }
    }
}

impl<R: Runtime> Drop for Queued<'_, R> {
    fn drop(&mut self) {
        let now = self.shared.runtime.now();
        self.shared.settle(|pool| pool.cancel(&self.origin, self.ticket, now));
    }
}

/// Waits for a place, until `deadline` at the latest, and tells which connection it comes with.
///
/// Cancel-safe: a place that was not taken goes to the next in the queue.
///
/// # Errors
///
/// The time is over, or the connection that this waited for could not be opened.
pub(crate) async fn acquire<R: Runtime>(
    shared: &Arc<Shared<R>>,
    origin: OriginRef<'_>,
    now: Instant,
    deadline: Option<Instant>,
    wish: Wish<'_, Line<R>>,
) -> Result<(Lease<R>, Granted<R>), Error> {
    let (origin, acquired) = poll_fn(|cx| {
        let mut dropped = Vec::new();
        let acquired = shared.pool().acquire(origin, now, wish, cx.waker(), &mut dropped);
        Poll::Ready(acquired)
    })
    .await;
    let ticket = match acquired {
        Acquired::Granted(grant) => return Ok((Lease::new(shared, origin, &grant), grant)),
        Acquired::Wait(ticket) => ticket,
    };
    let queued = Queued { shared, origin: origin.clone(), ticket };
    let granted = if R::TcpStream::BLOCKING {
        // A sleep that blocks could not be ended by a connection that gets free.
        block_until(deadline, |cx| queued.poll(cx))
    } else {
        before(&shared.runtime, deadline, poll_fn(|cx| queued.poll(cx))).await
    };
    let kind = match granted {
        Some(Ok(grant)) => return Ok((Lease::new(shared, origin, &grant), grant)),
        Some(Err(failure)) => failure.into(),
        None => ErrorKind::Timeout(Phase::Pool),
    };
    Err(Error::from(kind).at(&origin))
}

#[cfg(feature = "http2")]
impl<R: Runtime> Share for Arc<Multiplex<R>> {
    fn join(&self) -> bool {
        self.seats().take()
    }

    fn part(&self) {
        self.seats().give();
    }

    fn is_idle(&self) -> bool {
        self.seats().taken() == 0
    }

    fn is_closed(&self) -> bool {
        self.seats().is_closed()
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(self, other)
    }
}

/// What requests share when there is nothing to share.
#[cfg(not(feature = "http2"))]
#[derive(Debug)]
pub(crate) enum Never<R> {
    #[allow(dead_code, reason = "it cannot be made")]
    Never(std::convert::Infallible, std::marker::PhantomData<fn() -> R>),
}

#[cfg(not(feature = "http2"))]
impl<R> Clone for Never<R> {
    fn clone(&self) -> Self {
        let Self::Never(never, _) = self;
        match *never {}
    }
}

#[cfg(not(feature = "http2"))]
impl<R> Share for Never<R> {
    fn join(&self) -> bool {
        false
    }

    fn part(&self) {}

    fn is_idle(&self) -> bool {
        true
    }

    fn is_closed(&self) -> bool {
        true
    }

    fn is(&self, _: &Self) -> bool {
        false
    }
}
