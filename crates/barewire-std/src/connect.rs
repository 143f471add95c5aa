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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const STAGGER: Duration = Duration::from_secs(60);

    /// An address that refuses: it is bound, so that nobody else gets it, and does not listen.
    fn refusing() -> (Socket, SocketAddr) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        let addr = socket.local_addr().unwrap().as_socket().unwrap();
        (socket, addr)
    }

    /// An address that does not answer: Linux drops who comes when the accept queue is full.
    #[cfg(target_os = "linux")]
    fn silent() -> (Socket, Socket, SocketAddr) {
        let (socket, addr) = refusing();
        socket.listen(0).unwrap();
        let queued = begin(addr).unwrap();
        poll::poll(&mut [PollFd::new(&socket, PollFlags::IN)], None).unwrap();
        (socket, queued, addr)
    }

    #[test]
    fn a_refusal_brings_the_next_address_at_once() {
        let (_bound, refusing) = refusing();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let listening = listener.local_addr().unwrap();
        let stream = connect_any(vec![refusing, listening], STAGGER, None).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), listening);
        assert!(stream.get_ref().nodelay().unwrap());
    }

    #[test]
    fn who_cannot_connect_is_told_about_each_attempt() {
        let (_one, first) = refusing();
        let (_two, second) = refusing();
        let Err(ConnectError::Failed(failed)) = connect_any(vec![first, second], STAGGER, None)
        else {
            panic!("nobody listens");
        };
        let refused = io::ErrorKind::ConnectionRefused;
        let told: Vec<_> = failed.iter().map(|(addr, error)| (*addr, error.kind())).collect();
        assert_eq!(told, [(first, refused), (second, refused)]);
        assert!(matches!(connect_any(Vec::new(), STAGGER, None), Err(ConnectError::NoAddress)));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn silence_brings_the_next_address_after_the_stagger() {
        let (_socket, _queued, silent) = silent();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let listening = listener.local_addr().unwrap();
        let stagger = Duration::from_millis(20);
        let start = Instant::now();
        let stream = connect_any(vec![silent, listening], stagger, None).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), listening);
        assert!(start.elapsed() >= stagger);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_deadline_ends_the_race_and_a_single_attempt() {
        let (_socket, _queued, silent) = silent();
        let deadline = || Some(Instant::now() + Duration::from_millis(20));
        let raced = connect_any(vec![silent], STAGGER, deadline());
        assert!(matches!(raced, Err(ConnectError::TimedOut)));
        let alone = TcpStream::connect(silent, deadline());
        assert_eq!(alone.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
