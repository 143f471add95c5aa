//! The bookkeeping of kept connections: who may open one, who gets an idle one, who is next. No I/O, no
//! lock and no clock; what has to be dropped or woken is handed out, to be dropped or woken after the lock.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::config::PoolLimits;
use crate::origin::{Key, Origin, OriginRef, OwnedKey};

/// A place in the queue for a connection.
pub(crate) type Ticket = u64;

/// A turn in the pool. Each is worth one connection, and ends in [`Pool::put`] or [`Pool::release`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Grant<T> {
    /// A connection may be opened.
    Open,
    /// A kept connection, and since when it has been idle.
    Reuse(T, Instant),
}

/// What [`Pool::acquire`] has to offer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Acquired<T> {
    /// Go on.
    Granted(Grant<T>),
    /// The limit is reached: the waker will be told when to ask for the ticket's grant.
    Wait(Ticket),
}

/// Whom to tell, once the lock is gone, that it is their turn.
pub(crate) type Wake = Option<Waker>;

/// Connections `T`, by origin.
pub(crate) struct Pool<T> {
    by_origin: HashMap<OwnedKey, usize>,
    /// A host keeps its place while it has connections or somebody waits; then the place is free.
    hosts: Vec<Host<T>>,
    free: Vec<usize>,
    limits: PoolLimits,
    last_ticket: Ticket,
    next_sweep: Option<Instant>,
}

/// As long as somebody waits nothing is idle and the limit is reached, so that nobody can jump the queue.
struct Host<T> {
    origin: Arc<Origin>,
    /// The longest idle first; used from the end, so that those not needed grow old.
    idle: Vec<(T, Instant)>,
    /// Connections in use, being opened, idle or granted.
    open: usize,
    waiting: BTreeMap<Ticket, Waker>,
    granted: BTreeMap<Ticket, Grant<T>>,
}

impl<T> Pool<T> {
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

    /// Asks for a connection to an origin. `fresh` asks for one that was not used before, and lets an idle
    /// one go for it; that one, and all that were idle for too long, come out in `dropped`.
    pub(crate) fn acquire(
        &mut self,
        origin: OriginRef<'_>,
        now: Instant,
        fresh: bool,
        waker: &Waker,
        dropped: &mut Vec<T>,
    ) -> (Arc<Origin>, Acquired<T>) {
        self.sweep(now, dropped);
        let slot = self.slot(origin);
        let host = &mut self.hosts[slot];
        host.expire(now, self.limits.idle_timeout, dropped);
        let acquired = match host.idle.pop() {
            Some((connection, _)) if fresh => {
                // Its place is given to the one that will be opened.
                dropped.push(connection);
                Acquired::Granted(Grant::Open)
            }
            Some((connection, since)) => Acquired::Granted(Grant::Reuse(connection, since)),
            None if host.open < self.limits.max_per_host.max(1) => {
                host.open += 1;
                Acquired::Granted(Grant::Open)
            }
            None => {
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
    ) -> Option<Grant<T>> {
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
    pub(crate) fn cancel(&mut self, origin: &Origin, ticket: Ticket) -> (Option<T>, Wake) {
        let max_idle = self.limits.max_idle_per_host;
        let Some(host) = self.host(origin) else { return (None, None) };
        host.waiting.remove(&ticket);
        match host.granted.remove(&ticket) {
            Some(Grant::Open) => (None, host.release()),
            Some(Grant::Reuse(connection, since)) => host.put(connection, since, max_idle),
            None => (None, None),
        }
    }

    /// Takes a connection back that can be used again: for who waits, or to be idle. What comes out is one
    /// too many, to be closed.
    pub(crate) fn put(
        &mut self,
        origin: &Origin,
        connection: T,
        now: Instant,
    ) -> (Option<T>, Wake) {
        let max_idle = self.limits.max_idle_per_host;
        match self.host(origin) {
            Some(host) => host.put(connection, now, max_idle),
            None => (Some(connection), None),
        }
    }

    /// Notes that a connection was closed, or never came about.
    pub(crate) fn release(&mut self, origin: &Origin) -> Wake {
        self.host(origin)?.release()
    }

    /// Idle connections, and those that are counted against the limit, of one origin.
    pub(crate) fn counts(&self, origin: OriginRef<'_>) -> (usize, usize) {
        let key: &dyn Key = &origin;
        let host = self.by_origin.get(key).and_then(|slot| self.hosts.get(*slot));
        host.map_or((0, 0), |host| (host.idle.len(), host.open))
    }

    /// The host of somebody who has a turn or a ticket: its place cannot have been given away.
    fn host(&mut self, origin: &Origin) -> Option<&mut Host<T>> {
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
    fn sweep(&mut self, now: Instant, dropped: &mut Vec<T>) {
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

impl<T> Host<T> {
    fn new(origin: Arc<Origin>) -> Self {
        Self {
            origin,
            idle: Vec::new(),
            open: 0,
            waiting: BTreeMap::new(),
            granted: BTreeMap::new(),
        }
    }

    fn expire(&mut self, now: Instant, limit: Option<Duration>, dropped: &mut Vec<T>) {
        let Some(limit) = limit else { return };
        let old = self.idle.partition_point(|(_, since)| now.duration_since(*since) >= limit);
        if old > 0 {
            self.open = self.open.saturating_sub(old);
            dropped.extend(self.idle.drain(..old).map(|(connection, _)| connection));
        }
    }

    fn put(&mut self, connection: T, since: Instant, max_idle: usize) -> (Option<T>, Wake) {
        if let Some((ticket, waker)) = self.waiting.pop_first() {
            self.granted.insert(ticket, Grant::Reuse(connection, since));
            return (None, Some(waker));
        }
        if self.idle.len() >= max_idle {
            return (Some(connection), self.release());
        }
        self.idle.push((connection, since));
        (None, None)
    }

    fn release(&mut self) -> Wake {
        match self.waiting.pop_first() {
            Some((ticket, waker)) => {
                self.granted.insert(ticket, Grant::Open);
                Some(waker)
            }
            None => {
                self.open = self.open.saturating_sub(1);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Numbers = Pool<u32>;

    const HOST: OriginRef<'static> = OriginRef { tls: false, host: "h", port: 80 };
    const OTHER: OriginRef<'static> = OriginRef { tls: false, host: "h", port: 81 };

    fn pool(max_per_host: usize, max_idle_per_host: usize) -> Numbers {
        let idle_timeout = Some(Duration::from_secs(60));
        Pool::new(PoolLimits { max_per_host, max_idle_per_host, idle_timeout })
    }

    fn acquire(pool: &mut Numbers, now: Instant) -> (Arc<Origin>, Acquired<u32>) {
        let mut dropped = Vec::new();
        let acquired = pool.acquire(HOST, now, false, Waker::noop(), &mut dropped);
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
        assert!(matches!(pool.put(&origin, 1, now), (None, None)));
        assert!(matches!(pool.put(&origin, 2, now), (None, None)));
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
        let (other, acquired) = pool.acquire(OTHER, now, false, Waker::noop(), &mut Vec::new());
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
        assert!(pool.put(&origin, 7, now).1.is_some());
        let late = wait(&mut pool, now);
        assert_eq!(pool.poll(&origin, second, Waker::noop()), None);
        assert_eq!(pool.poll(&origin, first, Waker::noop()), Some(Grant::Reuse(7, now)));
        assert!(pool.release(&origin).is_some());
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
        let (closed, wake) = pool.cancel(&origin, first);
        assert!(closed.is_none() && wake.is_some());
        assert_eq!(pool.poll(&origin, second, Waker::noop()), Some(Grant::Reuse(7, now)));
        let third = wait(&mut pool, now);
        assert!(pool.cancel(&origin, third).1.is_none());
        assert!(pool.release(&origin).is_none());
        assert_eq!(pool.counts(HOST), (0, 0));
    }

    #[test]
    fn a_granted_opening_that_is_cancelled_frees_its_place() {
        let (mut pool, now) = (pool(1, 9), Instant::now());
        let origin = open(&mut pool, now);
        let ticket = wait(&mut pool, now);
        assert!(pool.release(&origin).is_some());
        assert_eq!(pool.counts(HOST), (0, 1));
        pool.cancel(&origin, ticket);
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
        let (_, acquired) = pool.acquire(HOST, at, false, Waker::noop(), &mut dropped);
        assert_eq!(dropped, [1]);
        let since = start + Duration::from_secs(30);
        assert_eq!(acquired, Acquired::Granted(Grant::Reuse(2, since)));
        pool.put(&origin, 2, at);
        let much_later = at + Duration::from_secs(1000);
        pool.acquire(OTHER, much_later, false, Waker::noop(), &mut dropped);
        assert_eq!(dropped, [1, 2]);
        assert_eq!(pool.by_origin.len(), 1);
        // The place of the one that is gone is used again.
        let third = OriginRef { port: 82, ..HOST };
        pool.acquire(third, much_later, false, Waker::noop(), &mut dropped);
        assert_eq!((pool.hosts.len(), pool.counts(third)), (2, (0, 1)));
        assert_eq!(pool.counts(HOST), (0, 0));
    }

    #[test]
    fn a_fresh_one_takes_the_place_of_an_idle_one() {
        let (mut pool, now) = (pool(1, 9), Instant::now());
        let origin = open(&mut pool, now);
        pool.put(&origin, 1, now);
        let mut dropped = Vec::new();
        let (_, acquired) = pool.acquire(HOST, now, true, Waker::noop(), &mut dropped);
        assert_eq!((acquired, dropped), (Acquired::Granted(Grant::Open), vec![1]));
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
                            pool.acquire(HOST, now, n == 0, Waker::noop(), &mut dropped);
                        origin = Some(at);
                        match acquired {
                            Acquired::Granted(Grant::Open) => held.push(None),
                            Acquired::Granted(Grant::Reuse(c, _)) => held.push(Some(c)),
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
                        pool.cancel(origin.as_ref().unwrap(), tickets.remove(n % tickets.len()));
                    }
                    5 => now += Duration::from_secs(n as u64 * 5),
                    _ => {}
                }
                if let Some(origin) = &origin {
                    tickets.retain(|ticket| match pool.poll(origin, *ticket, Waker::noop()) {
                        Some(Grant::Open) => { held.push(None); false }
                        Some(Grant::Reuse(c, _)) => { held.push(Some(c)); false }
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
