//! TLS as a layer around any sans-IO protocol (RFC 8446, RFC 5246), by rustls.
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
