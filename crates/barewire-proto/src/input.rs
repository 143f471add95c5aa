use bytes::{Buf, Bytes, BytesMut};

/// Bytes that arrived and were not yet consumed by the protocol.
///
/// The driver reads from the transport straight into it ([`spare`](Self::spare), then
/// [`commit`](Self::commit)); the protocol looks at the front and takes from there, either by
/// [`consume`](Self::consume) or, without a copy, by [`split_to`](Self::split_to).
///
/// It never holds more than its limit: `spare` gets empty there, so no driver can out-read a protocol.
/// The allocation is made by the first read and goes when [`release`](Self::release) is called while
/// nothing is buffered.
///
/// ```
/// use barewire_proto::Input;
///
/// let mut input = Input::new(1024);
/// let spare = input.spare(16);
/// spare[..5].copy_from_slice(b"hello");
/// input.commit(5);
/// assert_eq!(input.filled(), b"hello");
/// assert_eq!(input.split_to(2), &b"he"[..]);
/// assert_eq!(input.filled(), b"llo");
/// ```
#[derive(Debug)]
pub struct Input {
    /// Its length is what is initialised; only `start..end` was received.
    buf: BytesMut,
    /// The buffer instead, since slices of it were taken. Once they are dropped it becomes `buf` again, whole
    /// and initialised as it is.
    lent: Bytes,
    start: usize,
    end: usize,
    scanned: usize,
    /// How much was lent to be read into, and is still in its place.
    spare: usize,
    limit: usize,
    closed: bool,
    /// Whether slices were still held when their buffer was needed again.
    held: bool,
}

impl Input {
    /// An empty input that holds at most `limit` bytes (at least one).
    pub fn new(limit: usize) -> Self {
        Self {
            buf: BytesMut::new(),
            lent: Bytes::new(),
            start: 0,
            end: 0,
            scanned: 0,
            spare: 0,
            limit: limit.max(1),
            closed: false,
            held: false,
        }
    }

    /// Room to read into, about `hint` bytes where the limit allows; empty when full or closed.
    ///
    /// The bytes are initialised, their content is unspecified. Follow with [`commit`](Self::commit).
    pub fn spare(&mut self, hint: usize) -> &mut [u8] {
        let want = if self.closed { 0 } else { hint.min(self.limit.saturating_sub(self.len())) };
        self.spare = 0;
        if want == 0 {
            return &mut [];
        }
        // A buffer that is a little short of the hint still saves an allocation.
        self.have_room(want.div_ceil(2), want);
        let stop = self.end.saturating_add(want).min(self.buf.len());
        let spare = self.buf.get_mut(self.end..stop).unwrap_or_default();
        self.spare = spare.len();
        spare
    }

    /// Says that the first `n` bytes of the last [`spare`](Self::spare) were filled. More than it held
    /// counts as all that it held, which is nothing once bytes were taken or pushed since.
    pub fn commit(&mut self, n: usize) {
        let n = n.min(self.spare);
        self.end = self.end.saturating_add(n);
        self.spare = self.spare.saturating_sub(n);
    }

    /// Appends bytes that another layer already holds: TLS records, what is left after an upgrade, tests.
    ///
    /// Returns what did not fit the limit, or everything when the input is closed; without a copy when
    /// nothing was buffered and the bytes are not shared.
    #[must_use = "what did not fit must be offered again later"]
    pub fn push(&mut self, mut bytes: Bytes) -> Bytes {
        if self.closed {
            return bytes;
        }
        self.spare = 0;
        let rest = bytes.split_off(bytes.len().min(self.limit.saturating_sub(self.len())));
        if self.is_empty() {
            match bytes.try_into_mut() {
                Ok(owned) => {
                    self.lent = Bytes::new();
                    self.start = 0;
                    self.scanned = 0;
                    self.end = owned.len();
                    self.buf = owned;
                    return rest;
                }
                Err(shared) => bytes = shared,
            }
        }
        self.have_room(bytes.len(), bytes.len());
        let stop = self.end.saturating_add(bytes.len());
        if let Some(spare) = self.buf.get_mut(self.end..stop) {
            spare.copy_from_slice(&bytes);
            self.end = stop;
        }
        rest
    }

    /// Notes the end of file: the peer will send nothing more.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Whether the end of file was reached. Bytes that came before it may still be buffered.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// All that is buffered, for the protocol that comes next on the same transport.
    pub fn take(&mut self) -> Bytes {
        let all = self.split_to(self.len());
        self.release();
        all
    }

    /// The bytes received and not yet consumed.
    pub fn filled(&self) -> &[u8] {
        let buf: &[u8] = if self.lent.is_empty() { &self.buf } else { &self.lent };
        buf.get(self.start..self.end).unwrap_or_default()
    }

    /// The same, to be changed in place: TLS decrypts records where they are. Copies if slices of it are still held.
    pub fn filled_mut(&mut self) -> &mut [u8] {
        if !self.lent.is_empty() {
            self.reopen();
        }
        self.buf.get_mut(self.start..self.end).unwrap_or_default()
    }

    /// How many bytes are buffered.
    pub fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether nothing is buffered.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether the limit is reached: [`spare`](Self::spare) is empty until something is consumed.
    pub fn is_full(&self) -> bool {
        self.len() >= self.limit
    }

    /// The most bytes that are ever buffered.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Forgets the first `n` bytes; more than there are means all.
    pub fn consume(&mut self, n: usize) {
        let n = n.min(self.len());
        self.scanned = self.scanned.saturating_sub(n);
        self.spare = 0;
        self.start = self.start.saturating_add(n);
        self.rewind();
    }

    /// Takes the first `n` bytes, or all when there are fewer, without a copy.
    ///
    /// The result keeps the read buffer's allocation alive for as long as it lives.
    pub fn split_to(&mut self, n: usize) -> Bytes {
        let n = n.min(self.len());
        if n == 0 {
            return Bytes::new();
        }
        self.scanned = self.scanned.saturating_sub(n);
        self.spare = 0;
        let stop = self.start.saturating_add(n);
        let taken = if self.lent.is_empty() && self.held {
            // What comes behind the slice can then be read into while the slice is held.
            self.buf.advance(self.start);
            self.end = self.end.saturating_sub(stop);
            self.start = 0;
            return self.buf.split_to(n).freeze();
        } else {
            if self.lent.is_empty() {
                self.lent = std::mem::take(&mut self.buf).freeze();
            }
            self.lent.slice(self.start..stop)
        };
        self.start = stop;
        self.rewind();
        taken
    }

    /// How far a search for a separator has come, counted from the front; zero at first. Consuming bytes
    /// moves it along.
    pub fn scanned(&self) -> usize {
        self.scanned
    }

    /// Remembers how far a search has come, so that it costs linear time however slowly bytes arrive.
    pub fn set_scanned(&mut self, offset: usize) {
        self.scanned = offset.min(self.len());
    }

    /// Gives the allocation back if nothing is buffered; the next read makes a new one.
    pub fn release(&mut self) {
        if self.is_empty() {
            self.buf = BytesMut::new();
            self.lent = Bytes::new();
            self.spare = 0;
            self.held = false;
        }
    }

    /// Bytes allocated by this input at the moment.
    pub fn allocated(&self) -> usize {
        self.buf.capacity().max(self.lent.len())
    }

    fn rewind(&mut self) {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Makes room for `want` bytes unless there is room for `enough`.
    fn have_room(&mut self, enough: usize, want: usize) {
        if !self.lent.is_empty() {
            self.reopen();
        }
        if self.buf.len().saturating_sub(self.end) < enough {
            self.make_room(enough, want);
        }
    }

    /// Takes the buffer back, or leaves it to those who hold slices of it.
    fn reopen(&mut self) {
        match std::mem::take(&mut self.lent).try_into_mut() {
            Ok(buf) => self.buf = buf,
            Err(lent) => {
                self.held = true;
                self.buf = lent.get(self.start..self.end).unwrap_or_default().into();
                self.end = self.len();
                self.start = 0;
            }
        }
    }

    #[cold]
    fn make_room(&mut self, enough: usize, want: usize) {
        let len = self.len();
        if self.start > 0 {
            self.buf.copy_within(self.start..self.end, 0);
            self.start = 0;
            self.end = len;
            if self.buf.len().saturating_sub(len) >= enough {
                return;
            }
        }
        self.buf.truncate(len);
        let total = len.saturating_add(want);
        // Once all slices of a shared allocation are dropped, its front can be used again.
        if self.buf.try_reclaim(want) {
            self.held = false;
            self.buf.resize(total, 0);
        } else {
            let mut larger = BytesMut::zeroed(total);
            if let Some(front) = larger.get_mut(..len) {
                front.copy_from_slice(&self.buf);
            }
            // Otherwise each time that the buffer is lent would allocate the count of who holds it.
            drop(larger.split_to(0));
            self.buf = larger;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(input: &mut Input, mut data: &[u8], hint: usize) {
        while !data.is_empty() {
            let spare = input.spare(hint);
            let n = spare.len().min(data.len());
            if n == 0 {
                return;
            }
            spare[..n].copy_from_slice(&data[..n]);
            input.commit(n);
            data = &data[n..];
        }
    }

    #[test]
    fn a_limit_cannot_be_out_read() {
        let mut input = Input::new(10);
        read(&mut input, b"0123456789abc", 4);
        assert_eq!(input.filled(), b"0123456789");
        assert!(input.is_full());
        assert!(input.spare(1).is_empty());
        input.commit(100);
        assert_eq!(input.len(), 10);
        input.consume(3);
        assert_eq!(input.spare(100).len(), 3);
    }

    #[test]
    fn split_slices_survive_reuse_of_the_buffer() {
        let mut input = Input::new(1 << 16);
        read(&mut input, b"hello world", 64);
        let hello = input.split_to(5);
        read(&mut input, &[b'x'; 500], 64);
        assert_eq!(&hello[..], b"hello");
        assert_eq!(&input.filled()[..7], b" worldx");
        assert_eq!(input.len(), 506);
    }

    #[test]
    fn a_drained_buffer_is_used_again_without_allocating() {
        let mut input = Input::new(1 << 16);
        read(&mut input, &[b'a'; 100], 4096);
        let at = input.filled().as_ptr();
        for _ in 0..100 {
            input.consume(100);
            read(&mut input, &[b'b'; 100], 4096);
            assert_eq!(input.filled().as_ptr(), at);
        }
        input.consume(usize::MAX);
        input.release();
        assert_eq!(input.allocated(), 0);
    }

    #[test]
    fn a_buffer_comes_back_when_its_slices_are_dropped() {
        let mut input = Input::new(1 << 16);
        read(&mut input, b"hello world", 4096);
        let at = input.filled().as_ptr();
        for _ in 0..10 {
            assert_eq!(input.split_to(5).len(), 5);
            assert_eq!(input.split_to(5).len(), 5);
            read(&mut input, b"hello worl", 4096);
        }
        assert_eq!(input.allocated(), 4096);
        input.consume(usize::MAX);
        read(&mut input, b"!", 4096);
        assert_eq!(input.filled().as_ptr(), at);
    }

    #[test]
    fn slices_that_are_held_share_a_buffer() {
        let mut input = Input::new(1 << 16);
        let mut held = Vec::new();
        for _ in 0..12 {
            read(&mut input, &[b'x'; 100], 1000);
            held.push(input.split_to(100));
        }
        let jumps = held.windows(2).filter(|w| w[0].as_ptr_range().end != w[1].as_ptr());
        assert!(jumps.count() <= 3);
        held.clear();
        for _ in 0..10 {
            read(&mut input, &[b'x'; 100], 1000);
            let _ = input.split_to(100);
        }
        assert!(!input.held);
    }

    #[test]
    fn a_commit_of_nothing_leaves_what_is_behind_a_slice() {
        for hint in [0, 100] {
            let mut input = Input::new(11);
            read(&mut input, b"hello world", 64);
            let hello = input.split_to(5);
            if hint > 0 {
                assert_eq!(input.spare(hint).len(), 5);
            }
            input.commit(0);
            assert_eq!((&hello[..], input.filled()), (&b"hello"[..], &b" world"[..]));
        }
        let mut input = Input::new(100);
        read(&mut input, b"hello world", 64);
        let _ = input.split_to(5);
        input.commit(3);
        assert_eq!(input.filled(), b" world");
    }

    #[test]
    fn a_commit_of_more_than_was_lent_is_one_of_all_that_was() {
        let mut input = Input::new(1 << 16);
        read(&mut input, &[b'x'; 100], 4096);
        input.consume(100);
        input.spare(3).copy_from_slice(b"abc");
        input.commit(2);
        assert_eq!(input.filled(), b"ab");
        input.commit(50);
        assert_eq!(input.filled(), b"abc", "what was there before is not received again");
        input.commit(50);
        type Change = fn(&mut Input);
        let changes: [Change; 4] = [
            |input| input.consume(3),
            |input| drop(input.split_to(1)),
            |input| drop(input.push(Bytes::from_static(b"d"))),
            |input| assert!(input.spare(0).is_empty()),
        ];
        for change in changes {
            let _ = input.spare(3);
            change(&mut input);
            let before = input.filled().to_vec();
            input.commit(3);
            assert_eq!(input.filled(), before);
            input.consume(usize::MAX);
            read(&mut input, b"abc", 3);
        }
    }

    #[test]
    fn scanned_follows_what_is_consumed() {
        let mut input = Input::new(100);
        read(&mut input, b"0123456789", 100);
        input.set_scanned(7);
        input.consume(5);
        assert_eq!(input.scanned(), 2);
        let _ = input.split_to(4);
        assert_eq!(input.scanned(), 0);
    }

    #[test]
    fn push_takes_what_fits_and_returns_the_rest() {
        let mut input = Input::new(4);
        assert_eq!(input.push(Bytes::from(vec![1, 2, 3])), Bytes::new());
        assert_eq!(input.push(Bytes::from_static(&[4, 5])), &[5][..]);
        assert_eq!(input.filled(), [1, 2, 3, 4]);
        input.close();
        assert_eq!(input.push(Bytes::from_static(b"x")), &b"x"[..]);
        assert!(input.spare(1).is_empty());
        assert_eq!(input.take(), &[1, 2, 3, 4][..]);
    }

    #[test]
    fn what_is_changed_in_place_is_not_changed_in_slices() {
        let mut input = Input::new(100);
        read(&mut input, b"slice, rest", 100);
        let slice = input.split_to(5);
        input.filled_mut().make_ascii_uppercase();
        assert_eq!((&slice[..], input.filled()), (&b"slice"[..], &b", REST"[..]));
        drop(slice);
        input.consume(2);
        let at = input.filled().as_ptr();
        assert_eq!(input.filled_mut().as_ptr(), at);
        input.close();
        assert_eq!(input.filled_mut(), b"REST");
    }

    proptest::proptest! {
        #[test]
        fn it_is_a_queue_of_bytes(
            // As often nothing and all as anything else.
            ops in proptest::collection::vec((0u8..5, prop_oneof![Just(0), Just(1000), 0usize..300]), 0..60),
        ) {
            let mut input = Input::new(1000);
            let mut model = Vec::<u8>::new();
            let mut next = 0u8;
            let mut kept = Vec::new();
            for (op, n) in ops {
                match op {
                    0 => {
                        let spare = input.spare(n);
                        for b in spare.iter_mut() {
                            *b = next;
                            model.push(next);
                            next = next.wrapping_add(1);
                        }
                        let filled = spare.len();
                        input.commit(filled);
                    }
                    1 => {
                        input.consume(n);
                        model.drain(..n.min(model.len()));
                    }
                    2 => {
                        let taken = input.split_to(n);
                        let expected: Vec<u8> = model.drain(..n.min(model.len())).collect();
                        kept.push((taken, expected));
                    }
                    3 => {
                        let room = 1000 - model.len();
                        let rest = input.push(Bytes::from(vec![7; n]));
                        assert_eq!(rest.len(), n.saturating_sub(room));
                        model.resize(model.len() + n.min(room), 7);
                    }
                    _ => input.release(),
                }
                assert_eq!(input.filled(), &model[..]);
            }
            for (taken, expected) in kept {
                assert_eq!(&taken[..], &expected[..]);
            }
        }
    }
}
