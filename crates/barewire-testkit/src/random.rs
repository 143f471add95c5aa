//! Choices that follow from a seed.

use std::ops::RangeInclusive;

/// A small generator of choices (SplitMix64), the same on every machine.
///
/// Not for secrets. It is here because a property test shrinks its seed badly, while a failing seed printed
/// by a test can be pasted into the next run.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence that belongs to a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number of the range; its first one when it is empty.
    pub fn within(&mut self, range: RangeInclusive<usize>) -> usize {
        let (low, high) = range.into_inner();
        let span = (high.saturating_sub(low) as u64).saturating_add(1);
        low + (self.bits() % span) as usize
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.within(1..=n.max(1)) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_sequence_within_its_range() {
        let mut a = Random::new(7);
        let mut b = Random::new(7);
        let mut seen = [false; 4];
        for _ in 0..200 {
            let n = a.within(3..=6);
            assert_eq!(n, b.within(3..=6));
            seen[n - 3] = true;
        }
        assert_eq!(seen, [true; 4]);
        assert_eq!(a.within(9..=9), 9);
    }
}
