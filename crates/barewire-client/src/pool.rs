//! The bookkeeping of kept connections: who may open one, who gets an idle one, who is next. No I/O, no
//! lock and no clock; what has to be dropped or woken is handed out, to be dropped or woken after the lock.

#![cfg_attr(
    not(feature = "http2"),
    allow(dead_code, reason = "only HTTP/2 connections are shared")
)]

mod host;
mod sharing;

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::config::PoolLimits;
use crate::origin::{Key, Origin, OriginRef, OwnedKey};
use host::Host;

/// A place in the queue for a connection.
pub(crate) type Ticket = u64;

/// A connection that many share at once.
pub(crate) trait Share: Clone {
    /// Takes a place on it, if there is one.
    fn join(&self) -> bool;

    /// Gives a place back.
    fn part(&self);

    /// Whether nobody uses it.
    fn is_idle(&self) -> bool;

    /// Whether it takes nobody any more, ever.
    fn is_closed(&self) -> bool;

    /// Whether it is the very same connection.
    fn is(&self, other: &Self) -> bool;
}

/// A turn in the pool. Each but the last is worth one connection, and ends in [`Pool::put`], [`Pool::release`] or
/// [`Pool::fail`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Grant<T, S> {
    /// A connection may be opened. If it turns out to be one for many, [`Pool::share`] says so; if it does
    /// not although it might have, [`Pool::keep_alone`] does; if none comes about, [`Pool::fail`].
    Open {
        /// Others wait for what becomes of it, and open none meanwhile.
        awaited: bool,
    },
    /// A kept connection, and since when it has been idle.
    Reuse(T, Instant),
    /// A place on a connection that others use too. Ends in [`Share::part`] and [`Pool::leave`].
    Join(S),
}

/// What a request asks of the pool.
#[derive(Debug)]
pub(crate) struct Wish<'a, S> {
    /// One that was not used before: an idle one that is not shared goes for it.
    pub(crate) fresh: bool,
    /// Whether it may be one that others use too.
    pub(crate) shared: bool,
    /// Not this one, if there is another or one may be opened.
    pub(crate) not: Option<&'a S>,
}

impl<S> Clone for Wish<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Wish<'_, S> {}

/// A connection that the pool lets go.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Surplus<T, S> {
    Alone(T),
    Shared(S),
}

/// What [`Pool::acquire`] has to offer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Acquired<T, S> {
    /// Go on.
    Granted(Grant<T, S>),
    /// The limit is reached: the waker will be told when to ask for the ticket's grant.
    Wait(Ticket),
}

/// Whom to tell, once the lock is gone, that it is their turn.
pub(crate) type Wakes = Vec<Waker>;

/// Connections `T`, one for each request at a time, and `S`, for many, by origin; `E` is why one could not be
/// opened.
pub(crate) struct Pool<T, S, E> {
    by_origin: HashMap<OwnedKey, usize>,
    /// A host keeps its place while it has connections or somebody waits or is told something; then the place is free.
    hosts: Vec<Host<T, S, E>>,
    free: Vec<usize>,
    limits: PoolLimits,
    last_ticket: Ticket,
    next_sweep: Option<Instant>,
}

impl<T, S: Share, E: Clone> Pool<T, S, E> {
    pub(crate) fn new(limits: PoolLimits) -> Self {
        Self {
            by_origin: HashMap::new(),
            hosts: Vec::new(),
            free: Vec::new(),
            limits,
            last_ticket: 0,
            next_sweep: None,
        }
    }

    /// Asks for a connection to an origin. What has to go for it, and all that were idle for too long, come
    /// out in `dropped`.
    pub(crate) fn acquire(
        &mut self,
        origin: OriginRef<'_>,
        now: Instant,
        wish: Wish<'_, S>,
        waker: &Waker,
        dropped: &mut Vec<Surplus<T, S>>,
    ) -> (Arc<Origin>, Acquired<T, S>) {
        self.sweep(now, dropped);
        let slot = self.slot(origin);
        let max = self.limits.max_per_host.max(1);
        let host = &mut self.hosts[slot];
        host.expire(now, self.limits.idle_timeout, dropped);
        // What stands is used, whatever the last connection turned out to be.
        let awaited = wish.shared && !host.sharing.is_refused();
        host.shares = awaited;
        let mut joined = None;
        if wish.shared && host.waiting.is_empty() {
            joined = host.sharing.join(wish.not);
            if joined.is_none() && (host.open >= max || host.sharing.opening) {
                joined = host.sharing.join(None);
            }
        }
        let acquired = match (joined, host.idle.pop()) {
            (Some(connection), idle) => {
                host.idle.extend(idle);
                Acquired::Granted(Grant::Join(connection))
            }
            (None, Some((connection, _))) if wish.fresh => {
                // Its place is given to the one that will be opened.
                dropped.push(Surplus::Alone(connection));
                host.sharing.opening |= awaited;
                Acquired::Granted(Grant::Open { awaited })
            }
            (None, Some((connection, since))) => Acquired::Granted(Grant::Reuse(connection, since)),
            (None, None) if host.open < max && !(awaited && host.sharing.opening) => {
                host.open += 1;
                host.sharing.opening |= awaited;
                Acquired::Granted(Grant::Open { awaited })
            }
            (None, None) => {
                self.last_ticket += 1;
                host.waiting.insert(self.last_ticket, waker.clone());
                Acquired::Wait(self.last_ticket)
            }
        };
        (host.origin.clone(), acquired)
    }

    /// Whether it is a ticket's turn, or what it waited for has failed. If not, the waker takes the place of the one
    /// before.
    pub(crate) fn poll(
        &mut self,
        origin: &Origin,
        ticket: Ticket,
        waker: &Waker,
    ) -> Option<Result<Grant<T, S>, E>> {
        let host = self.host(origin)?;
        let granted = host.granted.remove(&ticket);
        if granted.is_none()
            && let Some(kept) = host.waiting.get_mut(&ticket)
        {
            kept.clone_from(waker);
        }
        granted
    }

    /// Gives a ticket back that nobody waits for any more; its turn, if it had come, is the next one's.
    pub(crate) fn cancel(
        &mut self,
        origin: &Origin,
        ticket: Ticket,
        now: Instant,
    ) -> (Option<Surplus<T, S>>, Wakes) {
        let limits = self.limits;
        let Some(host) = self.host(origin) else { return (None, Wakes::new()) };
        host.waiting.remove(&ticket);
        match host.granted.remove(&ticket) {
            Some(Ok(Grant::Open { awaited })) => (None, host.release(awaited, limits)),
            Some(Ok(Grant::Reuse(connection, since))) => {
                let (surplus, wakes) = host.put(connection, since, limits);
                (surplus.map(Surplus::Alone), wakes)
            }
            Some(Ok(Grant::Join(connection))) => {
                connection.part();
                host.leave(&connection, now, limits)
            }
            Some(Err(_)) | None => (None, Wakes::new()),
        }
    }

    /// Takes a connection back that can be used again: for who waits, or to be idle. What comes out is one
    /// too many, to be closed.
    pub(crate) fn put(
        &mut self,
        origin: &Origin,
        connection: T,
        now: Instant,
    ) -> (Option<T>, Wakes) {
        let limits = self.limits;
        match self.host(origin) {
            Some(host) => host.put(connection, now, limits),
            None => (Some(connection), Wakes::new()),
        }
    }

    /// Notes that a connection was closed, or never came about because nobody wants it any more: if it was
    /// `awaited`, the next one who waits may open one.
    pub(crate) fn release(&mut self, origin: &Origin, awaited: bool) -> Wakes {
        let limits = self.limits;
        self.host(origin).map_or_else(Wakes::new, |host| host.release(awaited, limits))
    }

    /// Notes that a connection could not be opened. If it was `awaited`, all who waited share the failure, unless
    /// there is another connection to wait for: one after the other they would only find the same.
    pub(crate) fn fail(&mut self, origin: &Origin, awaited: bool, error: &E) -> Wakes {
        let limits = self.limits;
        let Some(host) = self.host(origin) else { return Wakes::new() };
        let mut wakes = Wakes::new();
        if awaited && host.open.saturating_sub(1) <= host.sharing.closed() {
            for (ticket, waker) in std::mem::take(&mut host.waiting) {
                host.granted.insert(ticket, Err(error.clone()));
                wakes.push(waker);
            }
        }
        wakes.extend(host.release(awaited, limits));
        wakes
    }

    /// A connection that was opened is for many. Who has opened it has a place on it.
    pub(crate) fn share(
        &mut self,
        origin: &Origin,
        awaited: bool,
        connection: S,
        now: Instant,
    ) -> Wakes {
        let limits = self.limits;
        let Some(host) = self.host(origin) else { return Wakes::new() };
        host.sharing.settle(awaited);
        host.sharing.add(connection, now);
        host.serve(limits)
    }

    /// A connection that was opened is not for many, and none to this origin is expected to be until one is.
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "only ALPN leads there"))]
    pub(crate) fn keep_alone(&mut self, origin: &Origin, awaited: bool) -> Wakes {
        let limits = self.limits;
        let Some(host) = self.host(origin) else { return Wakes::new() };
        host.sharing.settle(awaited);
        host.sharing.refuse();
        host.shares = false;
        host.serve(limits)
    }

    /// A place on a shared connection was given back, after [`Share::part`]. What comes out is to be closed.
    pub(crate) fn leave(
        &mut self,
        origin: &Origin,
        connection: &S,
        now: Instant,
    ) -> (Option<Surplus<T, S>>, Wakes) {
        let limits = self.limits;
        match self.host(origin) {
            Some(host) => host.leave(connection, now, limits),
            None => (None, Wakes::new()),
        }
    }

    /// How many a shared connection takes has changed.
    pub(crate) fn serve(&mut self, origin: &Origin) -> Wakes {
        let limits = self.limits;
        self.host(origin).map_or_else(Wakes::new, |host| host.serve(limits))
    }

    /// The shared connections of all origins that nobody uses.
    pub(crate) fn idle_shared(&self) -> Vec<S> {
        self.hosts.iter().flat_map(|host| host.sharing.idle_ones().cloned()).collect()
    }

    /// Lets go of what is closed, as far as that is known, or was idle for too long.
    pub(crate) fn tidy(&mut self, now: Instant, dropped: &mut Vec<Surplus<T, S>>) {
        for host in &mut self.hosts {
            host.expire(now, self.limits.idle_timeout, dropped);
        }
    }

    /// Idle connections, and those that are counted against the limit, of one origin.
    pub(crate) fn counts(&self, origin: OriginRef<'_>) -> (usize, usize) {
        let key: &dyn Key = &origin;
        let host = self.by_origin.get(key).and_then(|slot| self.hosts.get(*slot));
        host.map_or((0, 0), |host| (host.idle.len() + host.sharing.idle(), host.open))
    }

    /// The host of somebody who has a turn or a ticket: its place cannot have been given away.
    fn host(&mut self, origin: &Origin) -> Option<&mut Host<T, S, E>> {
        self.hosts.get_mut(origin.slot())
    }

    fn slot(&mut self, origin: OriginRef<'_>) -> usize {
        let key: &dyn Key = &origin;
        if let Some(slot) = self.by_origin.get(key) {
            return *slot;
        }
        let slot = self.free.pop().unwrap_or(self.hosts.len());
        let origin = Arc::new(Origin::new(origin, slot));
        let host = Host::new(origin.clone());
        match self.hosts.get_mut(slot) {
            Some(place) => *place = host,
            None => self.hosts.push(host),
        }
        self.by_origin.insert(OwnedKey(origin), slot);
        slot
    }

    /// Every now and then looks at all hosts, so that what nobody asks for any more does not stay.
    fn sweep(&mut self, now: Instant, dropped: &mut Vec<Surplus<T, S>>) {
        let next = now.checked_add(self.limits.idle_timeout.unwrap_or(SWEEP));
        match self.next_sweep {
            Some(at) if at > now => return,
            // The first call has nothing to look at.
            None => {}
            Some(_) => self.by_origin.retain(|_, slot| {
                let host = &mut self.hosts[*slot];
                host.expire(now, self.limits.idle_timeout, dropped);
                // Who was told of a failure may not have come for it yet.
                let told = !host.granted.is_empty();
                let used = host.open > 0 || !host.waiting.is_empty() || told;
                if !used {
                    self.free.push(*slot);
                }
                used
            }),
        }
        self.next_sweep = next;
    }
}

const SWEEP: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
