use std::io::{self, Read};

use barewire_rt::park::block_on;
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::mpsc;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use super::*;

    /// A body of one part that wakes whoever polls it, before it has the part; `meanwhile` runs in between.
    fn wakes(mut meanwhile: impl FnMut() + Send + Unpin + 'static) -> Body {
        let mut polls = 0;
        Body::from_fn(move |cx: &mut Context<'_>| {
            polls += 1;
            if polls == 1 {
                cx.waker().wake_by_ref();
                meanwhile();
                return Poll::Pending;
            }
            Poll::Ready((polls == 2).then_some(Ok::<_, Infallible>(Bytes::from_static(b"part"))))
        })
    }

    fn text(body: Body) -> String {
        io::read_to_string(body.into_reader()).unwrap()
    }

    #[test]
    fn a_body_that_reads_another_one_misses_no_wake() {
        let outer = wakes(|| assert_eq!(text(wakes(|| ())), "part"));
        let (sender, read) = mpsc::channel();
        std::thread::spawn(move || sender.send(text(outer)));
        let read = read.recv_timeout(Duration::from_secs(20));
        assert_eq!(read.expect("the thread is not stuck"), "part");
    }
}
