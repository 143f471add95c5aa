use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Payloads shorter than this are copied next to their head instead of being queued.
///
/// One `writev` of two slices costs about as much more than one `write` as copying this many bytes does.
pub const COPY_THRESHOLD: usize = 4096;

const HIGH_WATER: usize = 64 * 1024;
const KEPT_CAPACITY: usize = 64 * 1024;

/// Bytes to be sent, in order: a queue of [`Bytes`] and an open tail.
///
/// The driver takes from the front through [`Buf`] (several slices at once with
/// [`chunks_vectored`](Buf::chunks_vectored)); the protocol appends. Small payloads are copied into the
/// tail, so that any number of small messages leave in one `write`; payloads of [`COPY_THRESHOLD`] bytes and
/// more are queued as they are and leave vectored, without a copy.
///
/// ```
/// use barewire_proto::{Buf, Bytes, Output};
///
/// let mut output = Output::default();
/// output.put(b"head ");
/// output.push(Bytes::from_static(b"body"));
/// assert_eq!(output.chunk(), b"head body");
/// output.advance(9);
/// output.finish();
/// assert!(output.is_finished());
/// ```
#[derive(Debug)]
pub struct Output {
    queue: VecDeque<Bytes>,
    queued: usize,
    tail: BytesMut,
    /// How much of the tail was sent; the tail is only reset once it is drained.
    sent: usize,
    high_water: usize,
    finished: bool,
    total: u64,
}

impl Default for Output {
    fn default() -> Self {
        Self::new(HIGH_WATER)
    }
}

impl Output {
    /// An empty output that calls itself full from `high_water` bytes on (64 KiB by default).
    pub fn new(high_water: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            queued: 0,
            tail: BytesMut::new(),
            sent: 0,
            high_water: high_water.max(1),
            finished: false,
            total: 0,
        }
    }

    /// Appends a copy of a few bytes.
    pub fn put(&mut self, bytes: &[u8]) {
        self.tail.put_slice(bytes);
    }

    /// Appends a payload: copied when it is shorter than [`COPY_THRESHOLD`], queued as it is otherwise.
    pub fn push(&mut self, bytes: Bytes) {
        if bytes.len() < COPY_THRESHOLD {
            self.tail.put_slice(&bytes);
            return;
        }
        self.seal();
        self.queued = self.queued.saturating_add(bytes.len());
        self.queue.push_back(bytes);
    }

    /// The open tail, for encoders that append to it in place. Only append.
    pub fn tail(&mut self) -> &mut BytesMut {
        &mut self.tail
    }

    /// Whether the high-water mark is reached: commands that carry payload take nothing until it drained.
    pub fn is_full(&self) -> bool {
        self.remaining() >= self.high_water
    }

    /// Says that nothing will be appended any more.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// Whether everything has been taken and nothing more will come: shut the write side down.
    pub fn is_finished(&self) -> bool {
        self.finished && self.remaining() == 0
    }

    /// Whether [`finish`](Self::finish) was called.
    pub fn is_finishing(&self) -> bool {
        self.finished
    }

    /// Drops all that was not sent.
    pub fn clear(&mut self) {
        self.queue.clear();
        self.queued = 0;
        self.tail.clear();
        self.sent = 0;
    }

    /// How many bytes were taken since the beginning: progress, for write timeouts.
    pub fn total_sent(&self) -> u64 {
        self.total
    }

    /// Gives the allocations back if nothing is waiting to be sent.
    pub fn release(&mut self) {
        if self.remaining() == 0 {
            self.queue = VecDeque::new();
            self.tail = BytesMut::new();
            self.sent = 0;
        }
    }

    /// Bytes allocated by this output at the moment, without the queued payloads.
    pub fn allocated(&self) -> usize {
        self.tail.capacity()
    }

    fn open(&self) -> &[u8] {
        self.tail.get(self.sent..).unwrap_or_default()
    }

    fn seal(&mut self) {
        if self.sent < self.tail.len() {
            let mut sealed = self.tail.split().freeze();
            sealed.advance(self.sent);
            self.queued = self.queued.saturating_add(sealed.len());
            self.queue.push_back(sealed);
        } else {
            self.tail.clear();
        }
        self.sent = 0;
    }
}

impl Buf for Output {
    fn remaining(&self) -> usize {
        self.queued.saturating_add(self.tail.len().saturating_sub(self.sent))
    }

    fn chunk(&self) -> &[u8] {
        match self.queue.front() {
            Some(front) => front,
            None => self.open(),
        }
    }

    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        let parts = self.queue.iter().map(|part| &part[..]).chain([self.open()]);
        let mut n = 0usize;
        for (slot, part) in dst.iter_mut().zip(parts.filter(|part| !part.is_empty())) {
            *slot = IoSlice::new(part);
            n = n.saturating_add(1);
        }
        n
    }

    /// Forgets the first `n` bytes; more than there are means all.
    fn advance(&mut self, n: usize) {
        let mut n = n.min(self.remaining());
        self.total = self.total.saturating_add(n as u64);
        while let Some(front) = self.queue.front_mut() {
            if n < front.len() {
                front.advance(n);
                self.queued = self.queued.saturating_sub(n);
                return;
            }
            n = n.saturating_sub(front.len());
            self.queued = self.queued.saturating_sub(front.len());
            self.queue.pop_front();
        }
        self.sent = self.sent.saturating_add(n);
        if self.sent >= KEPT_CAPACITY {
            // A reader that never catches up must not make the sent part of the tail grow for ever.
            self.tail.advance(self.sent.min(self.tail.len()));
            self.sent = 0;
        }
        if self.sent >= self.tail.len() {
            self.sent = 0;
            self.tail.clear();
            if self.tail.capacity() > KEPT_CAPACITY {
                self.tail = BytesMut::new();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_payloads_join_their_head_and_large_ones_are_not_copied() {
        let mut output = Output::default();
        let large = Bytes::from(vec![b'L'; COPY_THRESHOLD]);
        output.put(b"a");
        output.push(Bytes::from_static(b"b"));
        output.push(large.clone());
        output.put(b"c");
        let mut slices = [IoSlice::new(&[]); 8];
        assert_eq!(output.chunks_vectored(&mut slices), 3);
        assert_eq!(&*slices[0], b"ab");
        assert_eq!(slices[1].as_ptr(), large.as_ptr());
        assert_eq!(&*slices[2], b"c");
        assert_eq!(output.remaining(), COPY_THRESHOLD + 3);
    }

    #[test]
    fn a_drained_tail_keeps_its_allocation_until_released() {
        let mut output = Output::default();
        output.put(&[1; 100]);
        let at = output.chunk().as_ptr();
        output.advance(100);
        output.put(&[2; 100]);
        assert_eq!(output.chunk().as_ptr(), at);
        output.advance(100);
        output.release();
        assert_eq!(output.allocated(), 0);
    }

    #[test]
    fn full_and_finished() {
        let mut output = Output::new(4);
        output.put(b"123");
        assert!(!output.is_full());
        output.put(b"4");
        assert!(output.is_full());
        output.finish();
        assert!(output.is_finishing() && !output.is_finished());
        output.advance(99);
        assert!(output.is_finished());
        assert_eq!(output.total_sent(), 4);
    }

    proptest::proptest! {
        #[test]
        fn order_is_the_order_of_the_calls(
            ops in proptest::collection::vec((0u8..3, 0usize..9000), 0..40),
        ) {
            let mut output = Output::default();
            let (mut model, mut sent) = (Vec::<u8>::new(), Vec::<u8>::new());
            for (i, (op, n)) in ops.into_iter().enumerate() {
                let payload = vec![i as u8; n];
                match op {
                    0 => { output.put(&payload); model.extend(&payload); }
                    1 => { model.extend(&payload); output.push(Bytes::from(payload)); }
                    _ => {
                        let mut slices = [IoSlice::new(&[]); 4];
                        let count = output.chunks_vectored(&mut slices);
                        let joined: Vec<u8> =
                            slices[..count].iter().flat_map(|s| s.iter().copied()).collect();
                        let n = n.min(joined.len());
                        sent.extend(&joined[..n]);
                        output.advance(n);
                    }
                }
                assert_eq!(output.remaining(), model.len() - sent.len());
            }
            while output.has_remaining() {
                let n = output.chunk().len();
                sent.extend_from_slice(output.chunk());
                output.advance(n);
            }
            assert_eq!(sent, model);
        }
    }
}
