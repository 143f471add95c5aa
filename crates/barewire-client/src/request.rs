use std::fmt;
use std::time::Duration;

use barewire_rt::Runtime;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Version};

use crate::body::Body;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::execute::{Draft, execute};
use crate::response::Response;
use crate::target::{IntoUrl, Target};

/// A request that is being put together, and then [sent](Self::send).
///
/// What is wrong with its parts is told by `send`.
///
/// ```no_run
/// # async fn f<R: barewire_rt::Runtime>(client: barewire_client::Client<R>) -> Result<(), barewire_client::Error> {
/// use std::time::Duration;
///
/// let response = client
///     .post("http://example.org/notes")
///     .query([("draft", "yes")])
///     .header("content-type", "text/plain")
///     .body("something to remember")
///     .timeout(Duration::from_secs(5))
///     .send()
///     .await?;
/// # Ok(()) }
/// ```
#[must_use = "a request does nothing unless it is sent"]
pub struct RequestBuilder<R: Runtime> {
    client: Client<R>,
    draft: Result<Draft, Error>,
}

impl<R: Runtime> RequestBuilder<R> {
    pub(crate) fn new(client: Client<R>, method: Method, url: impl IntoUrl) -> Self {
        let draft = match url.into_target() {
            Ok(target) => Ok(draft(method, target)),
            Err(error) => Err(error.into()),
        };
        Self { client, draft }
    }

    /// Adds a header field; one of the client's defaults with this name is not sent then.
    pub fn header<N, V>(self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName, Error: Into<http::Error>>,
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        self.with(|draft| {
            let name = name.try_into().map_err(Into::into);
            match (name, value.try_into().map_err(Into::into)) {
                (Ok(name), Ok(value)) => {
                    draft.headers.append(name, value);
                    Ok(())
                }
                (Err(error), _) | (_, Err(error)) => Err(ErrorKind::InvalidPart(error).into()),
            }
        })
    }

    /// Sets header fields, each in place of those with its name.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.with(|draft| {
            match draft.headers.is_empty() {
                true => draft.headers = headers,
                false => {
                    for name in headers.keys() {
                        draft.headers.remove(name);
                    }
                    draft.headers.extend(headers);
                }
            }
            Ok(())
        })
    }

    /// Appends fields to the URL's query, encoded as forms are.
    pub fn query<K, V>(self, pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        self.with(|draft| {
            draft.target = draft.target.clone().append_query(pairs)?;
            Ok(())
        })
    }

    /// Sets the body. Of known length it goes with `Content-Length`, else chunked.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.with(|draft| {
            draft.body = body.into();
            Ok(())
        })
    }

    /// Limits the time from [`send`](Self::send) to the end of the response's body, in place of
    /// [`Timeouts::total`](crate::Timeouts::total).
    pub fn timeout(self, total: Duration) -> Self {
        self.with(|draft| {
            draft.total = Some(total);
            Ok(())
        })
    }

    /// Asks the server whether it wants the body (`Expect: 100-continue`, RFC 9110, section 10.1.1), and
    /// sends it anyway when there was no answer after `wait`: not all servers know the question.
    pub fn expect_continue(self, wait: Duration) -> Self {
        self.with(|draft| {
            draft.expect = Some(wait);
            Ok(())
        })
    }

    /// Sets the version of an HTTP/1 message: HTTP/1.1 by default, HTTP/1.0 for servers that need it. Over HTTP/2 it
    /// is not used, and it does not ask for HTTP/2 either: that is up to [`Versions`](crate::Versions), and
    /// `Version::HTTP_2` ends in [`ErrorKind::Request`] where HTTP/1.1 is spoken.
    pub fn version(self, version: Version) -> Self {
        self.with(|draft| {
            draft.version = version;
            Ok(())
        })
    }

    /// Sends the request and waits for the head of the response.
    ///
    /// Informational responses (1xx) are taken in on the way. While the body is being sent the response is
    /// watched for: one that refuses the request (3xx, 4xx, 5xx) ends the sending, and is returned.
    ///
    /// Cancel-safe for the client: dropping the future closes the connection, or the stream where the
    /// connection is shared, and its place in the pool is free. Whether the server did what it was asked to is not known then.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind). A request is sent a second time, once, when a kept connection
    /// turned out to be closed, no byte of a response came, its body is in memory, and its method is
    /// idempotent or no byte of it had been sent. What a server of HTTP/2 says that it did not begin (GOAWAY,
    /// `REFUSED_STREAM`) is sent again, a few times at most, if its body is in memory. Requests that waited for the
    /// same connection, to share it, get the same error when it cannot be opened.
    pub async fn send(self) -> Result<Response, Error> {
        execute(self.client.shared(), self.draft?).await
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Draft) -> Result<(), Error>) -> Self {
        if let Ok(draft) = &mut self.draft
            && let Err(error) = change(draft)
        {
            self.draft = Err(error);
        }
        self
    }
}

pub(crate) fn draft(method: Method, target: Target) -> Draft {
    Draft {
        method,
        target,
        version: Version::HTTP_11,
        headers: HeaderMap::new(),
        body: Body::empty(),
        total: None,
        expect: None,
    }
}

impl<R: Runtime> fmt::Debug for RequestBuilder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder").field("draft", &self.draft).finish_non_exhaustive()
    }
}
