//! The bookkeeping of kept connections: who may open one, who gets an idle one, who is next. No I/O, no
//! lock and no clock; what has to be dropped or woken is handed out, to be dropped or woken after the lock.

#![cfg_attr(
    not(feature = "http2"),
    allow(dead_code, reason = "only HTTP/2 connections are shared")
)]

mod sharing;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::config::PoolLimits;
use crate::origin::{Key, Origin, OriginRef, OwnedKey};
use sharing::Sharing;

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

/// A turn in the pool. Each but the last is worth one connection, and ends in [`Pool::put`] or
/// [`Pool::release`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Grant<T, S> {
    /// A connection may be opened. If it turns out to be one for many, [`Pool::share`] says so; if it does
    /// not although it might have, [`Pool::keep_alone`] does.
    Open,
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

/// Connections `T`, one for each request at a time, and `S`, for many, by origin.
pub(crate) struct Pool<T, S> {
    by_origin: HashMap<OwnedKey, usize>,
    /// A host keeps its place while it has connections or somebody waits; then the place is free.
    hosts: Vec<Host<T, S>>,
    free: Vec<usize>,
    limits: PoolLimits,
    last_ticket: Ticket,
    next_sweep: Option<Instant>,
}

/// As long as somebody waits nothing is idle, and either the limit is reached or a connection is being opened
/// on which there may be places for all, so that nobody can jump the queue.
struct Host<T, S> {
    origin: Arc<Origin>,
    /// The longest idle first; used from the end, so that those not needed grow old.
    idle: Vec<(T, Instant)>,
    sharing: Sharing<S>,
    /// Whether requests to this origin ask for connections that are shared.
    shares: bool,
    /// Connections in use, being opened, idle, shared or granted.
    open: usize,
    waiting: BTreeMap<Ticket, Waker>,
    granted: BTreeMap<Ticket, Grant<T, S>>,
}

impl<T, S: Share> Pool<T, S> {
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
        let shared = wish.shared && !host.sharing.is_refused();
        host.shares = shared;
        let mut joined = None;
        if shared && host.waiting.is_empty() {
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
                host.sharing.opening |= shared;
                Acquired::Granted(Grant::Open)
            }
            (None, Some((connection, since))) => Acquired::Granted(Grant::Reuse(connection, since)),
            (None, None) if host.open < max && !(shared && host.sharing.opening) => {
                host.open += 1;
                host.sharing.opening |= shared;
                Acquired::Granted(Grant::Open)
            }
            (None, None) => {
                self.last_ticket += 1;
                host.waiting.insert(self.last_ticket, waker.clone());
                Acquired::Wait(self.last_ticket)
            }
        };
        (host.origin.clone(), acquired)
    }

    /// Whether it is a ticket's turn. If not, the waker takes the place of the one before.
    pub(crate) fn poll(
        &mut self,
        origin: &Origin,
        ticket: Ticket,
        waker: &Waker,
    ) -> Option<Grant<T, S>> {
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
            Some(Grant::Open) => (None, host.release(limits)),
            Some(Grant::Reuse(connection, since)) => {
                let (surplus, wakes) = host.put(connection, since, limits);
                (surplus.map(Surplus::Alone), wakes)
            }
            Some(Grant::Join(connection)) => {
                connection.part();
                host.leave(&connection, now, limits)
            }
            None => (None, Wakes::new()),
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

    /// Notes that a connection was closed, or never came about.
    pub(crate) fn release(&mut self, origin: &Origin) -> Wakes {
        let limits = self.limits;
        self.host(origin).map_or_else(Wakes::new, |host| host.release(limits))
    }

    /// A connection that was opened is for many. Who has opened it has a place on it.
    pub(crate) fn share(&mut self, origin: &Origin, connection: S, now: Instant) -> Wakes {
        let limits = self.limits;
        let Some(host) = self.host(origin) else { return Wakes::new() };
        host.sharing.add(connection, now);
        host.serve(limits)
    }

    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "only ALPN leads there"))]
    /// A connection that was opened is not for many, and no other one to this origin will be.
    pub(crate) fn keep_alone(&mut self, origin: &Origin) -> Wakes {
        let limits = self.limits;
        let Some(host) = self.host(origin) else { return Wakes::new() };
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
    fn host(&mut self, origin: &Origin) -> Option<&mut Host<T, S>> {
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
                let used = host.open > 0 || !host.waiting.is_empty();
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

impl<T, S: Share> Host<T, S> {
    fn new(origin: Arc<Origin>) -> Self {
        Self {
            origin,
            idle: Vec::new(),
            sharing: Sharing::default(),
            shares: false,
            open: 0,
            waiting: BTreeMap::new(),
            granted: BTreeMap::new(),
        }
    }

    fn expire(&mut self, now: Instant, limit: Option<Duration>, dropped: &mut Vec<Surplus<T, S>>) {
        let before = dropped.len();
        if let Some(limit) = limit {
            let is_old = |since: &Instant| now.saturating_duration_since(*since) >= limit;
            let old = self.idle.partition_point(|(_, since)| is_old(since));
            dropped
                .extend(self.idle.drain(..old).map(|(connection, _)| Surplus::Alone(connection)));
            self.sharing.retire(is_old, |connection| dropped.push(Surplus::Shared(connection)));
        } else {
            self.sharing.retire(|_| false, |connection| dropped.push(Surplus::Shared(connection)));
        }
        self.open = self.open.saturating_sub(dropped.len() - before);
    }

    fn put(&mut self, connection: T, since: Instant, limits: PoolLimits) -> (Option<T>, Wakes) {
        if let Some((ticket, waker)) = self.waiting.pop_first() {
            self.granted.insert(ticket, Grant::Reuse(connection, since));
            return (None, vec![waker]);
        }
        if self.idle.len() >= limits.max_idle_per_host {
            return (Some(connection), self.release(limits));
        }
        self.idle.push((connection, since));
        (None, Wakes::new())
    }

    fn release(&mut self, limits: PoolLimits) -> Wakes {
        self.open = self.open.saturating_sub(1);
        self.sharing.opening = false;
        self.serve(limits)
    }

    fn leave(
        &mut self,
        connection: &S,
        now: Instant,
        limits: PoolLimits,
    ) -> (Option<Surplus<T, S>>, Wakes) {
        if self.waiting.is_empty() && !connection.is_idle() {
            return (None, Wakes::new());
        }
        let mut wakes = self.serve(limits);
        let surplus = match connection.is_idle() {
            true => {
                let full = self.idle.len() + self.sharing.idle() > limits.max_idle_per_host;
                self.sharing.rest(connection, now, full)
            }
            false => None,
        };
        if surplus.is_some() {
            self.open = self.open.saturating_sub(1);
            wakes.extend(self.serve(limits));
        }
        (surplus.map(Surplus::Shared), wakes)
    }

    /// Gives those who wait what there is, the first first.
    fn serve(&mut self, limits: PoolLimits) -> Wakes {
        let mut wakes = Wakes::new();
        while !self.waiting.is_empty() {
            let grant = if let Some(connection) = self.sharing.join(None) {
                Grant::Join(connection)
            } else if self.open < limits.max_per_host.max(1) && !self.sharing.opening {
                self.open += 1;
                self.sharing.opening = self.shares;
                Grant::Open
            } else {
                break;
            };
            if let Some((ticket, waker)) = self.waiting.pop_first() {
                self.granted.insert(ticket, grant);
                wakes.push(waker);
            }
        }
        wakes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    type Numbers = Pool<u32, Line>;
    type Acquired = super::Acquired<u32, Line>;

    /// Places on a connection that is shared.
    #[derive(Clone, Debug)]
    struct Line(Rc<(Cell<u32>, Cell<u32>, Cell<bool>)>);

    impl Line {
        /// One place is taken.
        fn new(limit: u32) -> Self {
            Self(Rc::new((Cell::new(1), Cell::new(limit), Cell::new(false))))
        }

        fn taken(&self) -> u32 {
            self.0.0.get()
        }
    }

    impl PartialEq for Line {
        fn eq(&self, other: &Self) -> bool {
            self.is(other)
        }
    }

    impl Share for Line {
        fn join(&self) -> bool {
            let joins = !self.is_closed() && self.taken() < self.0.1.get();
            self.0.0.set(self.taken() + u32::from(joins));
            joins
        }

        fn part(&self) {
            self.0.0.set(self.taken() - 1);
        }

        fn is_idle(&self) -> bool {
            self.taken() == 0
        }

        fn is_closed(&self) -> bool {
            self.0.2.get()
        }

        fn is(&self, other: &Self) -> bool {
            Rc::ptr_eq(&self.0, &other.0)
        }
    }

    const ALONE: Wish<'static, Line> = Wish { fresh: false, shared: false, not: None };
    const SHARED: Wish<'static, Line> = Wish { shared: true, ..ALONE };

    const HOST: OriginRef<'static> = OriginRef { tls: false, host: "h", port: 80 };
    const OTHER: OriginRef<'static> = OriginRef { tls: false, host: "h", port: 81 };

    fn pool(max_per_host: usize, max_idle_per_host: usize) -> Numbers {
        let idle_timeout = Some(Duration::from_secs(60));
        Pool::new(PoolLimits { max_per_host, max_idle_per_host, idle_timeout })
    }

    fn acquire(pool: &mut Numbers, now: Instant) -> (Arc<Origin>, Acquired) {
        let mut dropped = Vec::new();
        let acquired = pool.acquire(HOST, now, ALONE, Waker::noop(), &mut dropped);
        assert_eq!(dropped, []);
        acquired
    }

    fn open(pool: &mut Numbers, now: Instant) -> Arc<Origin> {
        let (origin, acquired) = acquire(pool, now);
        assert_eq!(acquired, Acquired::Granted(Grant::Open));
        origin
    }

    fn wait(pool: &mut Numbers, now: Instant) -> Ticket {
        match acquire(pool, now).1 {
            Acquired::Wait(ticket) => ticket,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_last_used_is_used_again_first() {
        let (mut pool, now) = (pool(9, 9), Instant::now());
        let origin = open(&mut pool, now);
        open(&mut pool, now);
        assert!(matches!(pool.put(&origin, 1, now), (None, wakes) if wakes.is_empty()));
        assert!(matches!(pool.put(&origin, 2, now), (None, wakes) if wakes.is_empty()));
        assert_eq!(pool.counts(HOST), (2, 2));
        assert_eq!(acquire(&mut pool, now).1, Acquired::Granted(Grant::Reuse(2, now)));
        assert_eq!(acquire(&mut pool, now).1, Acquired::Granted(Grant::Reuse(1, now)));
        open(&mut pool, now);
        assert_eq!(pool.counts(HOST), (0, 3));
    }

    #[test]
    fn another_port_is_another_origin() {
        let (mut pool, now) = (pool(1, 9), Instant::now());
        let origin = open(&mut pool, now);
        pool.put(&origin, 1, now);
        let (other, acquired) = pool.acquire(OTHER, now, ALONE, Waker::noop(), &mut Vec::new());
        assert_eq!(acquired, Acquired::Granted(Grant::Open));
        assert_eq!(other.to_string(), "http://h:81");
        assert_eq!(origin.to_string(), "http://h");
    }

    #[test]
    fn who_came_first_is_served_first_and_nobody_overtakes() {
        let (mut pool, now) = (pool(1, 9), Instant::now());
        let origin = open(&mut pool, now);
        let (first, second) = (wait(&mut pool, now), wait(&mut pool, now));
        assert_eq!(pool.poll(&origin, first, Waker::noop()), None);
        assert!(!pool.put(&origin, 7, now).1.is_empty());
        let late = wait(&mut pool, now);
        assert_eq!(pool.poll(&origin, second, Waker::noop()), None);
        assert_eq!(pool.poll(&origin, first, Waker::noop()), Some(Grant::Reuse(7, now)));
        assert!(!pool.release(&origin).is_empty());
        assert_eq!(pool.poll(&origin, late, Waker::noop()), None);
        assert_eq!(pool.poll(&origin, second, Waker::noop()), Some(Grant::Open));
        assert_eq!(pool.counts(HOST), (0, 1));
    }

    #[test]
    fn a_turn_that_is_cancelled_goes_to_the_next() {
        let (mut pool, now) = (pool(1, 9), Instant::now());
        let origin = open(&mut pool, now);
        let (first, second) = (wait(&mut pool, now), wait(&mut pool, now));
        pool.put(&origin, 7, now);
        let (closed, wake) = pool.cancel(&origin, first, now);
        assert!(closed.is_none() && !wake.is_empty());
        assert_eq!(pool.poll(&origin, second, Waker::noop()), Some(Grant::Reuse(7, now)));
        let third = wait(&mut pool, now);
        assert!(pool.cancel(&origin, third, now).1.is_empty());
        assert!(pool.release(&origin).is_empty());
        assert_eq!(pool.counts(HOST), (0, 0));
    }

    #[test]
    fn a_granted_opening_that_is_cancelled_frees_its_place() {
        let (mut pool, now) = (pool(1, 9), Instant::now());
        let origin = open(&mut pool, now);
        let ticket = wait(&mut pool, now);
        assert!(!pool.release(&origin).is_empty());
        assert_eq!(pool.counts(HOST), (0, 1));
        pool.cancel(&origin, ticket, now);
        assert_eq!(pool.counts(HOST), (0, 0));
    }

    #[test]
    fn too_many_idle_are_closed() {
        let (mut pool, now) = (pool(9, 1), Instant::now());
        let origin = open(&mut pool, now);
        open(&mut pool, now);
        assert_eq!(pool.put(&origin, 1, now).0, None);
        assert_eq!(pool.put(&origin, 2, now).0, Some(2));
        assert_eq!(pool.counts(HOST), (1, 1));
    }

    #[test]
    fn old_ones_are_closed_when_looked_at_and_by_the_sweep() {
        let (mut pool, start) = (pool(9, 9), Instant::now());
        let origin = open(&mut pool, start);
        open(&mut pool, start);
        pool.put(&origin, 1, start);
        pool.put(&origin, 2, start + Duration::from_secs(30));
        let mut dropped = Vec::new();
        let at = start + Duration::from_secs(61);
        let (_, acquired) = pool.acquire(HOST, at, ALONE, Waker::noop(), &mut dropped);
        assert_eq!(dropped, [Surplus::Alone(1)]);
        let since = start + Duration::from_secs(30);
        assert_eq!(acquired, Acquired::Granted(Grant::Reuse(2, since)));
        pool.put(&origin, 2, at);
        let much_later = at + Duration::from_secs(1000);
        pool.acquire(OTHER, much_later, ALONE, Waker::noop(), &mut dropped);
        assert_eq!(dropped, [Surplus::Alone(1), Surplus::Alone(2)]);
        assert_eq!(pool.by_origin.len(), 1);
        // The place of the one that is gone is used again.
        let third = OriginRef { port: 82, ..HOST };
        pool.acquire(third, much_later, ALONE, Waker::noop(), &mut dropped);
        assert_eq!((pool.hosts.len(), pool.counts(third)), (2, (0, 1)));
        assert_eq!(pool.counts(HOST), (0, 0));
    }

    #[test]
    fn a_fresh_one_takes_the_place_of_an_idle_one() {
        let (mut pool, now) = (pool(1, 9), Instant::now());
        let origin = open(&mut pool, now);
        pool.put(&origin, 1, now);
        let mut dropped = Vec::new();
        let (_, acquired) =
            pool.acquire(HOST, now, Wish { fresh: true, ..ALONE }, Waker::noop(), &mut dropped);
        assert_eq!((acquired, dropped), (Acquired::Granted(Grant::Open), vec![Surplus::Alone(1)]));
        assert_eq!(pool.counts(HOST), (0, 1));
    }

    proptest::proptest! {
        /// Whatever happens in whatever order: the limits hold, and no place is lost.
        #[test]
        fn no_place_is_lost(ops in proptest::collection::vec((0u8..6, 0usize..8), 0..200)) {
            let (limit, max_idle) = (3, 2);
            let (mut pool, mut now) = (pool(limit, max_idle), Instant::now());
            let (mut held, mut tickets) = (Vec::<Option<u32>>::new(), Vec::<Ticket>::new());
            let (mut origin, mut number) = (None, 0);
            for (op, n) in ops {
                let mut dropped = Vec::new();
                match op {
                    0 | 1 => {
                        let (at, acquired) =
                            pool.acquire(HOST, now, Wish { fresh: n == 0, ..ALONE }, Waker::noop(), &mut dropped);
                        origin = Some(at);
                        match acquired {
                            Acquired::Granted(Grant::Open) => held.push(None),
                            Acquired::Granted(Grant::Reuse(c, _)) => held.push(Some(c)),
                            Acquired::Granted(Grant::Join(_)) => unreachable!("nothing is shared"),
                            Acquired::Wait(ticket) => tickets.push(ticket),
                        }
                    }
                    2 if !held.is_empty() => {
                        let origin = origin.as_ref().unwrap();
                        let connection = held.remove(n % held.len()).unwrap_or_else(|| {
                            number += 1;
                            number
                        });
                        pool.put(origin, connection, now);
                    }
                    3 if !held.is_empty() => {
                        held.remove(n % held.len());
                        pool.release(origin.as_ref().unwrap());
                    }
                    4 if !tickets.is_empty() => {
                        let ticket = tickets.remove(n % tickets.len());
                        pool.cancel(origin.as_ref().unwrap(), ticket, now);
                    }
                    5 => now += Duration::from_secs(n as u64 * 5),
                    _ => {}
                }
                if let Some(origin) = &origin {
                    tickets.retain(|ticket| match pool.poll(origin, *ticket, Waker::noop()) {
                        Some(Grant::Open) => { held.push(None); false }
                        Some(Grant::Reuse(c, _)) => { held.push(Some(c)); false }
                        Some(Grant::Join(_)) => unreachable!("nothing is shared"),
                        None => true,
                    });
                }
                let (idle, open) = pool.counts(HOST);
                proptest::prop_assert_eq!(open, held.len() + idle);
                proptest::prop_assert!(open <= limit && idle <= max_idle);
                proptest::prop_assert!(tickets.is_empty() || (idle == 0 && open == limit));
            }
        }
    }
}
