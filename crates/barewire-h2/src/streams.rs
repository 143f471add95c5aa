//! All streams of a connection: a slab, and a small table that finds them by their number.

use crate::StreamId;
use crate::stream::Stream;

/// Where a stream lies in the slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u32);

/// The streams that are not idle and not forgotten.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    slots: Vec<Option<Stream>>,
    free: Vec<u32>,
    index: Index,
}

impl Streams {
    #[inline]
    pub(crate) fn find(&self, id: StreamId) -> Option<Key> {
        self.index.find(id.value()).map(Key)
    }

    #[inline]
    pub(crate) fn get(&self, key: Key) -> Option<&Stream> {
        self.slots.get(key.0 as usize)?.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Stream> {
        self.slots.get_mut(key.0 as usize)?.as_mut()
    }

    #[inline]
    pub(crate) fn by_id(&mut self, id: StreamId) -> Option<(Key, &mut Stream)> {
        let key = self.find(id)?;
        Some((key, self.get_mut(key)?))
    }

    #[inline]
    pub(crate) fn insert(&mut self, stream: Stream) -> Key {
        let id = stream.id.value();
        let slot = match self.free.pop() {
            Some(slot) => {
                if let Some(place) = self.slots.get_mut(slot as usize) {
                    *place = Some(stream);
                }
                slot
            }
            None => {
                self.slots.push(Some(stream));
                (self.slots.len() as u32).wrapping_sub(1)
            }
        };
        self.index.insert(id, slot);
        Key(slot)
    }

    pub(crate) fn remove(&mut self, key: Key) {
        if let Some(place) = self.slots.get_mut(key.0 as usize) {
            if let Some(stream) = place {
                self.index.remove(stream.id.value());
                self.free.push(key.0);
                *place = None;
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.index.len == 0
    }

    /// All streams, in the order of their places, which follows from the order in which they came and went.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.slots.iter_mut().flatten()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.slots.iter().flatten()
    }

    /// Gives memory back that a burst of streams has left.
    pub(crate) fn release(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

/// Open addressing with linear probing; number 0 marks a place as empty. Streams are numbered one after the
/// other, so that nearly each has its own place.
#[derive(Debug, Default)]
struct Index {
    places: Vec<(u32, u32)>,
    len: usize,
    /// How many lie elsewhere than at home: mostly none, and then nothing moves up when one leaves.
    displaced: usize,
}

impl Index {
    #[inline]
    fn mask(&self) -> usize {
        self.places.len().wrapping_sub(1)
    }

    #[inline]
    fn home(&self, id: u32) -> usize {
        (id >> 1) as usize & self.mask()
    }

    #[inline]
    fn find(&self, id: u32) -> Option<u32> {
        let mut at = self.home(id);
        loop {
            let &(found, slot) = self.places.get(at)?;
            if found == id && id != 0 {
                return Some(slot);
            }
            if found == 0 {
                return None;
            }
            at = at.wrapping_add(1) & self.mask();
        }
    }

    #[inline]
    fn insert(&mut self, id: u32, slot: u32) {
        // At most half full, so that searches end soon.
        if self.len.saturating_mul(2) >= self.places.len() {
            self.grow();
        }
        self.put(id, slot);
        self.len = self.len.saturating_add(1);
    }

    #[cold]
    fn grow(&mut self) {
        let larger = self.places.len().saturating_mul(2).max(8);
        let before = std::mem::replace(&mut self.places, vec![(0, 0); larger]);
        self.displaced = 0;
        for (id, slot) in before.into_iter().filter(|(id, _)| *id != 0) {
            self.put(id, slot);
        }
    }

    fn put(&mut self, id: u32, slot: u32) {
        let home = self.home(id);
        let mut at = home;
        while let Some(place) = self.places.get_mut(at) {
            if place.0 == 0 {
                *place = (id, slot);
                self.displaced = self.displaced.saturating_add(usize::from(at != home));
                return;
            }
            at = at.wrapping_add(1) & self.mask();
        }
    }

    fn remove(&mut self, id: u32) {
        let mask = self.mask();
        let mut at = self.home(id);
        loop {
            match self.places.get(at) {
                None | Some((0, _)) => return,
                Some((found, _)) if *found == id => break,
                Some(_) => at = at.wrapping_add(1) & mask,
            }
        }
        self.len = self.len.saturating_sub(1);
        self.displaced = self.displaced.saturating_sub(usize::from(at != self.home(id)));
        // What was put behind because this place was taken moves up.
        let mut next = at;
        while self.displaced > 0 {
            next = next.wrapping_add(1) & mask;
            let moved = self.places.get(next).copied().unwrap_or_default();
            if moved.0 == 0 {
                break;
            }
            let home = self.home(moved.0);
            let from_home = next.wrapping_sub(home) & mask;
            if from_home >= (next.wrapping_sub(at) & mask) {
                if let Some(place) = self.places.get_mut(at) {
                    *place = moved;
                }
                self.displaced = self.displaced.saturating_sub(usize::from(at == home));
                at = next;
            }
        }
        if let Some(place) = self.places.get_mut(at) {
            *place = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    proptest::proptest! {
        #[test]
        fn the_index_is_a_map(ops in proptest::collection::vec((0u8..3, 1u32..64), 0..200)) {
            let mut streams = Streams::default();
            let mut model = BTreeMap::new();
            for (op, id) in ops {
                // Some share a home.
                let id = StreamId::new(if id % 3 == 0 { id * 64 } else { id });
                if op < 2 && !model.contains_key(&id) {
                    model.insert(id, streams.insert(Stream::new(id, 0, 0)));
                } else if op == 2 {
                    if let Some(key) = model.remove(&id) {
                        streams.remove(key);
                    }
                }
                assert_eq!(streams.len(), model.len());
                let index = &streams.index;
                let used = index.places.iter().enumerate().filter(|(_, (id, _))| *id != 0);
                let displaced = used.filter(|(at, (id, _))| index.home(*id) != *at).count();
                assert_eq!(index.displaced, displaced);
                for id in (0..64).flat_map(|id| [id, id * 64]).map(StreamId::new) {
                    assert_eq!(streams.find(id), model.get(&id).copied());
                }
            }
        }
    }
}
