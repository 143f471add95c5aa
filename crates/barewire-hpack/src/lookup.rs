//! Finding a field among the entries of both tables, without walking them.

use bytes::Bytes;

use crate::static_table::FIELDS;
use crate::store::Store;
use crate::table::{Table, entry_size};

/// Where the static and the dynamic table have a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The whole field, at this index.
    Field(usize),
    /// Only its name, at this index.
    Name(usize),
    Nothing,
}

/// The encoder's dynamic table, and chains of entries through it that have a hash in common.
///
/// Entries are numbered in the order in which they come, and leave in the same order. A chain leads from newer
/// to older ones, so that it ends where it reaches a number that has left: nothing is to be done when an entry
/// is evicted. The hash has no key: entries that collide on purpose make a search walk [`FARTHEST`] of them.
#[derive(Debug)]
pub(crate) struct Lookup {
    table: Table<Entry>,
    /// The number of the newest entry.
    newest: u32,
    heads: Vec<Heads>,
    store: Store,
}

#[derive(Debug)]
struct Entry {
    /// The name, and behind it the value.
    octets: Bytes,
    name_len: usize,
    hash: Hash,
    next: Heads,
}

/// The newest entries with a certain hash of the field, and of the name.
#[derive(Clone, Copy, Debug, Default)]
struct Heads {
    field: u32,
    name: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hash {
    name: u32,
    field: u32,
}

/// So many heads are enough for a table of 4 KiB, which has 128 entries at most.
const HEADS: usize = 128;

/// A search gives up after so many entries. What it misses costs octets, nothing else.
const FARTHEST: usize = 16;

impl Lookup {
    pub(crate) fn new(max_size: u32) -> Self {
        Self { table: Table::new(max_size), newest: 0, heads: Vec::new(), store: Store::default() }
    }

    pub(crate) fn table(&self) -> &Table<impl Sized> {
        &self.table
    }

    pub(crate) fn set_max_size(&mut self, size: u32) {
        self.table.set_max_size(size);
    }

    #[inline]
    pub(crate) fn find(&self, name: &[u8], value: &[u8], hash: Hash) -> Found {
        let number = self.heads_of(hash.field).field;
        let is_it = |entry: &Entry| entry.hash.field == hash.field && entry.is(name, value);
        // What was sent before is the first of its chain, most of the time.
        let first = self.newest.wrapping_sub(number) as usize;
        match self.table.get(first) {
            Some(entry) if is_it(entry) => Found::Field(index(first)),
            _ => self.find_further(name, value, hash),
        }
    }

    fn find_further(&self, name: &[u8], value: &[u8], hash: Hash) -> Found {
        let number = self.heads_of(hash.field).field;
        let is_it = |entry: &Entry| entry.hash.field == hash.field && entry.is(name, value);
        if let Some(age) = self.walk(number, |entry| entry.next.field, is_it) {
            return Found::Field(index(age));
        }
        match find_static(name, value, hash) {
            Found::Nothing => {
                let number = self.heads_of(hash.name).name;
                let is_it = |entry: &Entry| entry.hash.name == hash.name && entry.name() == name;
                let named = self.walk(number, |entry| entry.next.name, is_it);
                named.map_or(Found::Nothing, |age| Found::Name(index(age)))
            }
            found => found,
        }
    }

    /// Inserts a field, as the decoder does at the same time.
    pub(crate) fn insert(&mut self, name: &[u8], value: &[u8], hash: Hash) {
        let size = entry_size(name.len(), value.len());
        if !self.table.make_room(size) {
            return;
        }
        if self.heads.is_empty() {
            self.heads = vec![Heads::default(); HEADS];
        }
        self.newest = self.newest.wrapping_add(1);
        let octets = self.store.join(name, value);
        let mut next = Heads::default();
        if let Some(head) = self.heads.get_mut(slot(hash.field)) {
            next.field = std::mem::replace(&mut head.field, self.newest);
        }
        if let Some(head) = self.heads.get_mut(slot(hash.name)) {
            next.name = std::mem::replace(&mut head.name, self.newest);
        }
        self.table.push(Entry { octets, name_len: name.len(), hash, next }, size);
    }

    #[inline]
    fn heads_of(&self, hash: u32) -> Heads {
        self.heads.get(slot(hash)).copied().unwrap_or_default()
    }

    /// The age of the first entry of a chain that is the one. Ages only grow along a chain, also when numbers
    /// have wrapped around.
    #[inline]
    fn walk(
        &self,
        mut number: u32,
        next: impl Fn(&Entry) -> u32,
        is_it: impl Fn(&Entry) -> bool,
    ) -> Option<usize> {
        let mut least = 0;
        for _ in 0..FARTHEST {
            let age = self.newest.wrapping_sub(number) as usize;
            if age < least {
                return None;
            }
            let entry = self.table.get(age)?;
            if is_it(entry) {
                return Some(age);
            }
            least = age.saturating_add(1);
            number = next(entry);
        }
        None
    }
}

impl Entry {
    #[inline]
    fn is(&self, name: &[u8], value: &[u8]) -> bool {
        self.octets.split_at_checked(self.name_len).is_some_and(|own| own == (name, value))
    }

    fn name(&self) -> &[u8] {
        self.octets.get(..self.name_len).unwrap_or_default()
    }
}

fn index(age: usize) -> usize {
    age.saturating_add(FIELDS.len()).saturating_add(1)
}

#[inline]
fn slot(hash: u32) -> usize {
    hash as usize % HEADS
}

/// The index of the static table's first entry with this name, or 0.
#[inline]
pub(crate) fn static_name(name: &[u8], hash: Hash) -> usize {
    let index = NAMES.get((hash.name >> 24) as usize).copied().unwrap_or_default().into();
    if fields_from(index).first().is_some_and(|(known, _)| *known == name) { index } else { 0 }
}

pub(crate) fn find_static(name: &[u8], value: &[u8], hash: Hash) -> Found {
    let first = static_name(name, hash);
    if first == 0 {
        return Found::Nothing;
    }
    for (nth, entry) in fields_from(first).iter().take_while(|entry| entry.0 == name).enumerate() {
        if entry.1 == value {
            return Found::Field(first.saturating_add(nth));
        }
    }
    Found::Name(first)
}

fn fields_from(index: usize) -> &'static [(&'static [u8], &'static [u8])] {
    index.checked_sub(1).and_then(|place| FIELDS.get(place..)).unwrap_or_default()
}

/// Looks at both ends, where names and values differ most, and at the length.
#[inline]
pub(crate) fn hash(name: &[u8], value: &[u8]) -> Hash {
    let name = hash_of(name);
    Hash { name, field: name.rotate_left(7) ^ hash_of(value) }
}

/// Makes the names of the static table fall into slots of their own.
const FACTOR: u64 = 0xbfc247155b5b46b3;

#[inline]
pub(crate) const fn hash_of(octets: &[u8]) -> u32 {
    let (first, last) = if let (Some(first), Some(last)) =
        (octets.first_chunk::<8>(), octets.last_chunk::<8>())
    {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (octets.first_chunk::<4>(), octets.last_chunk::<4>())
    {
        (u32::from_le_bytes(*first) as u64, u32::from_le_bytes(*last) as u64)
    } else {
        match octets {
            [] => (0, 0),
            [one] => ((*one as u64).wrapping_mul(0x101), *one as u64),
            [one, two] => (*one as u64 | (*two as u64) << 8, *two as u64),
            [one, two, .., last] => (*one as u64 | (*two as u64) << 8, *last as u64),
        }
    };
    let mixed = (first ^ last.rotate_left(29)).wrapping_add(octets.len() as u64);
    (mixed.wrapping_mul(FACTOR) >> 32) as u32
}

/// For each of the 256 upper parts of a name's hash, the index of the first static entry with that name.
static NAMES: [u8; 256] = names();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "the compiler runs it"
)]
const fn names() -> [u8; 256] {
    let mut names = [0; 256];
    let mut place = FIELDS.len();
    // From the last on, so that the first entry with a name is what stays.
    while place > 0 {
        names[(hash_of(FIELDS[place - 1].0) >> 24) as usize] = place as u8;
        place -= 1;
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_static_field_is_found_at_its_index() {
        for (place, (name, value)) in FIELDS.iter().enumerate() {
            let found = find_static(name, value, hash(name, value));
            let first = FIELDS.iter().position(|(known, _)| known == name).unwrap() + 1;
            assert_eq!(static_name(name, hash(name, b"")), first, "{}", name.escape_ascii());
            assert_eq!(found, Found::Field(place + 1), "{}", name.escape_ascii());
        }
        assert_eq!(find_static(b"x", b"", hash(b"x", b"")), Found::Nothing);
        assert_eq!(find_static(b"", b"", hash(b"", b"")), Found::Nothing);
    }

    fn insert(lookup: &mut Lookup, name: &[u8], value: &[u8]) {
        lookup.insert(name, value, hash(name, value));
    }

    fn find(lookup: &Lookup, name: &[u8], value: &[u8]) -> Found {
        lookup.find(name, value, hash(name, value))
    }

    #[test]
    fn the_newest_is_found_first_and_what_left_is_not() {
        let mut lookup = Lookup::new(3 * 34);
        insert(&mut lookup, b"a", b"1");
        insert(&mut lookup, b"a", b"2");
        assert_eq!(find(&lookup, b"a", b"2"), Found::Field(62));
        assert_eq!(find(&lookup, b"a", b"1"), Found::Field(63));
        assert_eq!(find(&lookup, b"a", b"3"), Found::Name(62));
        insert(&mut lookup, b"b", b"3");
        insert(&mut lookup, b"b", b"4");
        assert_eq!(find(&lookup, b"a", b"1"), Found::Name(64));
        insert(&mut lookup, b"b", b"5");
        assert_eq!(find(&lookup, b"a", b"1"), Found::Nothing);
        lookup.set_max_size(0);
        assert_eq!(find(&lookup, b"b", b"5"), Found::Nothing);
    }

    #[test]
    fn numbers_may_wrap_around() {
        let mut lookup = Lookup::new(4 * 34);
        lookup.newest = u32::MAX - 2;
        for nth in b'0'..=b'8' {
            insert(&mut lookup, b"a", &[nth]);
            insert(&mut lookup, b"b", &[nth]);
            assert_eq!(find(&lookup, b"a", &[nth]), Found::Field(63));
            assert_eq!(
                find(&lookup, b"a", &[nth - 1]),
                match nth {
                    b'0' => Found::Name(63),
                    _ => Found::Field(65),
                }
            );
        }
    }

    /// Values that differ only in the middle have one hash: the search is bounded all the same.
    #[test]
    fn collisions_cost_octets_and_no_time() {
        let mut lookup = Lookup::new(1 << 16);
        let value = |nth: u32| format!("12345678{nth:08}12345678").into_bytes();
        for nth in 0..100 {
            insert(&mut lookup, b"a", &value(nth));
        }
        assert_eq!(hash(b"a", &value(0)), hash(b"a", &value(99)));
        assert_eq!(find(&lookup, b"a", &value(99)), Found::Field(62));
        assert_eq!(find(&lookup, b"a", &value(99 - FARTHEST as u32)), Found::Name(62));
    }
}
