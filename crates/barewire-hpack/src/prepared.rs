use bytes::BytesMut;
use http::StatusCode;

use crate::encoder::{literal, status_index};
use crate::lookup::{Found, find_static, hash};
use crate::{Indexing, integer};

/// Fields as octets that depend on no dynamic table, made once and sent in any number of blocks of any connection.
///
/// ```
/// use barewire_hpack::{Encoder, Policy, Prepared};
/// use bytes::BytesMut;
/// use http::StatusCode;
///
/// let head = Prepared::new().status(StatusCode::OK).field(b"server", b"barewire");
/// let mut block = BytesMut::new();
/// Encoder::new(Policy::default()).block(&mut block).prepared(&head);
/// assert_eq!(&block[..], head.as_bytes());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    octets: BytesMut,
}

impl Prepared {
    /// No fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field: as an index of the static table where that has it, otherwise as a literal without indexing.
    #[must_use]
    pub fn field(mut self, name: &[u8], value: &[u8]) -> Self {
        match find_static(name, value, hash(name, value)) {
            Found::Field(index) => integer::encode(0x80, 7, index, &mut self.octets),
            found => literal(Indexing::Without, found, name, value, &mut self.octets),
        }
        self
    }

    /// Adds `:status`, which comes before all other fields.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        match status_index(status) {
            Some(index) => integer::encode(0x80, 7, index, &mut self.octets),
            None => return self.field(b":status", status.as_str().as_bytes()),
        }
        self
    }

    /// The octets, a part of a header block.
    pub fn as_bytes(&self) -> &[u8] {
        &self.octets
    }
}
