//! HTTP/2 on threads, where handlers may block.
//!
//! One thread of a connection leads: it reads, calls the handler of each request itself, one after the other, and
//! writes all the answers at once. As long as handlers are fast that is all, and nothing is handed from one
//! thread to another. A thread that is held up, by a handler that waits for the body of its request, for room
//! to send, or simply for long, is relieved: another one leads, and what the first one has to say when it is done
//! leaves through that. So no stream holds up another one, and there are as many threads as handlers that are
//! held up at the same time, and one more.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use barewire_h2::{BodyLength, ServerConnection, ServerEvent, StreamId};
use barewire_rt::{PeerAddr, Spawn, Transport, Waiter};
use http::{Request, Response};

use super::monitor::Watch;
use super::response::{Begun, Sending, Sent};
use super::roles::Me;
use super::state::{Shared, State};
use crate::begin::Common;
use crate::connection::log_end;
use crate::drain::{Membership, Phase};
use crate::handler::{PanicMessage, internal_error};
use crate::layer::{self, Over};
use crate::log::Access;
use crate::response::take_body;
use crate::{Body, ConnectInfo, Handler, log};

/// How long a thread waits to be needed again.
const SPARE: Duration = Duration::from_secs(2);

/// Finds a thread that leads.
pub(super) trait Relief: Send + Sync {
    fn find_leader(&self);
}

pub(super) struct Crew<R, H, L: Over<ServerConnection>, T: Transport + Send + 'static> {
    pub(super) common: Arc<Common<R, H>>,
    pub(super) shared: Arc<Shared<L, T>>,
    pub(super) membership: Membership,
    pub(super) peer: PeerAddr,
    pub(super) waiter: Waiter,
    vacant: Condvar,
    /// Odd while the leader is with a handler.
    progress: AtomicU64,
    watched: AtomicBool,
    this: Weak<Self>,
}

/// A place in a crew, for as long as a thread has it.
struct Hired<R, H, L: Over<ServerConnection>, T: Transport + Send + 'static>(Arc<Crew<R, H, L, T>>);

impl<R, H, L, T> Hired<R, H, L, T>
where
    R: Spawn,
    H: Handler,
    L: Over<ServerConnection>,
    T: Transport + Send + 'static,
{
    fn work(&self) {
        self.0.work();
    }
}

impl<R, H, L: Over<ServerConnection>, T: Transport + Send + 'static> Drop for Hired<R, H, L, T> {
    fn drop(&mut self) {
        self.0.shared.lock().roles.threads -= 1;
    }
}

type Guard<'a, L, T> = MutexGuard<'a, State<L, T>>;

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
        self.shared.lock().roles.threads += 1;
        Hired(self).work();
    }

    /// The life of a thread: leads when nobody does, until the connection is over or nobody needs it.
    fn work(&self) {
        let me = Me::new();
        let mut state = self.shared.lock();
        while !state.is_over() {
            if state.roles.leader.is_none() {
                state.roles.leader = Some(me.id);
                state = self.lead(&me, state);
                continue;
            }
            state.roles.spare += 1;
            let waited = self.vacant.wait_timeout(state, SPARE);
            let (waited, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = waited;
            state.roles.spare -= 1;
            if timeout.timed_out() && state.roles.leader.is_some() {
                break;
            }
        }
    }

    /// Goes on with the connection until it is over or somebody else does.
    fn lead<'a>(&'a self, me: &Me, mut state: Guard<'a, L, T>) -> Guard<'a, L, T> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut told = false;
        let mut abandoned = Vec::new();
        let mut woken = true;
        loop {
            if std::mem::take(&mut woken) {
                self.shared.ready.take(&mut Vec::new(), &mut abandoned);
                for exchange in abandoned.drain(..) {
                    state.abandon(exchange);
                }
                match self.membership.phase() {
                    Phase::Serving => {}
                    Phase::Draining if told => {}
                    Phase::Draining => {
                        told = true;
                        state.protocol().graceful_shutdown();
                    }
                    Phase::Cutting | Phase::GivenUp => return self.end(state),
                }
            }
            let event = match state.driver.poll_next_event(&mut cx) {
                Poll::Ready(Ok(Some(event))) => event,
                Poll::Ready(Ok(None)) => return self.end(state),
                Poll::Ready(Err(error)) => {
                    let error = layer::ended::<ServerConnection, L>(error);
                    log_end(&self.peer, &error);
                    state.fail(error);
                    return self.end(state);
                }
                Poll::Pending => {
                    drop(state);
                    self.waiter.wait();
                    state = self.shared.lock();
                    woken = true;
                    continue;
                }
            };
            match L::event(event) {
                Some(ServerEvent::Request(id, head, length)) => {
                    state = self.exchange(me, state, id, head, length);
                }
                Some(event) => {
                    state.take_other(event);
                    continue;
                }
                None => continue,
            }
            if state.roles.leader != Some(me.id) {
                // Who leads now may be held up in turn: then whoever is free goes on.
                let led = state.roles.leader.is_some() && self.progress().is_multiple_of(2);
                if led || state.is_over() {
                    return state;
                }
                state.roles.leader = Some(me.id);
                self.at_ease();
                woken = true;
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
        head: Request<()>,
        length: BodyLength,
    ) -> Guard<'a, L, T> {
        let mut access = Access::begin(&head);
        let body = state.body(&self.shared, id, &head, length);
        let mut request = head.map(|()| body);
        if self.common.connect_info {
            request.extensions_mut().insert(ConnectInfo(self.peer.clone()));
        }
        self.busy();
        drop(state);
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
    fn busy(&self) {
        self.progress.fetch_add(1, Ordering::SeqCst);
        if !self.watched.swap(true, Ordering::SeqCst) {
            let runtime = &self.common.runtime;
            self.common.monitor.watch(self.this.clone(), |shift| {
                // Where the system has no thread for it, the next connection tries again.
                drop(runtime.spawn_blocking(move || shift.run()));
            });
        }
    }

    /// The leader, whoever it is, is not with a handler. Under the lock.
    fn at_ease(&self) {
        if !self.progress().is_multiple_of(2) {
            self.progress.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn done<'a>(&'a self, me: &Me, state: Guard<'a, L, T>) -> Guard<'a, L, T> {
        if state.roles.leader == Some(me.id) {
            self.at_ease();
        } else {
            // What was said is for the leader to send.
            self.waiter.waker().wake_by_ref();
        }
        state
    }

    /// Calls the handler, and waits for what it returned; `None` when the client does not want it any more.
    fn handle(&self, me: &Me, id: StreamId, request: Request<Body>) -> Option<Response<Body>> {
        let handled = catch_unwind(AssertUnwindSafe(|| {
            let mut future = pin!(self.common.handler.call(request));
            let mut cx = Context::from_waker(&me.waker);
            loop {
                if let Poll::Ready(response) = future.as_mut().poll(&mut cx) {
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
        loop {
            match sending.poll(&self.shared, &self.peer, id, &me.waker) {
                Sent::All(bytes) => return bytes,
                Sent::Waiting if self.wait(me, id) => {}
                Sent::Waiting => {
                    self.shared.lock().forget(id);
                    return None;
                }
            }
        }
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
        let stepped_down = state.roles.step_down();
        drop(state);
        match stepped_down {
            true => self.find_leader(),
            // What was said so far is for the leader to send, who may be waiting for the client.
            false => self.waiter.waker().wake_by_ref(),
        }
        me.hand.park();
        !self.shared.lock().is_reset(id)
    }
}

impl<R, H, L, T> Relief for Crew<R, H, L, T>
where
    R: Spawn,
    H: Handler,
    L: Over<ServerConnection>,
    T: Transport + Send + 'static,
{
    fn find_leader(&self) {
        let mut state = self.shared.lock();
        if state.roles.leader.is_some() || state.is_over() {
            return;
        }
        self.at_ease();
        if state.roles.spare > 0 {
            self.vacant.notify_one();
            return;
        }
        // A client that resets what it asks for must not get more threads by that than by waiting.
        let most = self.common.http2.settings.max_concurrent_streams as usize;
        let crew = self.this.upgrade().filter(|_| state.roles.threads <= most);
        let Some(crew) = crew else { return };
        state.roles.threads += 1;
        drop(state);
        let hired = Hired(crew);
        // Where the system has no thread for it, whoever is held up goes on when it is done.
        drop(self.common.runtime.spawn_blocking(move || hired.work()));
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
        let mut state = self.shared.lock();
        if self.progress() == progress {
            state.roles.leader = None;
        }
        drop(state);
        self.find_leader();
    }

    fn forgotten(&self) {
        self.watched.store(false, Ordering::SeqCst);
    }

    fn reclaim(&self) -> bool {
        !self.watched.swap(true, Ordering::SeqCst)
    }
}
