use bytes::{Bytes, BytesMut};

/// Octets are copied into blocks of at most this size, one after the other.
const LARGEST: usize = 4096;
const SMALLEST: usize = 512;

/// What is longer than this has an allocation of its own, so that keeping it pins nothing else.
const ALONE: usize = LARGEST / 4;

/// Copies that share blocks. A block is used again once nothing in it is held any more.
#[derive(Debug, Default)]
pub(crate) struct Store {
    block: BytesMut,
    /// The size of the block before: a connection with few fields has small blocks.
    grown: usize,
}

impl Store {
    pub(crate) fn copy(&mut self, octets: &[u8]) -> Bytes {
        self.join(octets, &[])
    }

    /// One copy of two, the second right behind the first.
    pub(crate) fn join(&mut self, first: &[u8], second: &[u8]) -> Bytes {
        let len = first.len().saturating_add(second.len());
        if len == 0 {
            return Bytes::new();
        }
        if len > ALONE {
            return [first, second].concat().into();
        }
        if self.block.capacity() < len && !self.block.try_reclaim(len) {
            self.grown = self.grown.saturating_mul(2).clamp(SMALLEST, LARGEST);
            self.block = BytesMut::with_capacity(self.grown.max(len));
        }
        self.block.extend_from_slice(first);
        self.block.extend_from_slice(second);
        self.block.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_share_a_block_and_long_ones_do_not() {
        let mut store = Store::default();
        let first = store.copy(b"one");
        let second = store.copy(b"two");
        assert_eq!(second.as_ptr() as usize - first.as_ptr() as usize, 3);
        let long = store.copy(&[b'x'; ALONE + 1]);
        let third = store.copy(b"three");
        assert_eq!(third.as_ptr() as usize - second.as_ptr() as usize, 3);
        assert_eq!(long.len(), ALONE + 1);
    }

    #[test]
    fn a_block_that_nobody_holds_is_used_again() {
        let mut store = Store::default();
        let at = store.copy(b"one").as_ptr();
        let mut seen = false;
        for _ in 0..SMALLEST {
            seen |= store.copy(b"one").as_ptr() == at;
        }
        assert!(seen);
        assert_eq!(store.grown, SMALLEST);
    }
}
