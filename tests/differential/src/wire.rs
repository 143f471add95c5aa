//! A transport in memory, polled by hand: no runtime is needed to watch a peer.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What the peer reads and has written. Clones are the same transport.
#[derive(Clone, Default)]
pub struct Wire(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    input: VecDeque<u8>,
    eof: bool,
    output: Vec<u8>,
    finished: bool,
}

impl Wire {
    pub(crate) fn feed(&self, bytes: &[u8]) {
        self.lock().input.extend(bytes);
    }

    pub(crate) fn close(&self) {
        self.lock().eof = true;
    }

    /// Bytes that the peer did not read.
    pub(crate) fn unread(&self) -> usize {
        self.lock().input.len()
    }

    pub(crate) fn take_output(&self) -> Vec<u8> {
        std::mem::take(&mut self.lock().output)
    }

    /// Whether the peer has ended its write side.
    pub(crate) fn is_finished(&self) -> bool {
        self.lock().finished
    }

    pub(crate) fn output(&self) -> Vec<u8> {
        self.lock().output.clone()
    }

    /// Hands `put` as much of the input as fits into `limit`.
    fn read(&self, limit: usize, put: impl FnOnce(&[u8])) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        if state.input.is_empty() && !state.eof {
            return Poll::Pending;
        }
        let n = state.input.len().min(limit);
        put(&state.input.drain(..n).collect::<Vec<_>>());
        Poll::Ready(Ok(()))
    }

    fn write(&self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.lock().output.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.read(buf.remaining(), |bytes| buf.put_slice(bytes))
    }
}

impl Write for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.read(buf.remaining(), |bytes| buf.put_slice(bytes))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().finished = true;
        Poll::Ready(Ok(()))
    }
}
