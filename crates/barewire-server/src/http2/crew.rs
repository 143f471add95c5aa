//! HTTP/2 on threads, where handlers may block.
//!
//! One thread of a connection leads: it reads, calls the handler of each request itself, one after the other, and
//! writes all the answers at once. As long as handlers are fast that is all, and nothing is handed from one
//! thread to another. A thread that waits within a request, for its body, for room to send or for a future, goes on
//! with the connection meanwhile, and is relieved when there is a new request; one whose handler takes long is
//! relieved, too. Then another one leads, and what the first one has to say when it is done leaves through that.
//! So no stream holds up another one, and there are at most as many threads as handlers that are held up at the same
//! time, and one more; `relief.rs` says what happens where there are no more to be had.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use barewire_h2::{ServerConnection, ServerEvent, StreamId};
use barewire_proto::Buf;
use barewire_rt::{PeerAddr, Spawn, Transport, Waiter};
use http::{Request, Response};

use super::monitor::Watch;
use super::relief::Hired;
use super::response::{Begun, Sending, Sent};
use super::roles::Me;
use super::state::{Shared, State};
use crate::begin::Common;
use crate::connection::log_end;
use crate::drain::{Membership, Phase};
use crate::handler::{PanicMessage, contain, internal_error};
use crate::layer::{self, Over};
use crate::log::Access;
use crate::response::take_body;
use crate::{Body, ConnectInfo, Handler, log};

/// How long a thread waits to be needed again.
const SPARE: Duration = Duration::from_secs(2);

pub(super) struct Crew<R, H, L: Over<ServerConnection>, T: Transport + Send + 'static> {
    pub(super) common: Arc<Common<R, H>>,
    pub(super) shared: Arc<Shared<L, T>>,
    pub(super) membership: Membership,
    pub(super) peer: PeerAddr,
    pub(super) waiter: Waiter,
    pub(super) vacant: Condvar,
    /// Odd while the leader is in the middle of a request.
    pub(super) progress: AtomicU64,
    pub(super) watched: AtomicBool,
    pub(super) this: Weak<Self>,
}

/// What a loop that moves a connection on keeps from turn to turn.
#[derive(Default)]
pub(super) struct Turns {
    /// The client was told of a shutdown.
    told: bool,
    /// It is known what there is to look at beside the transport.
    looked: bool,
    abandoned: Vec<u64>,
    calls: Vec<Waker>,
}

pub(super) type Guard<'a, L, T> = MutexGuard<'a, State<L, T>>;

impl<R, H, L, T> Crew<R, H, L, T>
where
    R: Spawn,
    H: Handler,
    L: Over<ServerConnection>,
    T: Transport + Send + 'static,
{
    pub(super) fn new(
        common: Arc<Common<R, H>>,
        shared: Arc<Shared<L, T>>,
        membership: Membership,
        peer: PeerAddr,
        waiter: Waiter,
    ) -> Arc<Self> {
        let crew = Arc::new_cyclic(|this: &Weak<Self>| Self {
            common,
            shared,
            membership,
            peer,
            waiter,
            vacant: Condvar::new(),
            progress: AtomicU64::new(0),
            watched: AtomicBool::new(false),
            this: this.clone(),
        });
        crew.membership.set_idle(false);
        crew.membership.register(crew.waiter.waker());
        crew.shared.ready.serve(crew.waiter.waker());
        crew.shared.set_relief(crew.this.clone());
        crew
    }

    /// Goes on with the connection on this thread, and on others as they are needed.
    pub(super) fn serve(self: Arc<Self>) {
        Hired::first(self).work();
    }

    /// The life of a thread: leads when nobody does, until the connection is over or nobody needs it.
    pub(super) fn work<'a>(&'a self, mut state: Guard<'a, L, T>) {
        let me = Me::new(self.waiter.waker());
        while !state.is_over() {
            if state.roles.leader.is_none() {
                state = self.lead(&me, state);
                continue;
            }
            let wanted = state.roles.caretaker && !state.backlog.is_empty();
            if wanted {
                // The caretaker hands over to whom it finds waiting.
                self.waiter.waker().wake_by_ref();
            } else if state.roles.threads > 1 && self.common.places.is_short() {
                break;
            }
            state.roles.spare += 1;
            let waited = self.vacant.wait_timeout(state, SPARE);
            let (waited, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = waited;
            state.roles.spare -= 1;
            let wanted = state.roles.caretaker && !state.backlog.is_empty();
            if timeout.timed_out() && state.roles.leader.is_some() && !wanted {
                break;
            }
        }
    }

    /// Goes on with the connection until it is over or somebody else does.
    fn lead<'a>(&'a self, me: &Me, mut state: Guard<'a, L, T>) -> Guard<'a, L, T> {
        let mut turns = Turns::default();
        self.take_lead(me, &mut state);
        loop {
            match state.backlog.pop_front() {
                Some((id, request)) if state.wants(id) => {
                    state = self.exchange(me, state, id, request);
                }
                Some(_) => continue,
                None => {
                    let event;
                    (state, event) = self.step(state, &mut turns);
                    match event {
                        Some(ServerEvent::Request(id, head, length)) => {
                            let body = state.body(&self.shared, id, &head, length);
                            state = self.exchange(me, state, id, head.map(|()| body));
                        }
                        Some(event) => {
                            state.take_other(&self.peer, event);
                            continue;
                        }
                        None if state.is_over() => return state,
                        None => continue,
                    }
                }
            }
            if state.roles.leader != Some(me.id) {
                // Who leads now may be held up in turn: then whoever is free goes on.
                let at_ease = state.roles.caretaker || self.progress().is_multiple_of(2);
                if (state.roles.leader.is_some() && at_ease) || state.is_over() {
                    return state;
                }
                self.take_lead(me, &mut state);
                turns.looked = false;
            }
        }
    }

    fn take_lead(&self, me: &Me, state: &mut Guard<'_, L, T>) {
        state.roles.leader = Some(me.id);
        self.at_ease(state);
    }

    /// Moves the connection on, and waits for it if there is nothing else to do. Without an event the connection may
    /// be over.
    #[inline]
    pub(super) fn step<'a>(
        &'a self,
        mut state: Guard<'a, L, T>,
        turns: &mut Turns,
    ) -> (Guard<'a, L, T>, Option<ServerEvent>) {
        if !std::mem::replace(&mut turns.looked, true) {
            self.shared.ready.take(&mut Vec::new(), &mut turns.abandoned);
            for exchange in turns.abandoned.drain(..) {
                state.abandon(exchange);
            }
            match self.membership.phase() {
                Phase::Serving => {}
                Phase::Draining if turns.told => {}
                Phase::Draining => {
                    turns.told = true;
                    state.protocol().graceful_shutdown();
                }
                Phase::Cutting | Phase::GivenUp => return (self.end(state), None),
            }
        }
        let mut cx = Context::from_waker(Waker::noop());
        match state.driver.poll_next_event(&mut cx) {
            Poll::Ready(Ok(Some(event))) => (state, L::event(event)),
            Poll::Ready(Ok(None)) => (self.end(state), None),
            Poll::Ready(Err(error)) => {
                let error = layer::ended::<ServerConnection, L>(error);
                log_end(&self.peer, &error);
                state.fail(error);
                (self.end(state), None)
            }
            Poll::Pending => {
                state.deadline = state.driver.protocol_mut().poll_timeout();
                std::mem::swap(&mut state.calls, &mut turns.calls);
                drop(state);
                turns.calls.drain(..).for_each(Waker::wake);
                self.waiter.wait();
                turns.looked = false;
                (self.shared.lock(), None)
            }
        }
    }

    fn end<'a>(&'a self, mut state: Guard<'a, L, T>) -> Guard<'a, L, T> {
        state.end();
        self.vacant.notify_all();
        state
    }

    /// One request and its response.
    fn exchange<'a>(
        &'a self,
        me: &Me,
        mut state: Guard<'a, L, T>,
        id: StreamId,
        mut request: Request<Body>,
    ) -> Guard<'a, L, T> {
        let mut access = Access::begin(&request);
        if state.streams.get(id).is_some() {
            // Of a body, which knows by this who polls it.
            state.attach(id, &me.waker);
        }
        if self.common.connect_info {
            request.extensions_mut().insert(ConnectInfo(self.peer.clone()));
        }
        self.busy();
        let calls = std::mem::take(&mut state.calls);
        drop(state);
        calls.into_iter().for_each(Waker::wake);
        let Some(mut response) = self.handle(me, id, request) else {
            access.end(&self.peer, None);
            let mut state = self.shared.lock();
            state.forget(id);
            return self.done(me, state);
        };
        access.status(response.status());
        let body = take_body(&mut response);
        let head = response.map(drop);
        let mut state = self.shared.lock();
        let bytes = match state.begin_response(&self.peer, id, &head, body) {
            Begun::Whole(bytes) => bytes,
            Begun::Body(body) => {
                state.attach(id, &me.waker);
                drop(state);
                let bytes = self.send(me, id, body);
                state = self.shared.lock();
                bytes
            }
        };
        access.end(&self.peer, bytes);
        self.done(me, state)
    }

    /// The leader begins with a handler, which may take long.
    pub(super) fn busy(&self) {
        self.progress.fetch_add(1, Ordering::SeqCst);
        if !self.watched.swap(true, Ordering::SeqCst) {
            let runtime = &self.common.runtime;
            self.common.monitor.watch(self.this.clone(), |shift| {
                // Where the system has no thread for it, the next connection tries again.
                drop(runtime.spawn_blocking(move || shift.run()));
            });
        }
    }

    /// The leader goes on with a handler.
    pub(super) fn busy_again(&self) {
        if self.progress().is_multiple_of(2) {
            return self.busy();
        }
        self.progress.fetch_add(2, Ordering::SeqCst);
    }

    /// The leader is not in the middle of a request, or waits.
    pub(super) fn at_ease(&self, state: &mut Guard<'_, L, T>) {
        state.roles.stranded = None;
        if !self.progress().is_multiple_of(2) {
            self.progress.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn done<'a>(&'a self, me: &Me, mut state: Guard<'a, L, T>) -> Guard<'a, L, T> {
        if state.roles.leader == Some(me.id) {
            self.at_ease(&mut state);
        } else {
            // What was said is for the leader to send.
            self.waiter.waker().wake_by_ref();
        }
        state
    }

    /// Wakes those whom something has come for.
    pub(super) fn call<'a>(&'a self, mut state: Guard<'a, L, T>) -> Guard<'a, L, T> {
        if state.calls.is_empty() {
            return state;
        }
        let calls = std::mem::take(&mut state.calls);
        drop(state);
        calls.into_iter().for_each(Waker::wake);
        self.shared.lock()
    }

    /// Calls the handler, and waits for what it returned; `None` when the client does not want it any more.
    fn handle(&self, me: &Me, id: StreamId, request: Request<Body>) -> Option<Response<Body>> {
        let handled = catch_unwind(AssertUnwindSafe(|| {
            let mut future = pin!(self.common.handler.call(request));
            let mut cx = Context::from_waker(&me.waker);
            loop {
                if let Poll::Ready(mut response) = future.as_mut().poll(&mut cx) {
                    // What the application hung on to it is not dropped under the connection's lock.
                    response.extensions_mut().clear();
                    return Some(response);
                }
                if !self.wait(me, id) {
                    return None;
                }
            }
        }));
        handled.unwrap_or_else(|panic| {
            log::panicked(&self.peer, &PanicMessage(panic));
            Some(internal_error())
        })
    }

    /// Sends a body; the number of its bytes, if it went out whole.
    fn send(&self, me: &Me, id: StreamId, body: Body) -> Option<u64> {
        let mut sending = Sending::new(body);
        let bytes = loop {
            match sending.poll(&self.shared, &self.peer, id, &me.waker) {
                Sent::All(bytes) => break bytes,
                Sent::Waiting if self.wait(me, id) => {}
                Sent::Waiting => {
                    self.shared.lock().forget(id);
                    break None;
                }
            }
        };
        contain(|| drop(sending));
        bytes
    }

    /// Waits for another thread, which leads meanwhile; `false` when the stream is over.
    fn wait(&self, me: &Me, id: StreamId) -> bool {
        if me.hand.take_woken() {
            return !self.shared.lock().is_reset(id);
        }
        let mut state = self.shared.lock();
        if !state.wants(id) {
            return false;
        }
        state.attach(id, &me.waker);
        if state.roles.is_up_to(me.id) {
            me.hand.set_attending(true);
            let until = |state: &mut State<L, T>| {
                let called = state.calls.iter().any(|waker| waker.will_wake(&me.waker));
                called || me.hand.is_woken() || state.is_reset(id)
            };
            state = match state.backlog.is_empty() {
                true => self.attend(state, until),
                false => self.hand_over_or_attend(state, until),
            };
            me.hand.set_attending(false);
            state = self.call(state);
            if me.hand.take_woken() || state.is_reset(id) {
                return !state.is_reset(id);
            }
            drop(state);
        } else {
            // What was said so far is for the leader to send, who may be waiting for the client.
            let says = state.driver.protocol_mut().output().has_remaining();
            drop(state);
            if says {
                self.waiter.waker().wake_by_ref();
            }
        }
        me.hand.park();
        !self.shared.lock().is_reset(id)
    }
}
