//! A server that plays a script: one closure for each connection, in the order of their coming.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use barewire_testkit::limits::TooSlow;

pub(crate) type Play = Box<dyn FnOnce(&mut Peer) + Send>;

/// The server. Dropping it waits for its script to end, and fails if the script failed.
pub(crate) struct Server {
    addr: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn new(plays: Vec<Play>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let run = move || {
            let mut running = Vec::new();
            for play in plays {
                let (stream, _) = listener.accept().unwrap();
                running.push(thread::spawn(move || play(&mut Peer::new(stream))));
            }
            for play in running {
                play.join().unwrap();
            }
        };
        Self { addr, thread: Some(thread::spawn(run)) }
    }

    /// A server with one connection.
    pub(crate) fn once(play: impl FnOnce(&mut Peer) + Send + 'static) -> Self {
        Self::new(vec![Box::new(play)])
    }

    /// A server that answers one request on one connection with these bytes, and waits for its end.
    pub(crate) fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::once(move |peer| {
            peer.request();
            peer.send(answer);
            peer.wait_for_end();
        })
    }

    /// Passes on what came. Where that is that the machine was too slow for a limit, its client has broken off before
    /// the script came to its end, which is then nobody's mistake.
    pub(crate) fn unless_slow<T>(&mut self, came: Result<T, TooSlow>) -> Result<T, TooSlow> {
        came.inspect_err(|_| drop(self.thread.take()))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take()
            && !thread::panicking()
        {
            thread.join().unwrap();
        }
    }
}

pub(crate) fn play(play: impl FnOnce(&mut Peer) + Send + 'static) -> Play {
    Box::new(play)
}

/// The server's end of a connection.
pub(crate) struct Peer {
    stream: TcpStream,
    buffered: Vec<u8>,
}

impl Peer {
    fn new(stream: TcpStream) -> Self {
        // A test that went wrong ends.
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { stream, buffered: Vec::new() }
    }

    fn more(&mut self) -> io::Result<usize> {
        let mut buf = [0; 65536];
        let n = self.stream.read(&mut buf)?;
        self.buffered.extend_from_slice(&buf[..n]);
        Ok(n)
    }

    /// Reads until some bytes have come, and takes all up to their end.
    pub(crate) fn until(&mut self, end: &str) -> String {
        let end = end.as_bytes();
        loop {
            if let Some(at) = self.buffered.windows(end.len()).position(|part| part == end) {
                let taken: Vec<u8> = self.buffered.drain(..at + end.len()).collect();
                return String::from_utf8(taken).unwrap();
            }
            assert_ne!(self.more().unwrap(), 0, "{:?}", String::from_utf8_lossy(&self.buffered));
        }
    }

    /// Reads a request's head.
    pub(crate) fn request(&mut self) -> String {
        self.until("\r\n\r\n")
    }

    /// Reads so many bytes.
    pub(crate) fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.buffered.len() < length {
            assert_ne!(self.more().unwrap(), 0);
        }
        self.buffered.drain(..length).collect()
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Answers with a body.
    pub(crate) fn answer(&mut self, body: &str) {
        self.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
    }

    /// Sends what the other end will take; `false` once it takes no more.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Waits until the client has closed the connection, and tells how many bytes came before.
    pub(crate) fn wait_for_end(&mut self) -> usize {
        loop {
            match self.more() {
                Ok(0) => return self.buffered.len(),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return self.buffered.len();
                }
                Err(error) => panic!("the client does not close: {error}"),
            }
        }
    }

    /// Answers every request with its own path, until the client closes.
    pub(crate) fn echo_paths(&mut self) {
        loop {
            while self.buffered.is_empty() {
                if self.more().unwrap() == 0 {
                    return;
                }
            }
            let request = self.request();
            self.answer(request.split(' ').nth(1).unwrap());
        }
    }

    pub(crate) fn end_writing(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Closes with a reset.
    pub(crate) fn reset(&mut self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
}
