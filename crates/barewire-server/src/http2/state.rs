//! A connection as its task and the bodies of its requests share it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Waker};
use std::time::Instant;

use barewire_h2::{Reason, ResetBy, ServerConnection, ServerEvent, StreamId};
use barewire_proto::{Buf, Protocol};
use barewire_rt::{Driver, DriverError, PeerAddr, Transport};
use http::Request;

use super::incoming::{Inbox, id_of};
use super::ready::Ready;
use super::relief::Relief;
use super::roles::Roles;
use crate::connection::Violation;
use crate::date::Date;
use crate::drain::Watched;
use crate::layer::{Failure, Over};
use crate::{Body, BodyError, log};

/// The lock is never held while anything waits, nor while anything of the application's runs but its wakers.
pub(super) struct Shared<L, T> {
    state: Mutex<State<L, T>>,
    pub(super) ready: Arc<Ready>,
    /// Finds another thread to go on with the connection, where it is one of threads.
    relief: OnceLock<Weak<dyn Relief>>,
}

pub(super) struct State<L, T> {
    pub(super) driver: Driver<L, Watched<T>>,
    pub(super) streams: Streams,
    pub(super) roles: Roles,
    /// Requests that came while every thread was in the middle of another one.
    pub(super) backlog: VecDeque<(StreamId, Request<Body>)>,
    /// Readers of bodies that are to be woken once the lock is free and all is read that there was: on threads,
    /// where each wake is a switch.
    pub(super) calls: Vec<Waker>,
    /// Until when the leader waits for the client.
    pub(super) deadline: Option<Instant>,
    date: Date,
    /// The connection is over.
    over: bool,
    failure: Option<Failure<barewire_h2::Error>>,
}

/// The streams of which somebody waits for something: a handler that is not ready yet, the reader of a body.
/// In the order of their numbers, in which they begin.
#[derive(Debug, Default)]
pub(super) struct Streams(Vec<Stream>);

#[derive(Debug)]
pub(super) struct Stream {
    id: StreamId,
    /// Wakes the handler, or who sends its response.
    handler: Option<Waker>,
    pub(super) inbox: Option<Box<Inbox>>,
    pub(super) reset: Option<Reason>,
}

impl<L: Over<ServerConnection>, T: Transport + Send + 'static> Shared<L, T> {
    pub(super) fn new(driver: Driver<L, Watched<T>>) -> Arc<Self> {
        let state = State {
            driver,
            streams: Streams::default(),
            roles: Roles::default(),
            backlog: VecDeque::new(),
            calls: Vec::new(),
            deadline: None,
            date: Date::default(),
            over: false,
            failure: None,
        };
        Arc::new(Self { state: Mutex::new(state), ready: Arc::default(), relief: OnceLock::new() })
    }

    pub(super) fn set_relief(&self, relief: Weak<dyn Relief>) {
        // There is one crew for a connection.
        let _ = self.relief.set(relief);
    }

    /// Who finds a thread that leads, where the connection is one of threads.
    pub(super) fn relief(&self) -> Option<Arc<dyn Relief>> {
        self.relief.get()?.upgrade()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<L, T>> {
        // A panic within the lock would be a bug of ours; the connection's state is still the best there is.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: Over<ServerConnection>, T: Transport + Send + 'static> State<L, T> {
    /// HTTP/2 itself, whatever is around it.
    #[inline]
    pub(super) fn protocol(&mut self) -> &mut ServerConnection {
        self.driver.protocol_mut().inner_mut()
    }

    /// Sets the date of the responses to come.
    #[inline]
    pub(super) fn tell_date(&mut self) {
        if let Some(date) = self.date.refresh(self.driver.last_wake()) {
            self.protocol().set_date(date);
        }
    }

    /// Sees to everything but requests.
    pub(super) fn take_other(&mut self, peer: &PeerAddr, event: ServerEvent) {
        match event {
            ServerEvent::Data(id, data) => match self.streams.inbox(id) {
                Some(inbox) => {
                    inbox.put(data);
                    self.call_reader(id);
                }
                // Its body was dropped, and the protocol has not been told yet.
                None => self.protocol().release_capacity(id, data.len()),
            },
            ServerEvent::Trailers(id, trailers) => {
                if let Some(inbox) = self.streams.inbox(id) {
                    inbox.trailers = Some(trailers);
                    self.call_reader(id);
                }
            }
            ServerEvent::End(id) => {
                if let Some(inbox) = self.streams.inbox(id) {
                    inbox.ended = true;
                    self.call_reader(id);
                }
            }
            ServerEvent::Refused { error, .. } => log::violated(peer, &error, error.told()),
            ServerEvent::StreamReset { id, reason, by } => {
                if let ResetBy::Violation(error) = by {
                    log::violated(peer, &error, error.told());
                }
                self.backlog.retain(|(one, _)| *one != id);
                if let Some(stream) = self.streams.get(id) {
                    stream.reset = Some(reason);
                    stream.call();
                }
            }
            ServerEvent::Writable(id) => {
                if let Some(stream) = self.streams.get(id) {
                    stream.handler.iter().for_each(Waker::wake_by_ref);
                }
            }
            _ => {}
        }
    }

    fn call_reader(&mut self, id: StreamId) {
        let Some(inbox) = self.streams.inbox(id) else { return };
        match T::BLOCKING {
            true => self.calls.extend(inbox.reader.take()),
            false => inbox.call(),
        }
    }

    /// On threads: what one that does not lead has said is sent by itself, since a switch to the leader costs more.
    /// Whether the leader has to see to something all the same.
    pub(super) fn say(&mut self) -> bool {
        // Where there was no room, there may be data that the protocol held back.
        let full = self.protocol().output().is_full() || self.protocol().is_draining();
        self.driver.poll_write_some(&mut Context::from_waker(Waker::noop()));
        let protocol = self.driver.protocol_mut();
        let output = protocol.output();
        let more = output.has_remaining() || output.is_finished() || protocol.is_closed();
        let sooner = |at| self.deadline.is_none_or(|deadline| at < deadline);
        full || more || self.driver.protocol_mut().poll_timeout().is_some_and(sooner)
    }

    /// The handler of a stream has to wait.
    pub(super) fn attach(&mut self, id: StreamId, handler: &Waker) {
        match &mut self.streams.entry(id).handler {
            Some(known) => known.clone_from(handler),
            vacant => *vacant = Some(handler.clone()),
        }
    }

    /// Whether `handler` is who handles a stream's request, as far as it has waited.
    pub(super) fn is_attached(&mut self, id: StreamId, handler: &Waker) -> bool {
        let stream = self.streams.get(id);
        stream.and_then(|stream| stream.handler.as_ref()).is_some_and(|one| one.will_wake(handler))
    }

    /// Whether whoever polls the body of a request finds something, and be it the end.
    pub(super) fn has_news(&mut self, id: StreamId) -> bool {
        let Some(stream) = self.streams.get(id) else { return true };
        stream.reset.is_some() || stream.inbox.as_ref().is_none_or(|inbox| inbox.has_news())
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Whether the client still wants a response.
    pub(super) fn wants(&mut self, id: StreamId) -> bool {
        !self.over && !self.is_reset(id) && self.protocol().is_open(id)
    }

    pub(super) fn is_reset(&mut self, id: StreamId) -> bool {
        self.over || self.streams.get(id).is_some_and(|stream| stream.reset.is_some())
    }

    /// The response is complete, or given up: what is left of the request's body is nobody's.
    #[inline]
    pub(super) fn finish(&mut self, id: StreamId) {
        if self.streams.0.is_empty() {
            return;
        }
        let Some(stream) = self.streams.remove(id) else { return };
        if let Some(mut inbox) = stream.inbox {
            self.protocol().discard(id);
            inbox.call();
        }
    }

    /// A stream that was reset has no handler any more; who reads its body still has to learn of it.
    pub(super) fn forget(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get(id) {
            stream.handler = None;
            self.streams.tidy(id);
        }
    }

    /// Nobody wants the rest of a request's body.
    pub(super) fn abandon(&mut self, exchange: u64) {
        let id = id_of(exchange);
        if let Some(stream) = self.streams.get(id) {
            stream.inbox = None;
            self.streams.tidy(id);
            self.protocol().discard(id);
        }
    }

    /// Keeps what the readers of bodies are told about the end of the connection.
    pub(super) fn fail(&mut self, error: DriverError<Failure<barewire_h2::Error>>) {
        if let DriverError::Protocol(failure) = error {
            self.failure = Some(failure);
        }
    }

    /// The connection is over: whoever waits is told, and so is the client. The socket stays open as long as a
    /// request's body does.
    pub(super) fn end(&mut self) {
        self.over = true;
        let mut cx = Context::from_waker(Waker::noop());
        // A connection that is broken, or has ended by itself, has nothing left to end.
        let _ = self.driver.transport_mut().poll_shutdown(&mut cx);
        self.backlog.clear();
        self.calls.drain(..).for_each(Waker::wake);
        for mut stream in std::mem::take(&mut self.streams.0) {
            stream.call();
        }
    }

    /// Has everybody who waits look again.
    pub(super) fn call_all(&mut self) {
        self.streams.0.iter_mut().for_each(Stream::call);
    }

    /// Why there is no such stream.
    pub(super) fn ended(&self) -> BodyError {
        match &self.failure {
            _ if !self.over => BodyError::Abandoned,
            Some(Failure::Protocol(error)) => BodyError::Http2(*error),
            #[cfg(feature = "tls")]
            Some(Failure::Tls(error)) => BodyError::Tls(*error),
            None => BodyError::Io(std::io::ErrorKind::ConnectionAborted.into()),
        }
    }
}

impl Streams {
    fn find(&self, id: StreamId) -> Result<usize, usize> {
        // The one that began last is looked for most.
        match self.0.last() {
            Some(last) if last.id == id => Ok(self.0.len() - 1),
            Some(last) if last.id > id => self.0.binary_search_by_key(&id, |stream| stream.id),
            _ => Err(self.0.len()),
        }
    }

    pub(super) fn get(&mut self, id: StreamId) -> Option<&mut Stream> {
        let at = self.find(id).ok()?;
        self.0.get_mut(at)
    }

    pub(super) fn inbox(&mut self, id: StreamId) -> Option<&mut Inbox> {
        self.get(id)?.inbox.as_deref_mut()
    }

    pub(super) fn entry(&mut self, id: StreamId) -> &mut Stream {
        let at = match self.find(id) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, Stream { id, handler: None, inbox: None, reset: None });
                at
            }
        };
        &mut self.0[at]
    }

    fn remove(&mut self, id: StreamId) -> Option<Stream> {
        let at = self.find(id).ok()?;
        Some(self.0.remove(at))
    }

    /// Forgets a stream that nobody waits for.
    pub(super) fn tidy(&mut self, id: StreamId) {
        let Ok(at) = self.find(id) else { return };
        if self.0[at].handler.is_none() && self.0[at].inbox.is_none() {
            self.0.remove(at);
        }
    }
}

impl Stream {
    fn call(&mut self) {
        self.handler.iter().for_each(Waker::wake_by_ref);
        self.inbox.iter_mut().for_each(|inbox| inbox.call());
    }
}

impl Inbox {
    fn call(&mut self) {
        self.reader.take().into_iter().for_each(Waker::wake);
    }
}
