use std::fmt;

/// An error code of RST_STREAM and GOAWAY (RFC 9113, section 7). Codes that nobody knows are kept.
///
/// ```
/// use barewire_h2::Reason;
///
/// assert_eq!(u32::from(Reason::CANCEL), 8);
/// assert_eq!(Reason::from(8), Reason::CANCEL);
/// assert_eq!(Reason::from(0xbad).name(), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reason(u32);

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)+) => {
        impl Reason {
            $($(#[$doc])* pub const $name: Self = Self($code);)+

            /// The name that the RFC gives it.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)+
                    _ => None,
                }
            }
        }
    };
}

reasons! {
    /// Nothing went wrong.
    NO_ERROR = 0x0;
    /// The peer broke the protocol in a way that no other code says better.
    PROTOCOL_ERROR = 0x1;
    /// Something went wrong on the side that says so.
    INTERNAL_ERROR = 0x2;
    /// More data came than the window allowed.
    FLOW_CONTROL_ERROR = 0x3;
    /// SETTINGS were not acknowledged in time.
    SETTINGS_TIMEOUT = 0x4;
    /// A frame came on a stream that was half closed.
    STREAM_CLOSED = 0x5;
    /// A frame had the wrong length.
    FRAME_SIZE_ERROR = 0x6;
    /// The stream was refused before anything was done.
    REFUSED_STREAM = 0x7;
    /// The stream is not needed any more.
    CANCEL = 0x8;
    /// A header block could not be decompressed.
    COMPRESSION_ERROR = 0x9;
    /// The connection made by CONNECT broke.
    CONNECT_ERROR = 0xa;
    /// The peer costs too much.
    ENHANCE_YOUR_CALM = 0xb;
    /// The transport is not as safe as is needed.
    INADEQUATE_SECURITY = 0xc;
    /// This is to be had by HTTP/1.1 only.
    HTTP_1_1_REQUIRED = 0xd;
}

impl From<u32> for Reason {
    fn from(code: u32) -> Self {
        Self(code)
    }
}

impl From<Reason> for u32 {
    fn from(reason: Reason) -> Self {
        reason.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
