use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use barewire_proto::{Buf, Protocol};

use crate::{Budget, Interest, ReadSize, Transport};

/// Why a driven connection ended other than well.
#[derive(Debug)]
pub enum DriverError<E> {
    /// The transport broke: reset by the peer, unplugged, timed out by the system.
    Io(io::Error),
    /// The peer broke the protocol. What it was to be told about that has been sent, as far as it took it.
    Protocol(E),
}

impl<E: fmt::Display> fmt::Display for DriverError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "connection broken: {error}"),
            Self::Protocol(error) => write!(f, "protocol violation: {error}"),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for DriverError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Protocol(error) => Some(error),
        }
    }
}

/// Moves bytes and time between any [`Protocol`] and any [`Transport`].
///
/// All that one read brought is handled before anything is written, and then it is written at once,
/// vectored, however many messages are in it. Commands are given through
/// [`protocol_mut`](Self::protocol_mut); what they put out leaves with the next
/// [`next_event`](Self::next_event) or [`flush`](Self::flush).
///
/// ```
/// # use barewire_rt::{Driver, Transport, DriverError};
/// # use barewire_proto::Protocol;
/// async fn run<P: Protocol, T: Transport>(protocol: P, transport: T) -> Result<(), DriverError<P::Error>> {
///     let mut driver = Driver::new(protocol, transport);
///     while let Some(event) = driver.next_event().await? {
///         // React with the protocol's own verbs:
///         let _protocol = driver.protocol_mut();
///         drop(event);
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Driver<P, T> {
    protocol: P,
    transport: T,
    read_size: ReadSize,
    budget: Budget,
    clock: fn() -> Instant,
    waiting: bool,
    shut: bool,
    write_error: Option<io::Error>,
    /// How reading broke, while there may be events of what came before.
    read_error: Option<io::Error>,
    last_wake: Option<Instant>,
}

/// What [`Driver::next_event`] yields: an event, `None` at a normal end, or why it ended otherwise.
pub type NextEvent<P> = Result<Option<<P as Protocol>::Event>, DriverError<<P as Protocol>::Error>>;

const MAX_SLICES: usize = 128;

impl<P: Protocol, T: Transport> Driver<P, T> {
    /// A driver on the system's clock. Nothing happens before it is polled.
    pub fn new(protocol: P, transport: T) -> Self {
        Self::with_clock(protocol, transport, Instant::now)
    }

    /// A driver on another clock, for simulation.
    pub fn with_clock(protocol: P, transport: T, clock: fn() -> Instant) -> Self {
        Self {
            protocol,
            transport,
            read_size: ReadSize::default(),
            budget: Budget::default(),
            clock,
            waiting: true,
            shut: false,
            write_error: None,
            read_error: None,
            last_wake: None,
        }
    }

    /// The protocol.
    pub fn protocol(&self) -> &P {
        &self.protocol
    }

    /// The protocol, to give it commands.
    pub fn protocol_mut(&mut self) -> &mut P {
        &mut self.protocol
    }

    /// The transport.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// The transport, to change how it waits. What is read from it here is lost to the protocol.
    pub fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// The instant that the protocol was last told: `None` before the first poll.
    pub fn last_wake(&self) -> Option<Instant> {
        self.last_wake
    }

    /// Takes the two apart, for an upgrade. What was read and not consumed is in the protocol's input.
    pub fn into_parts(self) -> (P, T) {
        (self.protocol, self.transport)
    }

    /// The next event; `None` when the connection ended well.
    ///
    /// Cancel-safe: nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// See [`DriverError`]. Events that came before are delivered first.
    pub async fn next_event(&mut self) -> Result<Option<P::Event>, DriverError<P::Error>> {
        poll_fn(|cx| self.poll_next_event(cx)).await
    }

    /// Sends all that the protocol has put out so far. Cancel-safe.
    ///
    /// # Errors
    ///
    /// The transport broke; [`io::ErrorKind::TimedOut`] when the protocol gave up that the peer takes it.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// The form of [`next_event`](Self::next_event) for hand-written futures.
    pub fn poll_next_event(&mut self, cx: &mut Context<'_>) -> Poll<NextEvent<P>> {
        self.poll_next_with(cx, P::poll_event)
    }

    /// The same with a function of the caller's between protocol and driver: what it makes of the protocol's
    /// events is what is returned. A large event is put where it belongs that way, without moves in between.
    ///
    /// `take` is called until it returns something, and has to return `Ok(None)` once the protocol's
    /// [`poll_event`](Protocol::poll_event) does.
    pub fn poll_next_with<E>(
        &mut self,
        cx: &mut Context<'_>,
        mut take: impl FnMut(&mut P) -> Result<Option<E>, P::Error>,
    ) -> Poll<Result<Option<E>, DriverError<P::Error>>> {
        if self.waiting {
            // What woke the task is input, most of the time: read it before anything is asked of the protocol.
            self.waiting = false;
            self.budget.refill();
            if let Poll::Ready(Err(error)) = self.poll_read_some(cx) {
                self.read_error = Some(error);
            }
            self.now();
        }
        loop {
            match take(&mut self.protocol) {
                Ok(Some(event)) => return Poll::Ready(Ok(Some(event))),
                Ok(None) => {}
                Err(error) => {
                    // The farewell: as much of it as the peer takes, until its deadline.
                    ready!(self.poll_farewell(cx));
                    return Poll::Ready(Err(DriverError::Protocol(error)));
                }
            }
            if self.protocol.is_closed() {
                return Poll::Ready(Ok(None));
            }
            let wrote = self.poll_write_some(cx);
            if let Some(error) = self.read_error.take() {
                return Poll::Ready(Err(self.broken(error)));
            }
            let read = match self.poll_read_some(cx) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.broken(error))),
                Poll::Pending => false,
            };
            if read {
                self.now();
                if !self.budget.spend() {
                    cx.waker().wake_by_ref();
                    return self.pending();
                }
            } else if !wrote {
                self.wait(cx);
                return self.pending();
            }
        }
    }

    /// The form of [`flush`](Self::flush) for hand-written futures: writes, and reads nothing.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let owed = self.total_out();
        self.wake();
        if self.total_out() < owed {
            let error = self.write_error.take();
            return Poll::Ready(Err(error.unwrap_or_else(|| io::ErrorKind::TimedOut.into())));
        }
        // Even with nothing to write: the write side may have to be ended.
        self.poll_write_some(cx);
        if self.protocol.output().has_remaining() {
            let interest = Interest { read: false, write: true };
            self.transport.wait(cx, interest, self.protocol.poll_timeout());
            return self.pending();
        }
        match self.write_error.take() {
            Some(error) => Poll::Ready(Err(error)),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Writes what the transport takes at once and reads nothing: `true` if anything changed. For
    /// hand-written futures that wait for something else beside the transport.
    pub fn poll_write_some(&mut self, cx: &mut Context<'_>) -> bool {
        let mut changed = false;
        while self.protocol.output().has_remaining() {
            if self.write_error.is_some() {
                self.protocol.output().clear();
                break;
            }
            let output = self.protocol.output();
            let first = output.chunk();
            let written = if first.len() == output.remaining() {
                self.transport.poll_write(cx, &[IoSlice::new(first)])
            } else {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                let count = output.chunks_vectored(&mut slices);
                self.transport.poll_write(cx, slices.get(..count).unwrap_or_default())
            };
            match written {
                Poll::Ready(Ok(0)) => self.write_error = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => self.protocol.output().advance(n),
                Poll::Ready(Err(error)) => self.write_error = Some(error),
                Poll::Pending => return changed,
            }
            changed = true;
        }
        if !self.shut && self.protocol.output().is_finished() {
            // A connection that is broken already has no write side to end.
            if let Poll::Ready(_broken_or_done) = self.transport.poll_shutdown(cx) {
                self.shut = true;
                changed = true;
            }
        }
        changed
    }

    /// Writes until a protocol whose output was full takes body data again. For hand-written futures that
    /// send a body; reads nothing.
    pub fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wake();
        loop {
            if let Some(error) = self.write_error.take() {
                return Poll::Ready(Err(error));
            }
            if self.protocol.is_closed() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            if !self.protocol.output().is_full() {
                return Poll::Ready(Ok(()));
            }
            if !self.poll_write_some(cx) {
                return self.wait_for_room(cx);
            }
        }
    }

    /// Reads until `limit` bytes wait in the protocol's input, without asking for events, and notices when the
    /// peer resets the connection meanwhile. For hand-written futures that want nothing of what comes, as long
    /// as the connection lives.
    pub fn poll_read_ahead(&mut self, cx: &mut Context<'_>, limit: usize) -> Poll<io::Error> {
        self.wake();
        loop {
            let room = limit.saturating_sub(self.protocol.input().len());
            if room == 0 {
                break;
            }
            match self.poll_read_at_most(cx, room) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(error),
                Poll::Pending => {
                    self.wait(cx);
                    break;
                }
            }
        }
        Poll::Pending
    }

    /// Whether a write failed. There may still be something to read.
    pub fn is_write_broken(&self) -> bool {
        self.write_error.is_some()
    }

    /// The last thing before a hand-written future returns `Pending`: wakes it at the protocol's deadline.
    pub fn wait(&mut self, cx: &mut Context<'_>) {
        let interest = Interest {
            read: self.protocol.wants_read() && !self.protocol.input().is_full(),
            write: self.protocol.output().has_remaining(),
        };
        self.waiting = true;
        self.transport.wait(cx, interest, self.protocol.poll_timeout());
    }

    fn poll_farewell(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // The error again, and nothing else; what it was asked for is that its deadlines are up to date.
            let _ = self.protocol.poll_event();
            let wrote = self.poll_write_some(cx);
            // An error's connection still reads and forgets, so that a reset does not overtake the farewell.
            let read = match self.poll_read_some(cx) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => false,
            };
            if self.protocol.is_closed() {
                return Poll::Ready(());
            }
            if read {
                self.now();
                if !self.budget.spend() {
                    cx.waker().wake_by_ref();
                    return self.pending();
                }
            } else if !wrote {
                self.wait(cx);
                return self.pending();
            }
        }
    }

    /// A protocol that is not asked for events learns by the time alone that its output does not leave.
    fn wait_for_room<V>(&mut self, cx: &mut Context<'_>) -> Poll<V> {
        self.now();
        let interest = Interest { read: false, write: true };
        self.transport.wait(cx, interest, self.protocol.poll_timeout());
        self.pending()
    }

    fn poll_read_some(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_at_most(cx, usize::MAX)
    }

    fn poll_read_at_most(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<io::Result<()>> {
        if !self.protocol.wants_read() {
            return Poll::Pending;
        }
        let hint = self.read_size.hint();
        let spare = self.protocol.input().spare(hint.min(most));
        let offered = spare.len().min(most);
        let spare = spare.get_mut(..offered).unwrap_or_default();
        if offered == 0 {
            return Poll::Pending;
        }
        let n = ready!(self.transport.poll_read(cx, spare))?;
        if n == 0 {
            self.protocol.input().close();
        } else {
            self.protocol.input().commit(n);
            self.read_size.record(n, offered);
        }
        Poll::Ready(Ok(()))
    }

    /// What ended the connection: a write that failed before says more than the read that ends it.
    fn broken(&mut self, read: io::Error) -> DriverError<P::Error> {
        DriverError::Io(self.write_error.take().unwrap_or(read))
    }

    /// Bytes that have left and that are to leave. They become fewer when the protocol drops some.
    fn total_out(&mut self) -> u64 {
        let output = self.protocol.output();
        output.total_sent().saturating_add(output.remaining() as u64)
    }

    fn wake(&mut self) {
        if self.waiting {
            self.waiting = false;
            self.budget.refill();
            self.now();
        }
    }

    fn now(&mut self) {
        let now = (self.clock)();
        self.last_wake = Some(now);
        self.protocol.handle_timeout(now);
    }

    fn pending<V>(&mut self) -> Poll<V> {
        self.waiting = true;
        Poll::Pending
    }
}
