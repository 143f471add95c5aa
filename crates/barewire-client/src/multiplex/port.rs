use std::io::{self, IoSlice};
use std::ops::Range;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use barewire_rt::{Interest, Transport};

/// The transport of a shared connection, as the driver under the lock sees it.
///
/// Over an async transport it hands everything on. A blocking one is written to without waiting, and read and
/// waited for by one thread at a time, outside of the lock: see [`Reader`]. Where it cannot be had twice the lock
/// is held meanwhile, see [`read`](Self::read).
pub(crate) struct Port<T> {
    stream: T,
    /// The earliest deadline of those who wait for something.
    pub(crate) earliest: Option<Instant>,
    inbox: Vec<u8>,
    unread: Range<usize>,
    end: Option<io::Result<()>>,
    /// What a blocking driver would have waited for.
    pub(crate) wanted: Option<Wanted>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) interest: Interest,
    pub(crate) deadline: Option<Instant>,
}

impl Wanted {
    /// What is there already, if anything is. An idle connection has room to write, so that a wait for either is
    /// over at once.
    pub(crate) fn at_once(now: Instant) -> Self {
        let interest = Interest { read: true, write: true };
        Self { interest, deadline: now.checked_add(Duration::from_secs(1)) }
    }
}

impl<T: Transport> Port<T> {
    pub(crate) fn new(stream: T) -> Self {
        Self { stream, earliest: None, inbox: Vec::new(), unread: 0..0, end: None, wanted: None }
    }

    /// Whether all that a [`Reader`] has brought was read: before that it must not bring more.
    pub(crate) fn is_drained(&self) -> bool {
        self.unread.is_empty() && self.end.is_none()
    }

    /// Blocks for what is wanted and reads, in place of a [`Reader`]: for a connection with one user at a time,
    /// whom the lock does not keep from anything. Whether anything came.
    pub(crate) fn read(&mut self, wanted: Wanted) -> bool {
        let mut buf = std::mem::take(&mut self.inbox);
        let read = read(&mut self.stream, &mut buf, wanted);
        let came = read.is_ready();
        self.put(read, &mut buf);
        came
    }

    /// Takes over what a [`Reader`] has brought, and leaves it a buffer.
    pub(crate) fn put(&mut self, read: Poll<io::Result<usize>>, buf: &mut Vec<u8>) {
        match read {
            Poll::Pending => {}
            Poll::Ready(Ok(0)) => self.end = Some(Ok(())),
            Poll::Ready(Ok(n)) => {
                std::mem::swap(&mut self.inbox, buf);
                self.unread = 0..n;
            }
            Poll::Ready(Err(error)) => self.end = Some(Err(error)),
        }
    }
}

impl<T: Transport> Transport for Port<T> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if !T::BLOCKING {
            return self.stream.poll_read(cx, buf);
        }
        let unread = self.inbox.get(self.unread.clone()).unwrap_or_default();
        let n = unread.len().min(buf.len());
        if n > 0 {
            buf[..n].copy_from_slice(&unread[..n]);
            self.unread.start += n;
            return Poll::Ready(Ok(n));
        }
        match self.end.take() {
            None => Poll::Pending,
            Some(end) => Poll::Ready(end.map(|()| 0)),
        }
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_write(cx, bufs)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_shutdown(cx)
    }

    fn wait(&mut self, cx: &mut Context<'_>, interest: Interest, deadline: Option<Instant>) {
        let deadline = deadline.into_iter().chain(self.earliest).min();
        match T::BLOCKING {
            true => self.wanted = Some(Wanted { interest, deadline }),
            false => self.stream.wait(cx, interest, deadline),
        }
    }
}

/// The reading end of a blocking transport, for the one thread that waits for the server.
pub(crate) struct Reader<T> {
    stream: T,
    pub(crate) buf: Vec<u8>,
}

/// Read at once.
const READ: usize = 64 * 1024;

impl<T: Transport> Reader<T> {
    pub(crate) fn new(stream: T) -> Self {
        Self { stream, buf: Vec::new() }
    }

    /// Blocks for what is wanted, and reads if that is possible then.
    pub(crate) fn read(&mut self, wanted: Wanted) -> Poll<io::Result<usize>> {
        read(&mut self.stream, &mut self.buf, wanted)
    }

    /// Blocks until there is room to write, or until `deadline`.
    pub(crate) fn wait_for_room(&mut self, deadline: Instant) {
        let mut cx = Context::from_waker(Waker::noop());
        let interest = Interest { read: false, write: true };
        self.stream.wait(&mut cx, interest, Some(deadline));
    }
}

fn read<T: Transport>(
    stream: &mut T,
    buf: &mut Vec<u8>,
    wanted: Wanted,
) -> Poll<io::Result<usize>> {
    let mut cx = Context::from_waker(Waker::noop());
    stream.wait(&mut cx, wanted.interest, wanted.deadline);
    if !wanted.interest.read {
        return Poll::Pending;
    }
    buf.resize(READ, 0);
    stream.poll_read(&mut cx, buf)
}
