use std::fmt;

/// How a header block breaks the format: what is wrong with it, and which section says so.
///
/// Final for the decoder, whose table may have missed a part of the block: HTTP/2 closes the connection with
/// `COMPRESSION_ERROR` (RFC 9113, section 4.3). Errors are small, hold no text of the peer's, and compare by
/// kind.
///
/// ```
/// use barewire_hpack::{Decoder, ErrorKind, HeaderField};
///
/// let error = Decoder::<HeaderField>::new(4096).decode(&[0x80], 1000, |_| ()).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::IndexOutOfRange);
/// assert_eq!(error.section(), "RFC 7541, section 2.3.3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Error {
    kind: ErrorKind,
}

/// What is wrong with a header block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A string is not Huffman code: it holds EOS, or ends in more than 7 bits or in other bits than padding.
    BadHuffman,
    /// An index is 0, or larger than both tables together.
    IndexOutOfRange,
    /// An integer is larger than 2^32 - 1, or has more than five octets after its prefix.
    IntegerTooLarge,
    /// A dynamic table size update comes after a field.
    SizeUpdateMisplaced,
    /// The maximum table size was reduced, and the block does not begin with an update that follows it.
    SizeUpdateMissing,
    /// A dynamic table size update is larger than what was allowed.
    SizeUpdateTooLarge,
    /// The block ends within a field.
    Truncated,
}

impl Error {
    /// What is wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The section that the block breaks.
    pub fn section(&self) -> &'static str {
        match self.kind {
            ErrorKind::BadHuffman => "RFC 7541, section 5.2",
            ErrorKind::IndexOutOfRange => "RFC 7541, section 2.3.3",
            ErrorKind::IntegerTooLarge => "RFC 7541, section 5.1",
            ErrorKind::SizeUpdateMisplaced | ErrorKind::SizeUpdateMissing => {
                "RFC 7541, section 4.2"
            }
            ErrorKind::SizeUpdateTooLarge => "RFC 7541, section 6.3",
            ErrorKind::Truncated => "RFC 7541, section 6",
        }
    }

    fn what(&self) -> &'static str {
        match self.kind {
            ErrorKind::BadHuffman => "a string is not valid Huffman code",
            ErrorKind::IndexOutOfRange => "an index refers to no entry of the tables",
            ErrorKind::IntegerTooLarge => "an integer is too large",
            ErrorKind::SizeUpdateMisplaced => "a table size update comes after a field",
            ErrorKind::SizeUpdateMissing => "the table size was reduced and no update follows it",
            ErrorKind::SizeUpdateTooLarge => "a table size update is larger than allowed",
            ErrorKind::Truncated => "the header block ends within a field",
        }
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what(), self.section())
    }
}

impl std::error::Error for Error {}
