//! TLS as a sans-IO layer around any protocol (RFC 8446, RFC 5246), by rustls.
//!
//! [`Tls<P>`](Tls) is a [`Protocol`](barewire_proto::Protocol) that has another one inside: its input and
//! output are records, those of `P` are plaintext. So whatever drives `P` drives `P` in TLS, on every
//! runtime, blocking ones too. Who wants a web server or client takes `barewire` and its feature `tls`.
//!
//! ```text
//!               ┌──────────────────────── Tls<P> ────────────────────────┐
//!  input() ────▶│ rustls ─ decrypts ─▶ inner.input()  ┌───┐ poll_event() │──▶ Established, Inner(event)
//!  output() ◀───│ rustls ◀─ encrypts ─ inner.output() └─P─┘ ◀─ commands  │◀── inner_mut()
//!               └────────────────────────────────────────────────────────┘
//! ```
//!
//! - `P` is made when the handshake is done, by a closure that is shown what was [`Negotiated`]: an enum of
//!   HTTP/1.1 and HTTP/2 is made by looking at [`Negotiated::alpn`].
//! - What commands on [`Tls::inner_mut`] put out is encrypted when [`output`](barewire_proto::Protocol::output)
//!   is called, which every driver does before it writes.
//! - Who does not read makes nobody decrypt, and what is not sent is not encrypted: see
//!   [`read_buffer`](ServerConfigBuilder::read_buffer) and [`write_buffer`](ServerConfigBuilder::write_buffer).
//! - When `P` finishes its output, `close_notify` follows it. An end without `close_notify` is
//!   [`ErrorKind::Truncated`], unless [`Tls::tolerate_end`] says that it does no harm there. When `P` is
//!   closed without having finished, no `close_notify` is sent: the peer must not take it for an end.
//!
//! ```
//! # #[cfg(feature = "self-signed")] {
//! use barewire_proto::{Buf, Input, Output, Protocol};
//! use barewire_tls::{Event, SelfSigned, Tls};
//! # use std::{convert::Infallible, time::Instant};
//! # struct Lines { input: Input, output: Output }
//! # impl Lines { fn new() -> Self { Self { input: Input::new(1024), output: Output::default() } }
//! #     fn say(&mut self, line: &str) { self.output.put(line.as_bytes()); self.output.put(b"\n"); } }
//! # impl Protocol for Lines {
//! #     type Event = String; type Error = Infallible;
//! #     fn input(&mut self) -> &mut Input { &mut self.input }
//! #     fn output(&mut self) -> &mut Output { &mut self.output }
//! #     fn wants_read(&self) -> bool { !self.input.is_full() }
//! #     fn is_closed(&self) -> bool { false }
//! #     fn poll_event(&mut self) -> Result<Option<String>, Infallible> {
//! #         let end = self.input.filled().iter().position(|&byte| byte == b'\n');
//! #         Ok(end.map(|at| { let line = self.input.split_to(at); self.input.consume(1);
//! #             String::from_utf8_lossy(&line).into_owned() }))
//! #     }
//! #     fn poll_timeout(&self) -> Option<Instant> { None }
//! #     fn handle_timeout(&mut self, _: Instant) {}
//! # }
//! // `Lines` is a protocol whose events are lines.
//! let made = SelfSigned::new(["localhost"])?;
//! let mut server = Tls::server(&made.server().alpn(["lines"]).build()?, |negotiated| {
//!     assert_eq!(negotiated.alpn(), Some(&b"lines"[..]));
//!     Lines::new()
//! });
//! let mut client = Tls::client(&made.client().alpn(["lines"]).build()?, "localhost", |_| Lines::new())?;
//!
//! let mut heard = Vec::new();
//! while heard.is_empty() {
//!     if let Some(Event::Established) = client.poll_event()? {
//!         client.inner_mut().expect("it is made").say("hello");
//!     }
//!     carry(&mut client, &mut server);
//!     if let Some(Event::Inner(line)) = server.poll_event()? {
//!         heard.push(line);
//!     }
//!     carry(&mut server, &mut client);
//! }
//! assert_eq!(heard, ["hello"]);
//!
//! /// What a driver does with two sockets.
//! fn carry(from: &mut impl Protocol, to: &mut impl Protocol) {
//!     while from.output().has_remaining() {
//!         let output = from.output();
//!         let spare = to.input().spare(output.chunk().len());
//!         let n = spare.len().min(output.chunk().len());
//!         spare[..n].copy_from_slice(&output.chunk()[..n]);
//!         to.input().commit(n);
//!         output.advance(n);
//!     }
//! }
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where it is not as pure as the others
//!
//! - Randomness comes from the system, through the provider of rustls (`ring`): the bytes put out differ from
//!   one run to the next, and how plaintext is cut into records depends on how the output is drained. The
//!   plaintext itself does not, nor do events and errors.
//! - Answers that are not encrypted yet when a record turns out to be broken are void: rustls encrypts nothing after
//!   it found an error. Events and the error itself do not depend on how the bytes arrive.
//! - rustls asks the system's clock whether certificates and tickets are valid. All timeouts are told through
//!   [`handle_timeout`](barewire_proto::Protocol::handle_timeout), as everywhere.
//! - rustls allocates once for each record in either direction.
//! - Only the functions of configurations that say so read files, and they do it on the calling thread.
//!
//! # Features
//!
//! - `platform-roots` (default): clients trust whom the operating system trusts.
//! - `self-signed`: [`SelfSigned`], certificates made on the spot for development.

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

mod alpn;
mod certificates;
mod client;
mod config;
mod error;
mod flow;
mod foreign;
mod layer;
#[cfg(feature = "self-signed")]
mod self_signed;
mod server;
mod session;

pub use alpn::{Negotiated, Version};
pub use certificates::CertificateError;
pub use client::{ClientConfig, ClientConfigBuilder};
pub use config::ConfigError;
pub use error::{Alert, Error, ErrorKind, TlsError};
pub use layer::{Event, Tls};
pub use rustls;
#[cfg(feature = "self-signed")]
pub use self_signed::SelfSigned;
pub use server::{ServerConfig, ServerConfigBuilder};
