//! What a server reads and writes, seen from its sockets.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use barewire_rt::{
    AsyncRead, AsyncWrite, Interest, Interrupter, Listener, PeerAddr, Runtime, Transport, Waiter,
};

use crate::harness::PATIENCE;

/// Counts over all connections of a server.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Connections at the moment.
    pub(crate) open: usize,
    /// Bytes.
    pub(crate) read: u64,
    /// Reads begun since the last byte came.
    pub(crate) dry: usize,
    /// Reads that met the end of file.
    pub(crate) ends: usize,
    /// Bytes.
    pub(crate) written: u64,
    /// Writes that the system took something of.
    pub(crate) writes: usize,
    /// Writes that the system took nothing of.
    pub(crate) stalls: usize,
    /// The most bytes that were read and not yet written: what an echo held.
    pub(crate) most_held: u64,
}

/// Counts that can be waited for.
#[derive(Default)]
pub(crate) struct Meter {
    counts: Mutex<Counts>,
    changed: Condvar,
    on_accept: Option<Box<dyn Fn() + Send + Sync>>,
}

impl Meter {
    /// Runs `work` whenever a connection was accepted, before the server has it.
    pub(crate) fn with_on_accept(work: impl Fn() + Send + Sync + 'static) -> Self {
        Self { on_accept: Some(Box::new(work)), ..Self::default() }
    }

    pub(crate) fn now(&self) -> Counts {
        *self.counts.lock().unwrap()
    }

    /// Blocks until the counts are as wanted.
    #[track_caller]
    pub(crate) fn wait(&self, wanted: impl Fn(&Counts) -> bool) -> Counts {
        let counts = self.counts.lock().unwrap();
        let (counts, timeout) =
            self.changed.wait_timeout_while(counts, PATIENCE, |now| !wanted(now)).unwrap();
        assert!(!timeout.timed_out(), "it does not happen: {counts:?}");
        *counts
    }

    /// Blocks until so many bytes were read and handled, and the only connection waits for more.
    #[track_caller]
    pub(crate) fn wait_for_more_than<R: Runtime>(&self, bytes: u64) {
        // A blocking stream is asked once whether there is more, and waits when it is asked again.
        let asked = if R::TcpStream::BLOCKING { 2 } else { 1 };
        self.wait(|counts| counts.read == bytes && counts.dry >= asked);
    }

    fn note(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.lock().unwrap();
        change(&mut counts);
        counts.most_held = counts.most_held.max(counts.read.saturating_sub(counts.written));
        drop(counts);
        self.changed.notify_all();
    }
}

/// A listener whose connections are measured.
pub(crate) struct Metered<L> {
    listener: L,
    meter: Arc<Meter>,
}

impl<L> Metered<L> {
    pub(crate) fn new(listener: L, meter: Arc<Meter>) -> Self {
        Self { listener, meter }
    }
}

impl<L: Listener> Listener for Metered<L> {
    type Stream = MeteredStream<L::Stream>;

    async fn accept(&self) -> io::Result<(Self::Stream, PeerAddr)> {
        let (inner, peer) = self.listener.accept().await?;
        self.meter.on_accept.iter().for_each(|run| run());
        self.meter.note(|counts| counts.open += 1);
        Ok((MeteredStream { inner, meter: Arc::clone(&self.meter) }, peer))
    }

    fn local_addr(&self) -> io::Result<PeerAddr> {
        self.listener.local_addr()
    }

    fn close(&self) {
        self.listener.close();
    }
}

/// An accepted stream.
pub(crate) struct MeteredStream<T> {
    inner: T,
    meter: Arc<Meter>,
}

impl<T> Drop for MeteredStream<T> {
    fn drop(&mut self) {
        self.meter.note(|counts| counts.open -= 1);
    }
}

impl<T: Transport> Transport for MeteredStream<T> {
    const BLOCKING: bool = T::BLOCKING;

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.meter.note(|counts| counts.dry += 1);
        let n = ready!(self.inner.poll_read(cx, buf))?;
        self.meter.note(|counts| {
            counts.dry = 0;
            counts.read += n as u64;
            counts.ends += usize::from(n == 0);
        });
        Poll::Ready(Ok(n))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.inner.poll_write(cx, bufs);
        match &written {
            Poll::Ready(Ok(n)) => self.meter.note(|counts| {
                counts.written += *n as u64;
                counts.writes += 1;
            }),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.meter.note(|counts| counts.stalls += 1),
        }
        written
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_shutdown(cx)
    }

    fn wait(&mut self, cx: &mut Context<'_>, interest: Interest, deadline: Option<Instant>) {
        self.inner.wait(cx, interest, deadline);
    }

    fn waiter(&mut self) -> io::Result<Option<Waiter>> {
        self.inner.waiter()
    }

    fn interrupter(&self) -> Option<Interrupter> {
        self.inner.interrupter()
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for MeteredStream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for MeteredStream<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}
