//! Telling whether octets come again, without keeping them.

/// The length and both ends of some octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Print {
    len: usize,
    first: [u8; 8],
    last: [u8; 8],
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
        let print = Print {
            len: octets.len(),
            first: octets.first_chunk().copied().unwrap_or_default(),
            last: octets.last_chunk().copied().unwrap_or_default(),
        };
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
}
