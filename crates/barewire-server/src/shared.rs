//! A connection that speaks HTTP/1.1 as its task and the bodies of its requests share it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use barewire_h1::{ServerConnection, ServerEvent};
use barewire_rt::{Driver, DriverError, Transport};
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Frame;

use crate::BodyError;
use crate::body::Source;
use crate::layer::{self, Failure, Over};

/// A connection as its task and a request's body share it. The lock is never held while anything waits.
pub(crate) struct Shared<L, T> {
    state: Mutex<State<L, T>>,
}

pub(crate) struct State<L, T> {
    pub(crate) driver: Driver<L, T>,
    /// Counts requests, so that a body which outlives its own finds nothing of the next one.
    pub(crate) exchange: u64,
    /// Who polled the request's body last and found nothing of it.
    pub(crate) body_reader: Option<Waker>,
    /// Whether that was since the connection's task looked.
    pub(crate) body_polled: bool,
    over: bool,
}

impl<L, T> Shared<L, T> {
    pub(crate) fn new(driver: Driver<L, T>) -> Arc<Self> {
        let state =
            State { driver, exchange: 0, body_reader: None, body_polled: false, over: false };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// The driver, if nobody else has the connection.
    #[cfg(feature = "http2")]
    pub(crate) fn into_driver(self: Arc<Self>) -> Option<Driver<L, T>> {
        let state = Arc::into_inner(self)?.state.into_inner();
        Some(state.unwrap_or_else(PoisonError::into_inner).driver)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State<L, T>> {
        // A panic within the lock would be a bug of ours; the connection's state is still the best there is.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: Over<ServerConnection>, T: Transport> Shared<L, T> {
    /// The connection's task is over, and leaves. Who still has a body of it is told, and so is the client: the
    /// socket stays open as long as such a body does.
    pub(crate) fn leave(self: &Arc<Self>) {
        if Arc::strong_count(self) == 1 {
            return;
        }
        let mut state = self.lock();
        state.over = true;
        state.exchange += 1;
        let reader = state.body_reader.take();
        let mut cx = Context::from_waker(Waker::noop());
        // A connection that is broken, or has ended by itself, has nothing left to end.
        let _ = state.driver.transport_mut().poll_shutdown(&mut cx);
        drop(state);
        reader.into_iter().for_each(Waker::wake);
    }
}

impl<L: Over<ServerConnection>, T: Transport> State<L, T> {
    /// HTTP/1.1 itself, whatever is around it.
    pub(crate) fn protocol(&mut self) -> &mut ServerConnection {
        self.driver.protocol_mut().inner_mut()
    }

    /// The response is out: what is left of the request's body is nobody's.
    pub(crate) fn forget_body(&mut self) {
        self.exchange += 1;
        self.body_reader = None;
        if self.protocol().is_receiving_body() {
            self.protocol().discard_body();
        }
    }
}

impl<L: Over<ServerConnection>, T: Transport + Send> Source for Shared<L, T> {
    fn poll_frame(
        &self,
        cx: &mut Context<'_>,
        exchange: u64,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut state = self.lock();
        if state.exchange != exchange {
            return Poll::Ready(Some(Err(match state.over {
                true => BodyError::Io(io::ErrorKind::ConnectionAborted.into()),
                false => BodyError::Abandoned,
            })));
        }
        if state.protocol().expects_continue() {
            let mut go_on = Response::new(());
            *go_on.status_mut() = StatusCode::CONTINUE;
            // Refused only when it is too late for it, and then it is not needed.
            let _ = state.protocol().send_informational(&go_on);
        }
        loop {
            let event = match state.driver.poll_next_event(cx) {
                Poll::Ready(Ok(Some(event))) => L::event(event),
                Poll::Ready(Ok(None)) => return Poll::Ready(Some(Err(BodyError::Abandoned))),
                Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(body_error::<L>(error)))),
                Poll::Pending => {
                    state.body_polled = true;
                    match &mut state.body_reader {
                        Some(reader) => reader.clone_from(cx.waker()),
                        None => state.body_reader = Some(cx.waker().clone()),
                    }
                    return Poll::Pending;
                }
            };
            state.body_polled = false;
            state.body_reader = None;
            return Poll::Ready(match event {
                Some(ServerEvent::Data(data)) => Some(Ok(Frame::data(data))),
                Some(ServerEvent::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
                Some(ServerEvent::End) => None,
                Some(ServerEvent::Writable) | None => continue,
                Some(ServerEvent::Request(..)) => Some(Err(BodyError::Abandoned)),
            });
        }
    }
}

fn body_error<L: Over<ServerConnection>>(error: DriverError<L::Error>) -> BodyError {
    match layer::ended::<ServerConnection, L>(error) {
        DriverError::Io(error) => BodyError::Io(error),
        DriverError::Protocol(Failure::Protocol(error)) => BodyError::Protocol(error),
        #[cfg(feature = "tls")]
        DriverError::Protocol(Failure::Tls(error)) => BodyError::Tls(error),
    }
}
