use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

use crate::BodyError;

/// The sending half of a body from [`Body::channel`](crate::Body::channel).
///
/// Dropping it without [`finish`](Self::finish) breaks the body off: the client sees that it is incomplete.
#[derive(Debug)]
pub struct Sender {
    shared: Arc<Shared>,
}

/// The receiving half.
#[derive(Debug)]
pub(crate) struct Receiver {
    shared: Arc<Shared>,
}

/// The other side is gone: the client does not want the body any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelClosed;

impl fmt::Display for ChannelClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody reads this body any more: stop producing it")
    }
}

impl std::error::Error for ChannelClosed {}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Frame<Bytes>>,
    finished: bool,
    sender_gone: bool,
    receiver_gone: bool,
    sender: Option<Waker>,
    receiver: Option<Waker>,
}

pub(crate) fn channel(capacity: usize) -> (Sender, Receiver) {
    let shared = Arc::new(Shared { state: Mutex::default(), capacity: capacity.max(1) });
    (Sender { shared: Arc::clone(&shared) }, Receiver { shared })
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sender {
    /// Sends a part of the body; waits while the channel is full. Cancel-safe in that a part is sent whole
    /// or, when the future is dropped, not at all.
    ///
    /// # Errors
    ///
    /// The body was dropped: the client is gone, or does not want it.
    pub async fn send(&mut self, data: impl Into<Bytes>) -> Result<(), ChannelClosed> {
        let mut frame = Some(Frame::data(data.into()));
        poll_fn(|cx| {
            let mut state = self.shared.lock();
            if state.receiver_gone {
                return Poll::Ready(Err(ChannelClosed));
            }
            if state.queue.len() >= self.shared.capacity {
                state.sender = Some(cx.waker().clone());
                return Poll::Pending;
            }
            state.queue.extend(frame.take());
            let receiver = state.receiver.take();
            drop(state);
            receiver.into_iter().for_each(Waker::wake);
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Ends the body.
    pub fn finish(self) {
        self.shared.lock().finished = true;
    }

    /// Ends the body with a trailer section.
    pub fn finish_with(self, trailers: HeaderMap) {
        let mut state = self.shared.lock();
        state.queue.push_back(Frame::trailers(trailers));
        state.finished = true;
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.sender_gone = true;
        let receiver = state.receiver.take();
        drop(state);
        receiver.into_iter().for_each(Waker::wake);
    }
}

impl Receiver {
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut state = self.shared.lock();
        if let Some(frame) = state.queue.pop_front() {
            let sender = state.sender.take();
            drop(state);
            sender.into_iter().for_each(Waker::wake);
            return Poll::Ready(Some(Ok(frame)));
        }
        if state.finished {
            return Poll::Ready(None);
        }
        if state.sender_gone {
            let unfinished = "the sender was dropped before it finished the body";
            return Poll::Ready(Some(Err(BodyError::Source(unfinished.into()))));
        }
        state.receiver = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.receiver_gone = true;
        let parts = std::mem::take(&mut state.queue);
        let sender = state.sender.take();
        drop(state);
        // They may hold anything of the application's, so not under the lock.
        drop(parts);
        sender.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// A part of a body that holds on to whatever its maker likes.
    struct Part<T>(T);

    impl<T> AsRef<[u8]> for Part<T> {
        fn as_ref(&self) -> &[u8] {
            let Self(_held) = self;
            b"part"
        }
    }

    #[test]
    fn parts_that_nobody_reads_are_dropped_where_the_channel_may_be_used() {
        let (mut sender, receiver) = channel(1);
        let slot = Arc::new(Mutex::new(None));
        let part = Bytes::from_owner(Part(Arc::clone(&slot)));
        let sent = pin!(sender.send(part)).poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(sent, Poll::Ready(Ok(())));
        // The queue holds its own sender now.
        *slot.lock().unwrap() = Some(sender);
        drop(slot);
        let (done, dropped) = mpsc::channel();
        std::thread::spawn(move || {
            drop(receiver);
            done.send(()).unwrap();
        });
        dropped.recv_timeout(Duration::from_secs(20)).expect("the thread is not stuck");
    }
}
