//! Bytes by which a test knows that nothing was lost, repeated or moved.

use std::sync::OnceLock;

use barewire_tests::scratch::noise;
use bytes::Bytes;

/// An endless stream of bytes, the same for everybody.
pub(crate) struct Pattern {
    block: Bytes,
    at: usize,
}

impl Pattern {
    pub(crate) fn new() -> Self {
        static BLOCK: OnceLock<Bytes> = OnceLock::new();
        // Not a power of two, so that what moves by a buffer's size is noticed.
        let block = BLOCK.get_or_init(|| noise(1_000_003).into()).clone();
        Self { block, at: 0 }
    }

    /// The next bytes: at most `len`, at least one, without a copy.
    pub(crate) fn take(&mut self, len: usize) -> Bytes {
        let end = self.block.len().min(self.at + len);
        let taken = self.block.slice(self.at..end);
        self.at = end % self.block.len();
        taken
    }

    /// Whether these are the next bytes.
    #[track_caller]
    pub(crate) fn expect(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let expected = self.take(bytes.len());
            assert!(bytes.starts_with(&expected), "other bytes came than were sent");
            bytes = &bytes[expected.len()..];
        }
    }

    /// The first bytes of the stream, in one piece.
    pub(crate) fn prefix(len: usize) -> Vec<u8> {
        let mut pattern = Self::new();
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            bytes.extend_from_slice(&pattern.take(len - bytes.len()));
        }
        bytes
    }
}
