//! The wire layer: frames, without a connection (RFC 9113, sections 4 and 6).
//!
//! [`decode`] takes the first frame off a buffer, [`Frame::encode`] writes one. What a single frame can get
//! wrong is found here; what it means on a connection is not.
//!
//! ```
//! use barewire_h2::StreamId;
//! use barewire_h2::frame::{self, Frame};
//! use barewire_proto::Status;
//!
//! let mut wire = bytes::BytesMut::new();
//! Frame::WindowUpdate { stream: StreamId::new(3), increment: 1000 }.encode(&mut wire);
//! assert_eq!(frame::decode(&wire[..12], 16_384)?, Status::Partial);
//! let Status::Complete(frame, used) = frame::decode(&wire, 16_384)? else { panic!("it is whole") };
//! assert_eq!(frame, Frame::WindowUpdate { stream: StreamId::new(3), increment: 1000 });
//! assert_eq!(used, wire.len());
//! # Ok::<(), barewire_h2::Error>(())
//! ```

mod decode;
mod encode;
mod head;
mod settings;

pub use decode::decode;
pub(crate) use decode::{Fragment, go_away, ping, priority, reset, unpad, window_update};
pub use encode::put_block;
pub use head::{FrameHead, HEAD, Kind, StreamId, flags};
pub use settings::SettingsFrame;

use crate::Reason;

/// What a client begins a connection with (RFC 9113, section 3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The largest window (RFC 9113, section 6.9.1).
pub const MAX_WINDOW: u32 = (1 << 31) - 1;

/// The deprecated priority of a stream (RFC 9113, section 5.3.2): read, and ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dependency {
    /// The stream that it depends on.
    pub on: StreamId,
    /// Whether it is the only one that does.
    pub exclusive: bool,
    /// Its weight minus one.
    pub weight: u8,
}

/// A frame, with its payload as slices of the buffer that it was read from.
///
/// `padding` is the value of the Pad Length field, `None` when there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of the RFC's figures")]
pub enum Frame<'a> {
    /// Section 6.10.
    Continuation { stream: StreamId, fragment: &'a [u8], end_headers: bool },
    /// Section 6.1.
    Data { stream: StreamId, data: &'a [u8], end_stream: bool, padding: Option<u8> },
    /// Section 6.8.
    GoAway { last: StreamId, reason: Reason, debug: &'a [u8] },
    /// Section 6.2.
    Headers {
        stream: StreamId,
        fragment: &'a [u8],
        end_headers: bool,
        end_stream: bool,
        dependency: Option<Dependency>,
        padding: Option<u8>,
    },
    /// Section 6.7.
    Ping { ack: bool, payload: [u8; 8] },
    /// Section 6.3.
    Priority { stream: StreamId, dependency: Dependency },
    /// RFC 9218, section 7.1.
    PriorityUpdate { stream: StreamId, value: &'a [u8] },
    /// Section 6.6.
    PushPromise {
        stream: StreamId,
        promised: StreamId,
        fragment: &'a [u8],
        end_headers: bool,
        padding: Option<u8>,
    },
    /// Section 6.4.
    Reset { stream: StreamId, reason: Reason },
    /// Section 6.5.
    Settings(SettingsFrame),
    /// Section 6.5, with the flag ACK.
    SettingsAck,
    /// A frame of another type: to be ignored (section 5.5).
    Unknown { head: FrameHead, payload: &'a [u8] },
    /// Section 6.9.
    WindowUpdate { stream: StreamId, increment: u32 },
}
