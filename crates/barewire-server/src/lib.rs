//! An HTTP server, written once, for every barewire runtime.
//!
//! A handler is an async function from `http::Request<Body>` to a response. [`Server`] accepts connections
//! and gives each a task of its own; within a connection nothing is spawned, and a handler is polled in
//! place.
//!
//! ```
//! use barewire_server::{Body, Server};
//! use barewire_smol::Smol;
//! use http::{Request, Response};
//!
//! async fn hello(_request: Request<Body>) -> Response<Body> {
//!     Response::new("Hello, World!".into())
//! }
//!
//! let runtime = Smol::default();
//! let server = Server::listen(runtime.clone(), "127.0.0.1:0")?;
//! println!("listening on http://{}", server.local_addr()?);
//! # server.handle().shutdown();
//! runtime.block_on(server.serve(hello))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The same handlers serve HTTP/1.1 and HTTP/2 on one port. In clear text a client that knows that the server
//! speaks HTTP/2 begins with that, and with `Config::h2c_upgrade` one that does not may ask for it in HTTP/1.1; in
//! TLS, which `Server::tls` turns on, ALPN decides; `Config::http1_only` turns HTTP/2 off. `request.version()` tells which it was. Requests of one HTTP/2
//! connection are handled at the same time, each on its stream: a slow handler, or a client that reads one of the
//! responses slowly, does not hold up the others. When the client resets a stream, its handler's future is dropped.
//!
//! On threads, with [`blocking`] a handler is an ordinary function, and bodies are
//! [`std::io::Read`] through [`Body::into_reader`]. An HTTP/2 connection has one thread as long as handlers are
//! fast, and takes another one for each that is not, within the bounds of `Config::max_extra_threads`.
//!
//! Limits and timeouts are on by default: see [`Config`]. A panic in a handler is answered with 500, and the
//! server lives on.
//!
//! # Features
//!
//! - `http2` (default): HTTP/2.
//! - `json`: `Body::json` and `Json`, a response, by serde_json.
//! - `tls`: HTTPS, by rustls: `Server::tls` and the module `tls`. Without it nothing of TLS is built.
//! - `self-signed`: `tls`, and `tls::SelfSigned`, certificates that are made on the spot, for development.
//! - `tracing`: an access log (`INFO`) and what went wrong (`WARN`, `DEBUG`) as events of the target
//!   `barewire::server`.

#![forbid(unsafe_code)]

mod accept;
mod begin;
mod body;
mod channel;
mod config;
mod connection;
mod date;
#[cfg(any(feature = "http2", feature = "tls"))]
mod detect;
mod drain;
mod error;
mod handler;
#[cfg(feature = "http2")]
mod http2;
#[cfg(feature = "json")]
mod json;
mod layer;
mod log;
mod reader;
mod response;
mod server;
mod shared;
#[cfg(feature = "http2")]
mod upgrade;

#[cfg(feature = "tls")]
pub use barewire_tls as tls;
pub use body::Body;
pub use channel::{ChannelClosed, Sender};
pub use config::Config;
pub use error::{BodyError, ServeError};
pub use handler::{Blocking, Handler, IntoResponse, blocking};
#[cfg(feature = "json")]
pub use json::Json;
pub use reader::BodyReader;
pub use server::{ConnectInfo, Handle, Server, serve};
