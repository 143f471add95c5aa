//! Memory that the heads of a connection are copied into, one behind the other.

use bytes::{Bytes, BytesMut};

/// The free end of a block. A block is used again once no head in it is held any more, so that a connection
/// whose handlers keep nothing allocates none for its heads.
///
/// The first one is as large as the first head, since many connections see no more than one; each one that is
/// needed while the last is held has twice its size, up to [`LARGEST`].
#[derive(Debug, Default)]
pub(crate) struct Block {
    free: BytesMut,
    size: usize,
}

const LARGEST: usize = 4096;

impl Block {
    /// Makes room for `n` bytes, for several copies that belong together.
    pub(crate) fn reserve(&mut self, n: usize) {
        if self.free.try_reclaim(n) {
            return;
        }
        self.size = self.size.saturating_mul(2).clamp(n.min(LARGEST), LARGEST);
        // A long head would leave most of a block to nobody.
        let size = if n > LARGEST / 2 { n } else { self.size };
        self.free = BytesMut::with_capacity(size);
    }

    pub(crate) fn copy(&mut self, bytes: &[u8]) -> Bytes {
        self.reserve(bytes.len());
        self.free.extend_from_slice(bytes);
        self.free.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_head_after_the_other_takes_the_memory_of_one() {
        let mut block = Block::default();
        let at = block.copy(&[b'a'; 300]).as_ptr();
        for n in [300, 1, 300] {
            assert_eq!(block.copy(&vec![b'b'; n]).as_ptr(), at);
        }
        assert_eq!(block.size, 300);
    }

    #[test]
    fn heads_that_are_held_share_larger_and_larger_blocks() {
        let mut block = Block::default();
        let held: Vec<Bytes> = (0..100).map(|_| block.copy(&[b'a'; 300])).collect();
        assert!(held.iter().all(|head| head == &[b'a'; 300][..]));
        assert_eq!(block.size, LARGEST);
        let blocks = held.windows(2).filter(|w| w[0].as_ptr_range().end != w[1].as_ptr());
        assert!(blocks.count() <= 4 + 100 / (LARGEST / 300));
    }

    #[test]
    fn a_long_head_has_a_block_of_its_own_size() {
        let mut block = Block::default();
        let long = block.copy(&[b'a'; 10_000]);
        assert_eq!(block.free.capacity(), 0);
        assert_eq!(block.copy(b"b"), b"b"[..]);
        assert_eq!(block.free.capacity(), LARGEST - 1);
        drop(long);
    }
}
