//! Connections that many share.

use super::*;

const SHARED: Wish<'static, Line> = Wish { shared: true, ..ALONE };
/// One that others wait for.
const AWAITED: Grant<u32, Line> = Grant::Open { awaited: true };

fn ask(pool: &mut Numbers, now: Instant, wish: Wish<'_, Line>) -> (Arc<Origin>, Acquired) {
    let mut dropped = Vec::new();
    let acquired = pool.acquire(HOST, now, wish, Waker::noop(), &mut dropped);
    assert_eq!(dropped, []);
    acquired
}

#[test]
fn who_comes_while_one_is_opened_gets_a_place_on_it() {
    let (mut pool, now) = (pool(9, 9), Instant::now());
    let (origin, acquired) = ask(&mut pool, now, SHARED);
    assert_eq!(acquired, Acquired::Granted(AWAITED));
    let mut tickets = Vec::new();
    for _ in 0..4 {
        let Acquired::Wait(ticket) = ask(&mut pool, now, SHARED).1 else { panic!("no wait") };
        tickets.push(ticket);
    }
    let line = Line::new(3);
    // Two of them, and one more is told to open another; the last waits for that.
    assert_eq!(pool.share(&origin, true, line.clone(), now).len(), 3);
    let mut poll = |ticket: usize| pool.poll(&origin, tickets[ticket], Waker::noop());
    assert_eq!(poll(0), Some(Ok(Grant::Join(line.clone()))));
    assert_eq!(poll(1), Some(Ok(Grant::Join(line.clone()))));
    assert_eq!((poll(2), poll(3)), (Some(Ok(AWAITED)), None));
    // That one fails, and a place becomes free.
    line.part();
    assert_eq!(pool.leave(&origin, &line, now).1.len(), 1);
    assert_eq!(pool.poll(&origin, tickets[3], Waker::noop()), Some(Ok(Grant::Join(line.clone()))));
    assert!(pool.release(&origin, true).is_empty());
    assert_eq!((pool.counts(HOST), line.taken()), ((0, 1), 3));
}

#[test]
fn an_attempt_that_is_cancelled_is_the_next_ones() {
    let (mut pool, now) = (pool(9, 9), Instant::now());
    let (origin, _) = ask(&mut pool, now, SHARED);
    let Acquired::Wait(ticket) = ask(&mut pool, now, SHARED).1 else { panic!("no wait") };
    let Acquired::Wait(last) = ask(&mut pool, now, SHARED).1 else { panic!("no wait") };
    assert_eq!(pool.release(&origin, true).len(), 1);
    assert_eq!(pool.poll(&origin, ticket, Waker::noop()), Some(Ok(AWAITED)));
    assert_eq!(pool.poll(&origin, last, Waker::noop()), None);
    // It turns out that the server speaks nothing that could be shared.
    assert_eq!(pool.keep_alone(&origin, true).len(), 1);
    assert_eq!(pool.poll(&origin, last, Waker::noop()), Some(Ok(OPEN)));
    assert_eq!(ask(&mut pool, now, SHARED).1, Acquired::Granted(OPEN));
    assert_eq!(pool.counts(HOST), (0, 3));
}

#[test]
fn who_did_not_come_yet_for_a_failure_keeps_its_host() {
    let (mut pool, now) = (pool(9, 9), Instant::now());
    let (origin, _) = ask(&mut pool, now, SHARED);
    let Acquired::Wait(ticket) = ask(&mut pool, now, SHARED).1 else { panic!("no wait") };
    assert_eq!(pool.fail(&origin, true, &"refused").len(), 1);
    let later = now + 2 * SWEEP;
    let other = OriginRef { host: "other", ..HOST };
    pool.acquire(other, later, ALONE, Waker::noop(), &mut Vec::new());
    assert_eq!(pool.poll(&origin, ticket, Waker::noop()), Some(Err("refused")));
}

#[test]
fn a_server_that_can_be_shared_after_all_is() {
    let (mut pool, now) = (pool(3, 3), Instant::now());
    let (origin, _) = ask(&mut pool, now, SHARED);
    pool.keep_alone(&origin, true);
    assert_eq!(ask(&mut pool, now, SHARED).1, Acquired::Granted(OPEN));
    let line = Line::new(5);
    pool.share(&origin, false, line.clone(), now);
    assert_eq!(ask(&mut pool, now, SHARED).1, Acquired::Granted(Grant::Join(line)));
}

#[test]
fn a_shared_one_is_used_although_the_last_one_is_not() {
    let (mut pool, now) = (pool(3, 3), Instant::now());
    let (origin, _) = ask(&mut pool, now, SHARED);
    let line = Line::new(1);
    pool.share(&origin, true, line.clone(), now);
    assert_eq!(ask(&mut pool, now, SHARED).1, Acquired::Granted(AWAITED));
    pool.keep_alone(&origin, true);
    line.part();
    pool.leave(&origin, &line, now);
    assert_eq!(ask(&mut pool, now, SHARED).1, Acquired::Granted(Grant::Join(line.clone())));
    // It is full. Nobody waits for the next one to be opened, until there is no place for another.
    assert_eq!(ask(&mut pool, now, SHARED).1, Acquired::Granted(OPEN));
    let Acquired::Wait(ticket) = ask(&mut pool, now, SHARED).1 else { panic!("no wait") };
    line.part();
    assert_eq!(pool.leave(&origin, &line, now).1.len(), 1);
    assert_eq!(pool.poll(&origin, ticket, Waker::noop()), Some(Ok(Grant::Join(line))));
}

#[test]
fn who_waited_for_an_attempt_shares_its_failure() {
    let (mut pool, now) = (pool(9, 9), Instant::now());
    let (origin, _) = ask(&mut pool, now, SHARED);
    let mut tickets = Vec::new();
    for _ in 0..4 {
        let Acquired::Wait(ticket) = ask(&mut pool, now, SHARED).1 else { panic!("no wait") };
        tickets.push(ticket);
    }
    pool.cancel(&origin, tickets[3], now);
    assert_eq!(pool.fail(&origin, true, &"refused").len(), 3);
    assert_eq!(pool.counts(HOST), (0, 0));
    // Who does not come for it leaves nothing behind.
    pool.cancel(&origin, tickets[2], now);
    // Who comes later tries anew.
    assert_eq!(ask(&mut pool, now, SHARED).1, Acquired::Granted(AWAITED));
    for ticket in &tickets[..2] {
        assert_eq!(pool.poll(&origin, *ticket, Waker::noop()), Some(Err("refused")));
        assert_eq!(pool.poll(&origin, *ticket, Waker::noop()), None);
    }
    assert_eq!(pool.counts(HOST), (0, 1));
}

#[test]
fn who_has_another_connection_to_wait_for_does_not_share_a_failure() {
    let (mut pool, now) = (pool(9, 9), Instant::now());
    let (origin, _) = ask(&mut pool, now, SHARED);
    let line = Line::new(1);
    pool.share(&origin, true, line.clone(), now);
    assert_eq!(ask(&mut pool, now, SHARED).1, Acquired::Granted(AWAITED));
    let mut wait = || match ask(&mut pool, now, SHARED).1 {
        Acquired::Wait(ticket) => ticket,
        other => panic!("{other:?}"),
    };
    let (next, last) = (wait(), wait());
    assert_eq!(pool.fail(&origin, true, &"refused").len(), 1);
    assert_eq!(pool.poll(&origin, next, Waker::noop()), Some(Ok(AWAITED)));
    assert_eq!(pool.poll(&origin, last, Waker::noop()), None);
    // One that takes nobody any more is none.
    line.0.2.set(true);
    assert_eq!(pool.fail(&origin, true, &"refused").len(), 1);
    assert_eq!(pool.poll(&origin, last, Waker::noop()), Some(Err("refused")));
    assert_eq!(pool.counts(HOST), (0, 1));
}

#[test]
fn a_connection_that_ends_is_not_the_one_that_others_wait_for() {
    let (mut pool, now) = (pool(9, 9), Instant::now());
    // Two from when the server was known not to share, of which one turns out to.
    let (origin, _) = ask(&mut pool, now, SHARED);
    pool.keep_alone(&origin, true);
    assert_eq!(ask(&mut pool, now, SHARED).1, Acquired::Granted(OPEN));
    let line = Line::new(1);
    pool.share(&origin, false, line.clone(), now);
    assert_eq!(ask(&mut pool, now, SHARED).1, Acquired::Granted(AWAITED));
    let Acquired::Wait(ticket) = ask(&mut pool, now, SHARED).1 else { panic!("no wait") };
    // The first one is closed, and the attempt goes on.
    assert!(pool.release(&origin, false).is_empty());
    assert_eq!(pool.poll(&origin, ticket, Waker::noop()), None);
    assert_eq!(pool.share(&origin, true, Line::new(2), now).len(), 1);
}

#[test]
fn closed_and_unwanted_ones_are_let_go() {
    let (mut pool, now) = (pool(2, 1), Instant::now());
    let (origin, _) = ask(&mut pool, now, SHARED);
    let line = Line::new(1);
    pool.share(&origin, true, line.clone(), now);
    // It is full, or not the one that is wanted: another one.
    assert_eq!(ask(&mut pool, now, SHARED).1, Acquired::Granted(AWAITED));
    let other = Line::new(5);
    pool.share(&origin, true, other.clone(), now);
    let not = Wish { not: Some(&other), ..SHARED };
    // There may be no third, so that it has to be that one.
    assert_eq!(ask(&mut pool, now, not).1, Acquired::Granted(Grant::Join(other.clone())));
    other.part();
    other.0.2.set(true);
    other.part();
    let (gone, _) = pool.leave(&origin, &other, now);
    assert_eq!(gone, Some(Surplus::Shared(other)));
    line.part();
    assert_eq!(pool.leave(&origin, &line, now).0, None);
    assert_eq!(pool.counts(HOST), (1, 1));
    let mut dropped = Vec::new();
    pool.tidy(now + Duration::from_secs(60), &mut dropped);
    assert_eq!((dropped, pool.counts(HOST)), (vec![Surplus::Shared(line)], (0, 0)));
}

proptest::proptest! {
    /// Whatever happens in whatever order, shared connections among it: no place is lost, and nobody waits
    /// for nothing.
    #[test]
    fn no_place_on_a_shared_connection_is_lost(
        ops in proptest::collection::vec((0u8..8, 0usize..8), 0..200)
    ) {
        let (limit, max_idle) = (3, 2);
        let (mut pool, mut now) = (pool(limit, max_idle), Instant::now());
        let (mut opening, mut tickets) = (0, Vec::<Ticket>::new());
        let (mut seats, mut lines) = (Vec::<Line>::new(), Vec::<Line>::new());
        let mut origin = None;
        for (op, n) in ops {
            let mut dropped = Vec::new();
            match op {
                0 | 1 => {
                    let (at, acquired) =
                        pool.acquire(HOST, now, SHARED, Waker::noop(), &mut dropped);
                    origin = Some(at);
                    match acquired {
                        Acquired::Granted(Grant::Open { .. }) => opening += 1,
                        Acquired::Granted(Grant::Join(line)) => seats.push(line),
                        Acquired::Granted(Grant::Reuse(..)) => unreachable!("all are shared"),
                        Acquired::Wait(ticket) => tickets.push(ticket),
                    }
                }
                2 if opening > 0 => {
                    opening -= 1;
                    let line = Line::new(1 + n as u32 % 3);
                    seats.push(line.clone());
                    lines.push(line.clone());
                    pool.share(origin.as_ref().unwrap(), true, line, now);
                }
                3 if opening > 0 => {
                    opening -= 1;
                    let origin = origin.as_ref().unwrap();
                    match n % 2 {
                        0 => pool.release(origin, true),
                        _ => pool.fail(origin, true, &"failed"),
                    };
                }
                4 | 5 if !seats.is_empty() => {
                    let line = seats.remove(n % seats.len());
                    line.part();
                    pool.leave(origin.as_ref().unwrap(), &line, now);
                }
                6 if !tickets.is_empty() => {
                    let ticket = tickets.remove(n % tickets.len());
                    pool.cancel(origin.as_ref().unwrap(), ticket, now);
                }
                7 if n < 3 && !lines.is_empty() => lines[n % lines.len()].0.2.set(true),
                7 => now += Duration::from_secs(n as u64 * 5),
                _ => {}
            }
            if let Some(origin) = &origin {
                tickets.retain(|ticket| match pool.poll(origin, *ticket, Waker::noop()) {
                    Some(Ok(Grant::Open { .. })) => { opening += 1; false }
                    Some(Ok(Grant::Join(line))) => { seats.push(line); false }
                    Some(Ok(Grant::Reuse(..))) => unreachable!("all are shared"),
                    Some(Err(_)) => false,
                    None => true,
                });
            }
            let (idle, open) = pool.counts(HOST);
            let in_use = lines.iter().filter(|line| !line.is_idle()).count();
            proptest::prop_assert_eq!(open, opening + in_use + idle);
            proptest::prop_assert!(open <= limit && opening <= 1 && idle <= max_idle);
            let taken: u32 = lines.iter().map(Line::taken).sum();
            proptest::prop_assert_eq!(taken as usize, seats.len());
            proptest::prop_assert!(tickets.is_empty() || opening == 1 || open == limit);
            let has_room = |line: &&Line| !line.is_idle() && line.join();
            if let Some(line) = lines.iter().find(has_room) {
                line.part();
                proptest::prop_assert!(tickets.is_empty(), "one waits beside a free place");
            }
        }
    }
}
