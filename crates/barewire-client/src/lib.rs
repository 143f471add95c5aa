//! An HTTP client, written once, for every barewire runtime.
//!
//! [`Client`] is asynchronous over any [`Runtime`](barewire_rt::Runtime): it needs sockets and time, and
//! never starts a task. [`blocking`] has the same names without async. Who writes an application takes them
//! from `barewire`, together with a runtime.
//!
//! ```no_run
//! use barewire_client::Client;
//! use barewire_smol::Smol;
//!
//! # futures_lite::future::block_on(async {
//! let client = Client::new(Smol::default());
//! let text = client.get("http://example.org/").send().await?.error_for_status()?.text().await?;
//!
//! let response = client
//!     .post("http://example.org/upload")
//!     .header("content-type", "text/plain")
//!     .body(text)
//!     .send()
//!     .await?;
//! println!("{}", response.status());
//! # Ok::<(), barewire_client::Error>(())
//! # });
//! ```
//!
//! # What it does
//!
//! - Bodies are streamed both ways: [`Body`] is an [`http_body::Body`], and [`Response::chunk`] reads on when
//!   it is asked to. A slow reader holds the server back; nothing is buffered without limit.
//! - Connections are kept and used again, with limits for each host ([`PoolLimits`]); who waits for one is
//!   served in order. A kept connection that turns out to be closed costs one silent second try, only where
//!   that cannot have an effect twice.
//! - Connecting tries the addresses of both families, one soon after the other (RFC 8305).
//! - Every wait has a limit ([`Timeouts`]), and an [`Error`] says what happened, where, and what to do.
//!
//! # What it leaves out
//!
//! So far: TLS (an `https` URL is [an error](ErrorKind::TlsUnavailable)), HTTP/2, redirects, cookies,
//! compression, proxies and authentication. User names and passwords in URLs are refused rather than
//! sent: they end up in logs.
//!
//! # Features
//!
//! - `tracing`: connections opened, reused and given up, as `tracing` events at the debug level.

#![forbid(unsafe_code)]

pub mod blocking;
mod body;
mod client;
mod config;
mod connect;
mod connection;
mod deadline;
mod error;
mod exchange;
mod execute;
mod head;
mod hosts;
mod incoming;
mod line;
#[cfg(feature = "http2")]
mod multiplex;
mod origin;
mod park;
mod pool;
mod request;
mod response;
mod retry;
mod shared;
mod target;
mod timed;
#[cfg(feature = "tls")]
mod tls;
mod trace;
mod upload;
mod wire;

pub use body::Body;
pub use client::{Client, ClientBuilder, Connections};
pub use config::{Config, PoolLimits, Timeouts, Versions};
pub use error::{BoxError, Error, ErrorKind, Phase};
pub use request::RequestBuilder;
pub use response::Response;
pub use target::{IntoUrl, UrlError};
