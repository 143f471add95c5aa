use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Makes a thread return from `poll(2)`. It is rung once for each wait at most.
#[derive(Debug)]
pub(crate) struct Alarm(imp::Bell);

impl Alarm {
    pub(crate) fn new() -> io::Result<Self> {
        imp::Bell::new().map(Self)
    }

    pub(crate) fn ring(&self) {
        // Nothing else is in it: there is room, and its other end, where there is one, is open.
        let _ = self.0.ring();
    }

    pub(crate) fn reset(&self) -> io::Result<()> {
        self.0.reset()
    }
}

impl AsFd for Alarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// One descriptor for each alarm, where the system has such a thing.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod imp {
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

    use rustix::event::{EventfdFlags, eventfd};
    use rustix::io::{read, write};

    #[derive(Debug)]
    pub(super) struct Bell(OwnedFd);

    impl Bell {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self(eventfd(0, EventfdFlags::CLOEXEC)?))
        }

        pub(super) fn ring(&self) -> io::Result<()> {
            write(&self.0, &1u64.to_ne_bytes())?;
            Ok(())
        }

        pub(super) fn reset(&self) -> io::Result<()> {
            read(&self.0, &mut [0; 8])?;
            Ok(())
        }
    }

    impl AsFd for Bell {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod imp {
    use std::io::{self, Read, Write};
    use std::os::fd::{AsFd, BorrowedFd};
    use std::os::unix::net::UnixStream;

    #[derive(Debug)]
    pub(super) struct Bell {
        bell: UnixStream,
        rope: UnixStream,
    }

    impl Bell {
        pub(super) fn new() -> io::Result<Self> {
            let (bell, rope) = UnixStream::pair()?;
            Ok(Self { bell, rope })
        }

        pub(super) fn ring(&self) -> io::Result<()> {
            (&self.rope).write_all(&[0])
        }

        pub(super) fn reset(&self) -> io::Result<()> {
            (&self.bell).read_exact(&mut [0])
        }
    }

    impl AsFd for Bell {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.bell.as_fd()
        }
    }
}
