use std::fmt;
use std::future::poll_fn;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use barewire_rt::AsyncRead;
use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body as _, Frame, SizeHint};

use crate::error::{BoxError, Error, ErrorKind};
use crate::incoming::Incoming;

/// The body of a request or of a response.
///
/// A request's body is made of what is at hand: `Body` is `From` byte strings, text and `()`, and
/// [`stream`](Self::stream), [`from_reader`](Self::from_reader) and [`from_read`](Self::from_read) take what
/// comes bit by bit. With a known length it is sent with `Content-Length`, else chunked.
///
/// A response's body is read through [`http_body::Body`], or more easily through
/// [`Response`](crate::Response). It owns the connection: once it was read to its end the connection is
/// kept for the next request, and when it is dropped before, the connection is closed. Over HTTP/2 that is said
/// of its stream, and the connection goes on.
///
/// ```
/// use barewire_client::Body;
/// use http_body::Body as _;
///
/// assert_eq!(Body::from("hello").size_hint().exact(), Some(5));
/// let file: &[u8] = b"a reader";
/// assert_eq!(Body::from_read(file).size_hint().exact(), None);
/// ```
#[derive(Default)]
pub struct Body(Kind);

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Bytes(Bytes),
    Stream(Mutex<Pin<Box<Stream>>>),
    Incoming(Incoming),
}

type Stream = dyn http_body::Body<Data = Bytes, Error = BoxError> + Send;

impl Body {
    /// No body.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Any stream of frames; it is polled when there is room to send more. Trailers are sent when its length
    /// is not known in advance.
    ///
    /// While it is being sent the response can be read, and it may wait for what came. With one exception: over a
    /// blocking runtime HTTP/1.1 reads nothing while the body has nothing to send.
    ///
    /// ```
    /// use barewire_client::Body;
    /// use http::HeaderMap;
    /// use http_body::Frame;
    /// use http_body_util::StreamBody;
    ///
    /// let mut trailers = HeaderMap::new();
    /// trailers.insert("digest", "sha-256=...".parse().unwrap());
    /// // Any `Stream` of frames will do: a channel's receiver, a file that is read.
    /// let frames = futures_lite::stream::iter([
    ///     Ok::<_, std::io::Error>(Frame::data(&b"part"[..])),
    ///     Ok(Frame::trailers(trailers)),
    /// ]);
    /// let body = Body::stream(StreamBody::new(frames));
    /// ```
    pub fn stream<B>(body: B) -> Self
    where
        B: http_body::Body + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(Kind::Stream(Mutex::new(Box::pin(Adapted(Box::pin(body))))))
    }

    /// What a reader yields until its end; chunked, as its length is not known.
    pub fn from_reader(reader: impl AsyncRead + Send + 'static) -> Self {
        Self::stream(ReaderBody { reader: Box::pin(reader), left: None, buffer: BytesMut::new() })
    }

    /// The next `length` bytes of a reader. It is an error of the request when there are fewer.
    pub fn from_reader_sized(reader: impl AsyncRead + Send + 'static, length: u64) -> Self {
        let left = Some(length);
        Self::stream(ReaderBody { reader: Box::pin(reader), left, buffer: BytesMut::new() })
    }

    /// As [`from_reader`](Self::from_reader), for readers that block, such as a file: reading holds up the thread
    /// that sends the request. Meant for [`blocking`](crate::blocking) and blocking runtimes.
    ///
    /// On an async runtime what was read before is not flushed when the reader blocks: it leaves when the reader
    /// has gone on. So a reader that waits for what the server answers to the part before waits for ever there;
    /// it needs [`stream`](Self::stream) or `from_reader`, which are pending instead.
    pub fn from_read(reader: impl Read + Send + 'static) -> Self {
        Self::from_reader(Blocking(Box::new(reader)))
    }

    /// As [`from_reader_sized`](Self::from_reader_sized), for readers that block.
    pub fn from_read_sized(reader: impl Read + Send + 'static, length: u64) -> Self {
        Self::from_reader_sized(Blocking(Box::new(reader)), length)
    }

    /// The next part of the body's data; `None` at its end. Trailers are skipped. Cancel-safe.
    ///
    /// # Errors
    ///
    /// The connection broke, a timeout passed, or what the body comes from failed.
    pub async fn data(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = self.frame().await {
            if let Ok(data) = frame?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The next part of the body, be it data or trailers. Cancel-safe.
    pub(crate) async fn frame(&mut self) -> Option<Result<Frame<Bytes>, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_frame(cx)).await
    }

    pub(crate) fn incoming(incoming: Incoming) -> Self {
        Self(Kind::Incoming(incoming))
    }

    pub(crate) fn is_empty(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Bytes(bytes) => bytes.is_empty(),
            Kind::Stream(_) | Kind::Incoming(_) => false,
        }
    }

    /// Whether it may take its time to yield something.
    pub(crate) fn may_wait(&self) -> bool {
        matches!(self.0, Kind::Stream(_) | Kind::Incoming(_))
    }

    /// The same body once more, where it can be sent again from its beginning.
    pub(crate) fn replay(&self) -> Option<Self> {
        match &self.0 {
            Kind::Empty => Some(Self::empty()),
            Kind::Bytes(bytes) => Some(Self(Kind::Bytes(bytes.clone()))),
            Kind::Stream(_) | Kind::Incoming(_) => None,
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Kind::Empty;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Kind::Stream(stream) => {
                let stream = stream.get_mut().unwrap_or_else(PoisonError::into_inner);
                let frame = ready!(stream.as_mut().poll_frame(cx));
                Poll::Ready(frame.map(|frame| {
                    frame.map_err(|error| match error.downcast::<Error>() {
                        // A response's body that is sent on tells its own story.
                        Ok(error) => *error,
                        Err(error) => ErrorKind::RequestBody(error).into(),
                    })
                }))
            }
            Kind::Incoming(incoming) => incoming.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Bytes(bytes) => bytes.is_empty(),
            Kind::Stream(stream) => {
                stream.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
            }
            Kind::Incoming(incoming) => incoming.is_ended(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(stream) => {
                stream.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
            }
            Kind::Incoming(incoming) => incoming.size_hint(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.0 {
            Kind::Empty => "Empty",
            Kind::Bytes(_) => "Bytes",
            Kind::Stream(_) => "Stream",
            Kind::Incoming(_) => "Incoming",
        };
        f.debug_tuple("Body").field(&kind).finish()
    }
}

impl From<()> for Body {
    fn from((): ()) -> Self {
        Self::empty()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Kind::Bytes(bytes))
    }
}

macro_rules! from_bytes {
    ($($source:ty),*) => {$(
        impl From<$source> for Body {
            fn from(source: $source) -> Self {
                Bytes::from(source).into()
            }
        }
    )*};
}

from_bytes!(&'static str, &'static [u8], String, Vec<u8>, Box<[u8]>);

impl<const N: usize> From<&'static [u8; N]> for Body {
    fn from(bytes: &'static [u8; N]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

/// Gives foreign bodies the types of ours.
struct Adapted<B>(Pin<Box<B>>);

impl<B> http_body::Body for Adapted<B>
where
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(self.0.as_mut().poll_frame(cx));
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => Ok(frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))),
            Err(error) => Err(error.into()),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// What a reader yields, as frames.
struct ReaderBody<R> {
    reader: Pin<Box<R>>,
    left: Option<u64>,
    /// Initialised room to read into.
    buffer: BytesMut,
}

const READ: usize = 32 * 1024;

impl<R: AsyncRead> http_body::Body for ReaderBody<R> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if this.left == Some(0) {
            return Poll::Ready(None);
        }
        // What is left of a buffer after a short read is used up before the next one is made.
        if this.buffer.len() < READ / 8 {
            this.buffer = BytesMut::zeroed(READ);
        }
        let want = this.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let room = this.buffer.len().min(want);
        let n = loop {
            let read = this.reader.as_mut().poll_read(cx, &mut this.buffer[..room]);
            match ready!(read) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
                Ok(n) => break n.min(room),
            }
        };
        if n == 0 {
            let missing = this.left.replace(0);
            return Poll::Ready(missing.map(|_| Err(io::ErrorKind::UnexpectedEof.into())));
        }
        this.left = this.left.map(|left| left.saturating_sub(n as u64));
        Poll::Ready(Some(Ok(Frame::data(this.buffer.split_to(n).freeze()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map(SizeHint::with_exact).unwrap_or_default()
    }
}

/// A reader that blocks where an async one would be pending.
struct Blocking(Box<dyn Read + Send>);

impl AsyncRead for Blocking {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.0.read(buf))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::block_on;
    use http_body_util::{BodyExt, StreamBody};

    fn collect(body: Body) -> Result<Bytes, Error> {
        block_on(body.collect()).map(|collected| collected.to_bytes())
    }

    #[test]
    fn bytes_come_in_one_frame_and_can_be_sent_again() {
        let body = Body::from(String::from("hello"));
        assert_eq!(body.replay().unwrap().size_hint().exact(), Some(5));
        assert_eq!(collect(body).unwrap(), "hello");
        assert!(Body::from(()).is_end_stream());
        assert!(Body::from("").is_empty());
        assert!(Body::from_read(io::empty()).replay().is_none());
    }

    #[test]
    fn readers_with_and_without_a_length() {
        let text = "x".repeat(100_000);
        let read = Body::from_read(io::Cursor::new(text.clone()));
        assert_eq!(collect(read).unwrap(), text);
        let sized = Body::from_read_sized(io::Cursor::new(text.clone()), 70_000);
        assert_eq!(sized.size_hint().exact(), Some(70_000));
        assert_eq!(collect(sized).unwrap(), text[..70_000]);
        let short = Body::from_read_sized(io::Cursor::new("abc"), 4);
        let error = collect(short).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::RequestBody(_)), "{error:?}");
    }

    #[test]
    fn a_stream_keeps_its_frames_and_its_error() {
        let frames = vec![Ok(Frame::data(&b"a"[..])), Err("broken")];
        let stream = StreamBody::new(futures_lite::stream::iter(frames));
        let mut body = Body::stream(stream);
        assert_eq!(block_on(body.frame()).unwrap().unwrap().into_data().unwrap(), "a");
        let error = block_on(body.frame()).unwrap().unwrap_err();
        assert!(error.to_string().contains("broken"));
    }

    #[test]
    fn bodies_may_be_sent_and_shared() {
        fn check<T: Send + Sync + Unpin>() {}
        check::<Body>();
    }
}
