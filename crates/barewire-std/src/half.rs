use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use socket2::SockRef;

use crate::Stream;

/// A socket as both directions share it.
#[derive(Debug)]
pub(crate) struct Shared<S> {
    pub(crate) socket: S,
    /// `SO_RCVTIMEO` in milliseconds as a transport has set it, zero for none.
    timeout: AtomicU32,
}

impl<S: AsFd> Shared<S> {
    pub(crate) fn new(socket: S) -> Self {
        Self { socket, timeout: AtomicU32::new(0) }
    }

    /// The time limit of a read in milliseconds as a transport has set it, zero for none.
    pub(crate) fn timeout(&self) -> u32 {
        self.timeout.load(Ordering::Relaxed)
    }

    pub(crate) fn recv(&self, buf: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
        let (received, _) = rustix::net::recv(&self.socket, buf, flags)?;
        Ok(received)
    }

    pub(crate) fn send(&self, bufs: &[IoSlice<'_>], flags: SendFlags) -> io::Result<usize> {
        let flags = flags | NO_SIGNAL;
        Ok(match bufs {
            [one] => rustix::net::send(&self.socket, one, flags)?,
            many => {
                let mut none = SendAncillaryBuffer::default();
                rustix::net::sendmsg(&self.socket, many, &mut none, flags)?
            }
        })
    }

    pub(crate) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        if self.timeout() != 0 {
            self.set_timeout(0)?;
        }
        self.recv(buf, RecvFlags::empty())
    }

    pub(crate) fn set_timeout(&self, millis: u32) -> io::Result<()> {
        let limit = (millis != 0).then(|| Duration::from_millis(millis.into()));
        SockRef::from(&self.socket).set_read_timeout(limit)?;
        self.timeout.store(millis, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn end_writing(&self) -> io::Result<()> {
        match SockRef::from(&self.socket).shutdown(Shutdown::Write) {
            // The peer was faster: there is nothing left to end.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            done => done,
        }
    }
}

/// Where a system has no flag against `SIGPIPE`, the standard library sets the socket's option.
#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: SendFlags = SendFlags::empty();

/// The two directions of a socket.
pub(crate) fn split<S: AsFd>(shared: Arc<Shared<S>>) -> (ReadHalf<S>, WriteHalf<S>) {
    (ReadHalf(Arc::clone(&shared)), WriteHalf(shared))
}

/// The direction from the peer: what [`Stream::split`] gives.
#[derive(Debug)]
pub struct ReadHalf<S>(Arc<Shared<S>>);

impl<S> ReadHalf<S> {
    /// The socket of the standard library, for its options.
    pub fn get_ref(&self) -> &S {
        &self.0.socket
    }
}

/// The direction to the peer: what [`Stream::split`] gives. Dropping it ends the write side.
#[derive(Debug)]
pub struct WriteHalf<S: AsFd>(Arc<Shared<S>>);

impl<S: AsFd> WriteHalf<S> {
    /// The socket of the standard library, for its options.
    pub fn get_ref(&self) -> &S {
        &self.0.socket
    }
}

impl<S: AsFd> Drop for WriteHalf<S> {
    fn drop(&mut self) {
        // A connection that is broken has no write side left to end.
        let _ = self.0.end_writing();
    }
}

/// The blocking traits and the async ones, from the one field that holds the socket.
macro_rules! reads {
    ($reader:ident, $shared:tt) => {
        impl<S: AsFd> Read for $reader<S> {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.$shared.read(buf)
            }
        }

        impl<S: AsFd> AsyncRead for $reader<S> {
            fn poll_read(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
                buf: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                Poll::Ready(unless_interrupted(|| self.$shared.read(buf)))
            }
        }
    };
}

macro_rules! writes {
    ($writer:ident, $shared:tt) => {
        impl<S: AsFd> Write for $writer<S> {
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                self.write_vectored(&[IoSlice::new(buf)])
            }

            fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                self.$shared.send(bufs, SendFlags::empty())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        impl<S: AsFd> AsyncWrite for $writer<S> {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.poll_write_vectored(cx, &[IoSlice::new(buf)])
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Poll::Ready(unless_interrupted(|| self.$shared.send(bufs, SendFlags::empty())))
            }

            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(self.$shared.end_writing())
            }
        }
    };
}

reads!(ReadHalf, 0);
reads!(Stream, shared);
writes!(Stream, shared);
writes!(WriteHalf, 0);

/// The async traits do not have the error that asks to try again.
fn unless_interrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
