//! The bodies of requests: what came for them and was not read yet.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use barewire_h2::{BodyLength, ServerConnection, StreamId};
use barewire_proto::{Buf, Protocol};
use barewire_rt::Transport;
use bytes::{Bytes, BytesMut};
use http::header::EXPECT;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Frame;

use super::state::{Shared, State};
use crate::body::{Incoming, Source};
use crate::layer::Over;
use crate::{Body, BodyError};

/// A request's body as far as it came. The client's window bounds it.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    parts: VecDeque<Bytes>,
    /// Behind `parts`: small ones, gathered.
    gathered: BytesMut,
    pub(super) trailers: Option<HeaderMap>,
    pub(super) ended: bool,
    /// The client waits for `100 Continue`.
    waiting: bool,
    /// Who polled it last and found nothing.
    pub(super) reader: Option<Waker>,
}

/// Parts below this are copied together, in bytes, unless somebody waits for them: each of them would cost its place
/// in the queue, and hold the whole of what it was read with.
const SMALL: usize = barewire_proto::COPY_THRESHOLD;

/// So much is gathered at most, in bytes, before it is a part itself.
const GATHERED: usize = 16 * 1024;

impl Inbox {
    pub(super) fn put(&mut self, data: Bytes) {
        let awaited = self.reader.is_some() && self.parts.is_empty() && self.gathered.is_empty();
        if data.len() < SMALL && !awaited {
            if self.gathered.len() + data.len() > GATHERED {
                self.seal();
            }
            self.gathered.extend_from_slice(&data);
        } else {
            self.seal();
            self.parts.push_back(data);
        }
    }

    fn take(&mut self) -> Option<Bytes> {
        if self.parts.is_empty() {
            self.seal();
        }
        self.parts.pop_front()
    }

    fn seal(&mut self) {
        if !self.gathered.is_empty() {
            self.parts.push_back(std::mem::take(&mut self.gathered).freeze());
        }
    }

    /// Whether whoever polls it finds something.
    pub(super) fn has_news(&self) -> bool {
        let data = !self.parts.is_empty() || !self.gathered.is_empty();
        data || self.trailers.is_some() || self.ended
    }
}

impl<L: Over<ServerConnection>, T: Transport + Send + 'static> State<L, T> {
    /// The body of a request that came just now.
    pub(super) fn body(
        &mut self,
        shared: &Arc<Shared<L, T>>,
        id: StreamId,
        head: &Request<()>,
        length: BodyLength,
    ) -> Body {
        if length == BodyLength::Empty {
            return Body::empty();
        }
        let expects = head.headers().get(EXPECT);
        let waiting =
            expects.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        self.streams.entry(id).inbox = Some(Box::new(Inbox { waiting, ..Inbox::default() }));
        Body::incoming(Incoming {
            source: Arc::clone(shared) as Arc<dyn Source>,
            exchange: id.value().into(),
            length: length.known(),
            received: 0,
            done: false,
        })
    }

    fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        id: StreamId,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(stream) = self.streams.get(id) else {
            return Poll::Ready(Some(Err(self.ended())));
        };
        let reset = stream.reset;
        let Some(inbox) = &mut stream.inbox else {
            return Poll::Ready(Some(Err(BodyError::Abandoned)));
        };
        if let Some(data) = inbox.take() {
            self.protocol().release_capacity(id, data.len());
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if let Some(trailers) = inbox.trailers.take() {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        if inbox.ended {
            return Poll::Ready(None);
        }
        if let Some(reason) = reset {
            stream.inbox = None;
            self.streams.tidy(id);
            return Poll::Ready(Some(Err(BodyError::Reset { reason })));
        }
        match &mut inbox.reader {
            Some(reader) => reader.clone_from(cx.waker()),
            None => inbox.reader = Some(cx.waker().clone()),
        }
        if std::mem::take(&mut inbox.waiting) {
            let mut go_on = Response::new(());
            *go_on.status_mut() = StatusCode::CONTINUE;
            // Refused only when it is too late for it, and then it is not needed.
            let _ = self.protocol().send_informational(id, &go_on);
        }
        Poll::Pending
    }
}

impl<L: Over<ServerConnection>, T: Transport + Send + 'static> Source for Shared<L, T> {
    fn poll_frame(
        &self,
        cx: &mut Context<'_>,
        exchange: u64,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let id = id_of(exchange);
        loop {
            let mut state = self.lock();
            let frame = state.poll_body(cx, id);
            // Windows that were given back, or `100 Continue`.
            let says = state.protocol().output().has_remaining();
            let leads = T::BLOCKING && state.roles.leader == Some(thread::current().id());
            let call = says && !leads && (!T::BLOCKING || state.say());
            drop(state);
            if call {
                self.ready.call();
            }
            let relief = if frame.is_pending() { self.relief() } else { None };
            if !relief.is_some_and(|relief| relief.hold_up(id, cx.waker())) {
                return frame;
            }
        }
    }

    fn abandon(&self, exchange: u64) {
        // Without the connection's lock: a body may be dropped while that is held.
        self.ready.abandon(exchange);
    }
}

pub(super) fn id_of(exchange: u64) -> StreamId {
    StreamId::new(u32::try_from(exchange).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that an inbox holds for what is in it.
    fn held(inbox: &Inbox) -> usize {
        let parts = inbox.parts.capacity() * size_of::<Bytes>();
        let data: usize = inbox.parts.iter().map(Bytes::len).sum();
        parts + data + inbox.gathered.capacity()
    }

    fn all(inbox: &mut Inbox) -> Vec<u8> {
        std::iter::from_fn(|| inbox.take()).flatten().collect()
    }

    #[test]
    fn small_parts_cost_what_they_carry() {
        let mut inbox = Inbox::default();
        let read = Bytes::from((0..=255).collect::<Vec<u8>>());
        for n in 0..256 * 1024 {
            inbox.put(read.slice(n % 256..n % 256 + 1));
        }
        assert!(held(&inbox) < 300 * 1024, "{}", held(&inbox));
        assert!(all(&mut inbox).iter().enumerate().all(|(n, byte)| usize::from(*byte) == n % 256));
        assert!(!inbox.has_news());
    }

    #[test]
    fn parts_stay_in_their_order() {
        let mut inbox = Inbox::default();
        let mut expected = Vec::new();
        for (n, length) in [1, SMALL, 2, 3, SMALL + 1, SMALL - 1, 1].into_iter().enumerate() {
            let part = Bytes::from(vec![n as u8; length]);
            expected.extend_from_slice(&part);
            inbox.put(part);
        }
        assert_eq!(all(&mut inbox), expected);
    }

    #[test]
    fn what_is_awaited_or_large_is_not_copied() {
        let mut inbox = Inbox { reader: Some(Waker::noop().clone()), ..Inbox::default() };
        let (small, large) = (Bytes::from(vec![0; 100]), Bytes::from(vec![0; SMALL]));
        inbox.put(small.clone());
        inbox.put(large.clone());
        assert_eq!(inbox.take().unwrap().as_ptr(), small.as_ptr());
        assert_eq!(inbox.take().unwrap().as_ptr(), large.as_ptr());
    }
}
