//! A file, or parts of it, on its way into a response.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::task::{Context, Poll};

use barewire::bytes::{Bytes, BytesMut};
use barewire::rt::{JoinError, Runtime, Spawn, Transport};
use http_body::{Body, Frame, SizeHint};

/// A piece of a response's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// As it is.
    Bytes(Bytes),
    /// What these bytes of the file hold; not empty.
    File(Range<u64>),
}

/// Why a file's body could not be sent to its end.
#[derive(Debug)]
pub(crate) enum FileError {
    /// The file became shorter while it was sent.
    Truncated,
    /// It could not be read.
    Io(io::Error),
    /// The thread that read it is gone.
    Lost(JoinError),
}

impl std::fmt::Display for FileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Truncated => f.write_str("the file became shorter while it was sent"),
            Self::Io(error) => write!(f, "the file could not be read: {error}"),
            Self::Lost(error) => write!(f, "the file could not be read: {error}"),
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Truncated => None,
            Self::Io(error) => Some(error),
            Self::Lost(error) => Some(error),
        }
    }
}

/// Bytes read at once. Large enough that handing a chunk from the thread that reads to the one that sends is
/// little beside copying it, small enough that both copies stay in a core's cache.
const CHUNK: usize = 128 * 1024;

/// One chunk is being read, one waits to be sent, and one is partly sent.
const MAX_LENT: usize = 3;

/// Reads the segments of a body one chunk after the other, blocking.
#[derive(Debug)]
pub(crate) struct Reader {
    file: File,
    segments: VecDeque<Segment>,
    left: u64,
    /// Chunks that were handed out, to be filled again once nobody else holds them.
    lent: Vec<Bytes>,
}

impl Reader {
    pub(crate) fn new(file: File, segments: Vec<Segment>) -> Self {
        let left = segments.iter().map(Segment::len).sum();
        Self { file, segments: segments.into(), left, lent: Vec::new() }
    }

    /// Bytes still to come.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// The whole body, if it is short.
    pub(crate) fn read_if_short(&mut self) -> Result<Option<Bytes>, FileError> {
        if self.left > CHUNK as u64 {
            return Ok(None);
        }
        let Some(first) = self.next()? else { return Ok(Some(Bytes::new())) };
        if self.left == 0 {
            return Ok(Some(first));
        }
        let mut body = BytesMut::with_capacity(first.len() + self.left as usize);
        body.extend_from_slice(&first);
        while let Some(chunk) = self.next()? {
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body.freeze()))
    }

    /// The next chunk; `None` at the end.
    fn next(&mut self) -> Result<Option<Bytes>, FileError> {
        let Some(segment) = self.segments.pop_front() else { return Ok(None) };
        let chunk = match segment {
            Segment::Bytes(bytes) => bytes,
            Segment::File(range) => {
                let len = (range.end - range.start).min(CHUNK as u64);
                let chunk = self.read(range.start, len as usize)?;
                let rest = range.start + len..range.end;
                if !rest.is_empty() {
                    self.segments.push_front(Segment::File(rest));
                }
                chunk
            }
        };
        self.left -= chunk.len() as u64;
        Ok(Some(chunk))
    }

    fn read(&mut self, at: u64, len: usize) -> Result<Bytes, FileError> {
        let free = self.lent.iter().position(Bytes::is_unique);
        let free = free.map(|index| self.lent.swap_remove(index).try_into_mut());
        let mut buffer = free.and_then(Result::ok).unwrap_or_default();
        if buffer.len() < len {
            buffer = BytesMut::zeroed(len);
        }
        self.file.read_exact_at(&mut buffer[..len], at).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => FileError::Truncated,
            _ => FileError::Io(error),
        })?;
        let whole = buffer.freeze();
        let chunk = whole.slice(..len);
        if self.left > len as u64 && self.lent.len() < MAX_LENT {
            self.lent.push(whole);
        }
        Ok(chunk)
    }
}

impl Segment {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(range) => range.end.saturating_sub(range.start),
        }
    }
}

/// A body that a [`Reader`] reads: on the pool for blocking work, one chunk ahead of what is sent, or where
/// each connection has a thread of its own on that.
pub(crate) struct FileBody<R: Spawn> {
    runtime: R,
    state: State<R>,
    left: u64,
}

type Read = (Reader, Result<Option<Bytes>, FileError>);

enum State<R: Spawn> {
    Idle(Reader),
    Reading(R::JoinHandle<Read>),
    Ended,
}

impl<R: Spawn> FileBody<R> {
    pub(crate) fn new(runtime: R, reader: Reader) -> Self {
        let left = reader.left();
        Self { runtime, state: State::Idle(reader), left }
    }

    fn start(runtime: &R, mut reader: Reader) -> State<R> {
        match reader.left() {
            0 => State::Ended,
            _ => State::Reading(runtime.spawn_blocking(move || {
                let chunk = reader.next();
                (reader, chunk)
            })),
        }
    }
}

impl<R: Spawn> Body for FileBody<R> {
    type Data = Bytes;
    type Error = FileError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, FileError>>> {
        let this = &mut *self;
        let chunk = loop {
            match std::mem::replace(&mut this.state, State::Ended) {
                State::Ended => break Ok(None),
                State::Idle(mut reader) if <R as Runtime>::TcpStream::BLOCKING => {
                    let chunk = reader.next();
                    this.state = State::Idle(reader);
                    break chunk;
                }
                State::Idle(reader) => this.state = Self::start(&this.runtime, reader),
                State::Reading(mut read) => match Pin::new(&mut read).poll(cx) {
                    Poll::Pending => {
                        this.state = State::Reading(read);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok((reader, Ok(chunk)))) => {
                        this.state = Self::start(&this.runtime, reader);
                        break Ok(chunk);
                    }
                    Poll::Ready(Ok((_, Err(error)))) => break Err(error),
                    Poll::Ready(Err(lost)) => break Err(FileError::Lost(lost)),
                },
            }
        };
        if let Ok(Some(chunk)) = &chunk {
            this.left = this.left.saturating_sub(chunk.len() as u64);
        }
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)).transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use barewire::smol::Smol;
    use barewire::std::Std;
    use std::future::poll_fn;

    fn collect<R: Spawn>(
        runtime: R,
        file: File,
        segments: Vec<Segment>,
    ) -> Result<Vec<u8>, FileError> {
        let mut body = FileBody::new(runtime.clone(), Reader::new(file, segments));
        runtime.block_on(async move {
            let declared = body.size_hint().exact().unwrap();
            let mut collected = Vec::new();
            while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                collected.extend(frame?.into_data().unwrap());
            }
            assert_eq!(collected.len() as u64, declared);
            assert!(body.is_end_stream());
            Ok(collected)
        })
    }

    fn on_each_kind_of_runtime(file: &File, segments: Vec<Segment>) -> Result<Vec<u8>, FileError> {
        let threads = collect(Std::default(), file.try_clone().unwrap(), segments.clone());
        let tasks = collect(Smol::default(), file.try_clone().unwrap(), segments);
        assert_eq!(threads.as_ref().ok(), tasks.as_ref().ok());
        threads
    }

    fn file(content: &[u8]) -> (Scratch, File) {
        let scratch = Scratch::new();
        let path = scratch.write("file", content);
        (scratch, File::options().read(true).write(true).open(path).unwrap())
    }

    #[test]
    fn segments_of_all_lengths() {
        let content: Vec<u8> = (0..3 * CHUNK as u32 + 5).map(|n| (n % 251) as u8).collect();
        let (_scratch, file) = file(&content);
        let len = content.len() as u64;
        let chunk = CHUNK as u64;
        for range in [0..len, 0..1, len - 1..len, 7..chunk + 7, 0..chunk, 0..chunk + 1] {
            let (start, end) = (range.start as usize, range.end as usize);
            let got = on_each_kind_of_runtime(&file, vec![Segment::File(range)]);
            assert!(got.unwrap() == content[start..end], "{start}..{end}");
        }
        let mixed = vec![
            Segment::Bytes("<".into()),
            Segment::File(5..7),
            Segment::Bytes("|".into()),
            Segment::File(0..chunk + 1),
            Segment::Bytes(">".into()),
        ];
        let wanted = [b"<", &content[5..7], b"|", &content[..CHUNK + 1], b">"].concat();
        assert!(on_each_kind_of_runtime(&file, mixed).unwrap() == wanted);
        assert_eq!(on_each_kind_of_runtime(&file, Vec::new()).unwrap(), b"");
    }

    #[test]
    fn a_file_that_shrinks_is_an_error_and_not_an_end() {
        let (_scratch, file) = file(&[7; 1000]);
        let segments = vec![Segment::File(0..2 * CHUNK as u64)];
        let error = on_each_kind_of_runtime(&file, segments).unwrap_err();
        assert!(matches!(error, FileError::Truncated), "{error:?}");
        let mut short = Reader::new(file, vec![Segment::File(0..1001)]);
        assert!(matches!(short.read_if_short(), Err(FileError::Truncated)));
    }

    #[test]
    fn short_bodies_are_read_at_once() {
        let (_scratch, file) = file(b"abcdef");
        let read = |segments| {
            Reader::new(file.try_clone().unwrap(), segments).read_if_short().unwrap().unwrap()
        };
        assert_eq!(read(vec![]), "");
        assert_eq!(read(vec![Segment::File(1..3)]), "bc");
        assert_eq!(read(vec![Segment::Bytes("<".into()), Segment::File(5..6)]), "<f");
        let mut long = Reader::new(file, vec![Segment::File(0..CHUNK as u64 + 1)]);
        assert_eq!(long.read_if_short().unwrap(), None);
    }

    #[test]
    fn chunks_are_used_again() {
        let (_scratch, file) = file(&vec![7; 8 * CHUNK]);
        let mut reader = Reader::new(file, vec![Segment::File(0..8 * CHUNK as u64)]);
        let mut places = Vec::new();
        let mut sending = VecDeque::new();
        while let Some(chunk) = reader.next().unwrap() {
            places.push(chunk.as_ptr());
            sending.push_back(chunk);
            // The one before was sent meanwhile.
            if sending.len() == 2 {
                sending.pop_front();
            }
        }
        places.sort();
        places.dedup();
        assert_eq!(places.len(), 2);
    }
}
