use std::io::{self, IoSlice};
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use barewire_proto::Input;
use barewire_rt::{Interest, Transport};

use crate::Duplex;

/// What a driver under the lock would have blocked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) interest: Interest,
    pub(crate) deadline: Option<Instant>,
}

/// The transport of the driver under the lock: it writes to the stream without waiting, reads what was read
/// outside of the lock, and notes what it should wait for.
pub(crate) struct Link<S> {
    stream: Arc<S>,
    buf: Vec<u8>,
    unread: Range<usize>,
    /// How reading ended.
    end: Option<io::Result<()>>,
    blocked: Blocked,
    pub(crate) wanted: Option<Wanted>,
}

impl<S> Link<S> {
    pub(crate) fn new(stream: Arc<S>) -> Self {
        Self {
            stream,
            buf: Vec::new(),
            unread: 0..0,
            end: None,
            blocked: Blocked::default(),
            wanted: None,
        }
    }

    /// Takes over what a read brought, and leaves a buffer for the next one.
    pub(crate) fn put(&mut self, buf: &mut Vec<u8>, read: io::Result<usize>) {
        match read {
            Ok(0) => self.end = Some(Ok(())),
            Ok(n) => {
                std::mem::swap(&mut self.buf, buf);
                self.unread = 0..n;
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) => {}
            Err(error) => self.end = Some(Err(error)),
        }
    }

    /// Moves what was read and not asked for yet, which is never more than there was room for.
    pub(crate) fn hand_on(&mut self, input: &mut Input) {
        while !self.unread.is_empty() {
            let n = self.take(input.spare(self.unread.len()));
            input.commit(n);
        }
        if let Some(Ok(())) = self.end {
            input.close();
        }
    }

    fn take(&mut self, buf: &mut [u8]) -> usize {
        let unread = self.buf.get(self.unread.clone()).unwrap_or_default();
        let n = unread.len().min(buf.len());
        buf[..n].copy_from_slice(&unread[..n]);
        self.unread.start += n;
        n
    }
}

impl<S: Duplex> Transport for Link<S> {
    fn poll_read(&mut self, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if !self.unread.is_empty() {
            return Poll::Ready(Ok(self.take(buf)));
        }
        match self.end.take() {
            None => Poll::Pending,
            Some(end) => Poll::Ready(end.map(|()| 0)),
        }
    }

    fn poll_write(&mut self, _: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.blocked.poll_write(bufs, |bufs| self.stream.try_write(bufs))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.end_writing())
    }

    fn wait(&mut self, _: &mut Context<'_>, interest: Interest, deadline: Option<Instant>) {
        self.wanted = Some(Wanted { interest, deadline });
    }
}

/// Whether the last write took less than it was given, so that the next one needs a wait first.
#[derive(Debug, Default)]
pub(crate) struct Blocked(bool);

impl Blocked {
    /// Writes as a [`Transport`] does. After a short write it is pending once without asking the system, which
    /// would only say the same.
    pub(crate) fn poll_write(
        &mut self,
        bufs: &[IoSlice<'_>],
        try_write: impl Fn(&[IoSlice<'_>]) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if std::mem::take(&mut self.0) {
            return Poll::Pending;
        }
        loop {
            match try_write(bufs) {
                Ok(n) => {
                    self.0 = n < bufs.iter().map(|buf| buf.len()).sum();
                    return Poll::Ready(Ok(n));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}
