//! A sans-IO HTTP/1.1 endpoint, client and server (RFC 9110, RFC 9112).
//!
//! [`ServerConnection`] and [`ClientConnection`] are state machines: bytes go in, events and bytes come
//! out, and time is told to them. They open no socket, start no thread and never ask what time it is, so
//! they run in any runtime, in a proxy's own event loop, in a simulator or in WASM.
//!
//! Who wants a web server or an HTTP client takes `barewire`. Who wants only to parse a head, or to take
//! chunked framing off a stream, uses [`head`] and [`chunked`] alone: they need no connection.
//!
//! ```text
//!                 ┌───────────────── ServerConnection ─────────────────┐
//!  input() ──────▶│ head::parse_request ─▶ framing ─▶ body ─▶ events   │──▶ poll_event()
//!  output() ◀─────│ encode ◀─ send_response, send_data, send_trailers  │◀── commands
//!                 └─────────────────────────────────────────────────────┘
//! ```
//!
//! What all protocols have in common, `input()` to `handle_timeout()`, are methods of the trait
//! [`Protocol`](proto::Protocol), which has to be in scope; a loop that drives it over a socket is in [`proto`]. The
//! crate needs `std`, as `http` does.
//!
//! # A server without a socket
//!
//! ```
//! use barewire_h1::proto::{Buf, Bytes, Protocol};
//! use barewire_h1::{BodyLength, Config, ServerConnection, ServerEvent, http};
//!
//! let mut server = ServerConnection::new(Config::default());
//! let rest = server.input().push(Bytes::from_static(b"GET /hello HTTP/1.1\r\nHost: example\r\n\r\n"));
//! assert!(rest.is_empty());
//! while let Some(event) = server.poll_event()? {
//!     if let ServerEvent::Request(request, BodyLength::Empty) = event {
//!         assert_eq!(request.uri(), "/hello");
//!         server.respond(&http::Response::new(()), Bytes::from_static(b"Hello"))?;
//!     }
//! }
//! assert_eq!(server.output().chunk(), b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nHello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Strictness
//!
//! What could be read in two ways by two parties is refused: see [`ErrorKind`] for all that is, and
//! [`Leniency`] for what can be allowed by name. Every limit is a field of [`Limits`].

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod block;
mod body;
pub mod chunked;
mod client;
mod config;
mod diagnose;
mod encode;
mod error;
mod event;
mod exchange;
mod fields;
mod framing;
pub mod head;
mod repeat;
mod section;
mod server;
mod state;
mod target;
mod timer;
mod verbs;

pub use barewire_proto as proto;
pub use client::ClientConnection;
pub use config::{Config, Leniency, Limits, Timeouts};
pub use error::{Error, ErrorKind, UsageError};
pub use event::{BodyLength, ClientEvent, ServerEvent};
pub use http;
pub use server::ServerConnection;
