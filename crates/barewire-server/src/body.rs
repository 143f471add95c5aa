use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};

use crate::channel::{self, Receiver, Sender};
use crate::{BodyError, BodyReader};

/// The body of a request or a response.
///
/// A request's body is read from the connection as it is polled, and not before: who does not read holds the
/// client back. Over HTTP/2, other streams go on meanwhile, and as much as a stream's window is read ahead.
/// Dropping it unread is fine: the rest is skipped after the response, or the connection is closed when it is
/// too long; over HTTP/2 the client is told to stop.
///
/// A client that waits for `100 Continue` gets it when its request's body is first polled, unless the
/// response has begun by then: a handler that streams the request's body back reads its first part before it
/// returns.
///
/// ```
/// # async fn f(mut body: barewire_server::Body) -> Result<(), barewire_server::BodyError> {
/// while let Some(data) = body.data().await? {
///     println!("{} bytes", data.len());
/// }
/// # Ok(()) }
/// ```
pub struct Body(Kind);

type Boxed = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError> + Send>>;

enum Kind {
    Full(Bytes),
    /// Boxed, because most requests have no body, and a body is moved more often than it is made.
    Incoming(Box<Incoming>),
    Channel(Receiver),
    Boxed(Boxed),
}

/// A request's body that is still on its connection.
pub(crate) struct Incoming {
    pub(crate) source: Arc<dyn Source>,
    /// Which request of the connection it belongs to.
    pub(crate) exchange: u64,
    /// In bytes, where the client said it.
    pub(crate) length: Option<u64>,
    pub(crate) received: u64,
    pub(crate) done: bool,
}

/// A connection, as far as a request's body needs it.
pub(crate) trait Source: Send + Sync {
    fn poll_frame(
        &self,
        cx: &mut Context<'_>,
        exchange: u64,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>>;

    /// Nobody wants the rest of a body any more.
    fn abandon(&self, _exchange: u64) {}
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.done {
            self.source.abandon(self.exchange);
        }
    }
}

impl Body {
    /// A body of no bytes.
    pub const fn empty() -> Self {
        Self(Kind::Full(Bytes::new()))
    }

    /// A body out of any other [`http_body::Body`]: a file, a client's response, a stream. With a `size_hint` that
    /// is exact it is sent with `Content-Length`, else chunked, with its trailers.
    pub fn stream<B>(body: B) -> Self
    where
        B: http_body::Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Self(Kind::Boxed(Box::pin(Mapped { body: Box::pin(body) })))
    }

    /// A body that is sent part by part from somewhere else, such as a task; at most `capacity` parts wait
    /// to be read.
    ///
    /// ```
    /// let (mut sender, body) = barewire_server::Body::channel(4);
    /// # fn spawn(_: impl Future) {}
    /// spawn(async move {
    ///     for line in ["one\n", "two\n"] {
    ///         sender.send(line).await?;
    ///     }
    ///     sender.finish();
    ///     Ok::<(), barewire_server::ChannelClosed>(())
    /// });
    /// # drop(body);
    /// ```
    pub fn channel(capacity: usize) -> (Sender, Self) {
        let (sender, receiver) = channel::channel(capacity);
        (sender, Self(Kind::Channel(receiver)))
    }

    /// A body whose parts a function makes, as long as it returns any. It is called when there is room to send more;
    /// an error breaks the body off, so that the client sees that it is incomplete.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use std::convert::Infallible;
    /// use std::task::Poll;
    ///
    /// let mut left = 3;
    /// let body = barewire_server::Body::from_fn(move |_cx| {
    ///     left -= 1;
    ///     let part = (left >= 0).then(|| Ok::<_, Infallible>(Bytes::from(format!("{left}\n"))));
    ///     Poll::Ready(part)
    /// });
    /// # let body = barewire_smol::Smol::default().block_on(body.collect(100)).unwrap();
    /// # assert_eq!(body, "2\n1\n0\n");
    /// ```
    pub fn from_fn<F, E>(next: F) -> Self
    where
        F: FnMut(&mut Context<'_>) -> Poll<Option<Result<Bytes, E>>> + Send + Unpin + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static,
    {
        Self(Kind::Boxed(Box::pin(FromFn { next })))
    }

    pub(crate) fn incoming(incoming: Incoming) -> Self {
        Self(Kind::Incoming(Box::new(incoming)))
    }

    /// All of the body, if it is in memory already.
    pub(crate) fn into_full(self) -> Result<Bytes, Self> {
        match self.0 {
            Kind::Full(bytes) => Ok(bytes),
            kind => Err(Self(kind)),
        }
    }

    /// The next part of the body's data; `None` at its end. Trailers are skipped. Cancel-safe.
    ///
    /// # Errors
    ///
    /// See [`BodyError`].
    pub async fn data(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            match self.frame().await {
                None => return Ok(None),
                Some(frame) => match frame?.into_data() {
                    Ok(data) => return Ok(Some(data)),
                    Err(_trailers) => {}
                },
            }
        }
    }

    /// The next frame of the body: data, or its trailer section; `None` at its end. Cancel-safe.
    ///
    /// # Errors
    ///
    /// See [`BodyError`].
    pub async fn frame(&mut self) -> Option<Result<Frame<Bytes>, BodyError>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_frame(cx)).await
    }

    /// The whole body, which must not be longer than `limit` bytes. Not cancel-safe: what was read is lost.
    ///
    /// # Errors
    ///
    /// See [`BodyError`].
    pub async fn collect(self, limit: usize) -> Result<Bytes, BodyError> {
        self.collect_with_trailers(limit).await.map(|(data, _)| data)
    }

    /// The whole body and its trailer section, if it has one. Not cancel-safe: what was read is lost.
    ///
    /// # Errors
    ///
    /// See [`BodyError`].
    pub async fn collect_with_trailers(
        mut self,
        limit: usize,
    ) -> Result<(Bytes, Option<HeaderMap>), BodyError> {
        if self.size_hint().lower() > limit as u64 {
            return Err(BodyError::TooLarge { limit });
        }
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        let mut trailers = None;
        while let Some(frame) = self.frame().await {
            match frame?.into_data() {
                Ok(data) => {
                    if first.len() + all.len() + data.len() > limit {
                        return Err(BodyError::TooLarge { limit });
                    }
                    // A body of one part is not copied.
                    if first.is_empty() && all.is_empty() {
                        first = data;
                    } else {
                        all.extend_from_slice(&std::mem::take(&mut first));
                        all.extend_from_slice(&data);
                    }
                }
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        let data = if all.is_empty() { first } else { all.freeze() };
        Ok((data, trailers))
    }

    /// The whole body, which must not be longer than `limit` bytes, as text: read as UTF-8 whatever `Content-Type` says,
    /// with U+FFFD for what is not. Not cancel-safe: what was read is lost.
    ///
    /// # Errors
    ///
    /// See [`BodyError`].
    pub async fn text(self, limit: usize) -> Result<String, BodyError> {
        Ok(match String::from_utf8(self.collect(limit).await?.into()) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }

    /// Reads the body with [`std::io::Read`], blocking the thread: for handlers of the blocking runtime.
    pub fn into_reader(self) -> BodyReader {
        BodyReader::new(self)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Kind::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::Incoming(incoming) => incoming.poll_frame(cx),
            Kind::Channel(receiver) => receiver.poll_frame(cx),
            Kind::Boxed(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Full(bytes) => bytes.is_empty(),
            Kind::Incoming(incoming) => incoming.done,
            Kind::Channel(_) => false,
            Kind::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Incoming(incoming) => incoming.size_hint(),
            Kind::Channel(_) => SizeHint::default(),
            Kind::Boxed(body) => body.size_hint(),
        }
    }
}

impl Incoming {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.done {
            return Poll::Ready(None);
        }
        let frame = ready!(self.source.poll_frame(cx, self.exchange));
        match &frame {
            Some(Ok(frame)) => {
                let n = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.received += n;
            }
            Some(Err(_)) | None => self.done = true,
        }
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Some(length) => SizeHint::with_exact(length.saturating_sub(self.received)),
            None => SizeHint::default(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.0 {
            Kind::Full(_) => "Full",
            Kind::Incoming(_) => "Incoming",
            Kind::Channel(_) => "Channel",
            Kind::Boxed(_) => "Stream",
        };
        f.debug_struct("Body").field("kind", &kind).field("size", &self.size_hint()).finish()
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<()> for Body {
    fn from((): ()) -> Self {
        Self::empty()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Full(bytes))
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

/// Another body with its data and error as ours.
struct Mapped<B> {
    body: Pin<Box<B>>,
}

impl<B> http_body::Body for Mapped<B>
where
    B: http_body::Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.body.as_mut().poll_frame(cx).map(|frame| {
            frame.map(|frame| match frame {
                Ok(frame) => Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))),
                Err(error) => Err(BodyError::Source(error.into())),
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

struct FromFn<F> {
    next: F,
}

impl<F, E> http_body::Body for FromFn<F>
where
    F: FnMut(&mut Context<'_>) -> Poll<Option<Result<Bytes, E>>> + Unpin,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        (self.next)(cx).map(|part| {
            part.map(|part| part.map(Frame::data).map_err(|error| BodyError::Source(error.into())))
        })
    }
}
