//! Whose data goes out next (RFC 9218, section 10).
//!
//! Streams of a lower urgency value go before all others. Within one urgency, incremental streams and those
//! that nobody gave a priority take turns, a frame each; the others are sent whole, one after the other.

use std::collections::VecDeque;

use crate::streams::Key;

/// The streams that have data, a window for it, and wait for their turn.
#[derive(Debug, Default)]
pub(crate) struct Scheduler {
    urgencies: [VecDeque<Key>; 8],
    len: usize,
}

impl Scheduler {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a stream behind those of its urgency.
    pub(crate) fn push(&mut self, key: Key, urgency: u8) {
        self.at(urgency).push_back(key);
        self.len = self.len.saturating_add(1);
    }

    /// Puts a stream back that goes on where it was.
    pub(crate) fn push_front(&mut self, key: Key, urgency: u8) {
        self.at(urgency).push_front(key);
        self.len = self.len.saturating_add(1);
    }

    /// Takes the stream whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<Key> {
        let key = self.urgencies.iter_mut().find_map(VecDeque::pop_front)?;
        self.len = self.len.saturating_sub(1);
        Some(key)
    }

    /// Takes a stream out that is over or changes its urgency.
    pub(crate) fn remove(&mut self, key: Key, urgency: u8) {
        let queue = self.at(urgency);
        if let Some(at) = queue.iter().position(|other| *other == key) {
            queue.remove(at);
            self.len = self.len.saturating_sub(1);
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn at(&mut self, urgency: u8) -> &mut VecDeque<Key> {
        let [u0, u1, u2, u3, u4, u5, u6, u7] = &mut self.urgencies;
        match urgency {
            0 => u0,
            1 => u1,
            2 => u2,
            3 => u3,
            4 => u4,
            5 => u5,
            6 => u6,
            _ => u7,
        }
    }
}
