use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use barewire_proto::Protocol;
use barewire_rt::{DriverError, NextEvent, ReadSize};
use rustix::event::{PollFd, PollFlags};

use crate::TcpStream;
use crate::alarm::Alarm;
use crate::link::{Link, Wanted};
use crate::poll;

/// A byte stream for a [`Driver`]: it never blocks by itself, and `poll(2)` tells when it is ready.
pub trait Duplex: AsFd + Send + Sync {
    /// Reads what is there.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when nothing is; any other means that the connection is broken.
    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize>;

    /// Writes as much as there is room for, from the front of `bufs`.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] when there is none; any other means that the connection is broken.
    fn try_write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Ends the write side, so that the peer reads the end of file.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    fn end_writing(&self) -> io::Result<()>;
}

/// Moves bytes and time between any [`Protocol`] and a blocking stream, for any number of threads at once.
///
/// One thread waits in [`next_event`](Self::next_event) while others give commands through
/// [`with`](Self::with) and send what those put out with [`flush`](Self::flush). Nobody waits for the peer
/// while holding the lock, so no thread delays another.
///
/// The rules are those of [`barewire_rt::Driver`], which works inside: all that one read brought is handled
/// before anything is written, and then it is written at once. A connection that only one thread uses is driven
/// by that one and [`block_on`](barewire_rt::Spawn::block_on) too, with one system call less for each exchange.
///
/// ```no_run
/// use barewire_proto::Protocol;
/// use barewire_rt::DriverError;
/// use barewire_std::Driver;
/// use std::thread;
///
/// fn run<P>(driver: &Driver<P>) -> Result<(), DriverError<P::Error>>
/// where
///     P: Protocol + Send,
///     P::Event: Send,
/// {
///     thread::scope(|scope| {
///         scope.spawn(|| {
///             driver.with(|protocol| { /* Give it commands with its own verbs. */ });
///             driver.flush()
///         });
///         while let Some(event) = driver.next_event()? {
///             drop(event);
///         }
///         Ok(())
///     })
/// }
/// ```
pub struct Driver<P: Protocol, S = TcpStream> {
    stream: Arc<S>,
    state: Mutex<State<P, S>>,
    /// Held by the thread that is in `next_event`.
    reader: Mutex<Reader>,
    /// Gets that thread out of `poll(2)`; made when one first waits.
    alarm: OnceLock<Alarm>,
}

struct State<P: Protocol, S> {
    driver: barewire_rt::Driver<P, Link<S>>,
    /// An event that a command led to while a thread was waiting, for that thread.
    early: Option<P::Event>,
    /// What the thread in `next_event` waits for, as long as it does and was not called.
    waiting: Option<Wanted>,
}

struct Reader {
    buf: Vec<u8>,
    size: ReadSize,
    /// The last read filled its buffer: there may be more.
    more: bool,
}

impl<P: Protocol, S: Duplex> Driver<P, S> {
    /// A driver. Nothing happens before it is used.
    pub fn new(protocol: P, stream: S) -> Self {
        let stream = Arc::new(stream);
        let driver = barewire_rt::Driver::new(protocol, Link::new(Arc::clone(&stream)));
        Self {
            stream,
            state: Mutex::new(State { driver, early: None, waiting: None }),
            reader: Mutex::new(Reader { buf: Vec::new(), size: ReadSize::default(), more: false }),
            alarm: OnceLock::new(),
        }
    }

    /// The stream, for its options.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// Blocks until there is an event; `None` when the connection ended well. Threads that call it at the same
    /// time take turns.
    ///
    /// # Errors
    ///
    /// See [`DriverError`]. Events that came before are delivered first.
    pub fn next_event(&self) -> NextEvent<P> {
        let mut reader = lock(&self.reader);
        let alarm = self.alarm().map_err(DriverError::Io)?;
        loop {
            let (wanted, room, goes_on) = {
                let mut state = lock(&self.state);
                if let Some(event) = state.early.take() {
                    return Ok(Some(event));
                }
                let mut cx = Context::from_waker(Waker::noop());
                if let Poll::Ready(next) = state.driver.poll_next_event(&mut cx) {
                    return next;
                }
                // It does not ask for anything when it only wants to give way to others.
                let Some(mut wanted) = state.driver.transport_mut().wanted.take() else { continue };
                let input = state.driver.protocol_mut().input();
                let room = input.limit().saturating_sub(input.len());
                wanted.interest.read &= room > 0;
                let goes_on = reader.more && wanted.interest.read;
                state.waiting = (!goes_on).then_some(wanted);
                (wanted, room, goes_on)
            };
            if goes_on || self.wait(wanted, alarm).map_err(DriverError::Io)? {
                self.read(&mut reader, room);
            }
        }
    }

    /// Gives commands to the protocol. What they put out leaves with the next [`flush`](Self::flush) or
    /// [`next_event`](Self::next_event).
    ///
    /// The lock is held for as long as `command` runs, so it must not use the driver itself.
    pub fn with<T>(&self, command: impl FnOnce(&mut P) -> T) -> T {
        let mut state = lock(&self.state);
        let protocol = state.driver.protocol_mut();
        protocol.handle_timeout(Instant::now());
        let result = command(protocol);
        self.call_if_needed(&mut state);
        result
    }

    /// Sends all that the protocol has put out so far, and blocks until the system has taken it.
    ///
    /// # Errors
    ///
    /// The connection is broken for writing. There may still be something to read.
    pub fn flush(&self) -> io::Result<()> {
        loop {
            let wanted = {
                let mut state = lock(&self.state);
                let mut cx = Context::from_waker(Waker::noop());
                let flushed = state.driver.poll_flush(&mut cx);
                self.call_if_needed(&mut state);
                match flushed {
                    Poll::Ready(done) => return done,
                    Poll::Pending => state.driver.transport_mut().wanted.take(),
                }
            };
            if let Some(Wanted { interest, deadline }) = wanted {
                poll::wait(&*self.stream, interest, deadline.map(left))?;
            }
        }
    }

    /// Takes the two apart, for an upgrade. What was read and not consumed is in the protocol's input.
    pub fn into_parts(self) -> (P, S) {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (mut protocol, mut link) = state.driver.into_parts();
        link.hand_on(protocol.input());
        drop(link);
        let Ok(stream) = Arc::try_unwrap(self.stream) else {
            unreachable!("the stream was lent to the link alone");
        };
        (protocol, stream)
    }

    fn alarm(&self) -> io::Result<&Alarm> {
        if let Some(alarm) = self.alarm.get() {
            return Ok(alarm);
        }
        let alarm = Alarm::new()?;
        Ok(self.alarm.get_or_init(|| alarm))
    }

    /// Blocks for what `wanted` names, or until another thread calls: whether there is something to read.
    fn wait(&self, wanted: Wanted, alarm: &Alarm) -> io::Result<bool> {
        let Wanted { interest, deadline } = wanted;
        let mut fds =
            [PollFd::new(alarm, PollFlags::IN), PollFd::new(&*self.stream, poll::flags(interest))];
        // A peer that is gone makes its socket ready for ever: it is only looked at for a reason.
        let looks = interest.read || interest.write;
        let polled = poll::poll(&mut fds[..1 + usize::from(looks)], deadline.map(left));
        if lock(&self.state).waiting.take().is_none() {
            alarm.reset()?;
        }
        polled?;
        Ok(poll::ready(&fds[1], interest).read)
    }

    /// Reads what is there, `room` bytes at most, and hands it to the driver.
    fn read(&self, reader: &mut Reader, room: usize) {
        let offered = reader.size.hint().min(room);
        if reader.buf.capacity() / 4 > reader.size.hint() {
            reader.buf = Vec::new();
        }
        reader.buf.resize(offered, 0);
        let read = self.stream.try_read(&mut reader.buf);
        reader.more = matches!(read, Ok(n) if n == offered);
        if let Ok(n) = read {
            reader.size.record(n, offered);
        }
        lock(&self.state).driver.transport_mut().put(&mut reader.buf, read);
    }

    /// Calls the thread that waits in `next_event` if it has to look again.
    fn call_if_needed(&self, state: &mut State<P, S>) {
        let Some(Wanted { interest, deadline }) = state.waiting else { return };
        let protocol = state.driver.protocol_mut();
        let news = match protocol.poll_event() {
            // Nobody takes the first one before that thread does.
            Ok(Some(event)) => {
                state.early = Some(event);
                true
            }
            Ok(None) => false,
            Err(_) => true,
        };
        let sooner = match (protocol.poll_timeout(), deadline) {
            (Some(now), Some(before)) => now < before,
            (now, _) => now.is_some(),
        };
        let reads = protocol.wants_read() && !interest.read;
        if news || sooner || reads || protocol.is_closed() {
            if let Some(alarm) = self.alarm.get() {
                alarm.ring();
                state.waiting = None;
            }
        }
    }
}

impl<P: Protocol, S> fmt::Debug for Driver<P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// A command that panicked leaves the protocol as far as it had come; the next one finds it so.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
