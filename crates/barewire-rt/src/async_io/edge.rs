//! Readiness of connected sockets by edge-triggered epoll, on top of the reactor. Linux.
//!
//! async-io registers each socket anew for each wait, which is a system call for each request that a server
//! answers. So sockets of connections are registered once, with an epoll instance of their own (the [`Hub`]),
//! and only that one is registered with the reactor: a round of events costs the reactor's system calls once,
//! whatever the number of sockets in it. See [`Hub`] for who looks when.

mod hub;
mod looker;

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use rustix::event::epoll::EventFlags;

use self::hub::Hub;
pub use self::looker::look_ahead;

/// A non-blocking socket and what is known of its readiness.
///
/// Each edge is told once: who is told that the socket is ready uses it until it is not any more.
pub(super) struct Source<S: AsFd> {
    socket: S,
    key: u64,
    edges: Arc<Edges>,
}

impl<S: AsFd> Source<S> {
    /// Takes a socket that is non-blocking already, and connected.
    pub(super) fn new_nonblocking(socket: S) -> io::Result<Self> {
        let edges = Arc::<Edges>::default();
        let key = Hub::get()?.add(&socket, &edges)?;
        Ok(Self { socket, key, edges })
    }

    pub(super) fn get_ref(&self) -> &S {
        &self.socket
    }

    pub(super) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.edges.poll(cx, |both| &mut both.read)
    }

    pub(super) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.edges.poll(cx, |both| &mut both.write)
    }
}

impl<S: AsFd> Drop for Source<S> {
    fn drop(&mut self) {
        if let Ok(hub) = Hub::get() {
            hub.remove(&self.socket, self.key);
        }
    }
}

impl<S: AsFd + fmt::Debug> fmt::Debug for Source<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("socket", &self.socket).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Edges(Mutex<Directions>);

#[derive(Debug, Default)]
struct Directions {
    read: Direction,
    write: Direction,
}

#[derive(Debug, Default)]
struct Direction {
    /// There was an edge that nobody was told of.
    edge: bool,
    /// It is over: every call returns at once, and no further edge comes.
    ended: bool,
    waiting: Option<Waker>,
}

impl Edges {
    fn lock(&self) -> MutexGuard<'_, Directions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(
        &self,
        cx: &mut Context<'_>,
        which: impl FnOnce(&mut Directions) -> &mut Direction,
    ) -> Poll<io::Result<()>> {
        // A waker may drop anything, so not under the lock.
        let (polled, _replaced) = which(&mut self.lock()).poll(cx.waker());
        polled
    }

    /// Notes an event; whom to wake for it is added to `wakers`.
    fn note(&self, event: EventFlags, wakers: &mut Vec<Waker>) {
        // An error may be one of many in the socket's error queue: the system call takes one.
        let mut both = self.lock();
        if event.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR)
        {
            both.read.note(event.intersects(EventFlags::RDHUP | EventFlags::HUP), wakers);
        }
        if event.intersects(EventFlags::OUT | EventFlags::HUP | EventFlags::ERR) {
            both.write.note(event.contains(EventFlags::HUP), wakers);
        }
    }
}

impl Direction {
    /// Whether there is an edge to be told of, and the waker that is not needed any more.
    fn poll(&mut self, waker: &Waker) -> (Poll<io::Result<()>>, Option<Waker>) {
        if std::mem::take(&mut self.edge) || self.ended {
            return (Poll::Ready(Ok(())), self.waiting.take());
        }
        match &self.waiting {
            Some(known) if known.will_wake(waker) => (Poll::Pending, None),
            _ => (Poll::Pending, self.waiting.replace(waker.clone())),
        }
    }

    fn note(&mut self, ended: bool, wakers: &mut Vec<Waker>) {
        self.edge = true;
        self.ended |= ended;
        wakers.extend(self.waiting.take());
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::pin::pin;
    use std::task::Wake;

    use futures_lite::future::block_on;

    use super::*;

    fn pair() -> (Source<UnixStream>, UnixStream) {
        let (socket, peer) = UnixStream::pair().unwrap();
        socket.set_nonblocking(true).unwrap();
        (Source::new_nonblocking(socket).unwrap(), peer)
    }

    async fn read(source: &Source<UnixStream>, buf: &mut [u8]) -> usize {
        poll_fn(|cx| source.poll_readable(cx)).await.unwrap();
        source.get_ref().read(buf).unwrap()
    }

    /// So many wait at the same time that looks are handed over to whoever offers.
    fn wait_for_many_at_once() {
        let mut pairs: Vec<_> = (0..64).map(|_| pair()).collect();
        for _ in 0..8 {
            let mut received = [0; 64];
            let mut first = true;
            block_on(poll_fn(|cx| {
                for ((source, peer), received) in pairs.iter_mut().zip(&mut received) {
                    while source.poll_readable(cx).is_ready() {
                        *received += source.get_ref().read(&mut [0; 16]).unwrap_or(0);
                    }
                    if first {
                        peer.write_all(b"hello").unwrap();
                    }
                }
                first = false;
                if received == [5; 64] { Poll::Ready(()) } else { Poll::Pending }
            }));
        }
    }

    /// There is one hub: a test about who looks must not have others arm it.
    static ALONE: Mutex<()> = Mutex::new(());

    #[test]
    fn a_looker_that_nobody_runs_holds_nobody_up() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lookers: Vec<_> = (0..8).map(|_| Box::pin(look_ahead())).collect();
        for looker in &mut lookers {
            let mut cx = Context::from_waker(Waker::noop());
            assert!(looker.as_mut().poll(&mut cx).is_pending());
        }
        wait_for_many_at_once();
    }

    #[test]
    fn a_looker_looks_again_until_there_is_nothing_to_see() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let looking = std::thread::spawn(|| {
            let mut looker = pin!(look_ahead());
            let done = async_io::Timer::after(std::time::Duration::from_millis(50));
            block_on(futures_lite::future::or(async { _ = done.await }, async {
                match looker.as_mut().await {}
            }));
        });
        wait_for_many_at_once();
        looking.join().unwrap();
        wait_for_many_at_once();
    }

    #[test]
    fn a_waker_may_look_at_the_socket_when_it_is_dropped() {
        struct Looks(Arc<Source<UnixStream>>);
        impl Wake for Looks {
            fn wake(self: Arc<Self>) {}
        }
        impl Drop for Looks {
            fn drop(&mut self) {
                let mut cx = Context::from_waker(Waker::noop());
                assert!(self.0.poll_readable(&mut cx).is_pending());
            }
        }
        let (source, _peer) = pair();
        let source = Arc::new(source);
        let waker = Waker::from(Arc::new(Looks(Arc::clone(&source))));
        assert!(source.poll_readable(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        let (sender, replaced) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut cx = Context::from_waker(Waker::noop());
            assert!(source.poll_readable(&mut cx).is_pending());
            sender.send(()).unwrap();
        });
        replaced.recv_timeout(std::time::Duration::from_secs(20)).expect("the thread is not stuck");
    }

    #[test]
    fn an_edge_is_told_once() {
        let (source, mut peer) = pair();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(source.poll_readable(&mut cx).is_pending());
        peer.write_all(b"hello").unwrap();
        block_on(poll_fn(|cx| source.poll_readable(cx))).unwrap();
        assert!(source.poll_readable(&mut cx).is_pending());
        assert_eq!((&peer).write(b"again").unwrap(), 5);
        assert_eq!(block_on(read(&source, &mut [0; 16])), 10);
    }

    #[test]
    fn an_end_that_comes_with_the_last_bytes_is_told_after_them() {
        let (source, mut peer) = pair();
        peer.write_all(b"hello").unwrap();
        drop(peer);
        assert_eq!(block_on(read(&source, &mut [0; 16])), 5);
        assert_eq!(block_on(read(&source, &mut [0; 16])), 0);
        assert_eq!(block_on(read(&source, &mut [0; 16])), 0);
    }
}
