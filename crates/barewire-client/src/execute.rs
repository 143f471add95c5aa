use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use barewire_rt::Runtime;
use http::header::{EXPECT, HeaderMap, HeaderValue};
use http::{Method, StatusCode, Version};

use crate::body::Body;
use crate::deadline::earliest;
#[cfg(feature = "http2")]
use crate::error::Phase;
use crate::error::{Error, ErrorKind};
use crate::exchange::{BodyLength, Outset};
use crate::incoming::Incoming;
use crate::line::{Begun, NotBegun, Place, may_share, open};
use crate::pool::{Grant, Wish};
use crate::response::Response;
use crate::retry::{self, Failure};
use crate::shared::{Shared, acquire};
use crate::target::Target;
use crate::trace::debug;

/// A request, ready to be sent.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// Instead of the client's own.
    pub(crate) total: Option<Duration>,
    pub(crate) expect: Option<Duration>,
}

/// Sends a request and waits for the head of its response.
///
/// Cancel-safe in that the connection is closed, and its place in the pool given on.
pub(crate) async fn execute<R: Runtime>(
    shared: &Arc<Shared<R>>,
    draft: Draft,
) -> Result<Response, Error> {
    let Draft { method, target, version, mut headers, mut body, total, mut expect } = draft;
    let origin = target.origin();
    if target.is_tls() && !cfg!(feature = "tls") {
        return Err(Error::of_origin(ErrorKind::TlsUnavailable, origin));
    }
    if body.is_empty() {
        expect = None;
    }
    if expect.is_some() {
        headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
    }
    let timeouts = &shared.config.timeouts;
    let mut now = shared.runtime.now();
    let total = earliest(now, total.or(timeouts.total), None);
    let shared_too = may_share(shared.config.versions, origin.tls);
    let mut retried = false;
    let mut tries = 0;
    let mut not = None;
    loop {
        tries += 1;
        let deadline = earliest(now, timeouts.pool, total);
        let wish = Wish { fresh: retried, shared: shared_too, not: not.as_ref() };
        let (lease, grant) = acquire(shared, origin, now, deadline, wish).await?;
        let replay = body.replay();
        let kept = match grant {
            Grant::Reuse(mut connection, _) => match connection.is_alive() {
                true => Ok(Place::Alone(connection.leased(lease))),
                false => Err(lease),
            },
            #[cfg(feature = "http2")]
            Grant::Join(line) => Ok(Place::Seat(lease.seat(line))),
            #[cfg(not(feature = "http2"))]
            Grant::Join(_) => Err(lease),
            Grant::Open { .. } => Err(lease),
        };
        let reused = kept.is_ok();
        let place = match kept {
            Ok(place) => {
                debug!(origin = %origin, "connection reused");
                place
            }
            Err(lease) => {
                // Rare and large: most requests find a connection.
                let opened = Box::pin(open(shared, origin, lease, total)).await;
                // Connecting took its time.
                now = shared.runtime.now();
                opened.map_err(|error| Error::of_origin(error.into(), origin))?
            }
        };
        let outset = Outset {
            method: &method,
            uri: target.uri(),
            version,
            headers: &headers,
            defaults: &shared.defaults,
            now,
            total,
            read: timeouts.read,
            expect,
        };
        let mut begun = match place.begin(outset, body) {
            Ok(begun) => begun,
            Err(NotBegun::Error(error)) => return Err(error.at(&origin)),
            #[cfg(feature = "http2")]
            Err(NotBegun::Elsewhere(_)) if tries >= MOST_TRIES => {
                return Err(Error::of_origin(ErrorKind::Unprocessed(Phase::Send), origin));
            }
            #[cfg(feature = "http2")]
            Err(NotBegun::Elsewhere(untouched)) => {
                body = untouched;
                now = shared.runtime.now();
                continue;
            }
        };
        let error = match poll_fn(|cx| begun.poll_response(cx)).await {
            Ok((head, length)) => match begun.take_unsent() {
                // RFC 9110, section 10.1.1: repeat it without the expectation.
                Some(unsent) if head.status() == StatusCode::EXPECTATION_FAILED => {
                    debug!(origin = %origin, "the server does not take expectations");
                    body = unsent;
                    expect = None;
                    headers.remove(EXPECT);
                    now = shared.runtime.now();
                    continue;
                }
                _ => return Ok(response(shared, target, head, length, begun)),
            },
            Err(error) => error,
        };
        let failure = Failure {
            method: &method,
            reused,
            retried: tries >= MOST_TRIES || retried && !retry::is_unprocessed(error.kind()),
            received: begun.has_received(),
            sent: begun.has_sent(),
            replayable: replay.is_some(),
        };
        not = begun.line();
        drop(begun);
        match replay {
            Some(replay) if retry::is_safe(error.kind(), failure) => body = replay,
            _ => return Err(error),
        }
        debug!(error = %error, "trying again on another connection");
        retried = true;
        now = shared.runtime.now();
    }
}

/// How often a request is sent, or a connection for it looked for, whatever the reasons.
const MOST_TRIES: u32 = 6;

fn response<R: Runtime>(
    shared: &Shared<R>,
    target: Target,
    head: http::Response<()>,
    length: BodyLength,
    begun: Begun<R>,
) -> Response {
    let incoming = Incoming::new(begun.into_exchange(), length);
    let response = head.map(|()| Body::incoming(incoming));
    Response::new(response, target, shared.config.max_collected_body)
}
