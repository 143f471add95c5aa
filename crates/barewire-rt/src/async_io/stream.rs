use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use futures_io::{AsyncRead, AsyncWrite};

use super::Source;
use super::alarm::Alarm;
use crate::{Interest, LazyTimer, Transport};

/// A connected stream socket of the standard library: TCP or Unix.
pub trait Socket: sealed::Socket {}

mod sealed {
    use super::*;

    pub trait Socket: AsFd + fmt::Debug + Send + Sync + Unpin + 'static {
        fn recv(&self, buf: &mut [u8]) -> io::Result<usize>;
        fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize>;
        fn end(&self, how: Shutdown) -> io::Result<()>;
        fn unblock(&self) -> io::Result<()>;
    }
}

macro_rules! socket {
    ($socket:ty) => {
        impl Socket for $socket {}

        impl sealed::Socket for $socket {
            fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
                (&*self).read(buf)
            }

            fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                match bufs {
                    [one] => (&*self).write(one),
                    many => (&*self).write_vectored(many),
                }
            }

            fn end(&self, how: Shutdown) -> io::Result<()> {
                self.shutdown(how)
            }

            fn unblock(&self) -> io::Result<()> {
                self.set_nonblocking(true)
            }
        }
    };
}

socket!(std::net::TcpStream);
socket!(std::os::unix::net::UnixStream);

/// A connected stream: see [`TcpStream`](super::TcpStream) and [`UnixStream`](super::UnixStream).
///
/// It is a [`Transport`], and usable in its own right through [`AsyncRead`] and [`AsyncWrite`]. A read or
/// write tries the system call first, except where the one before said that it would not succeed.
#[derive(Debug)]
pub struct Stream<S: Socket> {
    io: Source<S>,
    reader: Readiness,
    writer: Readiness,
    timer: LazyTimer<Alarm>,
}

/// What the last system call in one direction told about the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Readiness {
    /// It may succeed.
    #[default]
    Possible,
    /// It did less than it was asked to: only the reactor knows when there is more to do.
    ///
    /// What came in between is not missed: the reactor tells of it at once.
    Exhausted,
}

impl<S: Socket> Stream<S> {
    pub(super) fn new(socket: S) -> io::Result<Self> {
        socket.unblock()?;
        Ok(Self {
            io: Source::new_nonblocking(socket)?,
            reader: Readiness::default(),
            writer: Readiness::default(),
            timer: LazyTimer::default(),
        })
    }

    /// A client has nothing to read before it wrote.
    pub(super) fn connected(socket: S) -> io::Result<Self> {
        let mut stream = Self::new(socket)?;
        stream.reader = Readiness::Exhausted;
        Ok(stream)
    }

    /// The socket of the standard library, for its options. It is non-blocking.
    pub fn get_ref(&self) -> &S {
        self.io.get_ref()
    }

    /// The two directions, each for a task of its own.
    pub fn split(self) -> (ReadHalf<S>, WriteHalf<S>) {
        let io = Arc::new(self.io);
        (
            ReadHalf { io: Arc::clone(&io), reader: self.reader },
            WriteHalf { io, writer: self.writer },
        )
    }
}

impl<S: Socket> Transport for Stream<S> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        poll_recv(&self.io, &mut self.reader, cx, buf)
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        poll_send(&self.io, &mut self.writer, cx, bufs)
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(end_writing(&self.io))
    }

    fn wait(&mut self, cx: &mut Context<'_>, _: Interest, deadline: Option<Instant>) {
        if let Some(deadline) = deadline {
            if self.timer.poll(cx, deadline, Alarm::at).is_ready() {
                cx.waker().wake_by_ref();
            }
        }
    }
}

impl<S: Socket> AsyncRead for Stream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Transport::poll_read(self.get_mut(), cx, buf)
    }
}

impl<S: Socket> AsyncWrite for Stream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Transport::poll_write(self.get_mut(), cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Transport::poll_write(self.get_mut(), cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_shutdown(cx)
    }
}

impl<S: Socket + From<OwnedFd>> TryFrom<OwnedFd> for Stream<S> {
    type Error = io::Error;

    /// Takes over a connected socket of this kind: makes it non-blocking and leaves its other options as they
    /// are.
    fn try_from(fd: OwnedFd) -> io::Result<Self> {
        Self::new(S::from(fd))
    }
}

/// The direction from the peer: what [`Stream::split`] gives.
#[derive(Debug)]
pub struct ReadHalf<S: Socket> {
    io: Arc<Source<S>>,
    reader: Readiness,
}

impl<S: Socket> ReadHalf<S> {
    /// The socket of the standard library, for its options. It is non-blocking.
    pub fn get_ref(&self) -> &S {
        (*self.io).get_ref()
    }
}

impl<S: Socket> AsyncRead for ReadHalf<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        poll_recv(&this.io, &mut this.reader, cx, buf)
    }
}

/// The direction to the peer: what [`Stream::split`] gives. Dropping it ends the write side.
#[derive(Debug)]
pub struct WriteHalf<S: Socket> {
    io: Arc<Source<S>>,
    writer: Readiness,
}

impl<S: Socket> WriteHalf<S> {
    /// The socket of the standard library, for its options. It is non-blocking.
    pub fn get_ref(&self) -> &S {
        (*self.io).get_ref()
    }
}

impl<S: Socket> AsyncWrite for WriteHalf<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        poll_send(&this.io, &mut this.writer, cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(end_writing(&self.io))
    }
}

impl<S: Socket> Drop for WriteHalf<S> {
    fn drop(&mut self) {
        // A connection that is broken has no write side left to end.
        let _ = end_writing(&self.io);
    }
}

fn poll_recv<S: Socket>(
    io: &Source<S>,
    readiness: &mut Readiness,
    cx: &mut Context<'_>,
    buf: &mut [u8],
) -> Poll<io::Result<usize>> {
    loop {
        if *readiness == Readiness::Exhausted {
            ready!(io.poll_readable(cx))?;
            *readiness = Readiness::Possible;
        }
        match io.get_ref().recv(buf) {
            Ok(n) => {
                // The end of file stays readable.
                if 0 < n && n < buf.len() {
                    *readiness = Readiness::Exhausted;
                }
                return Poll::Ready(Ok(n));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                *readiness = Readiness::Exhausted;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
}

/// So many parts the system takes in one call: what it leaves behind them says nothing about room.
const MOST_PARTS: usize = 1024;

fn poll_send<S: Socket>(
    io: &Source<S>,
    readiness: &mut Readiness,
    cx: &mut Context<'_>,
    bufs: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let bufs = bufs.get(..MOST_PARTS).unwrap_or(bufs);
    loop {
        if *readiness == Readiness::Exhausted {
            ready!(io.poll_writable(cx))?;
            *readiness = Readiness::Possible;
        }
        match io.get_ref().send(bufs) {
            Ok(n) => {
                if n < bufs.iter().map(|buf| buf.len()).sum() {
                    *readiness = Readiness::Exhausted;
                }
                return Poll::Ready(Ok(n));
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                *readiness = Readiness::Exhausted;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
}

fn end_writing<S: Socket>(io: &Source<S>) -> io::Result<()> {
    match io.get_ref().end(Shutdown::Write) {
        // The peer was faster: there is nothing left to end.
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::async_io::UnixStream;

    #[test]
    fn more_parts_than_the_system_takes_at_once_are_more_than_one_write() {
        let (mut stream, _peer) = UnixStream::pair().unwrap();
        let parts = vec![IoSlice::new(b"x"); 5000];
        let mut cx = Context::from_waker(Waker::noop());
        let mut sent = 0;
        while sent < parts.len() {
            match stream.poll_write(&mut cx, &parts[sent..]) {
                Poll::Ready(n) => sent += n.unwrap(),
                Poll::Pending => panic!("there is room, and {sent} were sent"),
            }
        }
    }
}
