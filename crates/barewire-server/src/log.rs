//! What a server has to say about itself; nothing of it is built without the feature `tracing`.

use std::io;
#[cfg(feature = "tracing")]
use std::time::Instant;

use barewire_rt::PeerAddr;
#[cfg(feature = "tracing")]
use http::{Method, Uri, Version};
use http::{Request, StatusCode};

#[cfg(feature = "tracing")]
const TARGET: &str = "barewire::server";

/// What the access log needs of a request once it is answered.
#[derive(Default)]
pub(crate) struct Access {
    #[cfg(feature = "tracing")]
    line: Option<Line>,
}

#[cfg(feature = "tracing")]
struct Line {
    method: Method,
    uri: Uri,
    version: Version,
    begun: Instant,
    status: StatusCode,
}

impl Access {
    /// Copies nothing while nobody listens.
    #[cfg(feature = "tracing")]
    pub(crate) fn begin<B>(request: &Request<B>) -> Self {
        let enabled = tracing::enabled!(target: TARGET, tracing::Level::INFO);
        let line = enabled.then(|| Line {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            begun: Instant::now(),
            status: StatusCode::OK,
        });
        Self { line }
    }

    #[cfg(not(feature = "tracing"))]
    pub(crate) fn begin<B>(_: &Request<B>) -> Self {
        Self {}
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn status(&mut self, status: StatusCode) {
        if let Some(line) = &mut self.line {
            line.status = status;
        }
    }

    #[cfg(not(feature = "tracing"))]
    pub(crate) fn status(&mut self, _: StatusCode) {}

    /// Without `bytes`, the client was gone before all was sent.
    #[cfg(feature = "tracing")]
    pub(crate) fn end(&mut self, peer: &PeerAddr, bytes: Option<u64>) {
        let Some(Line { method, uri, version, begun, status }) = self.line.take() else { return };
        let (status, whole) = (status.as_u16(), bytes.is_some());
        let bytes = bytes.unwrap_or_default();
        let elapsed_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(
            target: TARGET, %peer, %method, %uri, ?version, status, bytes, elapsed_us, whole, "request"
        );
    }

    #[cfg(not(feature = "tracing"))]
    pub(crate) fn end(&mut self, _: &PeerAddr, _: Option<u64>) {}
}

#[cfg(feature = "tracing")]
pub(crate) fn panicked(peer: &PeerAddr, message: &dyn std::fmt::Display) {
    tracing::error!(target: TARGET, %peer, %message, "a handler panicked; the client got 500");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn panicked(_: &PeerAddr, _: &dyn std::fmt::Display) {}

#[cfg(feature = "tracing")]
pub(crate) fn bad_response(peer: &PeerAddr, error: &dyn std::error::Error) {
    tracing::error!(target: TARGET, %peer, %error, "a handler's response cannot be sent; the client got 500");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn bad_response(_: &PeerAddr, _: &dyn std::error::Error) {}

#[cfg(all(feature = "tracing", feature = "json"))]
pub(crate) fn not_json(error: &dyn std::error::Error) {
    tracing::error!(target: TARGET, %error, "what a handler answers is no JSON; the client gets 500");
}

#[cfg(all(not(feature = "tracing"), feature = "json"))]
pub(crate) fn not_json(_: &dyn std::error::Error) {}

#[cfg(feature = "tracing")]
pub(crate) fn body_failed(peer: &PeerAddr, error: &dyn std::error::Error) {
    tracing::warn!(target: TARGET, %peer, %error, "a response's body broke off; the connection was cut");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn body_failed(_: &PeerAddr, _: &dyn std::error::Error) {}

/// `told` is the status or the error code that the client got.
#[cfg(feature = "tracing")]
pub(crate) fn violated(peer: &PeerAddr, error: &dyn std::error::Error, told: Option<u32>) {
    tracing::debug!(target: TARGET, %peer, %error, answer = told, "a client broke the protocol");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn violated(_: &PeerAddr, _: &dyn std::error::Error, _: Option<u32>) {}

#[cfg(feature = "tracing")]
pub(crate) fn broken(peer: &PeerAddr, error: &io::Error) {
    tracing::debug!(target: TARGET, %peer, %error, "a connection broke");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn broken(_: &PeerAddr, _: &io::Error) {}

#[cfg(feature = "tracing")]
pub(crate) fn accept_failed(error: &io::Error) {
    tracing::warn!(target: TARGET, %error, "a connection could not be accepted");
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn accept_failed(_: &io::Error) {}

#[cfg(all(feature = "tracing", feature = "http2"))]
pub(crate) fn stranded(peer: &PeerAddr) {
    tracing::warn!(target: TARGET, %peer, "all threads of a connection are blocked in handlers, and there are no more to be had; the client is told to go elsewhere");
}

#[cfg(all(not(feature = "tracing"), feature = "http2"))]
pub(crate) fn stranded(_: &PeerAddr) {}
