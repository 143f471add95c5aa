use bytes::{Bytes, BytesMut};
use http::{Extensions, HeaderMap, StatusCode, Uri, Version};
use http_body::Body as _;

use crate::body::Body;
use crate::error::{Error, ErrorKind};
use crate::target::Target;

/// A response whose head has come, and whose body is read as it is asked for.
///
/// It owns its connection until the body was read to its end; dropping it before closes the connection,
/// except when the rest had arrived already. Over HTTP/2 it owns its stream alone, which is cancelled then.
///
/// ```no_run
/// use barewire_client::Client;
/// # async fn f<R: barewire_rt::Runtime>(client: Client<R>) -> Result<(), barewire_client::Error> {
/// let mut response = client.get("http://example.org/large").send().await?.error_for_status()?;
/// println!("{}: {:?}", response.status(), response.headers().get("content-type"));
/// while let Some(data) = response.chunk().await? {
///     println!("{} bytes", data.len());
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Response {
    inner: http::Response<Body>,
    target: Target,
    limit: u64,
    trailers: Option<HeaderMap>,
}

/// Room that is made at once for a body whose length the server has told.
const BELIEVED: u64 = 1 << 20;

impl Response {
    pub(crate) fn new(inner: http::Response<Body>, target: Target, limit: u64) -> Self {
        Self { inner, target, limit, trailers: None }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.inner.status()
    }

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// The header fields, to change them.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.inner.headers_mut()
    }

    /// The version that the server answered with.
    pub fn version(&self) -> Version {
        self.inner.version()
    }

    /// What else is known of the response.
    pub fn extensions(&self) -> &Extensions {
        self.inner.extensions()
    }

    /// The URL that answered: absolute, normalised, without a fragment.
    pub fn url(&self) -> &Uri {
        self.target.uri()
    }

    /// The length of what is left of the body, where the server has told.
    pub fn content_length(&self) -> Option<u64> {
        self.inner.body().size_hint().exact()
    }

    /// Turns a status of 4xx or 5xx into an error.
    ///
    /// # Errors
    ///
    /// The status is one of those. The body is dropped, and the connection with it if there is much of it.
    pub fn error_for_status(self) -> Result<Self, Error> {
        let status = self.status();
        if status.is_client_error() || status.is_server_error() {
            return Err(Error::of_origin(ErrorKind::Status(status), self.target.origin()));
        }
        Ok(self)
    }

    /// Lets [`bytes`](Self::bytes), [`text`](Self::text) and the like collect so many bytes, instead of what
    /// [`Config::max_collected_body`](crate::Config::max_collected_body) says.
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// The next part of the body; `None` at its end. Cancel-safe.
    ///
    /// The parts are as the server's data arrives. Each keeps the read buffer that it is a slice of.
    ///
    /// # Errors
    ///
    /// The connection broke or was closed before the end, a timeout passed, or the server broke the protocol.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = self.inner.body_mut().frame().await {
            match frame?.into_data() {
                Ok(data) => return Ok(Some(data)),
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            }
        }
        Ok(None)
    }

    /// The trailer fields. They come after the body: `None` before [`chunk`](Self::chunk) has returned
    /// `None`, or if there are none.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    /// The whole body. Not cancel-safe: what was collected is lost, and the connection closed.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk), or the body is longer than the [limit](Self::limit).
    pub async fn bytes(mut self) -> Result<Bytes, Error> {
        let declared = self.content_length();
        if declared.is_some_and(|length| length > self.limit) {
            return Err(self.too_large());
        }
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let mut length = first.len() as u64;
        if length > self.limit {
            return Err(self.too_large());
        }
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let room = declared.unwrap_or(0).min(BELIEVED).max(length + second.len() as u64);
        let mut whole = BytesMut::with_capacity(usize::try_from(room).unwrap_or_default());
        whole.extend_from_slice(&first);
        let mut next = Some(second);
        while let Some(data) = next {
            length += data.len() as u64;
            if length > self.limit {
                return Err(self.too_large());
            }
            whole.extend_from_slice(&data);
            next = self.chunk().await?;
        }
        Ok(whole.freeze())
    }

    /// The whole body as text: read as UTF-8 whatever `Content-Type` says, with U+FFFD for what is not.
    /// Not cancel-safe.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes).
    pub async fn text(self) -> Result<String, Error> {
        Ok(match String::from_utf8(self.bytes().await?.into()) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }

    /// The body alone, to be sent on or read as [`http_body::Body`].
    pub fn into_body(self) -> Body {
        self.inner.into_body()
    }

    /// The response in the ecosystem's type.
    pub fn into_http(self) -> http::Response<Body> {
        self.inner
    }

    #[cfg(feature = "json")]
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    fn too_large(&self) -> Error {
        Error::of_origin(ErrorKind::BodyTooLarge { limit: self.limit }, self.target.origin())
    }
}

impl From<Response> for http::Response<Body> {
    fn from(response: Response) -> Self {
        response.into_http()
    }
}

impl From<Response> for Body {
    fn from(response: Response) -> Self {
        response.into_body()
    }
}
