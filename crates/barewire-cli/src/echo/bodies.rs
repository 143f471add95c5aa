//! Bodies that are made while they are sent.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use barewire::bytes::Bytes;
use barewire::http::HeaderMap;
use barewire::rt::Runtime;
use barewire::server::{Body, BodyError};
use http_body::{Frame, SizeHint};

/// So many bytes that compress badly, the same each time.
pub(crate) struct Noise {
    left: u64,
    state: u64,
}

impl Noise {
    /// A body of `len` bytes.
    pub(crate) fn new(len: u64) -> Self {
        Self { left: len, state: 0x9E37_79B9_7F4A_7C15 }
    }

    /// Marsaglia's xorshift.
    fn next(&mut self) -> [u8; 8] {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.to_le_bytes()
    }
}

impl http_body::Body for Noise {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        const CHUNK: u64 = 64 * 1024;
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let len = self.left.min(CHUNK);
        self.left -= len;
        let mut chunk = Vec::with_capacity(len as usize + 7);
        while (chunk.len() as u64) < len {
            chunk.extend_from_slice(&self.next());
        }
        chunk.truncate(len as usize);
        Poll::Ready(Some(Ok(Frame::data(chunk.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Bytes that come piece by piece, evenly over a time. Their number is not told in advance.
pub(crate) struct Drip<R: Runtime> {
    runtime: R,
    bytes: u64,
    over: Duration,
    pieces: u32,
    sent: u32,
    begun: Option<Instant>,
    sleep: Option<R::Sleep>,
}

impl<R: Runtime> Drip<R> {
    pub(crate) fn new(runtime: R, bytes: u64, over: Duration) -> Self {
        // Where there are more bytes than so many, some leave together.
        const SHORTEST: Duration = Duration::from_millis(10);
        let slots = (over.as_millis() / SHORTEST.as_millis()).max(1);
        let pieces = slots.min(u128::from(bytes)).try_into().unwrap_or(u32::MAX);
        Self { runtime, bytes, over, pieces, sent: 0, begun: None, sleep: None }
    }

    /// Bytes sent after so many pieces.
    fn total(&self, pieces: u32) -> u64 {
        let total = u128::from(self.bytes) * u128::from(pieces) / u128::from(self.pieces.max(1));
        total.try_into().unwrap_or(self.bytes)
    }
}

impl<R: Runtime> http_body::Body for Drip<R> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        if this.sent == this.pieces {
            return Poll::Ready(None);
        }
        let now = this.runtime.now();
        let begun = *this.begun.get_or_insert(now);
        let due = begun + this.over * (this.sent + 1) / this.pieces;
        let sleep = this.sleep.get_or_insert_with(|| this.runtime.sleep_until(due));
        ready!(Pin::new(sleep).poll(cx));
        this.sleep = None;
        let len = this.total(this.sent + 1) - this.total(this.sent);
        this.sent += 1;
        Poll::Ready(Some(Ok(Frame::data(vec![b'*'; len as usize].into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.sent == self.pieces
    }
}

/// A body of which the first part was taken off already. Its trailers are left out.
pub(crate) struct Resumed {
    first: Option<Bytes>,
    rest: Body,
    left: Option<u64>,
}

impl Resumed {
    /// `declared` is the length of all of it, where it is known.
    pub(crate) fn new(first: Bytes, rest: Body, declared: Option<u64>) -> Self {
        Self { first: Some(first), rest, left: declared }
    }
}

impl http_body::Body for Resumed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = match self.first.take() {
            Some(first) => Some(Ok(Frame::data(first))),
            None => ready!(Pin::new(&mut self.rest).poll_frame(cx)),
        };
        if let (Some(left), Some(Ok(frame))) = (&mut self.left, &frame) {
            let len = frame.data_ref().map_or(0, |data| data.len() as u64);
            *left = left.saturating_sub(len);
        }
        Poll::Ready(frame.filter(|frame| !matches!(frame, Ok(frame) if frame.is_trailers())))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map(SizeHint::with_exact).unwrap_or_default()
    }
}

/// Data of which the length is not told, and what follows it.
pub(crate) struct WithTrailers(VecDeque<Frame<Bytes>>);

impl WithTrailers {
    pub(crate) fn new(data: Bytes, trailers: HeaderMap) -> Self {
        Self([Frame::data(data), Frame::trailers(trailers)].into())
    }
}

impl http_body::Body for WithTrailers {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use barewire::std::Std;
    use std::future::poll_fn;

    fn lengths(mut body: impl http_body::Body<Data = Bytes> + Unpin) -> Vec<usize> {
        Std::default().block_on(async {
            let mut lengths = Vec::new();
            while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                lengths.push(frame.into_data().unwrap_or_default().len());
            }
            assert!(body.is_end_stream());
            lengths
        })
    }

    #[test]
    fn noise_is_as_long_as_said() {
        for len in [0, 1, 8, 65_536, 65_537, 200_000] {
            let total: usize = lengths(Noise::new(len)).iter().sum();
            assert_eq!(total as u64, len);
        }
    }

    #[test]
    fn drips_add_up() {
        let drip = |bytes, ms| lengths(Drip::new(Std::default(), bytes, Duration::from_millis(ms)));
        assert_eq!(drip(0, 0), [0; 0]);
        assert_eq!(drip(10, 0), [10]);
        assert_eq!(drip(3, 30), [1, 1, 1]);
        assert_eq!(drip(10, 30), [3, 3, 4]);
    }
}
