use std::collections::VecDeque;

/// What an entry counts beyond its name and value (section 4.1).
pub(crate) const OVERHEAD: usize = 32;

/// The size of an entry, and of a field in a list (RFC 9113, section 6.5.2).
#[inline]
pub(crate) fn entry_size(name: usize, value: usize) -> usize {
    name.saturating_add(value).saturating_add(OVERHEAD)
}

/// A dynamic table (sections 2.3.2 and 4): first in, first out, and its size is the sum of its entries'.
#[derive(Debug)]
pub(crate) struct Table<E> {
    /// The newest in front.
    entries: VecDeque<Slot<E>>,
    size: usize,
    max_size: usize,
    generation: u64,
}

#[derive(Debug)]
struct Slot<E> {
    entry: E,
    size: usize,
}

impl<E> Table<E> {
    pub(crate) fn new(max_size: u32) -> Self {
        Self { entries: VecDeque::new(), size: 0, max_size: widen(max_size), generation: 0 }
    }

    /// Evicts as many of the oldest as an entry of this size takes (section 4.4), and says whether it fits:
    /// one that is larger than the table only empties it.
    pub(crate) fn make_room(&mut self, size: usize) -> bool {
        self.evict_to(self.max_size.saturating_sub(size));
        self.generation = self.generation.wrapping_add(1);
        size <= self.max_size
    }

    /// Inserts an entry that room was made for, before all others.
    pub(crate) fn push(&mut self, entry: E, size: usize) {
        self.size = self.size.saturating_add(size);
        self.entries.push_front(Slot { entry, size });
    }

    /// Changes the maximum size, and evicts what has no place any more (section 4.3).
    pub(crate) fn set_max_size(&mut self, max_size: u32) {
        self.max_size = widen(max_size);
        self.generation = self.generation.wrapping_add(1);
        self.evict_to(self.max_size);
    }

    /// The entry that is preceded by `age` newer ones.
    #[inline]
    pub(crate) fn get(&self, age: usize) -> Option<&E> {
        self.entries.get(age).map(|slot| &slot.entry)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn max_size(&self) -> usize {
        self.max_size
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    fn evict_to(&mut self, size: usize) {
        while self.size > size {
            let Some(oldest) = self.entries.pop_back() else { break };
            self.size = self.size.saturating_sub(oldest.size);
        }
    }
}

pub(crate) fn widen(size: u32) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(table: &mut Table<u32>, entry: u32, size: usize) {
        assert!(table.make_room(size));
        table.push(entry, size);
    }

    fn ages(table: &Table<u32>) -> Vec<u32> {
        (0..table.len()).map(|age| *table.get(age).unwrap()).collect()
    }

    #[test]
    fn the_oldest_make_room() {
        let mut table = Table::new(100);
        for (entry, size) in [(1, 40), (2, 40), (3, 20)] {
            insert(&mut table, entry, size);
        }
        assert_eq!((ages(&table), table.size()), (vec![3, 2, 1], 100));
        insert(&mut table, 4, 41);
        assert_eq!((ages(&table), table.size()), (vec![4, 3], 61));
    }

    /// Section 4.4: it is not an error to add an entry that is larger than the table.
    #[test]
    fn an_entry_that_does_not_fit_empties_the_table() {
        let mut table = Table::new(100);
        insert(&mut table, 1, 40);
        assert!(!table.make_room(101));
        assert_eq!((table.len(), table.size()), (0, 0));
        insert(&mut table, 3, 100);
        assert_eq!(ages(&table), [3]);
    }

    /// Section 4.3.
    #[test]
    fn a_smaller_table_evicts() {
        let mut table = Table::new(100);
        for entry in 0..3 {
            insert(&mut table, entry, 33);
        }
        let before = table.generation();
        table.set_max_size(66);
        assert_eq!(ages(&table), [2, 1]);
        assert_ne!(table.generation(), before);
        table.set_max_size(0);
        assert_eq!((table.len(), table.size()), (0, 0));
    }
}
