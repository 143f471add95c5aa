//! The static table (RFC 7541, section 2.3.1 and appendix A).

use std::sync::OnceLock;

use crate::field::{Field, Value};
use crate::table::entry_size;

/// The entries from index 1 on, name and value.
pub static FIELDS: [(&[u8], &[u8]); 61] = [
    (b":authority", b""),
    (b":method", b"GET"),
    (b":method", b"POST"),
    (b":path", b"/"),
    (b":path", b"/index.html"),
    (b":scheme", b"http"),
    (b":scheme", b"https"),
    (b":status", b"200"),
    (b":status", b"204"),
    (b":status", b"206"),
    (b":status", b"304"),
    (b":status", b"400"),
    (b":status", b"404"),
    (b":status", b"500"),
    (b"accept-charset", b""),
    (b"accept-encoding", b"gzip, deflate"),
    (b"accept-language", b""),
    (b"accept-ranges", b""),
    (b"accept", b""),
    (b"access-control-allow-origin", b""),
    (b"age", b""),
    (b"allow", b""),
    (b"authorization", b""),
    (b"cache-control", b""),
    (b"content-disposition", b""),
    (b"content-encoding", b""),
    (b"content-language", b""),
    (b"content-length", b""),
    (b"content-location", b""),
    (b"content-range", b""),
    (b"content-type", b""),
    (b"cookie", b""),
    (b"date", b""),
    (b"etag", b""),
    (b"expect", b""),
    (b"expires", b""),
    (b"from", b""),
    (b"host", b""),
    (b"if-match", b""),
    (b"if-modified-since", b""),
    (b"if-none-match", b""),
    (b"if-range", b""),
    (b"if-unmodified-since", b""),
    (b"last-modified", b""),
    (b"link", b""),
    (b"location", b""),
    (b"max-forwards", b""),
    (b"proxy-authenticate", b""),
    (b"proxy-authorization", b""),
    (b"range", b""),
    (b"referer", b""),
    (b"refresh", b""),
    (b"retry-after", b""),
    (b"server", b""),
    (b"set-cookie", b""),
    (b"strict-transport-security", b""),
    (b"transfer-encoding", b""),
    (b"user-agent", b""),
    (b"vary", b""),
    (b"via", b""),
    (b"www-authenticate", b""),
];

/// The static table as a [`Field`] keeps it, made when it is first asked for, once for the whole process.
///
/// ```
/// use barewire_hpack::{Field, StaticTable, Value};
///
/// #[derive(Clone)]
/// struct Length(usize);
///
/// impl Field for Length {
///     fn static_table() -> &'static StaticTable<Self> {
///         static TABLE: StaticTable<Length> = StaticTable::new();
///         &TABLE
///     }
///     fn new(_name: &[u8], value: Value<'_>) -> Self {
///         Self(value.len())
///     }
///     fn with_value(&self, value: Value<'_>) -> Self {
///         Self(value.len())
///     }
/// }
/// assert_eq!(Length::static_table().get(16).unwrap().0, "gzip, deflate".len());
/// ```
#[derive(Debug)]
pub struct StaticTable<F> {
    entries: OnceLock<Box<[Entry<F>]>>,
}

/// An entry of either table, with the lengths that are counted.
#[derive(Debug)]
pub(crate) struct Entry<F> {
    pub(crate) field: F,
    pub(crate) name_len: usize,
    pub(crate) size: usize,
}

impl<F: Field> StaticTable<F> {
    /// A table that is yet to be made.
    pub const fn new() -> Self {
        Self { entries: OnceLock::new() }
    }

    /// The entry with this index, counted from 1 as in blocks.
    pub fn get(&self, index: usize) -> Option<&F> {
        self.entries().get(index.checked_sub(1)?).map(|entry| &entry.field)
    }

    #[inline]
    pub(crate) fn entries(&self) -> &[Entry<F>] {
        self.entries.get_or_init(|| FIELDS.iter().map(|(name, value)| entry(name, value)).collect())
    }
}

impl<F: Field> Default for StaticTable<F> {
    fn default() -> Self {
        Self::new()
    }
}

fn entry<F: Field>(name: &'static [u8], value: &'static [u8]) -> Entry<F> {
    Entry {
        field: F::new(name, Value::of_static_table(name, value)),
        name_len: name.len(),
        size: entry_size(name.len(), value.len()),
    }
}
