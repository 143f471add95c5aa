//! Bare protocols, any wire: an HTTP client and server on smol, async-std or blocking std sockets.
//!
//! Each protocol is a crate of its own that never touches a socket; each runtime is a thin adapter. This
//! crate puts them together for people who write applications.
//!
//! ```
//! # #[cfg(feature = "smol")] {
//! use barewire::http::{Request, Response};
//! use barewire::server::{Body, Server};
//! use barewire::smol::Smol;
//!
//! async fn hello(_: Request<Body>) -> Response<Body> {
//!     Response::new("Hello, World!".into())
//! }
//!
//! let runtime = Smol::default();
//! let server = Server::listen(runtime.clone(), "127.0.0.1:0")?;
//! println!("listening on http://{}", server.local_addr()?);
//! # server.handle().shutdown();
//! runtime.block_on(server.serve(hello))?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A client, on the same runtime or on another one:
//!
//! ```no_run
//! # #[cfg(feature = "smol")] {
//! use barewire::client::Client;
//! use barewire::smol::Smol;
//!
//! let runtime = Smol::default();
//! let client = Client::new(runtime.clone());
//! runtime.block_on(async {
//!     let response = client.get("http://example.org/").send().await?.error_for_status()?;
//!     println!("{}", response.text().await?);
//!     Ok::<(), barewire::client::Error>(())
//! })?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is where
//!
//! - [`server`]: `Server`, its `Config`, bodies, what handlers are and return.
//! - [`client`]: `Client`, requests, responses, errors; `client::blocking` is the same without async.
//! - `smol`, `async_std`, `std`: the runtimes, with `block_on`, `spawn`, `spawn_blocking` and `sleep`, and their sockets.
//!   [`rt`] has the traits that they implement: [`rt::Spawn`] and [`rt::Runtime`] are for what runs on any of them.
//! - `tls`: certificates, and whom to trust.
//! - [`h1`] and `h2`: the protocols without I/O; [`proto`] has the trait that they implement.
//! - [`http`] and [`bytes`]: the crates whose types stand in all of these.
//!
//! # Features
//!
//! Each only adds.
//!
//! - `http2` (default): HTTP/2, beside HTTP/1.1; the protocol itself is `h2`.
//! - `json`: JSON as a body, in client and server, from and to any type of serde.
//! - `tls`: https, by rustls, as `tls`. Without it nothing of TLS is built.
//! - `platform-roots`: `tls`, and clients trust whom the operating system trusts, unless they are told whom.
//! - `self-signed`: `tls`, and certificates made on the spot, for development.
//! - `smol` (default): the adapter for smol, as `smol`.
//! - `async-std`: the adapter for async-std, which is discontinued upstream, as `async_std`.
//! - `std`: the adapter for threads and blocking sockets, as `std`.
//! - `tracing`: access and error logs of the server, and what the client does with its connections, as `tracing`
//!   events.
//!
//! `default-features = false` leaves HTTP/2 out too: name `http2` beside the runtime to keep it.

#![forbid(unsafe_code)]

pub use barewire_client as client;
pub use barewire_h1 as h1;
#[cfg(feature = "http2")]
pub use barewire_h2 as h2;
pub use barewire_proto as proto;
pub use barewire_rt as rt;
pub use barewire_server as server;
#[cfg(feature = "tls")]
pub use barewire_tls as tls;
pub use {bytes, http};

#[cfg(feature = "async-std")]
pub use barewire_async_std as async_std;
#[cfg(feature = "smol")]
pub use barewire_smol as smol;
#[cfg(feature = "std")]
pub use barewire_std as std;
