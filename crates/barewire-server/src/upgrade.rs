//! From HTTP/1.1 to HTTP/2 on one connection in clear text, when a request offers it (RFC 7540, section 3.2).

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use barewire_h1::ServerConnection;
use barewire_proto::Protocol;
use barewire_rt::{Driver, PeerAddr, Spawn, Transport};
use http::header::{CONNECTION, HOST, HeaderName, UPGRADE};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};

use crate::begin::{Common, Visit};
use crate::connection::Connection;
use crate::drain::{Membership, Phase, Watched};
use crate::{Body, Handler, http2, log};

const SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// Bytes behind a request with which a connection is not upgraded. A client has to wait for the answer to its
/// offer, so that there are none; HTTP/2 takes over whatever is less than this.
const MOST_BEHIND: usize = 16 * 1024;

/// What becomes of offers to go on in HTTP/2.
#[derive(Debug, Default)]
pub(crate) enum Upgrade {
    /// They are ignored.
    #[default]
    Off,
    On(Arc<barewire_h2::Config>),
    /// One was taken, and the client told: HTTP/2 goes on, and its first request is the one with the offer.
    Taken(Box<barewire_h2::ServerConnection>),
}

/// A connection of HTTP/1.1 that has said its last word, and what goes on in its place.
pub(crate) struct Upgraded<L, T> {
    pub(crate) driver: Driver<L, T>,
    pub(crate) http2: Box<barewire_h2::ServerConnection>,
    pub(crate) membership: Membership,
    pub(crate) peer: PeerAddr,
}

impl Upgrade {
    #[inline]
    pub(crate) fn is_wanted(&self) -> bool {
        matches!(self, Self::On(_))
    }

    /// Takes the offer of a request without a body, if it makes one as it should. A server may ignore any offer, and
    /// one that is not as it should be is: then the request is answered in HTTP/1.1.
    pub(crate) fn take(&mut self, http1: &mut ServerConnection, request: &Request<Body>) -> bool {
        let Self::On(config) = self else { return false };
        if http1.input().len() >= MOST_BEHIND {
            return false;
        }
        let Some((settings, request)) = offer(request) else { return false };
        let Ok(http2) =
            barewire_h2::ServerConnection::upgraded(Arc::clone(config), &settings, request)
        else {
            return false;
        };
        let mut switching = Response::new(());
        *switching.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        switching.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
        switching.headers_mut().insert(UPGRADE, HeaderValue::from_static("h2c"));
        let told = http1.send_response(&switching, barewire_h1::BodyLength::Empty).is_ok();
        if told {
            *self = Self::Taken(Box::new(http2));
        }
        told
    }
}

/// The settings that a request offers HTTP/2 with, and the request with its target as HTTP/2 would have it.
fn offer(request: &Request<Body>) -> Option<(Vec<u8>, Request<()>)> {
    let headers = request.headers();
    let may = request.version() == Version::HTTP_11 && request.method() != Method::CONNECT;
    // Neither may come twice or be missing, and both are of this connection only (RFC 7540, section 3.2.1).
    let mut settings = headers.get_all(SETTINGS).iter();
    let (Some(value), None) = (settings.next(), settings.next()) else { return None };
    let offers = may
        && lists(headers, &UPGRADE, "h2c")
        && lists(headers, &CONNECTION, "upgrade")
        && lists(headers, &CONNECTION, SETTINGS.as_str());
    if !offers {
        return None;
    }
    let mut plain = Request::new(());
    *plain.method_mut() = request.method().clone();
    *plain.uri_mut() = target(request)?;
    *plain.headers_mut() = headers.clone();
    Some((value.as_bytes().to_vec(), plain))
}

/// Whether a field of comma-separated tokens names one of them.
fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|one| one.eq_ignore_ascii_case(token))
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// The target with scheme and authority, as requests of HTTP/2 have it.
fn target(request: &Request<Body>) -> Option<Uri> {
    let mut parts = request.uri().clone().into_parts();
    if parts.authority.is_none() {
        let host = request.headers().get(HOST).map(HeaderValue::as_bytes).unwrap_or_default();
        if !host.is_empty() {
            parts.authority = Some(Authority::try_from(host).ok()?);
            parts.scheme = Some(Scheme::HTTP);
        }
    }
    Uri::from_parts(parts).ok()
}

/// Goes on in HTTP/2, once the client has been told.
pub(crate) fn go_on<R, H, T>(
    common: Arc<Common<R, H>>,
    connection: Connection<ServerConnection, Watched<T>>,
) -> Pin<Box<dyn Future<Output = ()> + Send>>
where
    R: Spawn,
    H: Handler,
    T: Transport + Send + 'static,
{
    let upgraded = connection.into_upgraded();
    Box::pin(async move {
        let Some(Upgraded { mut driver, mut http2, membership, peer }) = upgraded else { return };
        let told = poll_fn(|cx| match membership.phase() {
            Phase::Serving | Phase::Draining => driver.poll_flush(cx),
            Phase::Cutting | Phase::GivenUp => Poll::Ready(Ok(())),
        });
        if let Err(error) = told.await {
            return log::broken(&peer, &error);
        }
        let (mut http1, transport) = driver.into_parts();
        if http1.is_closed() {
            // The client took nothing of it for as long as it may.
            return;
        }
        let behind = http1.input().take();
        if !behind.is_empty() {
            let refused = http2.input().push(behind);
            debug_assert!(refused.is_empty(), "it was known to be less");
        }
        if http1.input().is_closed() {
            http2.input().close();
        }
        let visit = Visit { common, membership, peer };
        http2::serve(visit, Driver::new(*http2, transport)).await;
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, fields: &[(&str, &str)]) -> Request<Body> {
        let mut request = Request::builder().uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).unwrap()
    }

    const GOOD: [(&str, &str); 4] = [
        ("host", "test:8080"),
        ("connection", "Upgrade, HTTP2-Settings"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAAQAAP__"),
    ];

    #[test]
    fn an_offer_becomes_a_request_of_http2() {
        let (settings, request) = offer(&request("/a?b", &GOOD)).unwrap();
        assert_eq!(settings, b"AAMAAABkAAQAAP__");
        assert_eq!(request.uri(), "http://test:8080/a?b");
    }

    #[test]
    fn targets_have_what_http2_gives_them() {
        let of = |uri: &str, fields: &[_]| offer(&request(uri, fields)).unwrap().1.uri().clone();
        assert_eq!(of("http://other/a", &GOOD), "http://other/a");
        assert_eq!(of("/a", &GOOD[1..]), "/a");
        assert_eq!(of("*", &GOOD).path(), "*");
    }

    #[test]
    fn what_is_not_an_offer_is_none() {
        for missing in 1..GOOD.len() {
            let mut fields = GOOD.to_vec();
            fields.remove(missing);
            assert!(offer(&request("/", &fields)).is_none(), "{fields:?}");
        }
        for (at, value) in [(1, "upgrade"), (1, "http2-settings"), (2, "h2"), (2, "websocket")] {
            let mut fields = GOOD.to_vec();
            fields[at].1 = value;
            assert!(offer(&request("/", &fields)).is_none(), "{fields:?}");
        }
        let twice = [&GOOD[..], &GOOD[3..]].concat();
        assert!(offer(&request("/", &twice)).is_none());
        let mut old = request("/", &GOOD);
        *old.version_mut() = Version::HTTP_10;
        assert!(offer(&old).is_none());
    }
}
