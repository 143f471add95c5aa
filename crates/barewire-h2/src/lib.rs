//! A sans-IO HTTP/2 connection, client and server (RFC 9113, RFC 8441, RFC 9218).
//!
//! [`ServerConnection`] and [`ClientConnection`] are state machines: bytes go in, events and bytes come out, and
//! time is told to them. They open no socket, start no thread and never ask what time it is, so they run in any
//! runtime, in a proxy's own event loop, in a simulator or in WASM.
//!
//! Who wants a web server or an HTTP client takes `barewire`. Who wants only to read and write frames uses
//! [`frame`] alone: it needs no connection.
//!
//! ```text
//!                 ┌──────────────────── ServerConnection ─────────────────────┐
//!  input() ──────▶│ frame ─▶ header blocks, DATA ─▶ streams ─▶ events          │──▶ poll_event()
//!  output() ◀─────│ frame ◀─ scheduler, windows ◀─ streams ◀─ commands         │◀── respond, send_data, ..
//!                 └────────────────────────────────────────────────────────────┘
//! ```
//!
//! What all protocols have in common, `input()` to `handle_timeout()`, are methods of the trait
//! [`Protocol`](proto::Protocol), which has to be in scope; a loop that drives it over a socket is in [`proto`]. The
//! crate needs `std`, as `http` does.
//!
//! # A client and a server without a socket
//!
//! ```
//! use barewire_h2::proto::{Buf, Bytes, Protocol};
//! use barewire_h2::{BodyLength, ClientConnection, ClientEvent, Config, ServerConnection, ServerEvent, http};
//!
//! fn carry(from: &mut impl Protocol, to: &mut impl Protocol) {
//!     let n = from.output().remaining();
//!     let rest = to.input().push(from.output().copy_to_bytes(n));
//!     assert!(rest.is_empty());
//! }
//!
//! let mut client = ClientConnection::new(Config::default());
//! let mut server = ServerConnection::new(Config::default());
//! let request = http::Request::get("http://example.com/hello").body(())?;
//! let id = client.send_request(&request, BodyLength::Empty)?;
//! carry(&mut client, &mut server);
//! while let Some(event) = server.poll_event()? {
//!     if let ServerEvent::Request(id, request, BodyLength::Empty) = event {
//!         assert_eq!(request.uri(), "http://example.com/hello");
//!         server.respond(id, &http::Response::new(()), Bytes::from_static(b"Hello"))?;
//!     }
//! }
//! carry(&mut server, &mut client);
//! let mut body = Vec::new();
//! while let Some(event) = client.poll_event()? {
//!     match event {
//!         ClientEvent::Response(answered, response, _) => {
//!             assert_eq!((answered, response.status()), (id, http::StatusCode::OK));
//!         }
//!         ClientEvent::Data(id, data) => {
//!             body.extend_from_slice(&data);
//!             client.release_capacity(id, data.len());
//!         }
//!         _ => {}
//!     }
//! }
//! assert_eq!(body, b"Hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Flow control
//!
//! HTTP/2 must go on reading, so a reader that is slow does not push back by not polling: `Data` is charged to the
//! windows of its stream and of the connection until `release_capacity` gives it back, or `discard` says that
//! nobody wants it. The other way round, `send_data` takes what fits and leaves the rest.
//!
//! A proxy releases what the other side took, and keeps the rest of each stream until `Writable`. More `Data` comes
//! meanwhile, up to the stream's window: what was left is a queue, and never more than that window.
//!
//! # Attacks, and what they may cost
//!
//! Everything that a peer sends is bounded, in memory by [`Settings`] and [`Limits`], in time by [`Timeouts`]. What
//! goes beyond a rate ends the connection with GOAWAY ENHANCE_YOUR_CALM; an error of one stream resets that stream
//! and counts towards `provoked_resets`.
//!
//! | attack | limit | ends in |
//! |---|---|---|
//! | rapid reset, CVE-2023-44487 | [`Limits::resets`] | [`ErrorKind::ResetFlood`] |
//! | resets provoked by the peer ("MadeYouReset"), CVE-2025-8671; streams beyond the limit | [`Limits::provoked_resets`] | [`ErrorKind::ProvokedResetFlood`] |
//! | CONTINUATION flood, CVE-2024-27316 and its kin | [`Limits::max_continuations`], [`Limits::max_header_block`] | [`ErrorKind::TooManyContinuations`], [`ErrorKind::HeaderBlockTooLarge`] |
//! | PING flood, CVE-2019-9512 | [`Limits::pings`] | [`ErrorKind::PingFlood`] |
//! | SETTINGS flood, CVE-2019-9515 | [`Limits::settings`] | [`ErrorKind::SettingsFlood`] |
//! | empty frames, CVE-2019-9518 | [`Limits::empty_frames`] | [`ErrorKind::EmptyFrameFlood`] |
//! | tiny DATA frames | [`Limits::tiny_data`] | [`ErrorKind::TinyDataFlood`] |
//! | resource loop by priorities, CVE-2019-9513 | [`Limits::priorities`], [`Limits::max_early_priorities`] | [`ErrorKind::PriorityFlood`] |
//! | WINDOW_UPDATE flood | [`Limits::window_updates`] | [`ErrorKind::WindowUpdateFlood`] |
//! | unknown frames | [`Limits::unknown_frames`] | [`ErrorKind::UnknownFrameFlood`] |
//! | dribbled windows, CVE-2019-9511 | [`Timeouts::stall`] | [`ErrorKind::DribbledWindow`], or the stream's [`ErrorKind::StallTimeout`] |
//! | answers that are not read, CVE-2019-9517 | [`Limits::write_buffer`], [`Limits::send_buffer`], [`Timeouts::write_progress`] | reading stops; [`ErrorKind::WriteTimeout`] |
//! | 0-length headers, CVE-2019-9516; header list bombs | [`Settings::max_header_list_size`], [`Limits::max_fields`] | 431, and `provoked_resets` |
//! | window overflow | the protocol's own | [`ErrorKind::WindowOverflow`], FLOW_CONTROL_ERROR |
//! | a head or a preface that never ends | [`Timeouts::head`] | [`ErrorKind::HeadTimeout`] |
//! | a body that never comes | [`Timeouts::body_progress`] | the stream's [`ErrorKind::BodyTimeout`] |
//! | SETTINGS that are never acknowledged | [`Timeouts::settings_ack`] | [`ErrorKind::SettingsTimeout`] |
//!
//! # Memory of a connection
//!
//! Streams lie in a slab, about 110 bytes each, and one of them has an allocation of its own only while data waits
//! for a window. What applications hold is bounded by [`Settings::connection_window`]; what waits to be sent, by
//! [`Limits::send_buffer`] for each stream and [`Limits::write_buffer`] for the connection; both tables of header
//! compression by 4 KiB each and what they pin. Heads that come again are remembered, four of each direction and four
//! sets of fields, of at most 1 KiB on the wire each; [`Timeouts::release_buffers`] forgets them.

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

mod answers;
mod budget;
mod client;
mod config;
mod connection;
mod encode;
mod error;
mod event;
mod fields;
mod flow;
pub mod frame;
mod message;
mod print;
mod priority;
mod reason;
mod repeat;
mod scheduler;
mod server;
mod settings;
mod stream;
mod streams;
mod timer;
mod verbs;

pub use barewire_hpack::Policy;
pub use barewire_proto as proto;
pub use client::ClientConnection;
pub use config::{Config, Leniency, Limits, Rate, Settings, Timeouts};
pub use error::{Answer, Error, ErrorKind, Scope, UsageError};
pub use event::{BodyLength, ClientEvent, ConnectProtocol, ResetBy, ServerEvent};
pub use frame::StreamId;
pub use http;
pub use priority::Priority;
pub use reason::Reason;
pub use server::ServerConnection;
pub use settings::PeerSettings;
