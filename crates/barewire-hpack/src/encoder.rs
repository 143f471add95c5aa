use std::fmt;

use bytes::{BufMut, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::lookup::{Found, Hash, Lookup, hash};
use crate::policy::{Indexing, Policy};
use crate::prepared::Prepared;
use crate::table::{entry_size, widen};
use crate::{huffman, integer};

/// The size of the dynamic table before any SETTINGS (RFC 9113, section 6.5.2).
const INITIAL_TABLE_SIZE: u32 = 4096;

/// The encoding side of a connection: fields in, header blocks out, and the dynamic table that the peer's decoder
/// is to have too.
///
/// Every block that is encoded has to reach the peer, whole and in the order of encoding.
///
/// # Memory
///
/// Names and values are copied into the table, which is at most [`Policy::max_table_size`] large: nothing of the
/// caller's is kept.
///
/// ```
/// use barewire_hpack::{Encoder, Policy};
/// use bytes::BytesMut;
/// use http::{HeaderMap, StatusCode, header};
///
/// let mut map = HeaderMap::new();
/// map.insert(header::CONTENT_TYPE, "text/plain".parse()?);
///
/// let mut encoder = Encoder::new(Policy::default());
/// let mut block = BytesMut::new();
/// encoder.block(&mut block).status(StatusCode::OK).headers(&map);
/// assert_eq!(block[0], 0x88);
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
pub struct Encoder {
    lookup: Lookup,
    policy: Policy,
    /// What the peer allows.
    peer_max: u32,
    /// The smallest that it allowed since the last block, if it said anything.
    smallest: Option<u32>,
}

impl Encoder {
    /// An encoder for a peer that has sent no SETTINGS yet, and so allows a table of 4,096 octets.
    pub fn new(policy: Policy) -> Self {
        let smallest =
            (policy.max_table_size < INITIAL_TABLE_SIZE).then_some(policy.max_table_size);
        Self {
            lookup: Lookup::new(INITIAL_TABLE_SIZE),
            policy,
            peer_max: INITIAL_TABLE_SIZE,
            smallest,
        }
    }

    /// What the peer's SETTINGS_HEADER_TABLE_SIZE says, to be called when it is acknowledged. Of that at most
    /// [`Policy::max_table_size`] is used. The next block begins with an update (section 4.2).
    pub fn set_max_table_size(&mut self, size: u32) {
        if size != self.peer_max {
            self.peer_max = size;
            let used = size.min(self.policy.max_table_size);
            self.smallest = Some(self.smallest.map_or(used, |smallest| smallest.min(used)));
        }
    }

    /// Begins a header block at the end of `dst`. What is added to it is written at once: a block is finished
    /// when nothing more is added.
    pub fn block<'a>(&'a mut self, dst: &'a mut BytesMut) -> Block<'a> {
        if let Some(smallest) = self.smallest.take() {
            self.update_size(smallest, dst);
        }
        Block { encoder: self, dst }
    }

    /// The largest table that is used as of the next block, in octets.
    pub fn max_table_size(&self) -> u32 {
        self.peer_max.min(self.policy.max_table_size)
    }

    /// What the entries of the dynamic table count, in octets (section 4.1).
    pub fn table_size(&self) -> usize {
        self.lookup.table().size()
    }

    /// How many entries the dynamic table has.
    pub fn table_len(&self) -> usize {
        self.lookup.table().len()
    }

    /// A number that changes whenever the dynamic table does. As long as it stays the same from before a block
    /// to after it, and ever since, the same fields give the same octets, and need not be encoded again.
    /// [`set_max_table_size`](Self::set_max_table_size) changes it, and so does the block after that, which begins
    /// with an update.
    pub fn generation(&self) -> u64 {
        let due = u64::from(self.smallest.is_some());
        self.lookup.table().generation().wrapping_mul(2).wrapping_add(due)
    }

    /// Section 4.2: the smallest maximum comes first if it is not the last.
    #[cold]
    fn update_size(&mut self, smallest: u32, dst: &mut BytesMut) {
        let last = self.max_table_size();
        if smallest < last {
            self.lookup.set_max_size(smallest);
            integer::encode(0x20, 5, widen(smallest), dst);
        }
        self.lookup.set_max_size(last);
        integer::encode(0x20, 5, widen(last), dst);
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("table_len", &self.table_len())
            .field("table_size", &self.table_size())
            .field("max_table_size", &self.max_table_size())
            .finish_non_exhaustive()
    }
}

/// A header block that fields are being added to.
#[derive(Debug)]
pub struct Block<'a> {
    encoder: &'a mut Encoder,
    dst: &'a mut BytesMut,
}

impl Block<'_> {
    /// Adds a field; the [`Policy`] decides how, if no table has it.
    pub fn field(&mut self, name: &[u8], value: &[u8]) -> &mut Self {
        let hash = hash(name, value);
        match self.encoder.lookup.find(name, value, hash) {
            Found::Field(index) => self.index(index),
            found => {
                let indexing = self.encoder.policy.indexing(name, value, hash);
                self.literal(indexing, found, name, value, hash)
            }
        }
    }

    /// Adds a field in a certain way. One that is never indexed is not sent as an index either, even if a table
    /// has it (section 7.1.3).
    pub fn field_as(&mut self, name: &[u8], value: &[u8], indexing: Indexing) -> &mut Self {
        let hash = hash(name, value);
        match self.encoder.lookup.find(name, value, hash) {
            Found::Field(index) if indexing != Indexing::Never => self.index(index),
            found => self.literal(indexing, found, name, value, hash),
        }
    }

    /// Adds a field; a value that is marked as sensitive is never indexed.
    #[inline]
    pub fn header(&mut self, name: &HeaderName, value: &HeaderValue) -> &mut Self {
        let name = name.as_str().as_bytes();
        if value.is_sensitive() {
            return self.field_as(name, value.as_bytes(), Indexing::Never);
        }
        self.field(name, value.as_bytes())
    }

    /// Adds all fields of a map.
    pub fn headers(&mut self, map: &HeaderMap) -> &mut Self {
        for (name, value) in map {
            self.header(name, value);
        }
        self
    }

    /// Adds `:method`.
    pub fn method(&mut self, method: &Method) -> &mut Self {
        match *method {
            Method::GET => self.index(2),
            Method::POST => self.index(3),
            _ => self.field(b":method", method.as_str().as_bytes()),
        }
    }

    /// Adds `:scheme`.
    pub fn scheme(&mut self, scheme: &[u8]) -> &mut Self {
        match scheme {
            b"http" => self.index(6),
            b"https" => self.index(7),
            _ => self.field(b":scheme", scheme),
        }
    }

    /// Adds `:authority`.
    pub fn authority(&mut self, authority: &[u8]) -> &mut Self {
        self.field(b":authority", authority)
    }

    /// Adds `:path`.
    pub fn path(&mut self, path: &[u8]) -> &mut Self {
        match path {
            b"/" => self.index(4),
            _ => self.field(b":path", path),
        }
    }

    /// Adds `:protocol` (RFC 8441, section 4).
    pub fn protocol(&mut self, protocol: &[u8]) -> &mut Self {
        self.field(b":protocol", protocol)
    }

    /// Adds `:status`.
    pub fn status(&mut self, status: StatusCode) -> &mut Self {
        match status_index(status) {
            Some(index) => self.index(index),
            None => self.field(b":status", status.as_str().as_bytes()),
        }
    }

    /// Adds fields that were encoded beforehand.
    pub fn prepared(&mut self, prepared: &Prepared) -> &mut Self {
        self.dst.extend_from_slice(prepared.as_bytes());
        self
    }

    #[inline]
    fn index(&mut self, index: usize) -> &mut Self {
        integer::encode(0x80, 7, index, self.dst);
        self
    }

    fn literal(
        &mut self,
        indexing: Indexing,
        found: Found,
        name: &[u8],
        value: &[u8],
        hash: Hash,
    ) -> &mut Self {
        let lookup = &mut self.encoder.lookup;
        let indexing = match indexing {
            // It would evict nearly all others.
            Indexing::Incremental
                if entry_size(name.len(), value.len())
                    > lookup.table().max_size().div_ceil(4).saturating_mul(3) =>
            {
                Indexing::Without
            }
            indexing => indexing,
        };
        literal(indexing, found, name, value, self.dst);
        if indexing == Indexing::Incremental {
            lookup.insert(name, value, hash);
        }
        self
    }
}

/// A literal (section 6.2), whose name is an index where one was found.
pub(crate) fn literal(
    indexing: Indexing,
    found: Found,
    name: &[u8],
    value: &[u8],
    dst: &mut BytesMut,
) {
    let (flags, prefix) = match indexing {
        Indexing::Incremental => (0x40, 6),
        Indexing::Without => (0, 4),
        Indexing::Never => (0x10, 4),
    };
    match found {
        Found::Field(index) | Found::Name(index) => integer::encode(flags, prefix, index, dst),
        Found::Nothing => {
            dst.put_u8(flags);
            string(name, dst);
        }
    }
    string(value, dst);
}

/// A string (section 5.2), as Huffman code where that is shorter.
fn string(octets: &[u8], dst: &mut BytesMut) {
    let len = huffman::encoded_len(octets);
    if len < octets.len() {
        integer::encode(0x80, 7, len, dst);
        huffman::encode(octets, dst);
    } else {
        integer::encode(0, 7, octets.len(), dst);
        dst.extend_from_slice(octets);
    }
}

/// The index of the static table for a status that is in it.
#[inline]
pub(crate) fn status_index(status: StatusCode) -> Option<usize> {
    Some(match status.as_u16() {
        200 => 8,
        204 => 9,
        206 => 10,
        304 => 11,
        400 => 12,
        404 => 13,
        500 => 14,
        _ => return None,
    })
}
