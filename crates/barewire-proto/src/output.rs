use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Payloads shorter than this are copied next to their head instead of being queued.
///
/// One `writev` of two slices costs about as much more than one `write` as copying this many bytes does.
pub const COPY_THRESHOLD: usize = 4096;

const HIGH_WATER: usize = 64 * 1024;
/// A buffer that is not larger is kept when it is drained: 64 KiB, and what TLS makes of them.
const KEPT_CAPACITY: usize = HIGH_WATER + 1024;

/// Bytes to be sent, in order: a queue of [`Bytes`], and a buffer with what goes before, between and after them.
///
/// The driver takes from the front through [`Buf`] (several slices at once with
/// [`chunks_vectored`](Buf::chunks_vectored)); the protocol appends. Small payloads are copied into the
/// buffer, so that any number of small messages leave in one `write`; payloads of [`COPY_THRESHOLD`] bytes and
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
    queue: VecDeque<Part>,
    /// The bytes of all payloads.
    queued: usize,
    /// All that is not a payload, in one piece: a head is not split off, which would cost an allocation and the
    /// counting of references for each.
    buffer: BytesMut,
    /// How many bytes at the end of the buffer are initialised and hold nothing.
    spare: usize,
    /// How much of the buffer was sent; it is only reset once it is drained.
    sent: usize,
    /// How much of the buffer goes before the last payload.
    between: usize,
    high_water: usize,
    finished: bool,
    total: u64,
}

/// A payload, and how many bytes of the buffer go between the one before and it.
#[derive(Debug)]
struct Part {
    before: usize,
    payload: Bytes,
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
            buffer: BytesMut::new(),
            spare: 0,
            sent: 0,
            between: 0,
            high_water: high_water.max(1),
            finished: false,
            total: 0,
        }
    }

    /// Appends a copy of a few bytes.
    pub fn put(&mut self, bytes: &[u8]) {
        self.tail().put_slice(bytes);
    }

    /// Appends a payload: copied when it is shorter than [`COPY_THRESHOLD`], queued as it is otherwise.
    pub fn push(&mut self, bytes: Bytes) {
        if bytes.len() < COPY_THRESHOLD {
            self.put(&bytes);
            return;
        }
        let before = self.open().len().saturating_sub(self.between);
        self.between = self.between.saturating_add(before);
        self.queued = self.queued.saturating_add(bytes.len());
        self.queue.push_back(Part { before, payload: bytes });
    }

    /// The open tail, for encoders that append to it in place. Only append.
    pub fn tail(&mut self) -> &mut BytesMut {
        if self.spare > 0 {
            self.buffer.truncate(self.end());
            self.spare = 0;
        }
        &mut self.buffer
    }

    /// Room for `n` bytes at the end, for encoders that write into a slice. Follow with [`commit`](Self::commit).
    ///
    /// The bytes are initialised, their content is unspecified: where such encoders alone append, an allocation is
    /// filled with zeros once, and not for each message.
    pub fn spare(&mut self, n: usize) -> &mut [u8] {
        let end = self.end();
        let stop = end.saturating_add(n);
        if self.buffer.len() < stop {
            self.buffer.resize(stop, 0);
            self.spare = n;
        }
        self.buffer.get_mut(end..stop).unwrap_or_default()
    }

    /// Appends the first `n` bytes of the last [`spare`](Self::spare), which was at least as long.
    pub fn commit(&mut self, n: usize) {
        self.spare = self.spare.saturating_sub(n);
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
        self.spare = self.buffer.len();
        self.sent = 0;
        self.between = 0;
    }

    /// How many bytes were taken since the beginning: progress, for write timeouts.
    pub fn total_sent(&self) -> u64 {
        self.total
    }

    /// Gives the allocations back if nothing is waiting to be sent.
    pub fn release(&mut self) {
        if self.remaining() == 0 {
            self.queue = VecDeque::new();
            self.buffer = BytesMut::new();
            self.spare = 0;
            self.sent = 0;
        }
    }

    /// Bytes allocated by this output at the moment, without the queued payloads.
    pub fn allocated(&self) -> usize {
        self.buffer.capacity()
    }

    /// Where the buffer's bytes end that are to be sent.
    fn end(&self) -> usize {
        self.buffer.len().saturating_sub(self.spare)
    }

    /// What of the buffer is to be sent.
    fn open(&self) -> &[u8] {
        self.buffer.get(self.sent..self.end()).unwrap_or_default()
    }

    /// So many bytes of the buffer were sent.
    fn pass(&mut self, n: usize) {
        self.sent = self.sent.saturating_add(n);
        if self.sent >= self.end() {
            if self.buffer.capacity() > KEPT_CAPACITY {
                self.buffer = BytesMut::new();
            }
            self.spare = self.buffer.len();
            self.sent = 0;
        } else if self.sent >= KEPT_CAPACITY {
            // A reader that never catches up must not make the sent part of the buffer grow for ever.
            self.buffer.advance(self.sent);
            self.sent = 0;
        }
    }
}

impl Buf for Output {
    fn remaining(&self) -> usize {
        self.queued.saturating_add(self.open().len())
    }

    fn chunk(&self) -> &[u8] {
        let open = self.open();
        match self.queue.front() {
            Some(part) if part.before == 0 => &part.payload,
            Some(part) => open.get(..part.before).unwrap_or_default(),
            None => open,
        }
    }

    fn chunks_vectored<'a>(&'a self, dst: &mut [IoSlice<'a>]) -> usize {
        let mut slots = dst.iter_mut();
        let mut filled = 0usize;
        let mut put = |bytes: &'a [u8]| {
            if bytes.is_empty() {
                return true;
            }
            let Some(slot) = slots.next() else { return false };
            *slot = IoSlice::new(bytes);
            filled = filled.saturating_add(1);
            true
        };
        let mut open = self.open();
        for part in &self.queue {
            let (before, after) = open.split_at_checked(part.before).unwrap_or((open, &[]));
            open = after;
            if !put(before) || !put(&part.payload) {
                return filled;
            }
        }
        put(open);
        filled
    }

    /// Forgets the first `n` bytes; more than there are means all.
    fn advance(&mut self, n: usize) {
        let mut n = n.min(self.remaining());
        self.total = self.total.saturating_add(n as u64);
        let mut passed = 0usize;
        while let Some(part) = self.queue.front_mut() {
            let before = part.before.min(n);
            part.before = part.before.saturating_sub(before);
            passed = passed.saturating_add(before);
            n = n.saturating_sub(before);
            let taken = part.payload.len().min(n);
            self.queued = self.queued.saturating_sub(taken);
            if part.before > 0 || taken < part.payload.len() {
                part.payload.advance(taken);
                n = 0;
                break;
            }
            n = n.saturating_sub(taken);
            self.queue.pop_front();
        }
        self.between = self.between.saturating_sub(passed);
        self.pass(passed.saturating_add(n));
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
    fn room_that_was_filled_with_zeros_is_not_filled_again() {
        let mut output = Output::default();
        output.spare(100).fill(1);
        output.commit(10);
        assert_eq!(output.spare(90), [1; 90]);
        output.advance(10);
        assert_eq!(output.spare(100), [1; 100]);
        assert_eq!(output.remaining(), 0);
        output.commit(100);
        assert_eq!(output.chunk(), [1; 100]);
        output.put(b"2");
        assert_eq!(output.spare(1), [0]);
        assert_eq!(output.remaining(), 101);
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
            ops in proptest::collection::vec((0u8..5, 0usize..20_000), 0..60),
        ) {
            let mut output = Output::default();
            let (mut model, mut sent) = (Vec::<u8>::new(), Vec::<u8>::new());
            for (i, (op, n)) in ops.into_iter().enumerate() {
                let payload = vec![i as u8; n];
                match op {
                    0 => { output.put(&payload); model.extend(&payload); }
                    1 => { model.extend(&payload); output.push(Bytes::from(payload)); }
                    2 => {
                        output.spare(n + 100)[..n].copy_from_slice(&payload);
                        output.commit(n);
                        model.extend(&payload);
                    }
                    3 => { output.tail().put_slice(&payload); model.extend(&payload); }
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
