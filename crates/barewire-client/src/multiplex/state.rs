use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use barewire_h2::{BodyLength, ClientConnection, ClientEvent, Reason, StreamId};
use barewire_proto::{Buf, Protocol};
use barewire_rt::{Driver, DriverError, Runtime, Transport};
use http::StatusCode;

use super::port::{Port, Wanted};
use super::slot::{News, Over, Slot};
use super::{Bell, Seats, sooner};
use crate::wire::{Wire, WireError};

/// A connection and all who use it, under one lock that nobody holds while waiting.
pub(super) struct State<R: Runtime> {
    pub(super) driver: Driver<Wire<ClientConnection>, Port<R::TcpStream>>,
    pub(super) streams: HashMap<StreamId, Slot>,
    /// To be woken once the lock is gone.
    pub(super) wakes: Vec<Waker>,
    /// Over a blocking transport: a thread waits for the server.
    pub(super) reading: bool,
    bell: Arc<Bell>,
    waker: Waker,
    leader: Option<StreamId>,
    over: Option<Over>,
    /// How many streams may be begun has changed.
    changed: bool,
    limit: Option<u32>,
    going: bool,
}

impl<R: Runtime> State<R> {
    pub(super) fn new(wire: Wire<ClientConnection>, stream: R::TcpStream, bell: Arc<Bell>) -> Self {
        Self {
            driver: Driver::new(wire, Port::new(stream)),
            streams: HashMap::new(),
            wakes: Vec::new(),
            reading: false,
            waker: bell.clone().into(),
            bell,
            leader: None,
            over: None,
            changed: false,
            limit: None,
            going: false,
        }
    }

    pub(super) fn connection(&mut self) -> &mut ClientConnection {
        self.driver.protocol_mut().bare_mut()
    }

    /// Whether a request may be begun.
    pub(super) fn is_usable(&self) -> bool {
        self.over.is_none() && self.driver.protocol().bare().is_reusable()
    }

    /// How much of the output has left, and will have left once all of it has.
    pub(super) fn sent(&mut self) -> (u64, u64) {
        let output = self.driver.protocol_mut().output();
        let sent = output.total_sent();
        (sent, sent.saturating_add(output.remaining() as u64))
    }

    /// Tells the pool's side what has changed, and whether anything has.
    pub(super) fn report(&mut self, seats: &Seats) {
        if let Some(limit) = self.limit.take() {
            seats.set_limit(limit);
        }
        if self.going || self.over.is_some() {
            seats.close();
        }
    }

    /// Whether how many streams may be begun has changed since this was last asked.
    pub(super) fn has_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Whether nobody uses the connection, and nobody reads: then one may look.
    pub(super) fn begin_look(&mut self) -> bool {
        let drained = self.driver.transport().is_drained();
        let idle = self.streams.is_empty() && !self.reading && self.over.is_none() && drained;
        self.reading |= idle;
        idle
    }

    /// Over a blocking transport: one of those who wait has to read for all. Who waits for its own body as well
    /// only does so for moments.
    pub(super) fn call_reader(&mut self) {
        let waits = |starved| {
            let mut slots = self.streams.values().filter(|slot| slot.starved == starved);
            slots.find_map(|slot| slot.waker.clone())
        };
        self.wakes.extend(waits(false).or_else(|| waits(true)));
    }

    /// Takes over what a blocking read has brought.
    pub(super) fn put(&mut self, read: Poll<io::Result<usize>>, buf: &mut Vec<u8>) {
        self.driver.transport_mut().put(read, buf);
    }

    /// What a blocking transport has to be waited for.
    pub(super) fn wanted(&mut self) -> Option<Wanted> {
        self.driver.transport_mut().wanted
    }

    /// Moves bytes both ways as far as that goes without waiting, and hands the events to their streams.
    pub(super) fn drive(&mut self) {
        if self.over.is_some() {
            return;
        }
        self.bell.answer();
        let waker = self.waker.clone();
        let mut cx = Context::from_waker(&waker);
        let over = loop {
            self.driver.transport_mut().wanted = None;
            match self.driver.poll_next_event(&mut cx) {
                Poll::Ready(Ok(Some(event))) => self.dispatch(event),
                Poll::Ready(Ok(None)) => break Over::Closed,
                Poll::Ready(Err(DriverError::Io(error))) => break Over::Io(Arc::new(error)),
                Poll::Ready(Err(DriverError::Protocol(WireError::Inner(error)))) => {
                    break Over::Protocol(error);
                }
                #[cfg(feature = "tls")]
                Poll::Ready(Err(DriverError::Protocol(WireError::Tls(error)))) => {
                    break Over::Tls(error);
                }
                // It only wants to give way to others, of which a thread has none.
                Poll::Pending
                    if R::TcpStream::BLOCKING && self.driver.transport_mut().wanted.is_none() => {}
                Poll::Pending => return self.look_at_deadlines(),
            }
        };
        self.over = Some(over);
        self.changed = true;
        self.wakes.extend(self.streams.values_mut().filter_map(|slot| slot.waker.take()));
    }

    fn dispatch(&mut self, event: ClientEvent) {
        let id = match &event {
            ClientEvent::Informational(id, _)
            | ClientEvent::Response(id, ..)
            | ClientEvent::Data(id, _)
            | ClientEvent::Trailers(id, _)
            | ClientEvent::End(id)
            | ClientEvent::StreamReset { id, .. }
            | ClientEvent::Writable(id) => *id,
            ClientEvent::PushPromise { promised, .. } => {
                // Nobody has asked for it, and there is nobody to give it to.
                let promised = *promised;
                return self.connection().reset_stream(promised, Reason::CANCEL);
            }
            ClientEvent::Settings(settings) => {
                self.limit = Some(settings.max_concurrent_streams);
                self.changed = true;
                return;
            }
            ClientEvent::GoAway { .. } => {
                self.going = true;
                self.changed = true;
                return;
            }
            ClientEvent::Pong { .. } => return,
        };
        let Some(slot) = self.streams.get_mut(&id) else { return };
        slot.touch();
        match event {
            ClientEvent::Informational(_, response) => {
                slot.received = true;
                slot.go_on |= response.status() == StatusCode::CONTINUE;
            }
            ClientEvent::Response(_, response, length) => {
                slot.received = true;
                slot.ended |= length == BodyLength::Empty;
                slot.head = Some((response, length));
            }
            ClientEvent::Data(_, data) => slot.data.push_back(data),
            ClientEvent::Trailers(_, trailers) => slot.trailers = Some(trailers),
            ClientEvent::End(_) => slot.ended = true,
            ClientEvent::StreamReset { reason, by, .. } => slot.reset = Some((reason, by)),
            _ => slot.room = true,
        }
        self.wakes.extend(slot.waker.take());
    }

    /// Deadlines are looked at when the earliest of them has passed, and not before.
    fn look_at_deadlines(&mut self) {
        let Some(now) = self.driver.last_wake() else { return };
        if self.driver.transport().earliest.is_none_or(|earliest| earliest > now) {
            return;
        }
        let mut earliest = None;
        for slot in self.streams.values_mut() {
            if slot.alarm.is_some_and(|at| at <= now) {
                slot.alarm = None;
                slot.go_on = true;
                self.wakes.extend(slot.waker.take());
            }
            if slot.deadline().is_some_and(|at| at <= now) {
                slot.expired = true;
                self.wakes.extend(slot.waker.take());
            } else {
                earliest = sooner(earliest, slot.deadline());
            }
        }
        self.driver.transport_mut().earliest = earliest;
        if earliest.is_some() {
            // The driver has armed its timer for what has passed.
            let waker = self.waker.clone();
            self.driver.wait(&mut Context::from_waker(&waker));
        }
    }

    /// Notes until when a stream waits. Before the connection is driven, which arms the timer.
    pub(super) fn expect(&mut self, deadline: Option<Instant>) {
        let port = self.driver.transport_mut();
        port.earliest = sooner(port.earliest, deadline);
    }

    /// What a stream has to say, the first first. What its user takes is given back to the windows.
    pub(super) fn take_news(&mut self, id: StreamId) -> Option<News> {
        let over = self.over.as_ref();
        let Some(slot) = self.streams.get_mut(&id) else {
            return Some(News::Over(over.cloned().unwrap_or(Over::Closed)));
        };
        if let Some((response, length)) = slot.head.take() {
            return Some(News::Head(response, length));
        }
        if let Some(data) = slot.data.pop_front() {
            self.connection().release_capacity(id, data.len());
            return Some(News::Data(data));
        }
        if let Some(trailers) = slot.trailers.take() {
            return Some(News::Trailers(trailers));
        }
        if slot.ended {
            return Some(News::End);
        }
        if let Some((reason, by)) = slot.reset {
            return Some(News::Reset(reason, by));
        }
        if let Some(over) = over {
            return Some(News::Over(over.clone()));
        }
        if slot.expired {
            return Some(News::Expired);
        }
        if std::mem::take(&mut slot.go_on) {
            return Some(News::GoOn);
        }
        std::mem::take(&mut slot.room).then_some(News::Room)
    }

    /// Nobody waits, and the one with this waker sees to the connection meanwhile.
    pub(super) fn tend(&mut self, waker: &Waker) {
        if self.leader.is_none() {
            self.wakes.extend(self.bell.lead(Some(waker)));
        }
    }

    /// Whether a stream has nothing more to say than that it is over.
    pub(super) fn is_at_end(&self, id: StreamId) -> bool {
        let over = |slot: &Slot| slot.ended && slot.data.is_empty() && slot.trailers.is_none();
        self.streams.get(&id).is_some_and(over)
    }

    /// A stream waits: it leads if nobody does.
    pub(super) fn wait(&mut self, id: StreamId, waker: &Waker, starved: bool) {
        let Some(slot) = self.streams.get_mut(&id) else { return };
        match &mut slot.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        slot.starved = starved;
        if R::TcpStream::BLOCKING {
            return;
        }
        if *self.leader.get_or_insert(id) == id {
            self.wakes.extend(self.bell.lead(Some(waker)));
        }
    }

    /// Whether a stream that waits has to see for itself that it does not wait too long.
    pub(super) fn is_led_by_another(&self, id: StreamId) -> bool {
        self.leader.is_some_and(|leader| leader != id)
    }

    /// A stream has what it waited for, and may not wait again for a while.
    pub(super) fn pause(&mut self, id: StreamId) {
        if let Some(slot) = self.streams.get_mut(&id) {
            slot.quiet = None;
        }
        self.leave(id);
    }

    /// A stream does not wait any more: if it led, another one does now.
    pub(super) fn leave(&mut self, id: StreamId) {
        if let Some(slot) = self.streams.get_mut(&id) {
            slot.waker = None;
        }
        if R::TcpStream::BLOCKING {
            if !self.reading {
                self.call_reader();
            }
        } else if self.leader == Some(id) {
            let next = self.streams.iter().find_map(|(id, slot)| Some((*id, slot.waker.as_ref()?)));
            self.leader = next.map(|(id, _)| id);
            self.wakes.extend(self.bell.lead(next.map(|(_, waker)| waker)));
        }
    }

    /// The user of a stream is gone. What it left unfinished is cancelled, and the server told as far as that
    /// goes without waiting; the rest leaves with whatever is next.
    pub(super) fn forget(&mut self, id: StreamId, complete: bool) {
        self.leave(id);
        let Some(slot) = self.streams.remove(&id) else { return };
        if self.over.is_some() {
            return;
        }
        let held = slot.held();
        let connection = self.connection();
        match complete {
            true => connection.release_capacity(id, held),
            false => connection.reset_stream(id, Reason::CANCEL),
        }
        if !complete {
            let waker = self.waker.clone();
            self.driver.poll_write_some(&mut Context::from_waker(&waker));
        }
    }

    /// Whether something waits to be written.
    pub(super) fn has_unsent(&mut self) -> bool {
        self.over.is_none() && self.driver.protocol_mut().output().has_remaining()
    }

    /// Says that the connection is not needed any more.
    pub(super) fn farewell(&mut self) {
        if self.over.is_none() {
            self.connection().go_away(Reason::NO_ERROR);
            self.driver.poll_write_some(&mut Context::from_waker(Waker::noop()));
        }
    }
}
