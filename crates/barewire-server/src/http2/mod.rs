//! A connection that speaks HTTP/2: one task, in which the handlers of all its streams are polled in place.
//!
//! There is no task, no channel and no lock for a stream. A handler is polled first in a slot that was used
//! before; it keeps the slot, and gets an entry in the table of streams, only while it has to wait. Each slot
//! has a waker of its own, so that only those are polled again that were woken.

mod crew;
mod incoming;
mod monitor;
mod places;
mod ready;
mod relief;
mod response;
mod roles;
mod slots;
mod state;

use std::any::Any;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll};

use barewire_h2::{Answer, ServerConnection, ServerEvent};
use barewire_rt::{Driver, PeerAddr, Spawn, Transport};
use http::{Request, Response};

use crate::begin::Visit;
use crate::connection::{Violation, log_end};
use crate::drain::{Membership, Phase, Watched};
use crate::handler::{PanicMessage, internal_error};
use crate::layer::{self, Over};
use crate::log::Access;
use crate::response::take_body;
use crate::{Body, ConnectInfo, Handler, log};

use crew::Crew;
pub(crate) use monitor::Monitor;
pub(crate) use places::Places;
use response::{Begun, Sending, Sent};
use slots::{Slot, Slots};
use state::{Shared, State};

/// So many handlers are begun in one turn of the connection, before other tasks have theirs.
const REQUESTS_A_TURN: u32 = 512;

impl Violation for barewire_h2::Error {
    fn told(&self) -> Option<u32> {
        match self.answer() {
            Answer::GoAway(reason) | Answer::Reset(_, reason) => Some(reason.into()),
            Answer::Response(_, status) => Some(status.as_u16().into()),
            Answer::Nothing => None,
        }
    }
}

/// Serves a connection until it ends. What comes back is small: all that is large is shared.
pub(crate) fn serve<R, H, L, T>(
    visit: Visit<R, H>,
    mut driver: Driver<L, Watched<T>>,
) -> Pin<Box<dyn Future<Output = ()> + Send>>
where
    R: Spawn,
    H: Handler,
    L: Over<ServerConnection>,
    T: Transport + Send + 'static,
{
    let Visit { common, membership, peer } = visit;
    if T::BLOCKING {
        match driver.transport_mut().waiter() {
            Ok(Some(waiter)) => {
                let crew = Crew::new(common, Shared::new(driver), membership, peer, waiter);
                return Box::pin(async move { crew.serve() });
            }
            Ok(None) => log::broken(&peer, &io::ErrorKind::Unsupported.into()),
            Err(error) => log::broken(&peer, &error),
        }
        return Box::pin(std::future::ready(()));
    }
    let shared = Shared::new(driver);
    let connect_info = common.connect_info;
    let abandoned = Vec::new();
    let mut connection =
        Connection { shared, membership, peer, connect_info, abandoned, told: false };
    Box::pin(async move { connection.run(&common.handler).await })
}

struct Connection<L: Over<ServerConnection>, T: Transport + Send + 'static> {
    shared: Arc<Shared<L, T>>,
    membership: Membership,
    peer: PeerAddr,
    connect_info: bool,
    abandoned: Vec<u64>,
    told: bool,
}

impl<L, T> Connection<L, T>
where
    L: Over<ServerConnection>,
    T: Transport + Send + 'static,
{
    async fn run<H: Handler>(&mut self, handler: &H) {
        let mut slots = Slots::new(Arc::clone(&self.shared.ready));
        let call = |request| handler.call(request);
        poll_fn(|cx| self.poll_turn(cx, &call, &mut slots)).await;
        self.shared.lock().end();
    }

    /// What was woken, then what the transport brought, until there is nothing to do: ready when the connection
    /// is over.
    fn poll_turn<F: Future<Output = Response<Body>>>(
        &mut self,
        cx: &mut Context<'_>,
        call: &impl Fn(Request<Body>) -> F,
        slots: &mut Slots<F>,
    ) -> Poll<()> {
        let shared = Arc::clone(&self.shared);
        let ready = &*shared.ready;
        ready.begin(cx.waker());
        let mut left = REQUESTS_A_TURN;
        loop {
            // Before the transport: what they have to say leaves in the same write.
            slots.take_woken(&mut self.abandoned);
            while let Some(index) = slots.next_woken() {
                left = left.saturating_sub(1);
                self.poll_slot(slots, index);
            }
            let mut state = shared.lock();
            for exchange in self.abandoned.drain(..) {
                state.abandon(exchange);
            }
            match self.membership.phase() {
                Phase::Serving => {}
                Phase::Draining if self.told => {}
                Phase::Draining => {
                    self.told = true;
                    state.protocol().graceful_shutdown();
                }
                Phase::Cutting | Phase::GivenUp => return Poll::Ready(()),
            }
            if left == 0 {
                state.driver.poll_write_some(cx);
                drop(state);
                ready.pause();
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let mut event = match state.driver.poll_next_event(cx) {
                Poll::Ready(Ok(Some(event))) => event,
                Poll::Ready(Ok(None)) => return Poll::Ready(()),
                Poll::Ready(Err(error)) => {
                    let error = layer::ended::<ServerConnection, L>(error);
                    log_end(&self.peer, &error);
                    state.fail(error);
                    return Poll::Ready(());
                }
                Poll::Pending => {
                    drop(state);
                    match ready.rest() {
                        true => return Poll::Pending,
                        false => continue,
                    }
                }
            };
            // All that came with it: nothing is written meanwhile.
            loop {
                state = self.take_event(state, slots, call, event, &mut left);
                if left == 0 {
                    break;
                }
                // An error comes again when the driver asks.
                event = match state.driver.protocol_mut().poll_event() {
                    Ok(Some(next)) => next,
                    _ => break,
                };
            }
        }
    }

    #[inline]
    fn take_event<'a, F: Future<Output = Response<Body>>>(
        &'a self,
        mut state: MutexGuard<'a, State<L, T>>,
        slots: &mut Slots<F>,
        call: &impl Fn(Request<Body>) -> F,
        event: L::Event,
        left: &mut u32,
    ) -> MutexGuard<'a, State<L, T>> {
        let (id, head, length) = match L::event(event) {
            Some(ServerEvent::Request(id, head, length)) => (id, head, length),
            Some(event) => {
                state.take_other(&self.peer, event);
                return state;
            }
            None => return state,
        };
        *left = left.saturating_sub(1);
        let index = slots.vacant();
        let mut slot = slots.get(index);
        slot.as_mut().begin(id, Access::begin(&head));
        let body = state.body(&self.shared, id, &head, length);
        drop(state);
        let mut response = None;
        self.poll_first(slot, head, body, call, &mut response);
        let body = response.as_mut().map(take_body);
        let mut state = self.shared.lock();
        match (response, body) {
            (Some(head), Some(body)) => {
                self.answer(&mut state, slots, index, head.map(drop), body);
            }
            _ => state.attach(id, slots.get(index).waker()),
        }
        state
    }

    /// Calls the handler, and polls what it returned in place.
    #[inline]
    fn poll_first<F: Future<Output = Response<Body>>>(
        &self,
        mut slot: Pin<&mut Slot<F>>,
        mut head: Request<()>,
        body: Body,
        call: &impl Fn(Request<Body>) -> F,
        response: &mut Option<Response<Body>>,
    ) {
        if self.connect_info {
            head.extensions_mut().insert(ConnectInfo(self.peer.clone()));
        }
        let called = catch_unwind(AssertUnwindSafe(|| {
            slot.as_mut().set(call(head.map(|()| body)));
            slot.as_mut().poll(response);
        }));
        if let Err(panic) = called {
            slot.give_up();
            *response = Some(self.panicked(panic));
        }
    }

    fn panicked(&self, panic: Box<dyn Any + Send>) -> Response<Body> {
        log::panicked(&self.peer, &PanicMessage(panic));
        internal_error()
    }

    /// Polls a handler that was woken, or what sends its response.
    fn poll_slot<F: Future<Output = Response<Body>>>(&self, slots: &mut Slots<F>, index: u32) {
        let mut slot = slots.get(index);
        let Some(id) = slot.id() else { return };
        let mut state = self.shared.lock();
        if state.is_reset(id) {
            state.forget(id);
            drop(state);
            slot.access().end(&self.peer, None);
            slots.free(index);
            return;
        }
        drop(state);
        if let Some((sending, waker)) = slot.as_mut().sending() {
            if let Sent::All(bytes) = sending.poll(&self.shared, &self.peer, id, waker) {
                slot.access().end(&self.peer, bytes);
                slots.free(index);
            }
            return;
        }
        let mut response = None;
        let polled = catch_unwind(AssertUnwindSafe(|| slot.as_mut().poll(&mut response)));
        if let Err(panic) = polled {
            slot.give_up();
            response = Some(self.panicked(panic));
        }
        if let Some(mut head) = response {
            let body = take_body(&mut head);
            let mut state = self.shared.lock();
            self.answer(&mut state, slots, index, head.map(drop), body);
        }
    }

    /// Puts a response out, as far as it is there.
    fn answer<F: Future<Output = Response<Body>>>(
        &self,
        state: &mut State<L, T>,
        slots: &mut Slots<F>,
        index: u32,
        head: Response<()>,
        body: Body,
    ) {
        let mut slot = slots.get(index);
        let Some(id) = slot.id() else { return };
        slot.as_mut().access().status(head.status());
        match state.begin_response(&self.peer, id, &head, body) {
            Begun::Whole(bytes) => {
                slot.access().end(&self.peer, bytes);
                slots.free(index);
            }
            Begun::Body(body) => {
                state.attach(id, slot.waker());
                slot.send(Sending::new(body));
                slots.wake(index);
            }
        }
    }
}
