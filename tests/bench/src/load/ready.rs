use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use super::{LoadError, PATIENCE};

/// Tells which connections have something to be read.
pub(super) struct Ready {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Ready {
    pub(super) fn new() -> Result<Self, LoadError> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, events: Vec::with_capacity(1024) })
    }

    /// `number` is what [`wait`](Self::wait) calls it.
    pub(super) fn add(&self, stream: impl AsFd, number: usize) -> Result<(), LoadError> {
        let token = epoll::EventData::new_u64(number as u64);
        Ok(epoll::add(&self.epoll, stream, token, epoll::EventFlags::IN)?)
    }

    /// Waits for at least one of those `waiting` for an answer.
    pub(super) fn wait(
        &mut self,
        waiting: usize,
    ) -> Result<impl Iterator<Item = usize> + '_, LoadError> {
        let patience = Timespec::try_from(PATIENCE).expect("a few seconds fit a timespec");
        loop {
            self.events.clear();
            let events = rustix::buffer::spare_capacity(&mut self.events);
            match epoll::wait(&self.epoll, events, Some(&patience)) {
                Ok(0) => return Err(LoadError::Stuck { waiting }),
                Ok(_) => break,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(self.events.iter().map(|event| event.data.u64() as usize))
    }
}
