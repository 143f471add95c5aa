use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use barewire_rt::ConnectError;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use crate::TcpStream;
use crate::poll;

/// Connects to the first of several addresses that answers, on this thread alone: each one is tried `stagger`
/// after the one before, or when all before it have failed.
pub(crate) fn connect_any(
    addrs: Vec<SocketAddr>,
    stagger: Duration,
    deadline: Option<Instant>,
) -> Result<TcpStream, ConnectError> {
    if addrs.is_empty() {
        return Err(ConnectError::NoAddress);
    }
    let mut race = Race { running: Vec::new(), failed: Vec::new() };
    let mut waiting = addrs.into_iter();
    let mut next = Instant::now();
    loop {
        let now = Instant::now();
        if deadline.is_some_and(|at| at <= now) {
            return Err(ConnectError::TimedOut);
        }
        if race.running.is_empty() || next <= now {
            match waiting.next() {
                Some(addr) => race.enter(addr),
                None if race.running.is_empty() => return Err(ConnectError::Failed(race.failed)),
                None => {}
            }
            next = now + stagger;
        }
        let wake = (waiting.len() > 0).then_some(next);
        let until = wake.into_iter().chain(deadline).min();
        let left = until.map(|at| at.saturating_duration_since(now));
        if let Some(winner) = race.wait(left) {
            return Ok(TcpStream::new(winner));
        }
    }
}

struct Race {
    running: Vec<(SocketAddr, Socket)>,
    failed: Vec<(SocketAddr, io::Error)>,
}

impl Race {
    fn enter(&mut self, addr: SocketAddr) {
        match begin(addr) {
            Ok(socket) => self.running.push((addr, socket)),
            Err(error) => self.failed.push((addr, error)),
        }
    }

    /// Blocks until an attempt ended, for `left` at most.
    fn wait(&mut self, left: Option<Duration>) -> Option<std::net::TcpStream> {
        if self.running.is_empty() {
            return None;
        }
        let mut fds: Vec<_> =
            self.running.iter().map(|(_, socket)| PollFd::new(socket, PollFlags::OUT)).collect();
        let polled = poll::poll(&mut fds, left);
        let ended: Vec<_> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        if let Err(error) = polled {
            let kind = error.kind();
            self.failed.extend(self.running.drain(..).map(|(addr, _)| (addr, kind.into())));
            return None;
        }
        for (i, _) in ended.into_iter().enumerate().filter(|(_, ended)| *ended).rev() {
            let (addr, socket) = self.running.remove(i);
            match finish(socket) {
                Ok(stream) => return Some(stream),
                Err(error) => self.failed.push((addr, error)),
            }
        }
        None
    }
}

/// Starts to connect.
fn begin(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    match socket.connect(&addr.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => Err(error),
        _ => Ok(socket),
    }
}

/// Makes a stream of a socket whose attempt has ended, if it ended well.
fn finish(socket: Socket) -> io::Result<std::net::TcpStream> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    socket.set_nonblocking(false)?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}
