//! Header blocks that are, byte for byte, one that came before on the same connection.
//!
//! Once a client's fields are in the table, its blocks are made of the same indices over and over. As long as
//! the table has not changed since, such a block means the same head, of which a clone is handed out.

use crate::message::Head;

/// A block that came at least twice, and what was made of it.
#[derive(Debug)]
pub(crate) struct Repeat<T> {
    block: Vec<u8>,
    generation: u64,
    head: Option<Head<T>>,
    last: Print,
    /// Blocks that were remembered and did not come again.
    wasted: u8,
}

impl<T> Default for Repeat<T> {
    fn default() -> Self {
        Self { block: Vec::new(), generation: 0, head: None, last: Print::default(), wasted: 0 }
    }
}

/// Tells blocks apart well enough to guess whether one comes again, without keeping it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Print {
    len: usize,
    generation: u64,
    first: [u8; 8],
    last: [u8; 8],
}

/// Longer blocks are not worth the memory.
const LONGEST: usize = 1024;

/// A connection on which guessing failed so often in a row is left alone.
const MOST_WASTED: u8 = 8;

impl<T: Clone> Repeat<T> {
    /// The head that a block means, if that is known.
    #[inline]
    pub(crate) fn find(&mut self, block: &[u8], generation: u64) -> Option<Head<T>> {
        if generation != self.generation || self.block != block {
            return None;
        }
        self.wasted = 0;
        self.head.clone()
    }

    /// Notes what a block was decoded to; `before` and `after` are the table's generations.
    pub(crate) fn note(&mut self, block: &[u8], before: u64, after: u64, head: &Head<T>) {
        if before != after || block.len() > LONGEST || self.wasted >= MOST_WASTED {
            return;
        }
        let print = Print {
            len: block.len(),
            generation: after,
            first: block.first_chunk().copied().unwrap_or_default(),
            last: block.last_chunk().copied().unwrap_or_default(),
        };
        if print != std::mem::replace(&mut self.last, print) {
            return;
        }
        self.wasted = self.wasted.saturating_add(1);
        self.block.clear();
        self.block.extend_from_slice(block);
        self.generation = after;
        self.head = Some(head.clone());
    }

    /// Gives the memory back.
    pub(crate) fn release(&mut self) {
        *self = Self::default();
    }
}
