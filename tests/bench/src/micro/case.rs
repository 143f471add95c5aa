/// Does one thing as often as it is told.
pub(super) type Work = Box<dyn FnMut(u64)>;

/// One row of a table.
pub(super) struct Case {
    pub(super) group: &'static str,
    pub(super) name: &'static str,
    /// Makes what the work needs, which is not measured.
    pub(super) prepare: fn() -> Work,
}

pub(super) const BROWSER_HEAD: &str = "Request head of 700 bytes with 12 headers, parsed";
pub(super) const SMALL_HEAD: &str = "Request head of 40 bytes, parsed";
pub(super) const RESPONSE_HEAD: &str = "Response head with 3 headers, encoded";
pub(super) const CHUNKED_DECODE: &str = "Body of 16 KiB in 16 chunks, decoded";
pub(super) const CHUNKED_ENCODE: &str = "Body of 16 KiB in 16 chunks, encoded";
pub(super) const CONNECTION_SMALL: &str = "Connection in memory: small GET, answered";
pub(super) const CONNECTION_PIPELINED: &str =
    "Connection in memory: 16 small GETs at once, answered";
pub(super) const CONNECTION_BROWSER: &str = "Connection in memory: browser's GET, answered";
pub(super) const CONNECTION_SIZED_UP: &str =
    "Connection in memory: POST of 16 KiB with content-length, read and answered";
pub(super) const CONNECTION_CHUNKED_UP: &str =
    "Connection in memory: POST of 16 KiB in 16 chunks, read and answered";
pub(super) const CONNECTION_CHUNKED_DOWN: &str =
    "Connection in memory: small GET, answered with 16 KiB in 16 chunks";

pub(super) const HPACK_DECODE: &str =
    "HPACK of a browser's 11 headers in the steady state, decoded";
pub(super) const HPACK_ENCODE: &str =
    "HPACK of a browser's 11 headers in the steady state, encoded";

pub(super) const HTTP2_HEADS: &str =
    "HTTP/2: HEADERS of a browser's 11 headers in the steady state, the same again, read";
pub(super) const HTTP2_HEADS_PATHS: &str =
    "HTTP/2: HEADERS of a browser's 11 headers in the steady state, one of 12 paths in turn, read";
pub(super) const HTTP2_HEADS_ORDERS: &str =
    "HTTP/2: HEADERS of a browser's 11 headers in the steady state, one of 12 orders in turn, read";
pub(super) const HTTP2_FRAMES: &str =
    "HTTP/2: WINDOW_UPDATE, PING, SETTINGS and RST_STREAM, one of each, parsed";
pub(super) const HTTP2_SMALL: &str = "HTTP/2 connection in memory: 32 small GETs at once, answered";
pub(super) const HTTP2_BROWSER: &str =
    "HTTP/2 connection in memory: 32 GETs of a browser at once, answered";
pub(super) const HTTP2_BLOCK: &str =
    "HTTP/2 connection in memory: 8 small GETs at once, answered with 64 KiB";

pub(super) const TLS_SMALL: &str = "TLS: 200 bytes sent";
pub(super) const TLS_SENT: &str = "TLS: 64 KiB sent, in one piece";
pub(super) const TLS_FRAMES: &str = "TLS: 64 KiB sent, in four frames of HTTP/2";
pub(super) const TLS_RECEIVED: &str = "TLS: 64 KiB received";

/// In the order in which they are printed.
pub(super) const GROUPS: [&str; 24] = [
    BROWSER_HEAD,
    SMALL_HEAD,
    RESPONSE_HEAD,
    CHUNKED_DECODE,
    CHUNKED_ENCODE,
    CONNECTION_SMALL,
    CONNECTION_PIPELINED,
    CONNECTION_BROWSER,
    CONNECTION_SIZED_UP,
    CONNECTION_CHUNKED_UP,
    CONNECTION_CHUNKED_DOWN,
    HPACK_DECODE,
    HPACK_ENCODE,
    HTTP2_HEADS,
    HTTP2_HEADS_PATHS,
    HTTP2_HEADS_ORDERS,
    HTTP2_FRAMES,
    HTTP2_SMALL,
    HTTP2_BROWSER,
    HTTP2_BLOCK,
    TLS_SMALL,
    TLS_SENT,
    TLS_FRAMES,
    TLS_RECEIVED,
];

impl Case {
    pub(super) fn new(group: &'static str, name: &'static str, prepare: fn() -> Work) -> Self {
        Self { group, name, prepare }
    }

    /// Contained in the name of no other case.
    pub(super) fn full_name(&self) -> String {
        format!("{}: {}.", self.group, self.name)
    }
}

/// Work that repeats a closure without a call through a pointer for each run.
pub(super) fn repeat(mut once: impl FnMut() + 'static) -> Work {
    Box::new(move |times| (0..times).for_each(|_| once()))
}
