use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

use crate::store::Store;
use crate::{StaticTable, known};

/// What a [`Decoder`](crate::Decoder) makes of a field, keeps in its tables, and hands out.
///
/// Making one cannot fail, because a field that HTTP refuses (an upper-case name, say) is valid HPACK and has
/// its place in the table all the same: a type that checks has a variant for what is malformed.
///
/// A clone is all that a field costs which comes as an index, so it ought to be cheap.
pub trait Field: Clone + Send + Sync + 'static {
    /// The static table of this type: see [`StaticTable`] for how to have one.
    fn static_table() -> &'static StaticTable<Self>;

    /// A field whose name came as a literal. `name` can be any octets, in any case.
    fn new(name: &[u8], value: Value<'_>) -> Self;

    /// A field with the name of this one, which came as an index, and another value.
    ///
    /// Where only a value made a field malformed, it has to remember its name for this.
    fn with_value(&self, value: Value<'_>) -> Self;
}

/// The value of a field while it is decoded: any octets, which are only lent.
pub struct Value<'a> {
    octets: &'a [u8],
    never_indexed: bool,
    home: Home<'a>,
}

enum Home<'a> {
    Store(&'a mut Store),
    StaticTable(&'static [u8], &'static [u8]),
}

impl<'a> Value<'a> {
    pub(crate) fn new(octets: &'a [u8], never_indexed: bool, store: &'a mut Store) -> Self {
        Self { octets, never_indexed, home: Home::Store(store) }
    }

    pub(crate) fn of_static_table(name: &'static [u8], value: &'static [u8]) -> Value<'static> {
        Value { octets: value, never_indexed: false, home: Home::StaticTable(name, value) }
    }

    /// Whether the field must not be indexed by anybody who forwards it (section 6.2.3).
    pub fn is_never_indexed(&self) -> bool {
        self.never_indexed
    }

    /// The value, copied into a block of at most 4 KiB that fields share. Keeping it pins that block; a value
    /// longer than 1 KiB has an allocation of its own. Values that nearly everybody sends (`gzip, deflate, br`) are
    /// copied nowhere, and a clone of the result counts no reference.
    pub fn share(&mut self) -> Bytes {
        match &mut self.home {
            Home::Store(store) => share(self.octets, store),
            Home::StaticTable(_, value) => Bytes::from_static(value),
        }
    }

    /// The same for the name that was given together with this value.
    pub fn share_name(&mut self, name: &[u8]) -> Bytes {
        match &mut self.home {
            Home::Store(store) => share(name, store),
            Home::StaticTable(known, _) if *known == name => Bytes::from_static(known),
            Home::StaticTable(..) => Bytes::copy_from_slice(name),
        }
    }
}

fn share(octets: &[u8], store: &mut Store) -> Bytes {
    known::find(octets).map_or_else(|| store.copy(octets), Bytes::from_static)
}

impl Deref for Value<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.octets
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value")
            .field("octets", &self.octets.escape_ascii())
            .field("never_indexed", &self.never_indexed)
            .finish_non_exhaustive()
    }
}

/// A field as HPACK knows it: any octets for a name and for a value.
///
/// Both pin the blocks of at most 4 KiB that they are in, or nothing where they are of the static table.
///
/// ```
/// use barewire_hpack::{Decoder, HeaderField};
///
/// // A literal that is never indexed: what forwards it has to keep it so.
/// let mut fields = Vec::new();
/// let mut decoder = Decoder::<HeaderField>::new(4096);
/// decoder.decode(b"\x10\x03pin\x041234", 1000, |field| fields.push(field.into_owned()))?;
/// assert_eq!((&fields[0].name[..], &fields[0].value[..]), (&b"pin"[..], &b"1234"[..]));
/// assert!(fields[0].never_indexed);
/// # Ok::<(), barewire_hpack::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeaderField {
    /// The name.
    pub name: Bytes,
    /// The value.
    pub value: Bytes,
    /// Whether it came as a literal that is never indexed, and has to be sent as one by who forwards it
    /// (section 6.2.3).
    pub never_indexed: bool,
}

impl Field for HeaderField {
    fn static_table() -> &'static StaticTable<Self> {
        static TABLE: StaticTable<HeaderField> = StaticTable::new();
        &TABLE
    }

    fn new(name: &[u8], mut value: Value<'_>) -> Self {
        let name = value.share_name(name);
        Self { name, never_indexed: value.is_never_indexed(), value: value.share() }
    }

    fn with_value(&self, mut value: Value<'_>) -> Self {
        let name = self.name.clone();
        Self { name, never_indexed: value.is_never_indexed(), value: value.share() }
    }
}
