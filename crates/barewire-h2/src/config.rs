use std::time::Duration;

use barewire_hpack::Policy;
use http::HeaderValue;

use crate::settings;

/// What a connection announces, accepts, and how long it waits. Plain fields: start from [`Config::default`].
///
/// ```
/// use barewire_h2::Config;
///
/// let mut config = Config::default();
/// config.settings.max_concurrent_streams = 250;
/// config.limits.max_body = 10 << 20;
/// // Cookies of any length are secrets.
/// config.header_compression.short_cookie = usize::MAX;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// What the peer is told in SETTINGS.
    pub settings: Settings,
    /// How much a peer may send, and make this side send.
    pub limits: Limits,
    /// How long a peer may take.
    pub timeouts: Timeouts,
    /// What is tolerated although the peer should not send it. Nothing by default.
    pub leniency: Leniency,
    /// What this side's heads put into the table of header compression, and which fields nobody may ever index, since
    /// their values could be guessed (RFC 7541, section 7.1): credentials, short cookies, `set-cookie`. Its
    /// `max_table_size` bounds the memory of the encoder; that of the decoder is
    /// [`Settings::header_table_size`].
    ///
    /// Any single value is never indexed if it is marked by [`HeaderValue::set_sensitive`].
    pub header_compression: Policy,
}

impl Config {
    /// The value of `HTTP2-Settings` for an upgrade from HTTP/1.1 (RFC 7540, section 3.2.1).
    pub fn upgrade_settings(&self) -> HeaderValue {
        settings::to_base64(&self.settings)
    }
}

/// What the peer is told in SETTINGS, and the connection's window (RFC 9113, section 6.5.2).
///
/// ```
/// use barewire_h2::{Config, ServerConnection};
/// use barewire_proto::{Buf, Protocol};
///
/// // Uploads of two files at once, each as fast as the line allows.
/// let mut config = Config::default();
/// config.settings.initial_window_size = 8 << 20;
/// config.settings.connection_window = 16 << 20;
/// config.settings.max_concurrent_streams = 2;
/// let mut server = ServerConnection::new(config);
/// assert!(server.output().has_remaining(), "it says so first");
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bytes of the table that decodes the peer's header blocks: memory. Default 4,096, as h2 and nghttp2.
    pub header_table_size: u32,
    /// Whether a client takes pushed streams. Default `false`; a server never says anything.
    pub enable_push: bool,
    /// Streams that the peer may have open at once; more are refused. Default 100; hyper has 200, nginx 128.
    pub max_concurrent_streams: u32,
    /// Bytes of a stream's body that the peer may send ahead of what the application took: the memory that a
    /// stream can cost. Default 256 KiB; hyper has 1 MiB. At most 2^31 - 1.
    pub initial_window_size: u32,
    /// The same for all streams of the connection together. Default 1 MiB; at least 65,535.
    pub connection_window: u32,
    /// Bytes of a frame's payload that the peer may send. Default 16,384, the least there is. At most
    /// 2^24 - 1.
    pub max_frame_size: u32,
    /// Bytes of one head, uncompressed, with 32 more for each field: a request with more is answered 431.
    /// Default 64 KiB; hyper has 16 KiB.
    pub max_header_list_size: u32,
    /// Whether a server takes extended CONNECT (RFC 8441, section 3). Default `false`.
    pub enable_connect_protocol: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            header_table_size: 4096,
            enable_push: false,
            max_concurrent_streams: 100,
            initial_window_size: 256 * 1024,
            connection_window: 1024 * 1024,
            max_frame_size: 16_384,
            max_header_list_size: 64 * 1024,
            enable_connect_protocol: false,
        }
    }
}

/// How often something may happen: at most `burst` times at once, and `per_second` in the long run.
///
/// Time is what the connection was told by `handle_timeout`; without being told it is `burst` in all.
///
/// ```
/// use barewire_h2::{Limits, Rate};
///
/// // A client of our own that measures the round trip all the time.
/// let limits = Limits { pings: Rate { burst: 5000, per_second: 500 }, ..Limits::default() };
/// assert_eq!(limits.resets, Rate { burst: 1000, per_second: 33 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// How many are forgiven each second.
    pub per_second: u32,
}

impl Rate {
    const fn new(burst: u32, per_second: u32) -> Self {
        Self { burst, per_second }
    }
}

/// How much a peer may send, and make this side send. What is above a rate ends the connection with GOAWAY
/// ENHANCE_YOUR_CALM.
///
/// ```
/// use barewire_h2::{Config, Limits, Rate};
///
/// let config = Config {
///     limits: Limits {
///         max_fields: 64,
///         max_body: 1 << 20,
///         resets: Rate { burst: 100, per_second: 10 },
///         ..Limits::default()
///     },
///     ..Config::default()
/// };
/// ```
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one compressed header block, CONTINUATION included. Guards memory before decompression.
    /// Default 64 KiB.
    pub max_header_block: usize,
    /// CONTINUATION frames of one header block. Guards the work of endless small ones (CVE-2024-27316 and its
    /// kin). Default 16; h2 has about 5.
    pub max_continuations: u32,
    /// Fields of one head; 431. Guards the work of building the map. Default 128.
    pub max_fields: usize,
    /// Bytes of one body; the stream is reset. Default 2^64 - 1: none, since bodies are streamed.
    pub max_body: u64,
    /// Informational responses to one request that a client takes. Default 16, at most 254.
    pub max_informational: u32,
    /// Streams that the peer opened and reset before they were over: rapid reset (CVE-2023-44487). Default
    /// 1,000 and 33 a second, as nghttp2.
    pub resets: Rate,
    /// Streams that this side had to reset or refuse because of what the peer did on them: MadeYouReset
    /// (CVE-2025-8671). Default 200 and 20 a second.
    pub provoked_resets: Rate,
    /// SETTINGS frames (CVE-2019-9515): each is to be acknowledged. Default 100 and 2 a second.
    pub settings: Rate,
    /// PING frames (CVE-2019-9512): each is to be answered. Default 1,000 and 100 a second.
    pub pings: Rate,
    /// Frames that carry nothing: empty DATA that does not end the stream, empty fragments of header blocks
    /// (CVE-2019-9518). Default 1,000 and 100 a second.
    pub empty_frames: Rate,
    /// DATA frames of at most 16 bytes that do not end the stream: each costs more than it carries. Default
    /// 10,000 and 2,000 a second.
    pub tiny_data: Rate,
    /// PRIORITY and PRIORITY_UPDATE frames (CVE-2019-9513). Default 1,000 and 100 a second.
    pub priorities: Rate,
    /// WINDOW_UPDATE frames beyond four for each stream and for each DATA frame of 512 bytes or more that was
    /// sent (CVE-2019-9511). Default 10,000 and 1,000 a second.
    pub window_updates: Rate,
    /// Frames of unknown types, which are ignored. Default 1,000 and 100 a second.
    pub unknown_frames: Rate,
    /// PRIORITY_UPDATE frames that are remembered for streams that are not open yet. Default 32.
    pub max_early_priorities: usize,
    /// Streams reset by this side of which frames that were under way are ignored; what comes for older ones
    /// is answered by another reset. Default 64.
    pub max_remembered_resets: usize,
    /// Bytes of one stream's body that wait for its window before `send_data` takes nothing more. Default
    /// 64 KiB, at least 1.
    pub send_buffer: usize,
    /// Bytes read ahead of what was handled. Default 256 KiB, and never less than one frame; the allocation
    /// follows what arrives.
    pub read_buffer: usize,
    /// Bytes of output from which on no further DATA is framed; with 256 KiB more nothing is read any more. Default
    /// 512 KiB: large answers to one batch of requests leave in one write, and what is queued shares the memory of
    /// the application's own bodies. What is framed is not overtaken any more by what is more urgent.
    pub write_buffer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_header_block: 64 * 1024,
            max_continuations: 16,
            max_fields: 128,
            max_body: u64::MAX,
            max_informational: 16,
            resets: Rate::new(1000, 33),
            provoked_resets: Rate::new(200, 20),
            settings: Rate::new(100, 2),
            pings: Rate::new(1000, 100),
            empty_frames: Rate::new(1000, 100),
            tiny_data: Rate::new(10_000, 2000),
            priorities: Rate::new(1000, 100),
            window_updates: Rate::new(10_000, 1000),
            unknown_frames: Rate::new(1000, 100),
            max_early_priorities: 32,
            max_remembered_resets: 64,
            send_buffer: 64 * 1024,
            read_buffer: 256 * 1024,
            write_buffer: 512 * 1024,
        }
    }
}

/// How long a peer may take. `None` is for ever.
///
/// ```
/// use barewire_h2::Timeouts;
/// use std::time::Duration;
///
/// // A peer that may be gone without a word is asked every half a minute.
/// let timeouts = Timeouts {
///     keepalive_interval: Some(Duration::from_secs(30)),
///     idle: None,
///     ..Timeouts::default()
/// };
/// ```
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// From the beginning to the acknowledgement of our SETTINGS. Default 10 s.
    pub settings_ack: Option<Duration>,
    /// For the preface or any frame from its first byte to its last, and within a header block for each frame, of
    /// which there are at most [`Limits::max_continuations`] more. Default 30 s.
    pub head: Option<Duration>,
    /// Without open streams and without anything that had to be answered, such as a PING; GOAWAY and close. Server
    /// only. Default 60 s.
    pub idle: Option<Duration>,
    /// After how long without anything from the peer a PING asks whether it is there: after a whole such period, and
    /// within two. Default `None`.
    pub keepalive_interval: Option<Duration>,
    /// How long to wait for the answer to that. Default 20 s.
    pub keepalive_timeout: Duration,
    /// While a request's body is awaited: in each such period at least
    /// [`body_progress_bytes`](Self::body_progress_bytes) have to arrive, or the stream is reset. Server only.
    /// Default 30 s.
    pub body_progress: Option<Duration>,
    /// See [`body_progress`](Self::body_progress). Default 1,024 bytes.
    pub body_progress_bytes: u32,
    /// While data waits for a stream's window or the connection's: if nothing could be sent in such a period, the stream is reset;
    /// if something, but less than [`stall_bytes`](Self::stall_bytes), the window is dribbled (CVE-2019-9517,
    /// CVE-2019-9511) and the connection ends with ENHANCE_YOUR_CALM. Default 60 s.
    pub stall: Option<Duration>,
    /// See [`stall`](Self::stall). Default 256 bytes.
    pub stall_bytes: u32,
    /// How long the peer may take nothing at all of what waits in the output. Default 30 s.
    pub write_progress: Option<Duration>,
    /// How long a graceful shutdown waits for the answer to its PING before it refuses streams. Default 1 s.
    pub drain_ping: Duration,
    /// How long a connection that has said its last word goes on reading, so that the peer can read it before
    /// a reset reaches it. Default 1 s.
    pub linger: Duration,
    /// After how long without traffic the buffers are given back. Default 1 s.
    pub release_buffers: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            settings_ack: Some(Duration::from_secs(10)),
            head: Some(Duration::from_secs(30)),
            idle: Some(Duration::from_secs(60)),
            keepalive_interval: None,
            keepalive_timeout: Duration::from_secs(20),
            body_progress: Some(Duration::from_secs(30)),
            body_progress_bytes: 1024,
            stall: Some(Duration::from_secs(60)),
            stall_bytes: 256,
            write_progress: Some(Duration::from_secs(30)),
            drain_ping: Duration::from_secs(1),
            linger: Duration::from_secs(1),
            release_buffers: Duration::from_secs(1),
        }
    }
}

/// What is tolerated although the peer should not send it.
///
/// ```
/// use barewire_h2::{Config, Leniency};
///
/// // A client that sends `Connection: keep-alive` over HTTP/2 and cannot be changed.
/// let leniency = Leniency { connection_specific_fields: true, ..Leniency::default() };
/// let config = Config { leniency, ..Config::default() };
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leniency {
    /// Drop fields of HTTP/1.1's connection instead of refusing the message (RFC 9113, section 8.2.2).
    pub connection_specific_fields: bool,
    /// Trim white space around field values instead of refusing the message (RFC 9113, section 8.2.1).
    pub surrounding_whitespace: bool,
}
