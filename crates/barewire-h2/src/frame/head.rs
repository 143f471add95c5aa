use std::fmt;

use bytes::{BufMut, BytesMut};

/// Bytes of a frame's head.
pub const HEAD: usize = 9;

/// Flags of frames; which of them mean something depends on the type.
pub mod flags {
    /// SETTINGS, PING: the answer to one.
    pub const ACK: u8 = 0x1;
    /// DATA, HEADERS: the last one of the stream.
    pub const END_STREAM: u8 = 0x1;
    /// HEADERS, PUSH_PROMISE, CONTINUATION: the end of the header block.
    pub const END_HEADERS: u8 = 0x4;
    /// DATA, HEADERS, PUSH_PROMISE: there is padding.
    pub const PADDED: u8 = 0x8;
    /// HEADERS: there is the deprecated priority.
    pub const PRIORITY: u8 = 0x20;
}

/// The number of a stream (RFC 9113, section 5.1.1): odd for those that clients open, even for servers, 0 for
/// the connection itself.
///
/// ```
/// use barewire_h2::StreamId;
///
/// assert!(StreamId::new(3).is_of_client() && !StreamId::new(2).is_of_client());
/// // The reserved bit does not count.
/// assert_eq!(StreamId::new(1 << 31), StreamId::CONNECTION);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(u32);

impl StreamId {
    /// The connection.
    pub const CONNECTION: Self = Self(0);
    /// The largest number.
    pub const MAX: Self = Self((1 << 31) - 1);

    /// Takes the lower 31 bits of a number.
    pub const fn new(id: u32) -> Self {
        Self(id & Self::MAX.0)
    }

    /// The number.
    pub const fn value(self) -> u32 {
        self.0
    }

    /// Whether it stands for the connection.
    pub const fn is_connection(self) -> bool {
        self.0 == 0
    }

    /// Whether clients open streams of this number.
    pub const fn is_of_client(self) -> bool {
        self.0 & 1 == 1
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The type of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of the RFC")]
pub enum Kind {
    Data,
    Headers,
    Priority,
    Reset,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    PriorityUpdate,
    /// A type that is not defined here.
    Unknown(u8),
}

impl Kind {
    #[inline]
    fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Data,
            1 => Self::Headers,
            2 => Self::Priority,
            3 => Self::Reset,
            4 => Self::Settings,
            5 => Self::PushPromise,
            6 => Self::Ping,
            7 => Self::GoAway,
            8 => Self::WindowUpdate,
            9 => Self::Continuation,
            0x10 => Self::PriorityUpdate,
            other => Self::Unknown(other),
        }
    }

    #[inline]
    fn code(self) -> u8 {
        match self {
            Self::Data => 0,
            Self::Headers => 1,
            Self::Priority => 2,
            Self::Reset => 3,
            Self::Settings => 4,
            Self::PushPromise => 5,
            Self::Ping => 6,
            Self::GoAway => 7,
            Self::WindowUpdate => 8,
            Self::Continuation => 9,
            Self::PriorityUpdate => 0x10,
            Self::Unknown(code) => code,
        }
    }
}

/// The nine bytes that every frame begins with (RFC 9113, section 4.1).
///
/// ```
/// use barewire_h2::StreamId;
/// use barewire_h2::frame::{FrameHead, Kind, flags};
///
/// let head = FrameHead::parse(b"\0\0\x05\0\x01\0\0\0\x03Hello").ok_or("nine bytes")?;
/// assert_eq!((head.kind, head.length, head.stream), (Kind::Data, 5, StreamId::new(3)));
/// assert!(head.has(flags::END_STREAM) && !head.has(flags::PADDED));
/// assert_eq!(FrameHead::parse(b"\0\0\x05"), None);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameHead {
    /// Bytes of the payload.
    pub length: u32,
    /// The type.
    pub kind: Kind,
    /// The flags, those without a meaning included.
    pub flags: u8,
    /// The stream. The reserved bit is left out.
    pub stream: StreamId,
}

impl FrameHead {
    /// Reads the head that a buffer begins with; `None` while it is not whole.
    #[inline]
    pub fn parse(buf: &[u8]) -> Option<Self> {
        let &[l0, l1, l2, kind, flags, s0, s1, s2, s3] = buf.first_chunk::<HEAD>()?;
        Some(Self {
            length: u32::from_be_bytes([0, l0, l1, l2]),
            kind: Kind::from_code(kind),
            flags,
            stream: StreamId::new(u32::from_be_bytes([s0, s1, s2, s3])),
        })
    }

    /// The head as it goes over the wire. The length is cut to 24 bits.
    #[inline]
    pub fn to_bytes(self) -> [u8; HEAD] {
        let [_, l0, l1, l2] = self.length.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.value().to_be_bytes();
        [l0, l1, l2, self.kind.code(), self.flags, s0, s1, s2, s3]
    }

    /// Appends the head.
    #[inline]
    pub fn put(self, dst: &mut BytesMut) {
        dst.put_slice(&self.to_bytes());
    }

    /// Whether a flag is set.
    #[inline]
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}
