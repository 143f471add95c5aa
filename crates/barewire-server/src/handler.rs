use std::fmt;
use std::future;
use std::pin::Pin;
use std::task::{Context, Poll};

use barewire_rt::JoinError;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use pin_project_lite::pin_project;

use crate::{Body, BodyError};

/// What answers requests: any `async fn(Request<Body>) -> impl IntoResponse`, or with
/// [`blocking`] any ordinary function.
///
/// The future is dropped when the client goes away before it is ready. What has to be done nevertheless belongs
/// into a task of its own.
///
/// What handlers share is captured, or is `self` where a type of one's own is the handler:
///
/// ```
/// use barewire_server::{Body, Handler, IntoResponse};
/// use http::{Request, Response};
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// #[derive(Default)]
/// struct Counter(AtomicU64);
///
/// impl Handler for Counter {
///     async fn call(&self, _request: Request<Body>) -> Response<Body> {
///         let n = self.0.fetch_add(1, Ordering::Relaxed);
///         format!("{n} before you\n").into_response()
///     }
/// }
/// # fn is_handler(_: impl Handler) {}
/// # is_handler(Counter::default());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    note = "a handler is a function `async fn(http::Request<Body>) -> R` where `R: IntoResponse`, and it is `Send + Sync + 'static`; for a function that is not async see `barewire_server::blocking`"
)]
pub trait Handler: Send + Sync + 'static {
    /// Answers one request.
    fn call(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send;
}

impl<F, Fut, R> Handler for F
where
    F: Fn(Request<Body>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = R> + Send,
    R: IntoResponse,
{
    fn call(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send {
        Answering { future: self(request) }
    }
}

pin_project! {
    /// An `async` block around the future would hold it twice, and move it once more.
    struct Answering<Fut> {
        #[pin]
        future: Fut,
    }
}

impl<Fut: Future<Output: IntoResponse>> Future for Answering<Fut> {
    type Output = Response<Body>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response<Body>> {
        self.project().future.poll(cx).map(IntoResponse::into_response)
    }
}

/// See [`blocking`].
#[derive(Clone, Copy, Debug)]
pub struct Blocking<F>(F);

/// Makes a handler of a function that is not async, for the blocking runtime.
///
/// There each connection has a thread, and the function runs on it. On an async runtime such a function
/// would hold up every other task of its thread while it waits.
///
/// ```
/// use barewire_server::{blocking, Body};
/// use http::{Request, Response};
/// use std::io::Read;
///
/// let handler = blocking(|request: Request<Body>| {
///     let mut text = String::new();
///     match request.into_body().into_reader().read_to_string(&mut text) {
///         Ok(n) => Ok(format!("{n} bytes")),
///         Err(error) => Err((http::StatusCode::BAD_REQUEST, error.to_string())),
///     }
/// });
/// # fn is_handler(_: impl barewire_server::Handler) {}
/// # is_handler(handler);
/// ```
pub fn blocking<F, R>(function: F) -> Blocking<F>
where
    F: Fn(Request<Body>) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    Blocking(function)
}

impl<F, R> Handler for Blocking<F>
where
    F: Fn(Request<Body>) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    fn call(&self, request: Request<Body>) -> impl Future<Output = Response<Body>> + Send {
        future::ready((self.0)(request).into_response())
    }
}

/// What a handler may return: a response of any body that [`Body`] is made of, text, a status, `()`, a status with
/// any of them, and a `Result` of two of them.
///
/// ```
/// use barewire_server::{Body, BodyError, IntoResponse};
/// use http::{Request, Response, StatusCode};
///
/// /// Lets handlers use `?`, in one place.
/// enum Failure {
///     Body(BodyError),
///     NotText,
/// }
///
/// impl From<BodyError> for Failure {
///     fn from(error: BodyError) -> Self {
///         Self::Body(error)
///     }
/// }
///
/// impl IntoResponse for Failure {
///     fn into_response(self) -> Response<Body> {
///         match self {
///             Self::Body(BodyError::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
///             Self::Body(_) => StatusCode::BAD_REQUEST.into_response(),
///             Self::NotText => (StatusCode::BAD_REQUEST, "UTF-8, please\n").into_response(),
///         }
///     }
/// }
///
/// async fn shout(request: Request<Body>) -> Result<String, Failure> {
///     let body = request.into_body().collect(64 * 1024).await?;
///     let text = str::from_utf8(&body).map_err(|_| Failure::NotText)?;
///     Ok(text.to_uppercase())
/// }
/// # fn is_handler(_: impl barewire_server::Handler) {}
/// # is_handler(shout);
/// ```
pub trait IntoResponse {
    /// Makes the response.
    fn into_response(self) -> Response<Body>;
}

impl<B: Into<Body>> IntoResponse for Response<B> {
    fn into_response(self) -> Response<Body> {
        self.map(Into::into)
    }
}

impl IntoResponse for StatusCode {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self;
        response
    }
}

impl IntoResponse for () {
    fn into_response(self) -> Response<Body> {
        Response::new(Body::empty())
    }
}

impl IntoResponse for &'static str {
    fn into_response(self) -> Response<Body> {
        text(self.into())
    }
}

impl IntoResponse for String {
    fn into_response(self) -> Response<Body> {
        text(self.into())
    }
}

impl<R: IntoResponse> IntoResponse for (StatusCode, R) {
    fn into_response(self) -> Response<Body> {
        let mut response = self.1.into_response();
        *response.status_mut() = self.0;
        response
    }
}

/// An error is a response of its own; for a `std` error, decide what the client may see and map it first.
impl<R: IntoResponse, E: IntoResponse> IntoResponse for Result<R, E> {
    fn into_response(self) -> Response<Body> {
        match self {
            Ok(response) => response.into_response(),
            Err(error) => error.into_response(),
        }
    }
}

/// 413 for a body that was longer than allowed, 400 that says why for one that is not the JSON that was expected, what
/// the client was told of a violation, 500 for a failure of the application's own body, and otherwise 400, which hardly
/// anybody is left to read.
impl IntoResponse for BodyError {
    fn into_response(self) -> Response<Body> {
        match self {
            Self::TooLarge { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, self.to_string()).into_response()
            }
            Self::Protocol(error) => {
                error.answer().unwrap_or(StatusCode::BAD_REQUEST).into_response()
            }
            #[cfg(feature = "json")]
            Self::Json(_) => (StatusCode::BAD_REQUEST, format!("{self}\n")).into_response(),
            Self::Source(_) => internal_error(),
            _ => StatusCode::BAD_REQUEST.into_response(),
        }
    }
}

fn text(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// The answer to a request whose handler failed: says nothing of the reason.
pub(crate) fn internal_error() -> Response<Body> {
    (StatusCode::INTERNAL_SERVER_ERROR, "internal server error\n").into_response()
}

/// What a panic said, as far as it is text.
pub(crate) struct PanicMessage(pub(crate) Box<dyn std::any::Any + Send>);

impl Drop for PanicMessage {
    fn drop(&mut self) {
        // It may panic in turn.
        JoinError::panicked(std::mem::replace(&mut self.0, Box::new(())));
    }
}

/// Runs destructors of the application's. A panic in one of them is nobody else's business: it ends neither other
/// streams nor, while another one unwinds, the process.
#[cfg(feature = "http2")]
pub(crate) fn contain(drops: impl FnOnce()) {
    // What it said went to the panic hook.
    let _ = JoinError::catch(drops);
}

impl fmt::Display for PanicMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.downcast_ref::<&str>().copied();
        let text = text.or_else(|| self.0.downcast_ref::<String>().map(String::as_str));
        f.write_str(text.unwrap_or("(no message)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_cannot_be_read_is_answered_by_its_reason() {
        let too_slow = barewire_h1::Error::from(barewire_h1::ErrorKind::BodyTimeout);
        for (error, status) in [
            (BodyError::TooLarge { limit: 3 }, 413),
            (BodyError::Protocol(too_slow), 408),
            (BodyError::Abandoned, 400),
            (BodyError::Io(std::io::ErrorKind::ConnectionReset.into()), 400),
            (BodyError::Source("disk".into()), 500),
        ] {
            let told = error.to_string();
            assert_eq!(error.into_response().status(), status, "{told}");
        }
    }
}
