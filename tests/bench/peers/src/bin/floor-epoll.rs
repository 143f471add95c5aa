//! The floor: an epoll loop that answers prepared bytes and parses nothing.
//!
//! It finds the end of the first request on each connection and takes all that follow to be of the
//! same length. What it costs is what the system calls cost; no server can be cheaper by more than
//! that it makes fewer of them.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

use rustix::event::epoll::{self, EventData, EventFlags};

/// As many answers as one read can ask for at the depth that is measured.
const ANSWERS_PREPARED: usize = 64;

const LISTENER: u64 = u64::MAX;

fn main() -> io::Result<()> {
    Floor::new(bench_peers::listen()?)?.run()
}

struct Floor {
    epoll: std::os::fd::OwnedFd,
    listener: TcpListener,
    connections: HashMap<u64, Connection>,
    accepted: u64,
    answers: Vec<u8>,
    answer_length: usize,
}

struct Connection {
    stream: TcpStream,
    /// 0 until the first request has been seen whole.
    request_length: usize,
    unanswered: usize,
}

impl Floor {
    fn new(listener: TcpListener) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
        let answer = bench_peers::prepared_answer();
        Ok(Self {
            epoll,
            listener,
            connections: HashMap::new(),
            accepted: 0,
            answers: answer.repeat(ANSWERS_PREPARED),
            answer_length: answer.len(),
        })
    }

    fn run(mut self) -> io::Result<()> {
        let mut events = Vec::with_capacity(1024);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            events.clear();
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), None) {
                // A tracer that attaches interrupts the wait.
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            for event in &events {
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    token => self.answer(token, &mut buffer),
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        let (stream, _) = self.listener.accept()?;
        stream.set_nodelay(true)?;
        let token = self.accepted;
        self.accepted += 1;
        epoll::add(&self.epoll, &stream, EventData::new_u64(token), EventFlags::IN)?;
        self.connections.insert(token, Connection { stream, request_length: 0, unanswered: 0 });
        Ok(())
    }

    /// The sockets block, but are only read when readable, and the answers fit the send buffer.
    fn answer(&mut self, token: u64, buffer: &mut [u8]) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        if !matches!(connection.answer(buffer, &self.answers, self.answer_length), Ok(true)) {
            self.connections.remove(&token);
        }
    }
}

impl Connection {
    fn answer(&mut self, buffer: &mut [u8], answers: &[u8], length: usize) -> io::Result<bool> {
        let received = self.stream.read(buffer)?;
        if received == 0 {
            return Ok(false);
        }
        if self.request_length == 0 {
            match memchr::memmem::find(&buffer[..received], b"\r\n\r\n") {
                Some(end) => self.request_length = end + 4,
                None => return Ok(false),
            }
        }
        self.unanswered += received;
        let due = self.unanswered / self.request_length;
        self.unanswered %= self.request_length;
        self.stream.write_all(&answers[..due * length])?;
        Ok(true)
    }
}
