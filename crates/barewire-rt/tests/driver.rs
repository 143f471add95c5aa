//! What a driver makes of a transport that fails.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use barewire_proto::{Input, Output, Protocol};
use barewire_rt::{Driver, Interest, Transport};

/// Has something to say, and nothing to ask.
struct Speaker {
    input: Input,
    output: Output,
}

impl Protocol for Speaker {
    type Event = Infallible;
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
        false
    }

    fn poll_event(&mut self) -> Result<Option<Infallible>, Infallible> {
        Ok(None)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn handle_timeout(&mut self, _: Instant) {}
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
    let mut output = Output::default();
    output.put(b"hello");
    let speaker = Speaker { input: Input::new(1024), output };
    let mut driver = Driver::new(speaker, Full::default());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(driver.poll_next_event(&mut cx).is_pending());
    assert!(driver.is_write_broken());
    let Poll::Ready(Err(error)) = driver.poll_flush(&mut cx) else { panic!("it is broken") };
    assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    assert_eq!(driver.into_parts().1.writes, 1);
}
