//! An HTTP server, written once, for every barewire runtime.
//!
//! A handler is an async function from `http::Request<Body>` to a response. [`Server`] accepts connections
//! and gives each a task of its own; within a connection nothing is spawned, and a handler is polled in
//! place.
//!
//! ```
//! use barewire_server::{Body, Server};
//! use barewire_rt::Spawn;
//! use barewire_smol::Smol;
//! use http::{Request, Response};
//!
//! async fn hello(_request: Request<Body>) -> Response<Body> {
//!     Response::new("Hello, World!".into())
//! }
//!
//! let runtime = Smol::default();
//! let server = Server::bind(runtime.clone(), "127.0.0.1:0".parse()?)?;
//! println!("listening on http://{}", server.local_addr()?);
//! # server.handle().shutdown();
//! runtime.block_on(server.serve(hello))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! On threads, with [`blocking`] a handler is an ordinary function, and bodies are
//! [`std::io::Read`] through [`Body::into_reader`].
//!
//! Limits and timeouts are on by default: see [`Config`]. A panic in a handler is answered with 500, and the
//! server lives on.
//!
//! # Features
//!
//! - `tracing`: an access log (`INFO`) and what went wrong (`WARN`, `DEBUG`) as events of the target
//!   `barewire::server`.

#![forbid(unsafe_code)]

mod begin;
mod body;
mod channel;
mod connection;
mod date;
#[cfg(any(feature = "http2", feature = "tls"))]
mod detect;
mod drain;
mod error;
mod handler;
#[cfg(feature = "http2")]
mod http2;
mod layer;
mod log;
mod response;
mod server;

#[cfg(feature = "tls")]
pub use barewire_tls as tls;
pub use body::{Body, BodyReader};
pub use channel::{ChannelClosed, Sender};
pub use error::{BodyError, ServeError};
pub use handler::{Blocking, Handler, IntoResponse, blocking};
pub use server::{Config, ConnectInfo, Handle, Server, serve};
