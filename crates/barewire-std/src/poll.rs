use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use barewire_rt::Interest;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

/// Blocks until one of `fds` is ready or `left` has passed, whichever is first; a signal ends it too.
pub(crate) fn poll(fds: &mut [PollFd<'_>], left: Option<Duration>) -> io::Result<()> {
    // What is too long for the system is for ever.
    let timeout = left.and_then(|left| Timespec::try_from(left).ok());
    match rustix::event::poll(fds, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What of `interest` is possible now, after blocking for `left` at most. A broken connection counts as
/// everything: the system call tells how it broke.
pub(crate) fn wait(
    fd: impl AsFd,
    interest: Interest,
    left: Option<Duration>,
) -> io::Result<Interest> {
    let mut fds = [PollFd::new(&fd, flags(interest))];
    poll(&mut fds, left)?;
    Ok(ready(&fds[0], interest))
}

pub(crate) fn flags(interest: Interest) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, interest.read);
    flags.set(PollFlags::OUT, interest.write);
    flags
}

pub(crate) fn ready(fd: &PollFd<'_>, interest: Interest) -> Interest {
    let broken = fd.revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL);
    Interest {
        read: interest.read && (broken || fd.revents().contains(PollFlags::IN)),
        write: interest.write && (broken || fd.revents().contains(PollFlags::OUT)),
    }
}
