//! `barewire echo`: a server to test clients against.

mod bodies;
mod describe;
mod route;

use barewire::bytes::Bytes;
use barewire::http::header::{
    ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    PROXY_AUTHENTICATE, TRAILER, UPGRADE, WWW_AUTHENTICATE,
};
use barewire::http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use barewire::rt::{PeerAddr, Spawn};
use barewire::server::{Body, BodyError, ConnectInfo, Handler, IntoResponse};

use self::bodies::{Drip, Noise, Resumed, WithTrailers};
use self::route::{Refusal, Route};
use crate::Error;
use crate::listen::{self, Application};

/// Serve answers to test clients against
///
/// /hello, /echo, /anything, /bytes/N, /drip?bytes=N&seconds=S, /status/N, /delay/S, /headers, /redirect/N,
/// /trailers; / explains them.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Arguments {
    #[command(flatten)]
    listen: listen::Arguments,
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Error> {
        self.listen.serve(Echo)
    }
}

struct Echo;

impl Application for Echo {
    const WANTS_CLIENT_ADDRESS: bool = true;

    fn handler<R: Spawn>(self, runtime: R) -> impl Handler {
        EchoOn { runtime }
    }
}

struct EchoOn<R> {
    runtime: R,
}

/// Bytes of a body that `/anything` takes: it holds them in memory several times over.
const MAX_DESCRIBED: usize = 4 * 1024 * 1024;

const INDEX: &str = "\
A server to test HTTP clients against. Methods are GET and HEAD unless something else is said.

/hello                    Hello, World!
/echo                     the request's body, streamed back with its Content-Type; any method
/anything                 the request as JSON, its body up to 4 MiB; any method and any path below
/bytes/N                  N bytes with Content-Length, up to 1 GiB; the same for the same N
/drip?bytes=N&seconds=S   N bytes over S seconds, chunked; 10 and 2 by default, up to 10 MiB and 60 s
/status/N                 the status N, 200 to 599; any method
/delay/S                  an answer after S seconds, up to 60; any method
/headers                  the request's header as JSON
/redirect/N               N redirects, up to 100, and then /hello
/trailers                 a chunked body with a trailer section
";

impl<R: Spawn> Handler for EchoOn<R> {
    async fn call(&self, request: Request<Body>) -> Response<Body> {
        match Route::of(request.method(), request.uri()) {
            Ok(route) => self.answer(route, request).await,
            Err(Refusal::NoSuchRoute) => {
                text(StatusCode::NOT_FOUND, "no such route; / lists them\n")
            }
            Err(Refusal::MethodNotAllowed) => {
                let response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
                with(response, ALLOW, "GET, HEAD")
            }
            Err(Refusal::BadParameter(rule)) => {
                (StatusCode::BAD_REQUEST, format!("{rule}\n")).into_response()
            }
        }
    }
}

impl<R: Spawn> EchoOn<R> {
    async fn answer(&self, route: Route, request: Request<Body>) -> Response<Body> {
        let is_head = *request.method() == Method::HEAD;
        match route {
            Route::Index => INDEX.into_response(),
            Route::Hello => "Hello, World!".into_response(),
            Route::Echo => echo(request).await,
            Route::Anything => describe(request).await,
            Route::Headers => json(&describe::headers(request.headers())),
            Route::Bytes(count) if is_head => {
                let mut response = octets(Body::empty());
                response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(count));
                response
            }
            Route::Bytes(count) => octets(Body::stream(Noise::new(count))),
            Route::Drip { bytes, over } => {
                octets(Body::stream(Drip::new(self.runtime.clone(), bytes, over)))
            }
            Route::Status(status) => with_status(status),
            Route::Delay(delay) => {
                self.runtime.sleep(delay).await;
                format!("waited {} s\n", delay.as_secs_f64()).into_response()
            }
            Route::Redirect(left) => {
                let target = match left {
                    1 => "/hello".to_owned(),
                    left => format!("/redirect/{}", left - 1),
                };
                with(text(StatusCode::FOUND, "go on\n"), LOCATION, &target)
            }
            Route::Trailers => trailers(request.version()),
        }
    }
}

/// Sends the body back as it comes. Its first part is waited for, so that a client that expects `100 Continue`
/// gets that before the answer begins.
async fn echo(request: Request<Body>) -> Response<Body> {
    let (head, mut body) = request.into_parts();
    let declared = http_body::Body::size_hint(&body).exact();
    let body = match body.data().await {
        Ok(None) => Body::empty(),
        Ok(Some(first)) => Body::stream(Resumed::new(first, body, declared)),
        Err(error) => return refused_body(&error),
    };
    let mut response = Response::new(body);
    let octets = HeaderValue::from_static("application/octet-stream");
    let content_type = head.headers.get(CONTENT_TYPE).cloned().unwrap_or(octets);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

async fn describe(request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let origin = head.extensions.get::<ConnectInfo>().map(|info| match &info.0 {
        PeerAddr::Tcp(addr) => addr.ip().to_string(),
        PeerAddr::Unix(_) => info.0.to_string(),
    });
    match body.collect(MAX_DESCRIBED).await {
        Ok(body) => json(&describe::request(&head, &body, origin)),
        Err(error) => refused_body(&error),
    }
}

/// The answer to a request whose body could not be read. Where the connection is at fault it goes nowhere.
fn refused_body(error: &BodyError) -> Response<Body> {
    let status = match error {
        BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    (status, format!("{error}\n")).into_response()
}

/// A status with the fields that the RFC asks for beside it.
fn with_status(status: StatusCode) -> Response<Body> {
    let response = (status, format!("{status}\n")).into_response();
    match status {
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => with(response, LOCATION, "/hello"),
        StatusCode::UNAUTHORIZED => with(response, WWW_AUTHENTICATE, "Basic realm=\"barewire\""),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            with(response, PROXY_AUTHENTICATE, "Basic realm=\"barewire\"")
        }
        StatusCode::METHOD_NOT_ALLOWED => with(response, ALLOW, ""),
        StatusCode::UPGRADE_REQUIRED => {
            with(with(response, UPGRADE, "websocket"), CONNECTION, "upgrade")
        }
        // Neither has content (RFC 9110, section 15.3.6 and 15.4.5).
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED => {
            status.into_response()
        }
        _ => response,
    }
}

/// Trailers need chunks, which HTTP/1.0 has not.
fn trailers(version: Version) -> Response<Body> {
    const NAME: HeaderName = HeaderName::from_static("x-body-bytes");
    let data = Bytes::from_static(b"The trailer section tells how long this is.\n");
    if version < Version::HTTP_11 {
        return Response::new(data.into());
    }
    let mut trailers = HeaderMap::new();
    trailers.insert(NAME, HeaderValue::from(data.len()));
    let mut response = Response::new(Body::stream(WithTrailers::new(data, trailers)));
    response.headers_mut().insert(TRAILER, NAME.into());
    with(response, CONTENT_TYPE, "text/plain; charset=utf-8")
}

fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    (status, text).into_response()
}

fn octets(body: Body) -> Response<Body> {
    with(Response::new(body), CONTENT_TYPE, "application/octet-stream")
}

fn json(value: &serde_json::Value) -> Response<Body> {
    with(Response::new(format!("{value:#}\n").into()), CONTENT_TYPE, "application/json")
}

fn with(mut response: Response<Body>, name: HeaderName, value: &str) -> Response<Body> {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
    response
}
