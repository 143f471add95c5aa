//! Telling whether octets come again, without keeping them.

/// The length of some octets, and a hash of all: paths differ in the middle of a block, and often nowhere else.
///
/// The hash has no key: for octets that collide on purpose, memory is used for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Print {
    len: usize,
    hash: u64,
}

impl Print {
    fn of(octets: &[u8]) -> Self {
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        let chunks = octets.chunks_exact(8).filter_map(<[u8]>::first_chunk);
        let whole = chunks.fold(0, |hash: u64, chunk| {
            (hash.rotate_left(29) ^ u64::from_le_bytes(*chunk)).wrapping_mul(FACTOR)
        });
        // What is no whole chunk is in the last eight octets, or is all there is.
        let end = match octets.last_chunk() {
            Some(last) => u64::from_le_bytes(*last),
            None => octets.iter().fold(0, |end, &octet| end << 8 | u64::from(octet)),
        };
        Self { len: octets.len(), hash: (whole.rotate_left(29) ^ end).wrapping_mul(FACTOR) }
    }
}

const KINDS: usize = 4;

/// What came last, of a few kinds: messages of several kinds take turns on most connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prints {
    ring: [Print; KINDS],
    next: usize,
}

impl Prints {
    /// Whether these octets look like some of the last ones, so that they are worth remembering.
    pub(crate) fn come_again(&mut self, octets: &[u8]) -> bool {
        let print = Print::of(octets);
        let again = self.ring.contains(&print);
        if !again {
            if let Some(place) = self.ring.get_mut(self.next) {
                *place = print;
            }
            self.next = self.next.wrapping_add(1) % KINDS;
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_kinds_may_take_turns() {
        let mut prints = Prints::default();
        let kinds: Vec<Vec<u8>> = (1u8..6).map(|kind| vec![kind; 20]).collect();
        for kind in &kinds[..4] {
            assert!(!prints.come_again(kind));
        }
        for kind in &kinds[..4] {
            assert!(prints.come_again(kind));
        }
        assert!(!prints.come_again(&kinds[4]));
        assert!(!prints.come_again(&kinds[0]));
        assert!(prints.come_again(&kinds[2]));
    }

    #[test]
    fn one_octet_makes_another_print() {
        for len in 0..40 {
            let octets: Vec<u8> = (0..len).collect();
            for at in 0..octets.len() {
                let mut other = octets.clone();
                other[at] ^= 1;
                assert_ne!(Print::of(&octets), Print::of(&other), "{len}, {at}");
            }
            assert_ne!(Print::of(&octets), Print::of(&[&octets[..], &[0]].concat()));
        }
    }
}
