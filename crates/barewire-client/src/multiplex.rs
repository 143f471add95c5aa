//! One HTTP/2 connection that many requests share.
//!
//! The client has no tasks: a connection is driven by those who wait for something on it. Whoever is polled
//! drives it for all, hands the events to their streams, and wakes those who wait for them. The transport,
//! however, knows one waker only. One of those who wait *leads*: the [`Bell`] that the transport is polled with
//! wakes that one. A leader that has what it waited for, or is dropped, passes the lead on to another one that
//! waits, and so does a ring that it did not answer. A leader that is never polled again although it was not
//! dropped holds up nobody for longer than `PATIENCE` (`stream/waiting.rs`).
//!
//! Over blocking sockets it is the same with threads: one of them reads, outside of the lock; the others are
//! parked until it has brought something for them, or has what it wanted. That takes a second handle to the socket
//! ([`Transport::duplicate`]). Where there is none, a connection carries one request at a time.

mod bell;
mod carried;
mod port;
mod seats;
mod slot;
mod state;
mod stream;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use barewire_h2::ClientConnection;
use barewire_rt::{Runtime, Transport};

use crate::wire::Wire;
use bell::Bell;
use port::{Reader, Wanted};
use state::State;

pub(crate) use seats::{Seat, Seats};
pub(crate) use stream::Stream;

/// A connection, as all of its users have it.
pub(crate) struct Multiplex<R: Runtime> {
    state: Mutex<State<R>>,
    seats: Seats,
    runtime: R,
    /// Over blocking transports: who waits for the server, and who waits to send while another one does that.
    reader: Mutex<Option<Reader<R::TcpStream>>>,
    writer: Mutex<Option<Reader<R::TcpStream>>>,
}

impl<R: Runtime> Multiplex<R> {
    /// A connection that was just made, with one seat taken. Until the server has said how many streams it takes
    /// it is believed to take `limit`.
    pub(crate) fn new(
        runtime: R,
        wire: Wire<ClientConnection>,
        stream: R::TcpStream,
        limit: u32,
    ) -> Self {
        let bell = Arc::new(Bell::default());
        let reader = stream.duplicate().map(Reader::new);
        let writer = stream.duplicate().map(Reader::new);
        // Who waits would hold the lock that the others need to say anything.
        let alone = R::TcpStream::BLOCKING && (reader.is_none() || writer.is_none());
        Self {
            state: Mutex::new(State::new(wire, stream, bell)),
            seats: if alone { Seats::alone() } else { Seats::new(limit) },
            runtime,
            reader: Mutex::new(reader),
            writer: Mutex::new(writer),
        }
    }

    /// How many streams it may carry.
    pub(crate) fn seats(&self) -> &Seats {
        &self.seats
    }

    /// Does something under the lock, and after it wakes those who have to know.
    fn with<T>(&self, act: impl FnOnce(&mut State<R>) -> T) -> T {
        let (result, wakes) = {
            let mut state = lock(&self.state);
            let result = act(&mut state);
            state.report(&self.seats);
            (result, std::mem::take(&mut state.wakes))
        };
        wakes.into_iter().for_each(Waker::wake);
        result
    }

    /// Drives a connection that nobody uses, and has `waker` woken when there is more to do. Not over blocking
    /// transports.
    pub(crate) fn tend(&self, waker: &Waker) {
        self.with(|state| {
            if state.streams.is_empty() {
                state.drive();
                state.tend(waker);
            }
        });
    }

    /// Over a blocking transport: reads for all, once [`State::reading`] says so; whether anything came. The lock is
    /// free meanwhile, unless there is only one who uses the connection.
    fn read(&self, wanted: Wanted) -> bool {
        match &mut *lock(&self.reader) {
            Some(reader) => {
                let read = reader.read(wanted);
                let came = read.is_ready();
                self.with(|state| {
                    state.reading = false;
                    state.put(read, &mut reader.buf);
                });
                came
            }
            None => self.with(|state| {
                state.reading = false;
                state.driver.transport_mut().read(wanted)
            }),
        }
    }

    /// Looks, without waiting, for what came while nobody used the connection; whether it still stands.
    pub(crate) fn look(&self) -> bool {
        if R::TcpStream::BLOCKING {
            let idle = self.with(|state| state.begin_look());
            if idle {
                self.read(Wanted::at_once(self.runtime.now()));
                self.with(State::call_reader);
            }
        }
        self.with(|state| {
            state.drive();
            state.is_usable()
        })
    }
}

impl<R: Runtime> Drop for Multiplex<R> {
    fn drop(&mut self) {
        // A server that is told need not wait to find out; one that takes nothing is not waited for.
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner).farewell();
    }
}

/// A panic while the lock is held leaves the connection as far as it had come.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The earlier one of two deadlines.
fn sooner(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    a.into_iter().chain(b).min()
}
