use std::fmt;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use futures_io::{AsyncRead, AsyncWrite};

/// Makes a thread that is blocked in a transport return: see [`Transport::interrupter`].
///
/// With [`Shutdown::Read`] a read ends as if the peer had ended its side, after what has arrived already; with
/// [`Shutdown::Both`] the connection is cut.
pub type Interrupter = Box<dyn Fn(Shutdown) + Send + Sync>;

/// What a driver waits for in [`Transport::wait`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Interest {
    /// There may be something to read.
    pub read: bool,
    /// There may be room to write.
    pub write: bool,
}

/// A byte stream and a clock's alarm, as a [`Driver`](crate::Driver) wants them.
///
/// Async transports register their wakers in `poll_read` and `poll_write`, as usual, and only look after the
/// deadline in `wait`. Blocking transports never block in `poll_read` or `poll_write` unless the last `wait`
/// said that they may: they block in, or because of, `wait`.
pub trait Transport: Unpin {
    /// Whether [`wait`](Self::wait) holds up the thread. A driver of something else beside the transport (a
    /// handler that waits for another thread) must not call `wait` then.
    const BLOCKING: bool = false;

    /// Reads what is there. `Ok(0)` for a buffer that is not empty is the end of file.
    ///
    /// After a read that did not fill the buffer an implementation waits for readiness before it reads
    /// again: the system call that only finds out that nothing is there is the most expensive way to know.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes from the front of `bufs`. `Ok(0)` means that the peer is gone.
    ///
    /// # Errors
    ///
    /// The connection is broken for writing; there may still be something to read.
    fn poll_write(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>])
    -> Poll<io::Result<usize>>;

    /// Ends the write side, so that the peer reads the end of file.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// The last thing before a driver returns `Pending`: sees to it that the task is woken at `deadline` at
    /// the latest. It may be woken earlier. A deadline that moved later since the last call need not be
    /// re-armed.
    ///
    /// A blocking transport waits here for what `interest` names, or lets the next `poll_read` wait, and
    /// wakes `cx` in any case.
    fn wait(&mut self, cx: &mut Context<'_>, interest: Interest, deadline: Option<Instant>);

    /// For blocking transports: makes [`wait`](Self::wait) only note what there is to wait for, and returns what
    /// then waits for it, without the transport. So who shares a transport need not hold it while waiting, and
    /// a thread that waits can be woken. `None` where that is not possible, or `wait` does not block.
    ///
    /// # Errors
    ///
    /// The system has no descriptor left.
    fn waiter(&mut self) -> io::Result<Option<Waiter>> {
        Ok(None)
    }

    /// For blocking transports: something that makes a thread blocked in this transport return. `None` where
    /// dropping the task does it.
    fn interrupter(&self) -> Option<Interrupter> {
        None
    }

    /// For blocking transports: the same stream once more, so that one thread waits and reads while another one
    /// writes. `None` where a wait holds up nobody.
    ///
    /// Each of the two keeps its own account of what it waits for. They may not read at the same time.
    ///
    /// A blocking transport that returns `None` works, at a price: an HTTP/2 connection of the client carries one
    /// request at a time, since nobody could send on it while another one waits to receive. Requests that come
    /// meanwhile take connections of their own.
    fn duplicate(&self) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

/// Waits for a blocking transport in place of the transport itself: see [`Transport::waiter`].
#[derive(Clone)]
pub struct Waiter {
    wait: Arc<dyn Fn() + Send + Sync>,
    waker: Waker,
}

impl Waiter {
    /// Of a function that waits, and a waker that makes it return.
    pub fn new(wait: impl Fn() + Send + Sync + 'static, waker: Waker) -> Self {
        Self { wait: Arc::new(wait), waker }
    }

    /// Blocks until what the transport's last [`wait`](Transport::wait) named has happened, or until it is woken;
    /// returns at once if there was none since this was last called. It may return for no reason.
    pub fn wait(&self) {
        (self.wait)();
    }

    /// Ends the [`wait`](Self::wait) that is going on, or the next one.
    pub fn waker(&self) -> &Waker {
        &self.waker
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").finish_non_exhaustive()
    }
}

/// One alarm that is armed as rarely as possible.
///
/// `arm` makes a runtime's sleep future; it is only called when there is no earlier alarm already. An alarm
/// that goes off too early is armed again for the deadline of that moment.
#[derive(Debug)]
pub struct LazyTimer<S> {
    armed: Option<(Instant, S)>,
}

impl<S> Default for LazyTimer<S> {
    fn default() -> Self {
        Self { armed: None }
    }
}

impl<S: Future<Output = ()> + Unpin> LazyTimer<S> {
    /// Ready when `deadline` has passed, as seen by the runtime's alarm. May wake the task early; call again then.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        deadline: Instant,
        mut arm: impl FnMut(Instant) -> S,
    ) -> Poll<()> {
        loop {
            match &mut self.armed {
                Some((at, sleep)) if *at <= deadline => {
                    ready!(Pin::new(sleep).poll(cx));
                    let at = *at;
                    self.armed = None;
                    if at >= deadline {
                        return Poll::Ready(());
                    }
                }
                _ => self.armed = Some((deadline, arm(deadline))),
            }
        }
    }
}

/// Makes a [`Transport`] of any futures-io stream and a function that makes sleep futures.
///
/// For streams that are not a runtime's own socket: a pipe, a stream of another library, a test's link.
///
/// ```
/// use barewire_proto::Protocol;
/// use barewire_rt::{AsyncRead, AsyncWrite, Driver, Io, Runtime, Transport};
///
/// fn drive<P, S, R>(protocol: P, stream: S, runtime: R) -> Driver<P, impl Transport>
/// where
///     P: Protocol,
///     S: AsyncRead + AsyncWrite + Unpin,
///     R: Runtime,
/// {
///     Driver::new(protocol, Io::new(stream, move |at| runtime.sleep_until(at)))
/// }
/// ```
#[derive(Debug)]
pub struct Io<S, F, T> {
    stream: S,
    arm: F,
    timer: LazyTimer<T>,
    /// Bytes that the stream has taken and still holds back.
    unflushed: Option<usize>,
}

impl<S, F, T> Io<S, F, T>
where
    F: FnMut(Instant) -> T,
    T: Future<Output = ()> + Unpin,
{
    /// Wraps a stream. `arm` makes a future that is ready at the given instant, such as
    /// [`Runtime::sleep_until`](crate::Runtime::sleep_until).
    pub fn new(stream: S, arm: F) -> Self {
        Self { stream, arm, timer: LazyTimer::default(), unflushed: None }
    }

    /// The stream.
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S, F, T> Transport for Io<S, F, T>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: FnMut(Instant) -> T + Unpin,
    T: Future<Output = ()> + Unpin,
{
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let n = match self.unflushed {
            Some(n) => n,
            None => ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs))?,
        };
        // What a stream with a buffer of its own keeps there was not written: it is offered again until it was.
        self.unflushed = Some(n);
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.unflushed = None;
        // Nothing else is offered meanwhile, unless the protocol has given up.
        Poll::Ready(Ok(n.min(bufs.iter().map(|buf| buf.len()).sum())))
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }

    fn wait(&mut self, cx: &mut Context<'_>, _: Interest, deadline: Option<Instant>) {
        if let Some(deadline) = deadline {
            if self.timer.poll(cx, deadline, &mut self.arm).is_ready() {
                cx.waker().wake_by_ref();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use super::*;

    /// Ready when the test's clock has come to its instant.
    struct Alarm<'a>(Instant, &'a Cell<Instant>);

    impl Future for Alarm<'_> {
        type Output = ();

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            if self.1.get() >= self.0 { Poll::Ready(()) } else { Poll::Pending }
        }
    }

    #[test]
    fn a_deadline_that_moves_later_is_armed_again_only_when_its_alarm_goes_off() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let clock = Cell::new(start);
        let mut armed = Vec::new();
        let mut timer = LazyTimer::default();
        let mut poll = |now, deadline| {
            clock.set(at(now));
            let mut cx = Context::from_waker(std::task::Waker::noop());
            let polled = timer.poll(&mut cx, at(deadline), |instant| {
                armed.push((instant - start).as_secs());
                Alarm(instant, &clock)
            });
            polled.is_ready()
        };
        for now in 0..10 {
            assert!(!poll(now, now + 10), "a deadline that moves on with the clock");
        }
        assert!(!poll(11, 21), "the first alarm went off too early");
        assert!(!poll(12, 15), "an earlier deadline");
        assert!(poll(15, 15));
        assert_eq!(armed, [10, 21, 15]);
    }
}
