use std::io::{self, Read};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use bytes::{Buf, Bytes};

use crate::Body;

/// A body as [`std::io::Read`]: see [`Body::into_reader`].
#[derive(Debug)]
pub struct BodyReader {
    body: Body,
    part: Bytes,
}

impl BodyReader {
    pub(crate) fn new(body: Body) -> Self {
        Self { body, part: Bytes::new() }
    }
}

impl Read for BodyReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.part.is_empty() {
            match block_on(self.body.data())? {
                Some(part) => self.part = part,
                None => return Ok(0),
            }
        }
        let n = buf.len().min(self.part.len());
        self.part.copy_to_slice(&mut buf[..n]);
        Ok(n)
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
