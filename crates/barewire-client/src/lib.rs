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
//! - HTTP/2 wherever the server picks it in the TLS handshake, or is known to speak it
//!   (`ClientBuilder::http2_prior_knowledge`): requests share one connection, and another one is opened when
//!   the server takes no more at once. What a server says that it has not begun is sent again. The version that
//!   it was is in [`Response::version`].
//!
//! ```
//! # #[cfg(feature = "http2")] {
//! use barewire_client::Client;
//! use barewire_smol::Smol;
//! # use barewire_h2::{Config, ServerConnection, ServerEvent};
//! # use barewire_rt::{Driver, Listener, Runtime};
//! # let runtime = Smol::default();
//! # let listener = runtime.listen_tcp("127.0.0.1:0".parse()?, &Default::default())?;
//! # let url = format!("http://{}/", listener.local_addr()?);
//! # std::thread::spawn(move || futures_lite::future::block_on(async {
//! #     let (stream, _) = listener.accept().await.unwrap();
//! #     let mut driver = Driver::new(ServerConnection::new(Config::default()), stream);
//! #     while let Ok(Some(event)) = driver.next_event().await {
//! #         if let ServerEvent::Request(id, ..) = event {
//! #             let response = http::Response::new(());
//! #             driver.protocol_mut().respond(id, &response, "Hello".into()).unwrap();
//! #         }
//! #     }
//! # }));
//!
//! futures_lite::future::block_on(async {
//!     let client = Client::builder(Smol::default()).http2_prior_knowledge().build();
//!     // Both go over the same connection, at the same time.
//!     let (one, two) = futures_lite::future::try_zip(
//!         client.get(&url).send(),
//!         client.get(&url).send(),
//!     )
//!     .await?;
//!     assert_eq!(one.version(), http::Version::HTTP_2);
//!     assert_eq!(one.text().await? + &two.text().await?, "HelloHello");
//!     Ok::<(), barewire_client::Error>(())
//! })?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it leaves out
//!
//! So far: redirects, cookies, compression, proxies and authentication; pushed responses are refused. User
//! names and passwords in URLs are refused rather than sent: they end up in logs.
//!
//! Forms are bytes like any others, for the library of your choice, and so is JSON without the feature `json`. Text is
//! read as UTF-8; for another charset take `bytes`.
//!
//! # Features
//!
//! - `http2` (default): HTTP/2.
//! - `tls`: `https`. Without it such a URL is [an error](ErrorKind::TlsUnavailable), and nothing of TLS is
//!   built.
//! - `json`: `RequestBuilder::json` and `Response::json`, by serde_json.
//! - `platform-roots`: `tls`, and whom the operating system trusts is trusted unless
//!   `ClientBuilder::tls` says otherwise.
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
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "http2")]
mod keep;
mod line;
#[cfg(feature = "http2")]
mod multiplex;
mod open_error;
mod origin;
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
