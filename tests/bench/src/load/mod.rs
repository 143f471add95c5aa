//! The load generator: one thread, one epoll loop, every answer checked.
//!
//! Each connection has one batch of requests in flight: the next batch leaves when the last answer
//! of this one has come. The batch is one request, or as many as are pipelined.

mod answer;
mod connection;
mod http2;
mod ready;

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub(crate) use self::answer::head as response_head;
pub(crate) use self::connection::transfer_connection;
pub(crate) use self::http2::{
    Body, Connection as Http2Connection, Http2Load, Request as Http2Request, upload as http2_upload,
};

use self::answer::Checker;
use self::connection::Connection;
use self::ready::Ready;

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
    ready: Ready,
    connections: Vec<Connection>,
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
            ready: Ready::new()?,
            connections: Vec::with_capacity(connections),
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
        self.ready.add(connection.stream(), number)?;
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
        while waiting > 0 {
            let ready = self.ready.wait(waiting)?;
            budget.look_at_the_clock();
            for number in ready {
                let Some(connection) = self.connections.get_mut(number) else { continue };
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
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::*;

    /// Answers each request until the end of the connection.
    fn answer(mut stream: TcpStream) {
        let mut byte = [0];
        let mut last = [0; 4];
        while stream.read_exact(&mut byte).is_ok() {
            last.rotate_left(1);
            last[3] = byte[0];
            let response = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
            if last == *b"\r\n\r\n" && stream.write_all(response).is_err() {
                return;
            }
        }
    }

    #[test]
    fn all_that_was_asked_for_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().take(3) {
                thread::spawn(move || answer(stream.unwrap()));
            }
        });
        let request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n".to_vec();
        let mut load = Load::connect(target, 3, request, "hi").unwrap();
        for _ in 0..2 {
            assert_eq!(load.run(4, Stop::Requests(30)).unwrap().answers, 32);
        }
    }

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
