/// What a parser of the wire layer made of a buffer that may still be growing.
///
/// Every parser that can be used without a connection returns this: a head, a chunk-size line, a frame.
///
/// ```
/// use barewire_proto::Status;
///
/// /// A line and its length, end included.
/// fn line(buf: &[u8]) -> Status<&[u8]> {
///     match buf.iter().position(|&byte| byte == b'\n') {
///         Some(at) => Status::Complete(&buf[..at], at + 1),
///         None => Status::Partial,
///     }
/// }
/// assert_eq!(line(b"one\ntw"), Status::Complete(&b"one"[..], 4));
/// assert_eq!(line(b"tw").complete(), None);
/// assert_eq!(line(b"12\n").map(<[u8]>::len), Status::Complete(2, 3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status<T> {
    /// A whole element was parsed: the value, and how many bytes of the buffer it took.
    Complete(T, usize),
    /// The buffer ends within the element: call again with more bytes, from the same start.
    Partial,
}

impl<T> Status<T> {
    /// Whether the element was parsed whole.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Complete(..))
    }

    /// The value and the number of bytes that it took, or `None` when bytes are missing.
    pub fn complete(self) -> Option<(T, usize)> {
        match self {
            Self::Complete(value, used) => Some((value, used)),
            Self::Partial => None,
        }
    }

    /// Changes the value and keeps the number of bytes.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Status<U> {
        match self {
            Self::Complete(value, used) => Status::Complete(f(value), used),
            Self::Partial => Status::Partial,
        }
    }
}
