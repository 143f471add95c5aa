use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// Makes a thread return from `poll(2)`. It is rung once for each wait at most.
#[derive(Debug)]
pub(crate) struct Alarm {
    bell: UnixStream,
    rope: UnixStream,
}

impl Alarm {
    pub(crate) fn new() -> io::Result<Self> {
        let (bell, rope) = UnixStream::pair()?;
        Ok(Self { bell, rope })
    }

    pub(crate) fn ring(&self) {
        // The only byte in the pipe: there is room for it, and the other end is open.
        let _ = (&self.rope).write(&[0]);
    }

    pub(crate) fn reset(&self) -> io::Result<()> {
        (&self.bell).read_exact(&mut [0])
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
