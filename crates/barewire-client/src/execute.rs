use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use barewire_h1::BodyLength;
use barewire_rt::Runtime;
use http::header::{EXPECT, HeaderMap, HeaderValue};
use http::{Method, StatusCode, Version};

use crate::body::Body;
use crate::connect::connect;
use crate::connection::{Connection, Outset};
use crate::deadline::earliest;
use crate::error::{Error, ErrorKind};
use crate::incoming::{Exchange, Incoming};
use crate::pool::Grant;
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
    if target.is_tls() {
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
    let mut retried = false;
    loop {
        let deadline = earliest(now, timeouts.pool, total);
        let (lease, grant) = acquire(shared, origin, now, deadline, retried).await?;
        let replay = body.replay();
        let kept = match grant {
            Grant::Reuse(mut connection, since) => {
                let repeatable = method.is_idempotent() && replay.is_some();
                let idle_for = now.saturating_duration_since(since);
                connection.is_alive(idle_for, repeatable).then_some(connection)
            }
            Grant::Open => None,
        };
        let reused = kept.is_some();
        let mut connection = match kept {
            Some(mut connection) => {
                debug!(origin = %lease.origin(), "connection reused");
                connection.set_lease(lease);
                connection
            }
            None => match connect(shared, origin, total).await {
                Ok(stream) => {
                    debug!(origin = %lease.origin(), "connection opened");
                    // Connecting took its time.
                    now = shared.runtime.now();
                    Box::new(Connection::new(stream, shared.h1.clone(), lease))
                }
                Err(kind) => return Err(Error::of_origin(kind, origin)),
            },
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
        if let Err(error) = connection.begin(outset, body) {
            // The connection has no part in that.
            connection.finish();
            return Err(error.at(&origin));
        }
        let error = match poll_fn(|cx| connection.poll_response(cx)).await {
            Ok((head, length)) => match connection.take_unsent() {
                // RFC 9110, section 10.1.1: repeat it without the expectation.
                Some(unsent) if head.status() == StatusCode::EXPECTATION_FAILED => {
                    debug!(origin = %origin, "the server does not take expectations");
                    body = unsent;
                    expect = None;
                    headers.remove(EXPECT);
                    now = shared.runtime.now();
                    continue;
                }
                _ => return Ok(response(shared, target, head, length, connection)),
            },
            Err(error) => error,
        };
        let failure = Failure {
            method: &method,
            reused,
            retried,
            received: connection.has_received(),
            sent: connection.has_sent(),
            replayable: replay.is_some(),
        };
        drop(connection);
        match replay {
            Some(replay) if retry::is_safe(error.kind(), failure) => body = replay,
            _ => return Err(error),
        }
        debug!(error = %error, "trying again on a new connection");
        retried = true;
        now = shared.runtime.now();
    }
}

fn response<R: Runtime>(
    shared: &Shared<R>,
    target: Target,
    head: http::Response<()>,
    length: BodyLength,
    connection: Box<Connection<R>>,
) -> Response {
    let incoming = Incoming::new(connection, length);
    let response = head.map(|()| Body::incoming(incoming));
    Response::new(response, target, shared.config.max_collected_body)
}
