use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use barewire_rt::{Interest, Interrupter, Transport, Waiter};
use rustix::net::{RecvFlags, SendFlags};
use socket2::SockRef;

use crate::half::{self, Shared};
use crate::link::Blocked;
use crate::outside::Outside;
use crate::poll;
use crate::{Duplex, ReadHalf, WriteHalf};

/// A connected stream: see [`TcpStream`](crate::TcpStream) and [`UnixStream`](crate::UnixStream).
///
/// It is a [`Transport`], and usable in its own right through [`Read`] and [`Write`], which block. So do
/// [`AsyncRead`](futures_io::AsyncRead) and [`AsyncWrite`](futures_io::AsyncWrite), for code that is written
/// over these traits: they are always ready.
#[derive(Debug)]
pub struct Stream<S: AsFd> {
    pub(crate) shared: Arc<Shared<S>>,
    next_read: NextRead,
    blocked: Blocked,
    /// Who waits instead, if somebody does.
    outside: Option<Arc<Outside<S>>>,
    /// The last blocking read came to its time limit.
    timed_out: bool,
}

/// What [`Transport::poll_read`] may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NextRead {
    /// Wait for the peer.
    Block,
    /// Nothing: there was nothing left to read the last time, and nobody has waited since.
    Skip,
    /// Take what is there.
    Try,
}

impl<S: AsFd> Stream<S> {
    pub(crate) fn new(socket: S) -> Self {
        Self {
            shared: Arc::new(Shared::new(socket)),
            next_read: NextRead::Skip,
            blocked: Blocked::default(),
            outside: None,
            timed_out: false,
        }
    }

    /// The socket of the standard library, for its options.
    pub fn get_ref(&self) -> &S {
        &self.shared.socket
    }

    /// The two directions, each for a thread of its own. `&Stream` reads and writes too.
    pub fn split(self) -> (ReadHalf<S>, WriteHalf<S>) {
        half::split(self.shared)
    }
}

impl<S: AsFd> AsFd for Stream<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.socket.as_fd()
    }
}

impl<S: AsFd + Send + Sync> Duplex for Stream<S> {
    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.shared.recv(buf, RecvFlags::DONTWAIT)
    }

    fn try_write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.shared.send(bufs, SendFlags::DONTWAIT)
    }

    fn end_writing(&self) -> io::Result<()> {
        self.shared.end_writing()
    }
}

impl<S: AsFd> Stream<S> {
    /// Lets a blocking read end when `left` has passed, or somewhat earlier.
    ///
    /// Deadlines mostly move later, by the time that one exchange takes. What is set here falls short of what
    /// is asked for, so that it fits the next exchanges too, and one system call serves many of them. The
    /// price is that an idle connection wakes a few times before its deadline.
    fn limit_read(&mut self, left: Option<Duration>) -> io::Result<()> {
        let set = self.shared.timeout();
        let left = left.map(|left| left.as_micros().div_ceil(1000).try_into().unwrap_or(u32::MAX));
        let early_enough = match left {
            Some(left) => set != 0 && set <= left,
            None => true,
        };
        if early_enough && !self.timed_out {
            return Ok(());
        }
        let wanted = match left {
            None => 0,
            Some(left) if left > 16 => left - left / 8,
            Some(left) => left.max(1),
        };
        if wanted != set {
            self.shared.set_timeout(wanted)?;
        }
        self.timed_out = false;
        Ok(())
    }
}

impl<S: AsFd + Send + Sync + 'static> Transport for Stream<S> {
    const BLOCKING: bool = true;

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let flags = match self.next_read {
            NextRead::Skip
                if self.outside.as_ref().is_some_and(|outside| outside.take_readable()) =>
            {
                RecvFlags::DONTWAIT
            }
            NextRead::Skip => return Poll::Pending,
            NextRead::Block => RecvFlags::empty(),
            NextRead::Try => RecvFlags::DONTWAIT,
        };
        self.next_read = NextRead::Skip;
        match self.shared.recv(buf, flags) {
            Ok(n) => {
                // What filled the buffer may go on, and the end of file does.
                if n == buf.len() || n == 0 {
                    self.next_read = NextRead::Try;
                }
                Poll::Ready(Ok(n))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.timed_out = flags.is_empty();
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.next_read = NextRead::Try;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn poll_write(&mut self, _: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.blocked.poll_write(bufs, |bufs| self.shared.send(bufs, SendFlags::DONTWAIT))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shared.end_writing())
    }

    /// With nothing to wait for, neither bytes nor a deadline, it returns without waking: the task goes on when
    /// another thread wakes it.
    fn wait(&mut self, cx: &mut Context<'_>, interest: Interest, deadline: Option<Instant>) {
        if let Some(outside) = &self.outside {
            return outside.want(interest, deadline);
        }
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        match (interest, left) {
            (Interest { read: false, write: false }, None) => return,
            (Interest { read: false, write: false }, Some(left)) => thread::sleep(left),
            // The driver looks at the clock first.
            (_, Some(Duration::ZERO)) => {}
            (Interest { read: true, write: false }, left) => {
                self.next_read = match self.limit_read(left) {
                    Ok(()) => NextRead::Block,
                    // A socket that takes no option is broken; a read tells how.
                    Err(_) => NextRead::Try,
                };
            }
            (interest, left) => {
                if poll::wait(self.get_ref(), interest, left).is_ok_and(|ready| ready.read) {
                    self.next_read = NextRead::Try;
                }
            }
        }
        cx.waker().wake_by_ref();
    }

    fn waiter(&mut self) -> io::Result<Option<Waiter>> {
        let outside = match &self.outside {
            Some(outside) => outside,
            None => self.outside.insert(Outside::new(Arc::clone(&self.shared))?),
        };
        Ok(Some(outside.waiter()))
    }

    fn interrupter(&self) -> Option<Interrupter> {
        let shared = Arc::clone(&self.shared);
        Some(Box::new(move |how| {
            // A connection that is broken does not block anybody.
            let _ = SockRef::from(&shared.socket).shutdown(how);
        }))
    }

    fn duplicate(&self) -> Option<Self> {
        Some(Self {
            shared: Arc::clone(&self.shared),
            next_read: NextRead::Skip,
            blocked: Blocked::default(),
            outside: None,
            timed_out: false,
        })
    }
}

impl<S: AsFd> Read for &Stream<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.shared.read(buf)
    }
}

impl<S: AsFd> Write for &Stream<S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.shared.send(bufs, SendFlags::empty())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use std::net::Shutdown;

    use super::*;
    use crate::UnixStream;
    use barewire_rt::park::block_on;

    const READ: Interest = Interest { read: true, write: false };

    #[test]
    fn one_time_limit_serves_many_reads() {
        let (mut stream, _peer) = UnixStream::pair().unwrap();
        let mut limit = |left: Option<u64>, timed_out| {
            stream.timed_out = timed_out;
            stream.limit_read(left.map(Duration::from_secs)).unwrap();
            let set = stream.get_ref().read_timeout().unwrap();
            let noted = stream.shared.timeout();
            assert_eq!(set.map_or(0, |set| set.as_millis()), noted.into());
            noted
        };
        assert_eq!(limit(None, false), 0);
        assert_eq!(limit(Some(80), false), 70_000);
        assert_eq!(limit(Some(75), false), 70_000, "early enough");
        assert_eq!(limit(None, false), 70_000, "early enough");
        assert_eq!(limit(Some(40), false), 35_000);
        assert_eq!(limit(Some(80), false), 35_000, "early enough");
        assert_eq!(limit(Some(80), true), 70_000, "an early wake is not repeated for ever");
        assert_eq!(limit(None, true), 0);
    }

    #[test]
    fn a_deadline_ends_a_wait_whatever_it_waits_for() {
        let (mut stream, _peer) = UnixStream::pair().unwrap();
        // With no room to write, only the deadline is left to happen.
        while stream.try_write(&[IoSlice::new(&[0; 4096])]).is_ok() {}
        for (read, write) in [(false, false), (true, false), (false, true), (true, true)] {
            let interest = Interest { read, write };
            let deadline = Instant::now() + Duration::from_millis(25);
            let mut polls = 0;
            block_on(poll_fn(|cx| {
                polls += 1;
                assert!(stream.poll_read(cx, &mut [0]).is_pending());
                if Instant::now() >= deadline {
                    return Poll::Ready(());
                }
                stream.wait(cx, interest, Some(deadline));
                Poll::Pending
            }));
            assert!(polls < 20, "{polls} polls for {interest:?}");
        }
    }

    #[test]
    fn a_read_blocks_only_when_waiting_allowed_it() {
        let (mut stream, peer) = UnixStream::pair().unwrap();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut buf = [0; 8];
        assert!(stream.poll_read(&mut cx, &mut buf).is_pending());
        (&peer).write_all(b"hello").unwrap();
        stream.wait(&mut cx, READ, None);
        assert!(matches!(stream.poll_read(&mut cx, &mut buf), Poll::Ready(Ok(5))));
        assert!(stream.poll_read(&mut cx, &mut buf).is_pending(), "after a short read");
        (&peer).write_all(b"12345678abc").unwrap();
        stream.wait(&mut cx, READ, None);
        assert!(matches!(stream.poll_read(&mut cx, &mut buf), Poll::Ready(Ok(8))));
        assert!(matches!(stream.poll_read(&mut cx, &mut buf), Poll::Ready(Ok(3))));
        assert!(stream.poll_read(&mut cx, &mut buf).is_pending());
    }

    #[test]
    fn an_interrupter_ends_a_read_on_another_thread() {
        let (mut stream, _peer) = UnixStream::pair().unwrap();
        let interrupt = stream.interrupter().unwrap();
        let reader = thread::spawn(move || {
            block_on(poll_fn(|cx| {
                let read = stream.poll_read(cx, &mut [0]);
                if read.is_pending() {
                    stream.wait(cx, READ, None);
                }
                read
            }))
        });
        interrupt(Shutdown::Read);
        assert_eq!(reader.join().unwrap().unwrap(), 0);
    }

    #[test]
    fn a_transports_time_limit_does_not_reach_plain_reads() {
        let (mut stream, peer) = UnixStream::pair().unwrap();
        stream.limit_read(Some(Duration::from_millis(1))).unwrap();
        let reader = thread::spawn(move || {
            let mut buf = [0; 5];
            stream.read_exact(&mut buf).map(|()| buf)
        });
        // Longer than the limit was.
        thread::sleep(Duration::from_millis(20));
        (&peer).write_all(b"hello").unwrap();
        assert_eq!(&reader.join().unwrap().unwrap(), b"hello");
    }
}
