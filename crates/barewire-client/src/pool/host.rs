use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::sharing::Sharing;
use super::{Grant, Share, Surplus, Ticket, Wakes};
use crate::config::PoolLimits;
use crate::origin::Origin;

/// All that is known of one origin.
///
/// As long as somebody waits nothing is idle, and either the limit is reached or a connection is being opened
/// on which there may be places for all, so that nobody can jump the queue.
pub(super) struct Host<T, S, E> {
    pub(super) origin: Arc<Origin>,
    /// The longest idle first; used from the end, so that those not needed grow old.
    pub(super) idle: Vec<(T, Instant)>,
    pub(super) sharing: Sharing<S>,
    /// Whether requests to this origin ask for connections that are shared.
    pub(super) shares: bool,
    /// Connections in use, being opened, idle, shared or granted.
    pub(super) open: usize,
    pub(super) waiting: BTreeMap<Ticket, Waker>,
    pub(super) granted: BTreeMap<Ticket, Result<Grant<T, S>, E>>,
}

impl<T, S: Share, E: Clone> Host<T, S, E> {
    pub(super) fn new(origin: Arc<Origin>) -> Self {
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

    pub(super) fn expire(
        &mut self,
        now: Instant,
        limit: Option<Duration>,
        dropped: &mut Vec<Surplus<T, S>>,
    ) {
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

    pub(super) fn put(
        &mut self,
        connection: T,
        since: Instant,
        limits: PoolLimits,
    ) -> (Option<T>, Wakes) {
        if let Some((ticket, waker)) = self.waiting.pop_first() {
            self.granted.insert(ticket, Ok(Grant::Reuse(connection, since)));
            return (None, vec![waker]);
        }
        if self.idle.len() >= limits.max_idle_per_host {
            return (Some(connection), self.release(false, limits));
        }
        self.idle.push((connection, since));
        (None, Wakes::new())
    }

    pub(super) fn release(&mut self, awaited: bool, limits: PoolLimits) -> Wakes {
        self.open = self.open.saturating_sub(1);
        self.sharing.settle(awaited);
        self.serve(limits)
    }

    pub(super) fn leave(
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
    pub(super) fn serve(&mut self, limits: PoolLimits) -> Wakes {
        let mut wakes = Wakes::new();
        while !self.waiting.is_empty() {
            let grant = if let Some(connection) = self.sharing.join(None) {
                Grant::Join(connection)
            } else if self.open < limits.max_per_host.max(1) && !self.sharing.opening {
                self.open += 1;
                self.sharing.opening = self.shares;
                Grant::Open { awaited: self.shares }
            } else {
                break;
            };
            if let Some((ticket, waker)) = self.waiting.pop_first() {
                self.granted.insert(ticket, Ok(grant));
                wakes.push(waker);
            }
        }
        wakes
    }
}
