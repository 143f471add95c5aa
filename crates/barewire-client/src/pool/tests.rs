mod sharing;

use super::*;
use std::cell::Cell;
use std::rc::Rc;

type Numbers = Pool<u32, Line, &'static str>;
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

/// One that nobody else waits for.
const OPEN: Grant<u32, Line> = Grant::Open { awaited: false };

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
    assert_eq!(acquired, Acquired::Granted(OPEN));
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
    assert_eq!(acquired, Acquired::Granted(OPEN));
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
    assert_eq!(pool.poll(&origin, first, Waker::noop()), Some(Ok(Grant::Reuse(7, now))));
    assert!(!pool.release(&origin, false).is_empty());
    assert_eq!(pool.poll(&origin, late, Waker::noop()), None);
    assert_eq!(pool.poll(&origin, second, Waker::noop()), Some(Ok(OPEN)));
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
    assert_eq!(pool.poll(&origin, second, Waker::noop()), Some(Ok(Grant::Reuse(7, now))));
    let third = wait(&mut pool, now);
    assert!(pool.cancel(&origin, third, now).1.is_empty());
    assert!(pool.release(&origin, false).is_empty());
    assert_eq!(pool.counts(HOST), (0, 0));
}

#[test]
fn a_granted_opening_that_is_cancelled_frees_its_place() {
    let (mut pool, now) = (pool(1, 9), Instant::now());
    let origin = open(&mut pool, now);
    let ticket = wait(&mut pool, now);
    assert!(!pool.release(&origin, false).is_empty());
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
    assert_eq!((acquired, dropped), (Acquired::Granted(OPEN), vec![Surplus::Alone(1)]));
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
                        Acquired::Granted(Grant::Open { .. }) => held.push(None),
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
                    pool.release(origin.as_ref().unwrap(), false);
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
                    Some(Ok(Grant::Open { .. })) => { held.push(None); false }
                    Some(Ok(Grant::Reuse(c, _))) => { held.push(Some(c)); false }
                    Some(Ok(Grant::Join(_))) | Some(Err(_)) => unreachable!("nothing is shared"),
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
