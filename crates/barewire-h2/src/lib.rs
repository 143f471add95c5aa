//! A sans-IO HTTP/2 connection, client and server (RFC 9113, RFC 8441, RFC 9218).

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

pub use client::ClientConnection;
pub use config::{Config, Leniency, Limits, Rate, Settings, Timeouts};
pub use error::{Answer, Error, ErrorKind, Scope, UsageError};
pub use event::{BodyLength, ClientEvent, ConnectProtocol, ResetBy, ServerEvent};
pub use frame::StreamId;
pub use priority::Priority;
pub use reason::Reason;
pub use server::ServerConnection;
pub use settings::PeerSettings;
