use std::time::Duration;

/// What a connection accepts and how long it waits. Plain fields: start from [`Config::default`].
///
/// ```
/// use barewire_h1::Config;
///
/// let mut config = Config::default();
/// config.limits.max_body = 10 << 20;
/// config.leniency.bare_lf = true;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// How much a peer may send.
    pub limits: Limits,
    /// How long a peer may take.
    pub timeouts: Timeouts,
    /// What is tolerated although the peer should not send it. Nothing by default.
    pub leniency: Leniency,
}

/// How much a peer may send. What a connection holds is bounded by
/// `max_head + max_trailers + 2 * read_buffer` and the output's high-water mark.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one head, its request or status line and its end included; 431 (or 414 when the request
    /// line alone is longer). Guards memory. Default 64 KiB; hyper has about 400 KiB, nginx 32 KiB.
    pub max_head: usize,
    /// Fields of one head; 431. Guards the work of building the map. Default 100; hyper has 100, nginx none.
    pub max_fields: usize,
    /// Bytes of a request target; 414. Default 8,000 (RFC 9110, section 4.1); hyper has 65,534, nginx 8 KiB.
    pub max_target: usize,
    /// Bytes of the extensions of one chunk, 413, and of all chunks of one body 16 times as much. Guards
    /// the work spent on bytes that carry nothing. Default 256; hyper has 16 KiB.
    pub max_chunk_extension: usize,
    /// Bytes of a trailer section; 431. Default 16 KiB; hyper has 16 KiB.
    pub max_trailers: usize,
    /// Bytes of one body without its framing; 413. Default 2^64 - 1: none, since bodies are streamed.
    pub max_body: u64,
    /// Requests that are handed out before the first of them is answered (server), or sent before the first
    /// response has come (client). Further ones wait: in the transport, for a server, as
    /// [`UsageError::TooManyRequests`](crate::UsageError) for a client. At least 1, the default.
    pub max_pipelined: usize,
    /// Bytes of a request body that a server reads only to forget them once the response was sent, so that
    /// the connection can be used again; with more to come it is closed. Default 256 KiB.
    pub max_discard: u64,
    /// Informational responses to one request that a client takes. Default 16.
    pub max_informational: usize,
    /// Bytes read ahead of what the application took, and never less than a head, a trailer section or a chunk
    /// extension may have. Default 256 KiB; the allocation follows what arrives.
    pub read_buffer: usize,
    /// Bytes of output from which on body commands take nothing more. Default 256 KiB: a large body leaves with
    /// few system calls, and what is queued shares the memory of the application's own parts.
    pub write_buffer: usize,
}

impl Limits {
    /// The room for input: what is only judged when it is whole has to fit, and `beside` it what is read ahead.
    pub(crate) fn input(&self, beside: usize) -> usize {
        let longest = self.max_head.max(self.max_trailers).max(self.max_chunk_extension);
        self.read_buffer.max(longest.saturating_add(beside))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_head: 64 * 1024,
            max_fields: 100,
            max_target: 8_000,
            max_chunk_extension: 256,
            max_trailers: 16 * 1024,
            max_body: u64::MAX,
            max_pipelined: 1,
            max_discard: 256 * 1024,
            max_informational: 16,
            read_buffer: 256 * 1024,
            write_buffer: 256 * 1024,
        }
    }
}

/// How long a peer may take. `None` is for ever.
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// From the first byte of a head, or from the beginning of the connection, to the head's end; 408.
    /// A connection that never sent a byte is closed without an answer. Server only. Default 30 s.
    pub head: Option<Duration>,
    /// Between messages on a kept connection; closed without an answer. Server only. Default 60 s.
    pub idle: Option<Duration>,
    /// While a body is awaited: in each such period at least
    /// [`body_progress_bytes`](Self::body_progress_bytes) have to arrive, not counting the framing of chunks; 408.
    /// It is not awaited from a client that waits to be told to continue. Server only. Default 30 s.
    pub body_progress: Option<Duration>,
    /// See [`body_progress`](Self::body_progress). Default 1,024 bytes, which a body's end also satisfies.
    pub body_progress_bytes: u64,
    /// How long the peer may take nothing at all of what waits in the output. Default 30 s.
    pub write_progress: Option<Duration>,
    /// How long a server that has closed its side goes on reading what the peer still sends, so that the
    /// peer can read the last response before a reset reaches it (RFC 9112, section 9.6). Default 2 s.
    pub linger: Duration,
    /// After how long without traffic the buffers are given back. Default 1 s.
    pub release_buffers: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Some(Duration::from_secs(30)),
            idle: Some(Duration::from_secs(60)),
            body_progress: Some(Duration::from_secs(30)),
            body_progress_bytes: 1024,
            write_progress: Some(Duration::from_secs(30)),
            linger: Duration::from_secs(2),
            release_buffers: Duration::from_secs(1),
        }
    }
}

/// What is tolerated although the peer should not send it. Each is allowed by the RFC, and each has been
/// part of a request-smuggling attack when two parties disagreed about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leniency {
    /// Take LF alone for the end of a line of a head (RFC 9112, section 2.2); never in chunked framing.
    pub bare_lf: bool,
    /// When both are present, obey `Transfer-Encoding`, remove `Content-Length`, and close the connection
    /// after the message (RFC 9112, section 6.1).
    pub content_length_with_transfer_encoding: bool,
    /// Take several `Content-Length` of the same value, on lines of their own or in a list, for one
    /// (RFC 9110, section 8.6).
    pub identical_content_length: bool,
    /// In responses, take white space between a field name and its colon away (RFC 9112, section 5.1). In
    /// requests it is always refused.
    pub whitespace_before_colon: bool,
    /// In responses, replace each line folding by spaces (RFC 9112, section 5.2). In requests it is always
    /// refused.
    pub obsolete_line_folding: bool,
}
