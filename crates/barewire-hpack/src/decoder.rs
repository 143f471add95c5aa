use std::borrow::Cow;
use std::fmt;

use crate::field::{Field, HeaderField, Value};
use crate::static_table::{Entry, FIELDS};
use crate::store::Store;
use crate::table::{Table, entry_size, widen};
use crate::{Error, ErrorKind, huffman, integer};

/// The decoding side of a connection: header blocks in, fields out, and the peer's dynamic table.
///
/// # Memory
///
/// The table counts at most its maximum size and holds one `F` for each 32 octets of it. What entries share
/// ([`Value::share`]) lies in blocks of at most 4 KiB of the table's own. Entries leave in the order in which
/// they came, so that two of those blocks at most are kept beyond what the size says. Literals that are in no
/// table share other blocks. The block given to [`decode`](Self::decode) is never kept.
///
/// ```
/// use barewire_hpack::{Decoder, HeaderField};
///
/// let mut decoder: Decoder<HeaderField> = Decoder::new(4096);
/// // RFC 7541, appendix C.2.4: an indexed field.
/// let list = decoder.decode(&[0x82], 16 * 1024, |field| {
///     assert_eq!((&field.name[..], &field.value[..]), (&b":method"[..], &b"GET"[..]));
/// })?;
/// assert_eq!(list.size, 7 + 3 + 32);
/// # Ok::<(), barewire_hpack::Error>(())
/// ```
pub struct Decoder<F: Field = HeaderField> {
    table: Table<Entry<F>>,
    /// What this side allows.
    max_table_size: u32,
    /// The largest size that the update has to follow which the next block must begin with.
    awaited: Option<u32>,
    kept: Store,
    passing: Store,
    /// Strings that came as Huffman code.
    decoded: Vec<u8>,
}

/// How large a list of fields was.
///
/// ```
/// use barewire_hpack::{Decoder, HeaderField};
///
/// // `:method: GET`, three times: an octet each on the wire.
/// let mut handed_out = 0;
/// let mut decoder = Decoder::<HeaderField>::new(4096);
/// let list = decoder.decode(&[0x82, 0x82, 0x82], 100, |_| handed_out += 1)?;
/// assert_eq!((list.size, list.is_too_large(), handed_out), (3 * (7 + 3 + 32), true, 2));
/// # Ok::<(), barewire_hpack::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListSize {
    /// The octets of all names and values, and 32 for each field: what SETTINGS_MAX_HEADER_LIST_SIZE counts
    /// (RFC 9113, section 6.5.2).
    pub size: usize,
    /// The limit that was given.
    pub limit: usize,
}

impl ListSize {
    /// Whether the list is larger than the limit. The fields that would have passed it, and all after them,
    /// were not handed out.
    pub fn is_too_large(&self) -> bool {
        self.size > self.limit
    }

    /// Counts a field, and says whether it is to be handed out.
    #[inline]
    fn add(&mut self, size: usize) -> bool {
        self.size = self.size.saturating_add(size);
        self.size <= self.limit
    }
}

/// No more than this is kept from block to block for strings that came as Huffman code.
const MOST_KEPT: usize = 4096;

impl<F: Field> Decoder<F> {
    /// A decoder with an empty table of at most `max_table_size` octets, which is what this side's
    /// SETTINGS_HEADER_TABLE_SIZE says (4,096 unless it was sent).
    pub fn new(max_table_size: u32) -> Self {
        Self {
            table: Table::new(max_table_size),
            max_table_size,
            awaited: None,
            kept: Store::default(),
            passing: Store::default(),
            decoded: Vec::new(),
        }
    }

    /// Decodes a whole header block, the fragments of all its frames joined, and visits its fields in order.
    ///
    /// A borrowed field is an entry of a table, to be cloned if it is kept; an owned one is in none. Beyond
    /// `max_list_size` (see [`ListSize`]) nothing is handed out and nothing copied that the table does not
    /// need, but the block is decoded to its end, so that the tables of both sides stay the same.
    ///
    /// # Errors
    ///
    /// The block is malformed. Fields may have been visited before that was found, and the table is not what
    /// the peer's is any more: the connection has to end (RFC 9113, section 4.3).
    pub fn decode(
        &mut self,
        block: &[u8],
        max_list_size: usize,
        mut visit: impl FnMut(Cow<'_, F>),
    ) -> Result<ListSize, Error> {
        let statics = F::static_table().entries();
        let mut rest = self.size_updates(block)?;
        let mut list = ListSize { size: 0, limit: max_list_size };
        while let Some(&first) = rest.first() {
            if first & 0x80 != 0 {
                let (index, after) = integer::decode(rest, 7)?;
                rest = after;
                let entry = lookup(statics, &self.table, index)?;
                if list.add(entry.size) {
                    visit(Cow::Borrowed(&entry.field));
                }
            } else if first & 0xe0 == 0x20 {
                return Err(ErrorKind::SizeUpdateMisplaced.into());
            } else {
                rest = self.literal(statics, first, rest, &mut list, &mut visit)?;
            }
        }
        if self.decoded.capacity() > MOST_KEPT {
            self.decoded = Vec::new();
        }
        Ok(list)
    }

    /// Changes what the peer's encoder may use: to be called when the peer has acknowledged the
    /// SETTINGS_HEADER_TABLE_SIZE that says so. If the peer uses more so far, its next block has to begin with
    /// an update (RFC 9113, section 4.3.1).
    pub fn set_max_table_size(&mut self, size: u32) {
        self.max_table_size = size;
        if widen(size) < self.table.max_size() {
            self.awaited = Some(self.awaited.map_or(size, |awaited| awaited.min(size)));
        }
    }

    /// What the peer's encoder may use, in octets.
    pub fn max_table_size(&self) -> u32 {
        self.max_table_size
    }

    /// What the entries of the dynamic table count, in octets (section 4.1).
    pub fn table_size(&self) -> usize {
        self.table.size()
    }

    /// How many entries the dynamic table has.
    pub fn table_len(&self) -> usize {
        self.table.len()
    }

    /// A number that changes whenever the dynamic table does, and while the next block has to begin with an
    /// update. As long as it stays, a block of the same octets means the same fields, and need not be decoded
    /// again.
    pub fn generation(&self) -> u64 {
        let awaited = u64::from(self.awaited.is_some());
        self.table.generation().wrapping_mul(2).wrapping_add(awaited)
    }

    /// Dynamic table size updates, which stand at the begin of a block (section 4.2).
    fn size_updates<'b>(&mut self, block: &'b [u8]) -> Result<&'b [u8], Error> {
        let mut rest = block;
        while rest.first().is_some_and(|first| first & 0xe0 == 0x20) {
            let (size, after) = integer::decode(rest, 5)?;
            rest = after;
            if size > self.max_table_size {
                return Err(ErrorKind::SizeUpdateTooLarge.into());
            }
            if self.awaited.is_some_and(|awaited| size <= awaited) {
                self.awaited = None;
            }
            if widen(size) != self.table.max_size() {
                self.table.set_max_size(size);
            }
        }
        if self.awaited.is_some() { Err(ErrorKind::SizeUpdateMissing.into()) } else { Ok(rest) }
    }

    /// A literal of any kind (section 6.2).
    fn literal<'b>(
        &mut self,
        statics: &[Entry<F>],
        first: u8,
        block: &'b [u8],
        list: &mut ListSize,
        visit: &mut impl FnMut(Cow<'_, F>),
    ) -> Result<&'b [u8], Error> {
        let indexed = first & 0x40 != 0;
        let never_indexed = first & 0xf0 == 0x10;
        let (index, mut rest) = integer::decode(block, if indexed { 6 } else { 4 })?;

        self.decoded.clear();
        let name = if index == 0 { Some(string(&mut rest, &mut self.decoded)?) } else { None };
        let value = string(&mut rest, &mut self.decoded)?;
        let (name, value) =
            (name.as_ref().map(|name| name.octets(&self.decoded)), value.octets(&self.decoded));

        let named = if index == 0 { None } else { Some(lookup(statics, &self.table, index)?) };
        let name_len = named.map_or(name.map_or(0, <[u8]>::len), |entry| entry.name_len);
        let size = entry_size(name_len, value.len());
        let wanted = list.add(size);
        let stays = indexed && size <= self.table.max_size();
        if stays || wanted {
            let store = if stays { &mut self.kept } else { &mut self.passing };
            let value = Value::new(value, never_indexed, store);
            let field = match named {
                Some(entry) => entry.field.with_value(value),
                None => F::new(name.unwrap_or_default(), value),
            };
            if stays {
                if wanted {
                    visit(Cow::Borrowed(&field));
                }
                self.table.make_room(size);
                self.table.push(Entry { field, name_len, size }, size);
                return Ok(rest);
            }
            visit(Cow::Owned(field));
        }
        if indexed {
            self.table.make_room(size);
        }
        Ok(rest)
    }
}

impl<F: Field> fmt::Debug for Decoder<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("table_len", &self.table.len())
            .field("table_size", &self.table.size())
            .field("max_table_size", &self.max_table_size)
            .finish_non_exhaustive()
    }
}

/// The entry of both tables with this index (section 2.3.3).
#[inline]
fn lookup<'a, F>(
    statics: &'a [Entry<F>],
    table: &'a Table<Entry<F>>,
    index: u32,
) -> Result<&'a Entry<F>, Error> {
    let place = widen(index).checked_sub(1).ok_or(ErrorKind::IndexOutOfRange)?;
    let entry = match place.checked_sub(FIELDS.len()) {
        None => statics.get(place),
        Some(age) => table.get(age),
    };
    entry.ok_or_else(|| ErrorKind::IndexOutOfRange.into())
}

/// Where a string's octets are.
enum Source<'b> {
    Block(&'b [u8]),
    Decoded(usize, usize),
}

impl Source<'_> {
    fn octets<'a>(&'a self, decoded: &'a [u8]) -> &'a [u8] {
        match *self {
            Self::Block(octets) => octets,
            Self::Decoded(from, to) => decoded.get(from..to).unwrap_or_default(),
        }
    }
}

/// Takes a string (section 5.2) off the front of `rest`.
fn string<'b>(rest: &mut &'b [u8], decoded: &mut Vec<u8>) -> Result<Source<'b>, Error> {
    let huffman = rest.first().is_some_and(|first| first & 0x80 != 0);
    let (len, after) = integer::decode(rest, 7)?;
    let (octets, after) = after.split_at_checked(widen(len)).ok_or(ErrorKind::Truncated)?;
    *rest = after;
    if !huffman {
        return Ok(Source::Block(octets));
    }
    let from = decoded.len();
    huffman::decode(octets, decoded)?;
    Ok(Source::Decoded(from, decoded.len()))
}
