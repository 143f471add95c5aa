use std::io::{self, Read};

use barewire_rt::park::block_on;
use bytes::{Buf, Bytes};
use http::{HeaderMap, StatusCode, Uri, Version};

use crate::Error;

/// A response whose head has come, and whose body is read as it is asked for: see [`crate::Response`].
///
/// It is a [`Read`] of the body.
///
/// ```no_run
/// # fn f(client: barewire_client::blocking::Client<barewire_std::Std>) -> Result<(), Box<dyn std::error::Error>> {
/// let mut response = client.get("http://example.org/large").send()?.error_for_status()?;
/// std::io::copy(&mut response, &mut std::fs::File::create("large")?)?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Response {
    inner: crate::Response,
    /// What of the last part was not read.
    rest: Bytes,
}

impl Response {
    pub(crate) fn new(inner: crate::Response) -> Self {
        Self { inner, rest: Bytes::new() }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.inner.status()
    }

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// The version that the server answered with.
    pub fn version(&self) -> Version {
        self.inner.version()
    }

    /// The URL that answered: absolute, normalised, without a fragment.
    pub fn url(&self) -> &Uri {
        self.inner.url()
    }

    /// The length of what is left of the body, where the server has told.
    pub fn content_length(&self) -> Option<u64> {
        self.inner.content_length().map(|length| length + self.rest.len() as u64)
    }

    /// Turns a status of 4xx or 5xx into an error.
    ///
    /// # Errors
    ///
    /// The status is one of those. The body is dropped, and the connection with it if there is much of it.
    pub fn error_for_status(self) -> Result<Self, Error> {
        let Self { inner, rest } = self;
        inner.error_for_status().map(|inner| Self { inner, rest })
    }

    /// Lets [`bytes`](Self::bytes) and [`text`](Self::text) collect so many bytes.
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Self {
        self.inner = self.inner.limit(bytes);
        self
    }

    /// The next part of the body; `None` at its end.
    ///
    /// # Errors
    ///
    /// As [`crate::Response::chunk`].
    pub fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if !self.rest.is_empty() {
            return Ok(Some(std::mem::take(&mut self.rest)));
        }
        block_on(self.inner.chunk())
    }

    /// The parts of the body, as they come.
    pub fn chunks(&mut self) -> Chunks<'_> {
        Chunks(self)
    }

    /// The trailer fields: `None` before the body was read to its end, or if there are none.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.inner.trailers()
    }

    /// The rest of the body.
    ///
    /// # Errors
    ///
    /// As [`crate::Response::bytes`].
    pub fn bytes(self) -> Result<Bytes, Error> {
        let rest = block_on(self.inner.bytes())?;
        Ok(match self.rest.is_empty() {
            true => rest,
            false => [self.rest, rest].concat().into(),
        })
    }

    /// The rest of the body as text: read as UTF-8 whatever `Content-Type` says, with U+FFFD for what is not.
    ///
    /// # Errors
    ///
    /// As [`crate::Response::bytes`].
    pub fn text(self) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&self.bytes()?).into_owned())
    }

    #[cfg(feature = "json")]
    pub(crate) fn target(&self) -> &crate::target::Target {
        self.inner.target()
    }
}

impl Read for Response {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        while self.rest.is_empty() {
            match block_on(self.inner.chunk())? {
                Some(data) => self.rest = data,
                None => return Ok(0),
            }
        }
        let n = self.rest.len().min(buf.len());
        self.rest.copy_to_slice(&mut buf[..n]);
        Ok(n)
    }
}

/// The parts of a response's body: see [`Response::chunks`].
#[derive(Debug)]
pub struct Chunks<'a>(&'a mut Response);

impl Iterator for Chunks<'_> {
    type Item = Result<Bytes, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.chunk().transpose()
    }
}
