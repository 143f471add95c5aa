//! HPACK: header compression for HTTP/2, encoder and decoder (RFC 7541).
//!
//! [`Decoder`] turns a header block into fields, [`Encoder`] fields into a header block. Each keeps one side's
//! dynamic table; neither knows of frames, streams or sockets. Who wants HTTP/2 takes `barewire-h2`, which is
//! built on this crate.
//!
//! ```text
//!  header block ──▶ Decoder ──▶ static table, dynamic table ──▶ visit(Cow<Field>)
//!  header block ◀── Encoder ◀── static table, dynamic table ◀── block(..).field(name, value)
//! ```
//!
//! # There and back
//!
//! ```
//! use barewire_hpack::{Decoder, Encoder, HeaderField, Policy};
//! use bytes::BytesMut;
//!
//! let mut encoder = Encoder::new(Policy::default());
//! let mut block = BytesMut::new();
//! encoder.block(&mut block).field(b":method", b"GET").field(b"x-color", b"green");
//!
//! let mut decoder: Decoder = Decoder::new(4096);
//! let mut fields: Vec<HeaderField> = Vec::new();
//! let list = decoder.decode(&block, 16 * 1024, |field| fields.push(field.into_owned()))?;
//! assert!(!list.is_too_large());
//! assert_eq!(fields[1].name, "x-color");
//!
//! // The second time an index says it all.
//! block.clear();
//! encoder.block(&mut block).field(b":method", b"GET").field(b"x-color", b"green");
//! assert_eq!(block.len(), 2);
//! # Ok::<(), barewire_hpack::Error>(())
//! ```
//!
//! # What is kept for an entry
//!
//! The decoder is generic over a [`Field`]: a consumer that needs an `http::Method` or a checked
//! `http::HeaderValue` keeps that in the table, so that a field which comes again as an index is one cheap
//! clone and is never parsed again. [`HeaderField`] is the plain pair of name and value.

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

mod decoder;
mod encoder;
mod error;
mod field;
pub mod huffman;
pub mod integer;
mod known;
mod lookup;
mod policy;
mod prepared;
pub mod static_table;
mod store;
mod table;

pub use decoder::{Decoder, ListSize};
pub use encoder::{Block, Encoder};
pub use error::{Error, ErrorKind};
pub use field::{Field, HeaderField, Value};
pub use policy::{Indexing, Policy};
pub use prepared::Prepared;
pub use static_table::StaticTable;
