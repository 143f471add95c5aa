//! Who goes on with a connection of threads when the one that leads is held up.
//!
//! One that waits within a request, for its body, for room to send or for a future, is the connection's *caretaker*
//! until that has come: it reads and writes for all, so that what it waits for costs no switch of threads. New
//! requests it leaves to a backlog, and the connection with them to a spare thread, or else a new one, as long as the
//! connection and the server may have more and the system has any. After that the threads there are have to do:
//!
//! - The caretaker goes on, and the backlog waits.
//! - Where every thread is blocked in a handler nobody can read. The connection is *stranded*; the first handler
//!   that returns, or waits for something, goes on with it, and so does a thread that becomes free elsewhere. When
//!   that takes long the client is told, by GOAWAY, to take further requests to another connection.
//!
//! Handlers wait their turn that way, and no stream is lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use barewire_h2::{Reason, ServerConnection, ServerEvent, StreamId};
use barewire_rt::{Spawn, Transport};

use super::crew::{Crew, Guard, Turns};
use super::monitor::Watch;
use super::state::State;
use crate::layer::Over;
use crate::{Handler, log};

/// How long a connection may be stranded before the client is told.
const STRANDED: Duration = Duration::from_secs(5);

/// A crew, for those who do not know what it speaks.
pub(super) trait Relief: Send + Sync {
    /// The thread that polled a stream's body, as `reader`, is going to wait for it. `true` when there is something
    /// of it by now.
    fn hold_up(&self, id: StreamId, reader: &Waker) -> bool;
}

/// A place in a crew, for as long as a thread has it.
pub(super) struct Hired<R, H, L: Over<ServerConnection>, T: Transport + Send + 'static>
where
    R: Spawn,
    H: Handler,
{
    crew: Arc<Crew<R, H, L, T>>,
    begun: bool,
}

impl<R, H, L, T> Hired<R, H, L, T>
where
    R: Spawn,
    H: Handler,
    L: Over<ServerConnection>,
    T: Transport + Send + 'static,
{
    /// The connection's own thread, which needs no place among the server's.
    pub(super) fn first(crew: Arc<Crew<R, H, L, T>>) -> Self {
        let mut state = crew.shared.lock();
        state.roles.threads += 1;
        state.roles.coming += 1;
        drop(state);
        Self { crew, begun: false }
    }

    pub(super) fn work(mut self) {
        self.begun = true;
        let mut state = self.crew.shared.lock();
        state.roles.coming -= 1;
        self.crew.work(state);
    }
}

impl<R, H, L, T> Drop for Hired<R, H, L, T>
where
    R: Spawn,
    H: Handler,
    L: Over<ServerConnection>,
    T: Transport + Send + 'static,
{
    fn drop(&mut self) {
        let places = &self.crew.common.places;
        let mut state = self.crew.shared.lock();
        state.roles.threads -= 1;
        if state.roles.threads > 0 {
            places.give_back();
        }
        if !self.begun {
            state.roles.coming -= 1;
            places.refused();
        }
    }
}

impl<R, H, L, T> Crew<R, H, L, T>
where
    R: Spawn,
    H: Handler,
    L: Over<ServerConnection>,
    T: Transport + Send + 'static,
{
    /// Finds another thread to lead, in place of one that is in the middle of a request: whether there is one, or
    /// will be.
    fn hand_over<'a>(&'a self, mut state: Guard<'a, L, T>) -> (Guard<'a, L, T>, bool) {
        if state.is_over() || state.roles.coming > 0 {
            return (state, true);
        }
        if state.roles.spare > 0 {
            self.vacate(&mut state);
            return (state, true);
        }
        // A client that resets what it asks for must not get more threads by that than by waiting.
        let most = self.common.http2.settings.max_concurrent_streams as usize;
        if state.roles.threads > most {
            return (state, false);
        }
        let Some(crew) = self.this.upgrade() else { return (state, false) };
        if state.roles.threads > 0 && !self.common.places.take() {
            return (state, false);
        }
        state.roles.threads += 1;
        state.roles.coming += 1;
        // Who is done meanwhile may lead, too.
        let leader = state.roles.leader;
        self.vacate(&mut state);
        drop(state);
        let hired = Hired { crew, begun: false };
        // Where the system has no thread for it, it is dropped.
        drop(self.common.runtime.spawn_blocking(move || hired.work()));
        let mut state = self.shared.lock();
        let found = state.roles.coming > 0 || state.roles.leader.is_some() || state.is_over();
        if !found {
            state.roles.leader = leader;
        }
        (state, found)
    }

    /// Makes room for another leader.
    fn vacate(&self, state: &mut Guard<'_, L, T>) {
        match state.roles.caretaker {
            // It waits for the connection, and nobody else may meanwhile.
            true => self.waiter.waker().wake_by_ref(),
            false => {
                state.roles.leader = None;
                self.vacant.notify_one();
            }
        }
    }

    /// This thread is going to wait within a request, and is the one that leads or has to: it does not lead any more
    /// when this returns, or `until` holds, or the connection is over.
    pub(super) fn hand_over_or_attend<'a>(
        &'a self,
        state: Guard<'a, L, T>,
        until: impl Fn(&mut State<L, T>) -> bool,
    ) -> Guard<'a, L, T> {
        let (state, found) = self.hand_over(state);
        if found || state.roles.caretaker {
            return state;
        }
        self.attend(state, until)
    }

    /// The same, but another thread is only called for a request that nobody has begun with.
    pub(super) fn attend<'a>(
        &'a self,
        mut state: Guard<'a, L, T>,
        until: impl Fn(&mut State<L, T>) -> bool,
    ) -> Guard<'a, L, T> {
        let mut turns = Turns::default();
        state.roles.leader = Some(thread::current().id());
        state.roles.caretaker = true;
        state.roles.stranded = None;
        if state.backlog.is_empty() {
            self.at_ease(&mut state);
        }
        loop {
            let done = until(&mut state) || state.is_over();
            let wanted = !state.backlog.is_empty();
            if wanted && (state.roles.spare > 0 || (done && state.roles.coming > 0)) {
                state.roles.caretaker = false;
                self.vacate(&mut state);
                return state;
            }
            if done {
                break;
            }
            let event;
            (state, event) = self.step(state, &mut turns);
            let Some(event) = event else { continue };
            state = self.put_off(state, event);
            // What came with it.
            while let Ok(Some(event)) = state.driver.protocol_mut().poll_event() {
                if let Some(event) = L::event(event) {
                    state = self.put_off(state, event);
                }
            }
        }
        state.roles.caretaker = false;
        // It goes on with its request, and gets as long for that as at the beginning.
        self.busy_again();
        state
    }

    /// Sees to an event, and leaves a request to others.
    fn put_off<'a>(&'a self, mut state: Guard<'a, L, T>, event: ServerEvent) -> Guard<'a, L, T> {
        let ServerEvent::Request(id, head, length) = event else {
            state.take_other(&self.peer, event);
            return state;
        };
        let body = state.body(&self.shared, id, &head, length);
        state.backlog.push_back((id, head.map(|()| body)));
        if self.progress().is_multiple_of(2) {
            // Where there is no thread for it, the monitor goes on looking for one.
            self.busy();
        }
        self.hand_over(state).0
    }

    /// Nobody can read.
    fn strand(&self, state: &mut Guard<'_, L, T>) {
        let Some(since) = state.roles.stranded else {
            state.roles.stranded = Some(Instant::now());
            // Who waits within a request can do it, and finds that out when it is woken.
            return state.call_all();
        };
        if since.elapsed() >= STRANDED && !state.protocol().is_draining() {
            log::stranded(&self.peer);
            state.protocol().go_away(Reason::NO_ERROR);
            state.driver.poll_write_some(&mut Context::from_waker(Waker::noop()));
        }
    }
}

impl<R, H, L, T> Relief for Crew<R, H, L, T>
where
    R: Spawn,
    H: Handler,
    L: Over<ServerConnection>,
    T: Transport + Send + 'static,
{
    fn hold_up(&self, id: StreamId, reader: &Waker) -> bool {
        let mut state = self.shared.lock();
        // A handler that polls the body itself is held up when it has nothing else to wait for either.
        if state.has_news(id)
            || state.is_attached(id, reader)
            || !state.roles.is_up_to(thread::current().id())
        {
            return state.has_news(id);
        }
        // Something else may wake the reader, too, and must not have to wait for this.
        state = self.hand_over_or_attend(state, |state| state.has_news(id));
        self.call(state).has_news(id)
    }
}

impl<R, H, L, T> Watch for Crew<R, H, L, T>
where
    R: Spawn,
    H: Handler,
    L: Over<ServerConnection>,
    T: Transport + Send + 'static,
{
    fn progress(&self) -> u64 {
        self.progress.load(Ordering::SeqCst)
    }

    fn relieve(&self, progress: u64) {
        let state = self.shared.lock();
        if self.progress() != progress {
            return;
        }
        let (mut state, found) = self.hand_over(state);
        if !found && !state.roles.caretaker {
            self.strand(&mut state);
        }
    }

    fn forgotten(&self) {
        self.watched.store(false, Ordering::SeqCst);
    }

    fn reclaim(&self) -> bool {
        !self.watched.swap(true, Ordering::SeqCst)
    }
}
