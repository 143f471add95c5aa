//! One direction of a connection, without a socket.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use barewire_proto::{Buf, Input, Output};

use crate::Random;

/// One direction of a connection: bytes go in at one end and come out at the other, later and in pieces.
///
/// ```
/// use barewire_proto::{Input, Output};
/// use barewire_testkit::{Clock, Link};
/// use std::time::Duration;
///
/// let mut clock = Clock::start();
/// let mut link = Link::seeded(1).max_piece(3).delay(Duration::from_millis(10));
/// let (mut output, mut input) = (Output::default(), Input::new(100));
/// output.put(b"hello");
/// link.send(clock.now(), &mut output);
/// assert_eq!(link.deliver(clock.now(), &mut input), 0);
/// clock.advance(Duration::from_millis(10));
/// while link.deliver(clock.now(), &mut input) > 0 {
///     assert!(input.len() <= 5);
/// }
/// assert_eq!(input.filled(), b"hello");
/// ```
#[derive(Debug)]
pub struct Link {
    random: Option<Random>,
    max_piece: usize,
    delay: Duration,
    capacity: usize,
    /// How many bytes still pass before the link is cut.
    left: u64,
    queue: VecDeque<Part>,
    queued: usize,
    finished: bool,
}

#[derive(Debug)]
struct Part {
    at: Instant,
    bytes: VecDeque<u8>,
}

impl Default for Link {
    /// A link that delivers everything at once.
    fn default() -> Self {
        Self {
            random: None,
            max_piece: usize::MAX,
            delay: Duration::ZERO,
            capacity: usize::MAX,
            left: u64::MAX,
            queue: VecDeque::new(),
            queued: 0,
            finished: false,
        }
    }
}

impl Link {
    /// A link that takes and delivers pieces of random lengths.
    pub fn seeded(seed: u64) -> Self {
        Self { random: Some(Random::new(seed)), ..Self::default() }
    }

    /// The longest piece, in bytes (at least one): every delivery has that length, or with a seed a random
    /// one up to it.
    pub fn max_piece(mut self, bytes: usize) -> Self {
        self.max_piece = bytes.max(1);
        self
    }

    /// How long each byte is under way; with a seed a random time up to it. The order is kept.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// How many bytes are under way at most (at least one); what does not fit stays in the output, as with
    /// a reader that is slow.
    pub fn capacity(mut self, bytes: usize) -> Self {
        self.capacity = bytes.max(1);
        self
    }

    /// Cuts the link after so many bytes: the reader then sees the end of file, the writer writes into the
    /// void.
    pub fn cut_after(mut self, bytes: u64) -> Self {
        self.left = bytes;
        self
    }

    /// Takes what fits from an output, and its end when it is finished. Returns how many bytes were taken.
    pub fn send(&mut self, now: Instant, output: &mut Output) -> usize {
        let mut taken = 0;
        while output.has_remaining() && self.queued < self.capacity {
            let room = self.capacity - self.queued;
            let n = output.chunk().len().min(room);
            let pass = usize::try_from(self.left).unwrap_or(usize::MAX).min(n);
            if pass > 0 {
                let delay = self.random_delay();
                let last = self.queue.back().map_or(now, |part| part.at);
                let bytes = output.chunk()[..pass].iter().copied().collect();
                self.queue.push_back(Part { at: last.max(now + delay), bytes });
                self.queued += pass;
                self.left -= pass as u64;
            }
            output.advance(n);
            taken += n;
        }
        self.finished |= output.is_finished();
        taken
    }

    /// Cuts the link now: what is under way still arrives, and then the end of file.
    pub fn cut(&mut self) {
        self.left = 0;
    }

    /// Delivers at most one piece of what is due, or the end of file. Returns how many bytes arrived.
    pub fn deliver(&mut self, now: Instant, input: &mut Input) -> usize {
        let due: usize =
            self.queue.iter().take_while(|part| part.at <= now).map(|part| part.bytes.len()).sum();
        let wanted = match &mut self.random {
            Some(random) => random.within(1..=self.max_piece.min(due.max(1))),
            None => self.max_piece,
        };
        let spare = input.spare(wanted.min(due));
        let mut delivered = 0;
        for slot in spare.iter_mut() {
            let Some(byte) = self.next_byte() else { break };
            *slot = byte;
            delivered += 1;
        }
        input.commit(delivered);
        self.queued -= delivered;
        if self.queue.is_empty() && (self.finished || self.left == 0) {
            input.close();
        }
        delivered
    }

    /// When the next bytes arrive, if any are under way.
    pub fn next_delivery(&self) -> Option<Instant> {
        self.queue.front().map(|part| part.at)
    }

    /// Whether the link was cut: nothing more will get through.
    pub fn is_cut(&self) -> bool {
        self.left == 0
    }

    fn next_byte(&mut self) -> Option<u8> {
        let front = self.queue.front_mut()?;
        let byte = front.bytes.pop_front();
        if front.bytes.is_empty() {
            self.queue.pop_front();
        }
        byte
    }

    fn random_delay(&mut self) -> Duration {
        match &mut self.random {
            Some(random) => self.delay.mul_f64(random.within(0..=1000) as f64 / 1000.0),
            None => self.delay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Clock;

    fn output(bytes: &[u8]) -> Output {
        let mut output = Output::default();
        output.put(bytes);
        output
    }

    #[test]
    fn what_does_not_fit_stays_with_the_sender() {
        let now = Clock::start().now();
        let mut link = Link::default().capacity(4);
        let mut from = output(b"hello");
        let mut to = Input::new(3);
        assert_eq!(link.send(now, &mut from), 4);
        assert_eq!(link.deliver(now, &mut to), 3);
        assert_eq!(link.send(now, &mut from), 1);
        assert_eq!(link.deliver(now, &mut to), 0);
        to.consume(3);
        assert_eq!(link.deliver(now, &mut to), 2);
        assert_eq!(to.filled(), b"lo");
        assert!(!to.is_closed());
    }

    #[test]
    fn the_end_comes_after_the_last_byte() {
        let now = Clock::start().now();
        let mut link = Link::default().max_piece(1);
        let mut from = output(b"ab");
        from.finish();
        link.send(now, &mut from);
        let mut to = Input::new(10);
        assert_eq!(link.deliver(now, &mut to), 1);
        assert!(!to.is_closed());
        assert_eq!(link.deliver(now, &mut to), 1);
        assert!(to.is_closed());
    }

    #[test]
    fn a_cut_lets_the_first_bytes_through() {
        let now = Clock::start().now();
        let mut link = Link::default().cut_after(2);
        let mut from = output(b"hello");
        assert_eq!(link.send(now, &mut from), 5);
        let mut to = Input::new(10);
        link.deliver(now, &mut to);
        assert_eq!(to.filled(), b"he");
        assert!(to.is_closed() && link.is_cut());
    }

    #[test]
    fn random_delays_keep_the_order() {
        let mut clock = Clock::start();
        let mut link = Link::seeded(3).delay(Duration::from_millis(100)).max_piece(2);
        for byte in b"0123456789" {
            link.send(clock.now(), &mut output(&[*byte]));
            clock.advance(Duration::from_millis(1));
        }
        let mut to = Input::new(100);
        while let Some(at) = link.next_delivery() {
            clock.advance_to(at);
            link.deliver(clock.now(), &mut to);
        }
        assert_eq!(to.filled(), b"0123456789");
    }
}
