use std::time::Duration;

use barewire_rt::Runtime;
use barewire_rt::park::block_on;
use http::Version;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::Response;
use crate::{Body, Error};

/// A request that is being put together, and then [sent](Self::send): see [`crate::RequestBuilder`].
///
/// ```no_run
/// use barewire_client::{Body, blocking::Client};
///
/// let client = Client::new(barewire_std::Std::default());
/// let file = std::fs::File::open("notes.txt").unwrap();
/// let length = file.metadata().unwrap().len();
/// client.put("http://example.org/notes").body(Body::from_read_sized(file, length)).send()?;
/// # Ok::<(), barewire_client::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a request does nothing unless it is sent"]
pub struct RequestBuilder<R: Runtime>(crate::RequestBuilder<R>);

impl<R: Runtime> RequestBuilder<R> {
    pub(crate) fn new(builder: crate::RequestBuilder<R>) -> Self {
        Self(builder)
    }

    /// Adds a header field; one of the client's defaults with this name is not sent then.
    pub fn header<N, V>(self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName, Error: Into<http::Error>>,
        V: TryInto<HeaderValue, Error: Into<http::Error>>,
    {
        Self(self.0.header(name, value))
    }

    /// Sets header fields, each in place of those with its name.
    pub fn headers(self, headers: HeaderMap) -> Self {
        Self(self.0.headers(headers))
    }

    /// Appends fields to the URL's query, encoded as forms are.
    pub fn query<K, V>(self, pairs: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        Self(self.0.query(pairs))
    }

    /// Sets the body. Of known length it goes with `Content-Length`, else chunked.
    pub fn body(self, body: impl Into<Body>) -> Self {
        Self(self.0.body(body))
    }

    /// Limits the time from [`send`](Self::send) to the end of the response's body, in place of
    /// [`Timeouts::total`](crate::Timeouts::total).
    pub fn timeout(self, total: Duration) -> Self {
        Self(self.0.timeout(total))
    }

    /// Asks the server whether it wants the body: see [`crate::RequestBuilder::expect_continue`].
    pub fn expect_continue(self, wait: Duration) -> Self {
        Self(self.0.expect_continue(wait))
    }

    /// Sets the version of an HTTP/1 message: see [`crate::RequestBuilder::version`].
    pub fn version(self, version: Version) -> Self {
        Self(self.0.version(version))
    }

    #[cfg(feature = "json")]
    pub(crate) fn map(
        self,
        change: impl FnOnce(crate::RequestBuilder<R>) -> crate::RequestBuilder<R>,
    ) -> Self {
        Self(change(self.0))
    }

    /// Sends the request and waits for the head of the response.
    ///
    /// # Errors
    ///
    /// As [`crate::RequestBuilder::send`].
    pub fn send(self) -> Result<Response, Error> {
        block_on(self.0.send()).map(Response::new)
    }
}
