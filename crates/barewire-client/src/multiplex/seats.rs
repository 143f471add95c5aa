use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use barewire_rt::Runtime;

use super::Multiplex;
use crate::origin::Origin;
use crate::shared::Shared;

/// How many streams a connection may carry, and how many it does. Known without its lock, since the pool asks
/// under its own.
#[derive(Debug)]
pub(crate) struct Seats {
    taken: AtomicU32,
    limit: AtomicU32,
    /// Whatever the server says.
    most: u32,
    closed: AtomicBool,
}

impl Seats {
    /// One seat is taken, by who has opened the connection.
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            taken: AtomicU32::new(1),
            limit: AtomicU32::new(limit),
            most: u32::MAX,
            closed: AtomicBool::new(false),
        }
    }

    /// One seat and never another one: it is taken.
    pub(crate) fn alone() -> Self {
        Self { most: 1, ..Self::new(1) }
    }

    /// Takes a seat if there is one.
    pub(crate) fn take(&self) -> bool {
        let limit = self.limit.load(Ordering::Acquire);
        let free = |taken: u32| (taken < limit).then_some(taken.saturating_add(1));
        !self.is_closed()
            && self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, free).is_ok()
    }

    /// Gives a seat back.
    pub(crate) fn give(&self) {
        self.taken.fetch_sub(1, Ordering::AcqRel);
    }

    pub(crate) fn taken(&self) -> u32 {
        self.taken.load(Ordering::Acquire)
    }

    pub(crate) fn limit(&self) -> u32 {
        self.limit.load(Ordering::Acquire)
    }

    /// The server has said how many it takes.
    pub(crate) fn set_limit(&self, limit: u32) {
        self.limit.store(limit.min(self.most), Ordering::Release);
    }

    /// No further streams are begun.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

/// The right to one stream on a connection. Dropping it gives it to who waits for one.
pub(crate) struct Seat<R: Runtime> {
    pub(crate) line: Arc<Multiplex<R>>,
    shared: Arc<Shared<R>>,
    origin: Arc<Origin>,
    first: bool,
}

impl<R: Runtime> Seat<R> {
    pub(crate) fn new(
        line: Arc<Multiplex<R>>,
        shared: Arc<Shared<R>>,
        origin: Arc<Origin>,
        first: bool,
    ) -> Self {
        Self { line, shared, origin, first }
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether it is that of who has opened the connection.
    pub(crate) fn is_first(&self) -> bool {
        self.first
    }

    /// How many streams there may be has changed: somebody may have waited for that.
    pub(crate) fn announce(&self) {
        self.origin.streams.store(self.line.seats().limit(), Ordering::Relaxed);
        self.shared.serve(&self.origin);
    }
}

impl<R: Runtime> Drop for Seat<R> {
    fn drop(&mut self) {
        self.line.seats().give();
        self.shared.leave(&self.origin, &self.line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_taken_than_there_are() {
        let seats = Seats::new(2);
        assert!(seats.take() && !seats.take());
        seats.set_limit(1);
        seats.give();
        assert!(!seats.take() && seats.taken() == 1);
        seats.give();
        assert!(seats.take());
        seats.give();
        seats.close();
        assert!(!seats.take() && seats.taken() == 0);
    }

    #[test]
    fn who_is_alone_stays_alone() {
        let seats = Seats::alone();
        seats.set_limit(100);
        assert!(!seats.take() && seats.limit() == 1);
        seats.give();
        assert!(seats.take() && !seats.take());
        seats.set_limit(0);
        seats.give();
        assert!(!seats.take());
    }
}
