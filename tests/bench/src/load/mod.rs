//! The load generator: one thread, one epoll loop, every answer checked.
//!
//! Each connection has one batch of requests in flight: the next batch leaves when the last answer
//! of this one has come. The batch is one request, or as many as are pipelined.

mod answer;
mod connection;
mod http2;

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};

pub(crate) use self::answer::head as response_head;
pub(crate) use self::connection::transfer_connection;
pub(crate) use self::http2::{
    Body, Connection as Http2Connection, Http2Load, Request as Http2Request, upload as http2_upload,
};

use self::answer::Checker;
use self::connection::Connection;

/// A server that is silent for so long is taken for stuck.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a load came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("connection {number} was refused by the server or the system")]
    Connect { number: usize, source: io::Error },
    #[error("a connection failed")]
    Io(#[from] io::Error),
    #[error("the server closed a connection that was to be kept alive")]
    Closed,
    #[error("the answer is no HTTP/1.1 response")]
    Malformed(#[source] httparse::Error),
    #[error("the answer has status {0} where 200 was expected")]
    Status(u16),
    #[error("the answer has no usable content-length")]
    NoLength,
    #[error("the body is not what was asked for")]
    Body,
    #[error("more bytes came than were asked for")]
    Surplus,
    #[error("the server lets a connection have no more than {allowed} streams")]
    Streams { allowed: u32 },
    #[error("{0}")]
    Http2(&'static str),
    #[error("{waiting} connections waited {} s for an answer", PATIENCE.as_secs())]
    Stuck { waiting: usize },
}

impl From<rustix::io::Errno> for LoadError {
    fn from(errno: rustix::io::Errno) -> Self {
        Self::Io(errno.into())
    }
}

/// When a run sends no more requests; those in flight are still answered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stop {
    After(Duration),
    /// Rounded up to a whole batch on every connection that takes part.
    Requests(u64),
}

/// What a run did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) answers: u64,
    pub(crate) elapsed: Duration,
}

/// Connections to one server that are open, and what runs a load on them.
pub(crate) type Generator = Box<dyn FnMut(Stop) -> Result<Run, LoadError>>;

/// Open connections to one server.
pub(crate) struct Load {
    epoll: OwnedFd,
    connections: Vec<Connection>,
    events: Vec<epoll::Event>,
    buffer: Vec<u8>,
    checker: Checker,
    request: Vec<u8>,
}

impl Load {
    /// Opens the connections one after the other, each with one request answered, so that no
    /// backlog overflows and no server is measured while it accepts.
    pub(crate) fn connect(
        target: SocketAddr,
        connections: usize,
        request: Vec<u8>,
        body: &'static str,
    ) -> Result<Self, LoadError> {
        let mut load = Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            connections: Vec::with_capacity(connections),
            events: Vec::with_capacity(1024),
            buffer: vec![0; 64 * 1024],
            checker: Checker::new(body.as_bytes()),
            request,
        };
        for number in 0..connections {
            load.open(target, number)?;
        }
        Ok(load)
    }

    fn open(&mut self, target: SocketAddr, number: usize) -> Result<(), LoadError> {
        let mut connection = Connection::open(target, number)?;
        connection.send(&self.request, 1)?;
        while connection.in_flight() > 0 {
            connection.receive(&mut self.buffer, &mut self.checker)?;
        }
        let token = epoll::EventData::new_u64(number as u64);
        epoll::add(&self.epoll, connection.stream(), token, epoll::EventFlags::IN)?;
        self.connections.push(connection);
        Ok(())
    }

    /// Asks on all connections at once, `depth` requests in one write.
    pub(crate) fn run(&mut self, depth: u32, stop: Stop) -> Result<Run, LoadError> {
        let batch = self.request.repeat(depth as usize);
        let mut budget = Budget::new(stop, depth);
        let mut waiting = 0;
        let mut answers = 0;
        for connection in &mut self.connections {
            if budget.take() {
                connection.send(&batch, depth)?;
                waiting += 1;
            }
        }
        let patience = Timespec::try_from(PATIENCE).expect("a few seconds fit a timespec");
        while waiting > 0 {
            self.events.clear();
            let events = rustix::buffer::spare_capacity(&mut self.events);
            match epoll::wait(&self.epoll, events, Some(&patience)) {
                Ok(0) => return Err(LoadError::Stuck { waiting }),
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(errno) => return Err(errno.into()),
            }
            budget.look_at_the_clock();
            for event in &self.events {
                let Some(connection) = self.connections.get_mut(event.data.u64() as usize) else {
                    continue;
                };
                answers += connection.receive(&mut self.buffer, &mut self.checker)?;
                if connection.in_flight() > 0 {
                    continue;
                }
                if budget.take() {
                    connection.send(&batch, depth)?;
                } else {
                    waiting -= 1;
                }
            }
        }
        Ok(Run { answers, elapsed: budget.started.elapsed() })
    }
}

/// What is left to be sent.
struct Budget {
    started: Instant,
    stop: Stop,
    depth: u64,
    spent: bool,
}

impl Budget {
    fn new(stop: Stop, depth: u32) -> Self {
        Self { started: Instant::now(), stop, depth: u64::from(depth), spent: false }
    }

    fn look_at_the_clock(&mut self) {
        if let Stop::After(duration) = self.stop {
            self.spent = self.started.elapsed() >= duration;
        }
    }

    /// Whether one more batch may leave.
    fn take(&mut self) -> bool {
        if let Stop::Requests(remaining) = &mut self.stop {
            self.spent = *remaining == 0;
            *remaining = remaining.saturating_sub(self.depth);
        }
        !self.spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_rounded_up_to_whole_batches() {
        let mut budget = Budget::new(Stop::Requests(33), 16);
        assert_eq!((0..5).filter(|_| budget.take()).count(), 3);
    }

    #[test]
    fn time_is_spent_once_the_clock_says_so() {
        let mut budget = Budget::new(Stop::After(Duration::ZERO), 1);
        assert!(budget.take());
        budget.look_at_the_clock();
        assert!(!budget.take());
    }
}
