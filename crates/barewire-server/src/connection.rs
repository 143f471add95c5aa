//! A connection that speaks HTTP/1.1: requests are taken off it one after the other, and each handler is polled in place.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use barewire_h1::{BodyLength, ServerConnection, ServerEvent};
use barewire_rt::{Driver, DriverError, PeerAddr, Transport};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;

use crate::body::{Incoming, Source};
use crate::date::Date;
use crate::drain::{Membership, Phase};
use crate::handler::{PanicMessage, internal_error};
use crate::layer::{self, Failure, Over};
use crate::log::Access;
use crate::response::Begun;
use crate::shared::Shared;
#[cfg(feature = "http2")]
use crate::upgrade::{Upgrade, Upgraded};
use crate::{Body, BodyError, ConnectInfo, Handler, log};

/// What a connection's task knows beside the connection.
pub(crate) struct Connection<L, T> {
    pub(crate) shared: Arc<Shared<L, T>>,
    pub(crate) membership: Membership,
    pub(crate) peer: PeerAddr,
    pub(crate) connect_info: bool,
    pub(crate) access: Access,
    #[cfg(feature = "http2")]
    pub(crate) upgrade: Upgrade,
    date: Date,
    told: bool,
}

/// So much of a body that nobody reads is taken off the transport, in bytes, so that a reset behind it is noticed.
const READ_AHEAD: usize = 16 * 1024;

/// The connection cannot go on: it broke, or the client did.
#[derive(Debug)]
pub(crate) struct Gone;

impl<L: Over<ServerConnection>, T: Transport + Send + 'static> Connection<L, T> {
    pub(crate) fn new(
        driver: Driver<L, T>,
        membership: Membership,
        peer: PeerAddr,
        connect_info: bool,
    ) -> Self {
        Self {
            shared: Shared::new(driver),
            membership,
            peer,
            connect_info,
            access: Access::default(),
            #[cfg(feature = "http2")]
            upgrade: Upgrade::default(),
            date: Date::default(),
            told: false,
        }
    }

    /// What goes on when the client was told that HTTP/2 does.
    #[cfg(feature = "http2")]
    pub(crate) fn into_upgraded(self) -> Option<Upgraded<L, T>> {
        let Upgrade::Taken(http2) = self.upgrade else { return None };
        let driver = self.shared.into_driver()?;
        Some(Upgraded { driver, http2, membership: self.membership, peer: self.peer })
    }

    /// Serves requests until the connection ends, well or not, or goes on in HTTP/2.
    pub(crate) async fn run<H: Handler>(&mut self, handler: &H) {
        // Both stay where they are: requests, responses and the futures between them are large.
        let mut handling = pin!(None);
        let mut response = None;
        let call = |request| handler.call(request);
        while poll_fn(|cx| self.poll_answer(cx, call, handling.as_mut(), &mut response)).await {
            let begun = match &mut response {
                Some(response) => self.begin_response(response),
                None => Err(Gone),
            };
            response = None;
            handling.set(None);
            let sent = match begun {
                Ok(Begun::Whole(bytes)) => Ok(bytes),
                Ok(Begun::Body(body)) => {
                    let sent = self.send_body(body).await;
                    self.shared.lock().forget_body();
                    sent
                }
                Err(Gone) => Err(Gone),
            };
            self.access.end(&self.peer, sent.as_ref().ok().copied());
            if sent.is_err() {
                break;
            }
        }
        self.shared.leave();
    }

    /// Takes a request, calls the handler, and polls what it returned in place, and the connection for as long
    /// as that waits. `false`, or no response, when the connection is over.
    fn poll_answer<F: Future<Output = Response<Body>>>(
        &mut self,
        cx: &mut Context<'_>,
        call: impl Fn(Request<Body>) -> F,
        mut handling: Pin<&mut Option<F>>,
        response: &mut Option<Response<Body>>,
    ) -> Poll<bool> {
        if handling.is_none() {
            let mut request = None;
            ready!(self.poll_request(cx, &mut request));
            if request.is_none() {
                return Poll::Ready(false);
            }
            let called = catch_unwind(AssertUnwindSafe(|| {
                handling.as_mut().set(request.take().map(&call));
            }));
            if let Err(panic) = called {
                *response = Some(self.panicked(panic));
                return Poll::Ready(true);
            }
        }
        let polled = catch_unwind(AssertUnwindSafe(|| {
            if let Some(future) = handling.as_pin_mut()
                && let Poll::Ready(ready) = future.poll(cx)
            {
                *response = Some(ready);
            }
        }));
        if let Err(panic) = polled {
            *response = Some(self.panicked(panic));
        }
        match response {
            Some(_) => Poll::Ready(true),
            None => self.poll_gone(cx).map(|Gone| true),
        }
    }

    /// Puts the next request into `next`; leaves it empty when the connection is over.
    fn poll_request(&mut self, cx: &mut Context<'_>, next: &mut Option<Request<Body>>) -> Poll<()> {
        let mut state = self.shared.lock();
        // Before the phase is looked at: whoever changes it looks at this afterwards.
        if T::BLOCKING {
            self.membership.set_idle(state.protocol().is_idle());
        }
        let phase = self.membership.phase();
        if phase >= Phase::Cutting {
            return Poll::Ready(());
        }
        let drains = phase == Phase::Draining && !self.told;
        if drains && T::BLOCKING && state.protocol().is_idle() {
            // A request that has arrived is still read, and then the end of file.
            self.told = true;
            self.membership.end_reading();
        }
        let mut event = poll_request_event(&mut state.driver, cx, next);
        if drains && !T::BLOCKING && event.is_pending() {
            self.told = true;
            state.protocol().graceful_shutdown();
            event = poll_request_event(&mut state.driver, cx, next);
        }
        if T::BLOCKING && event.is_ready() {
            self.membership.set_idle(false);
        }
        let length = match ready!(event) {
            Ok(Some(length)) => length,
            Ok(None) => return Poll::Ready(()),
            Err(error) => {
                let error = layer::ended::<ServerConnection, L>(error);
                log_end(&self.peer, &error);
                return Poll::Ready(());
            }
        };
        state.exchange += 1;
        let now = state.driver.last_wake();
        if let Some(date) = self.date.refresh(now) {
            state.protocol().set_date(date);
        }
        let Some(request) = next else { return Poll::Ready(()) };
        // An earlier request's body may still be somewhere, and belongs to this connection.
        #[cfg(feature = "http2")]
        if self.upgrade.is_wanted()
            && length == BodyLength::Empty
            && Arc::strong_count(&self.shared) == 1
            && self.upgrade.take(state.protocol(), request)
        {
            *next = None;
            return Poll::Ready(());
        }
        self.access = Access::begin(request);
        if length != BodyLength::Empty {
            *request.body_mut() = Body::incoming(Incoming {
                source: Arc::clone(&self.shared) as Arc<dyn Source>,
                exchange: state.exchange,
                length: length.known(),
                received: 0,
                done: false,
            });
        }
        if self.connect_info {
            request.extensions_mut().insert(ConnectInfo(self.peer.clone()));
        }
        Poll::Ready(())
    }

    fn panicked(&self, panic: Box<dyn Any + Send>) -> Response<Body> {
        log::panicked(&self.peer, &PanicMessage(panic));
        internal_error()
    }

    /// Ready when the client is gone; until then sends what there is to send. For while the application is
    /// waited for.
    pub(crate) fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<Gone> {
        if self.membership.phase() >= Phase::Cutting {
            return Poll::Ready(Gone);
        }
        let mut state = self.shared.lock();
        let state = &mut *state;
        let driver = &mut state.driver;
        driver.poll_write_some(cx);
        if driver.is_write_broken() {
            return Poll::Ready(Gone);
        }
        // A blocking transport would hold the application up.
        if T::BLOCKING {
            return Poll::Pending;
        }
        if driver.protocol().inner().is_receiving_body() {
            let polled = std::mem::take(&mut state.body_polled);
            let elsewhere = |reader: &Waker| !reader.will_wake(cx.waker());
            // Events of a body belong to the body, and whoever waits for them notices a reset.
            if polled || state.body_reader.as_ref().is_some_and(elsewhere) {
                return Poll::Pending;
            }
            let error = ready!(driver.poll_read_ahead(cx, READ_AHEAD));
            log::broken(&self.peer, &error);
            return Poll::Ready(Gone);
        }
        loop {
            match ready!(driver.poll_next_event(cx)) {
                Ok(Some(_)) => {}
                Ok(None) => return Poll::Ready(Gone),
                Err(error) => {
                    log_end(&self.peer, &layer::ended::<ServerConnection, L>(error));
                    return Poll::Ready(Gone);
                }
            }
        }
    }
}

/// Puts the next request into `next`, passes over what is left of a body that nobody wanted, and returns how long
/// the request's own body is.
fn poll_request_event<L: Over<ServerConnection>, T: Transport>(
    driver: &mut Driver<L, T>,
    cx: &mut Context<'_>,
    next: &mut Option<Request<Body>>,
) -> Poll<Result<Option<BodyLength>, DriverError<L::Error>>> {
    driver.poll_next_with(cx, |protocol| {
        loop {
            if let Some(length) = protocol.inner_mut().take_request(next) {
                return Ok(Some(length));
            }
            match protocol.poll_event() {
                Ok(Some(event)) => {
                    if let Some(ServerEvent::Request(head, length)) = L::event(event) {
                        *next = Some(head.map(|()| Body::empty()));
                        return Ok(Some(length));
                    }
                }
                Ok(None) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    })
}

/// Says how a connection ended that did not end well.
pub(crate) fn log_end<E: Violation>(peer: &PeerAddr, error: &DriverError<Failure<E>>) {
    match error {
        DriverError::Io(error) => log::broken(peer, error),
        DriverError::Protocol(Failure::Protocol(error)) => log::violated(peer, error, error.told()),
        #[cfg(feature = "tls")]
        DriverError::Protocol(Failure::Tls(error)) => log::violated(peer, error, None),
    }
}

/// An error that the client was told of, for the log.
pub(crate) trait Violation: std::error::Error {
    /// The status or the error code.
    fn told(&self) -> Option<u32>;
}

impl Violation for barewire_h1::Error {
    fn told(&self) -> Option<u32> {
        self.answer().map(|status| status.as_u16().into())
    }
}

/// Polls a body so that a panic in it is an error, as one in a handler is.
pub(crate) fn poll_body(
    body: Pin<&mut Body>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
    match catch_unwind(AssertUnwindSafe(|| http_body::Body::poll_frame(body, cx))) {
        Ok(frame) => frame,
        Err(panic) => {
            let message = format!("panicked: {}", PanicMessage(panic));
            Poll::Ready(Some(Err(BodyError::Source(message.into()))))
        }
    }
}
