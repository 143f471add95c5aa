//! hyper's server, which answers each request as soon as it is complete.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use barewire_testkit::Vector;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Method, Request, Response, StatusCode, header};

use crate::wire::Wire;
use crate::{End, Verdict};

#[derive(Default)]
struct Log {
    verdict: Verdict,
    body_refused: bool,
    upgrade: Option<OnUpgrade>,
}

type Shared = Arc<Mutex<Log>>;

/// A body that hyper refused; the connection ends with it.
#[derive(Debug)]
struct BodyRefused;

impl fmt::Display for BodyRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body was refused")
    }
}

impl std::error::Error for BodyRefused {}

/// What hyper's server makes of a vector.
pub fn server(vector: &Vector) -> Verdict {
    let (wire, log) = (Wire::default(), Shared::default());
    let shared = Arc::clone(&log);
    let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
    let mut connection =
        pin!(Builder::new().serve_connection(wire.clone(), service).with_upgrades());
    wire.feed(&vector.input);
    if vector.eof {
        wire.close();
    }
    let mut context = Context::from_waker(Waker::noop());
    let mut end = Poll::Pending;
    // A poll may end early and wake itself; so many are more than any vector needs.
    for _ in 0..1000 {
        end = connection.as_mut().poll(&mut context);
        if end.is_ready() {
            break;
        }
    }
    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
    let refused = refusal(&wire.output());
    log.verdict.end = match end {
        _ if log.body_refused => End::RefusedInBody,
        _ if refused.is_some() => End::Refused(refused),
        Poll::Pending => End::Open,
        Poll::Ready(Err(_)) => End::Refused(None),
        Poll::Ready(Ok(())) => match log.upgrade.take().map(|on| pin!(on).poll(&mut context)) {
            Some(Poll::Ready(Ok(upgraded))) => End::Upgraded(left_over(upgraded, &wire)),
            _ => End::Closed,
        },
    };
    std::mem::take(&mut log.verdict)
}

async fn answer(
    mut request: Request<Incoming>,
    log: Shared,
) -> Result<Response<Empty<Bytes>>, BodyRefused> {
    let with_log = |f: &mut dyn FnMut(&mut Log)| {
        f(&mut log.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let head = format!("{} {}", request.method(), request.uri());
    with_log(&mut |log| log.verdict.head(&head));
    let mut response = Response::new(Empty::new());
    let connect = request.method() == Method::CONNECT;
    if offers_test(&request) && !connect {
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert(header::UPGRADE, header::HeaderValue::from_static("test"));
    }
    let upgrade = hyper::upgrade::on(&mut request);
    match request.into_body().collect().await {
        Ok(body) => {
            let len = body.to_bytes().len();
            with_log(&mut |log| log.verdict.bytes += len);
        }
        Err(_) => {
            with_log(&mut |log| log.body_refused = true);
            return Err(BodyRefused);
        }
    }
    if connect || response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let mut upgrade = Some(upgrade);
        with_log(&mut |log| log.upgrade = upgrade.take());
    }
    Ok(response)
}

/// As the runner of the vectors does: the option and the field, in HTTP/1.1.
fn offers_test(request: &Request<Incoming>) -> bool {
    let has = |name: header::HeaderName, option: &str| {
        request.headers().get_all(name).iter().any(|list| {
            list.as_bytes()
                .split(|b| b",/".contains(b))
                .any(|o| o.trim_ascii().eq_ignore_ascii_case(option.as_bytes()))
        })
    };
    request.version() == hyper::Version::HTTP_11
        && has(header::CONNECTION, "upgrade")
        && has(header::UPGRADE, "test")
}

/// The status of the last response, where it is not one that the service gave.
fn refusal(output: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(output);
    let last = text.rsplit("HTTP/1.").next()?;
    let status = last.get(2..5)?.parse().ok()?;
    (!matches!(status, 100 | 101 | 200)).then_some(status)
}

fn left_over(upgraded: Upgraded, wire: &Wire) -> usize {
    let buffered = upgraded.downcast::<Wire>().map_or(0, |parts| parts.read_buf.len());
    buffered + wire.unread()
}
