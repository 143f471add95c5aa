//! What a driver makes of a transport that fails.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use barewire_proto::{Input, Output, Protocol};
use barewire_rt::{AsyncRead, AsyncWrite, Driver, DriverError, Interest, Io, Transport};

/// Each byte is an event.
struct Bytewise {
    input: Input,
    output: Output,
    /// When it stops waiting for its output to leave.
    deadline: Option<Instant>,
    given_up: bool,
}

impl Bytewise {
    fn new() -> Self {
        let (input, output) = (Input::new(1024), Output::default());
        Self { input, output, deadline: None, given_up: false }
    }
}

impl Protocol for Bytewise {
    type Event = u8;
    type Error = Infallible;

    fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    fn wants_read(&self) -> bool {
        true
    }

    fn is_closed(&self) -> bool {
        self.given_up
    }

    fn poll_event(&mut self) -> Result<Option<u8>, Infallible> {
        let first = self.input.filled().first().copied();
        self.input.consume(usize::from(first.is_some()));
        Ok(first)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.given_up = true;
            self.output.clear();
        }
    }
}

/// Takes no byte, and says so without an error; counts how often it was asked.
#[derive(Default)]
struct Full {
    writes: u32,
}

impl Transport for Full {
    fn poll_read(&mut self, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_write(&mut self, _: &mut Context<'_>, _: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.writes += 1;
        Poll::Ready(Ok(0))
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn wait(&mut self, _: &mut Context<'_>, _: Interest, _: Option<Instant>) {}
}

#[test]
fn a_write_of_no_bytes_is_a_broken_connection_and_not_a_busy_loop() {
    let mut protocol = Bytewise::new();
    protocol.output.put(b"hello");
    let mut driver = Driver::new(protocol, Full::default());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(driver.poll_next_event(&mut cx).is_pending());
    assert!(driver.is_write_broken());
    let Poll::Ready(Err(error)) = driver.poll_flush(&mut cx) else { panic!("it is broken") };
    assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    assert_eq!(driver.into_parts().1.writes, 1);
}

/// Reset by the peer: said once, as the system does, and then it is the end of file.
#[derive(Default)]
struct Reset {
    told: bool,
}

impl Transport for Reset {
    fn poll_read(&mut self, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
        match std::mem::replace(&mut self.told, true) {
            false => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            true => Poll::Ready(Ok(0)),
        }
    }

    fn poll_write(&mut self, _: &mut Context<'_>, _: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_shutdown(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn wait(&mut self, _: &mut Context<'_>, _: Interest, _: Option<Instant>) {}
}

#[test]
fn what_came_before_the_connection_broke_is_told_first() {
    let mut protocol = Bytewise::new();
    assert!(protocol.input.push("ab".into()).is_empty());
    let mut driver = Driver::new(protocol, Reset::default());
    let mut cx = Context::from_waker(Waker::noop());
    for byte in *b"ab" {
        assert!(matches!(driver.poll_next_event(&mut cx), Poll::Ready(Ok(Some(b))) if b == byte));
    }
    let Poll::Ready(Err(DriverError::Io(error))) = driver.poll_next_event(&mut cx) else {
        panic!("it is broken")
    };
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

thread_local! {
    static NOW: Cell<Instant> = Cell::new(Instant::now());
}

#[test]
fn what_the_peer_did_not_take_in_time_was_not_sent() {
    let mut protocol = Bytewise::new();
    protocol.output.put(b"hello");
    protocol.deadline = NOW.get().checked_add(Duration::from_secs(5));
    let mut driver = Driver::with_clock(protocol, Reset::default(), || NOW.get());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(driver.poll_flush(&mut cx).is_pending());
    NOW.set(NOW.get() + Duration::from_secs(6));
    let Poll::Ready(Err(error)) = driver.poll_flush(&mut cx) else { panic!("nothing was sent") };
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

/// A stream with a buffer of its own, which it lets go of when it is told that it may.
#[derive(Clone, Default)]
struct Buffered(Rc<RefCell<Buffer>>);

#[derive(Default)]
struct Buffer {
    held: Vec<u8>,
    sent: Vec<u8>,
    may: bool,
}

impl AsyncRead for Buffered {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Pending
    }
}

impl AsyncWrite for Buffered {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().held.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let buffer = &mut *self.0.borrow_mut();
        if !buffer.may {
            return Poll::Pending;
        }
        buffer.sent.append(&mut buffer.held);
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

#[test]
fn what_a_stream_holds_back_was_not_sent() {
    for flushes in [true, false] {
        let stream = Buffered::default();
        let mut protocol = Bytewise::new();
        protocol.output.put(b"hello");
        let io = Io::new(stream.clone(), |_| std::future::pending::<()>());
        let mut driver = Driver::new(protocol, io);
        let mut cx = Context::from_waker(Waker::noop());
        let mut poll = || match flushes {
            true => driver.poll_flush(&mut cx).map(|flushed| flushed.unwrap()),
            false => driver.poll_next_event(&mut cx).map(drop),
        };
        assert!(poll().is_pending());
        assert_eq!(stream.0.borrow().sent, b"");
        stream.0.borrow_mut().may = true;
        assert_eq!(poll().is_ready(), flushes);
        assert_eq!(stream.0.borrow().sent, b"hello");
    }
}
