//! HTTP/1.1 spoken by hand, sharing no code with the product.
//!
//! Requests are bytes, so that a test can send what no client library would. Answers are read by a
//! reader that knows just enough framing to find their end, and fails the test on anything it does
//! not know.

use std::fmt;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// How long anything in a test may take before it has failed.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// One connection to a server.
#[derive(Debug)]
pub struct Connection<S = TcpStream> {
    reader: BufReader<S>,
}

impl Connection {
    /// Connects.
    pub fn open(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).unwrap_or_else(|error| panic!("{addr}: {error}"));
        stream.set_read_timeout(Some(PATIENCE)).expect("the timeout is not zero");
        stream.set_write_timeout(Some(PATIENCE)).expect("the timeout is not zero");
        Self::over(stream)
    }

    /// A second handle to the same socket, to write from another thread.
    pub fn writer(&self) -> TcpStream {
        self.reader.get_ref().try_clone().expect("a socket can be duplicated")
    }

    /// Ends the write side: the server reads the end of file and can still answer.
    pub fn end_writing(&self) {
        self.reader.get_ref().shutdown(Shutdown::Write).expect("the connection stands");
    }

    /// Ends the connection so that the server gets a reset, as from a client that crashed.
    pub fn reset(self) {
        rustix::net::sockopt::set_socket_linger(self.reader.get_ref(), Some(Duration::ZERO))
            .expect("the socket is open");
    }

    /// Whether nothing has arrived that was not read yet.
    pub fn is_silent(&self) -> bool {
        let stream = self.reader.get_ref();
        stream.set_nonblocking(true).expect("the socket is open");
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false).expect("the socket is open");
        let nothing = matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock);
        self.reader.buffer().is_empty() && nothing
    }

    /// Reads until the connection ends in whatever way: what came before.
    #[track_caller]
    pub fn until_the_end(&mut self) -> Vec<u8> {
        // More than the system holds of what was sent before the end.
        const MOST: u64 = 100 << 20;
        let mut rest = Vec::new();
        if let Err(error) = (&mut self.reader).take(MOST).read_to_end(&mut rest) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "the connection does not end");
        }
        assert!(rest.len() < MOST as usize, "the connection does not end");
        rest
    }
}

impl<S: Read + Write> Connection<S> {
    /// A connection that stands already.
    pub fn over(stream: S) -> Self {
        Self { reader: BufReader::new(stream) }
    }

    /// Writes bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.reader.get_mut().write_all(bytes.as_ref()).expect("the server reads");
    }

    /// Reads one answer, interim ones included: their status is the answer's.
    #[track_caller]
    pub fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        answer.body = if (100..200).contains(&answer.status) || matches!(answer.status, 204 | 304) {
            Vec::new()
        } else if answer.header("transfer-encoding").is_some() {
            assert_eq!(answer.header("transfer-encoding"), Some("chunked"), "{answer:?}");
            assert_eq!(answer.header("content-length"), None, "both framings at once: {answer:?}");
            self.chunked(&mut answer.trailers)
        } else if let Some(length) = answer.header("content-length") {
            let length = length.parse().unwrap_or_else(|_| panic!("Content-Length: {length:?}"));
            let mut body = vec![0; length];
            self.reader.read_exact(&mut body).expect("the body is as long as declared");
            body
        } else {
            self.rest()
        };
        answer
    }

    /// Reads one answer to a HEAD request.
    #[track_caller]
    pub fn answer_to_head(&mut self) -> Answer {
        self.head()
    }

    /// Everything up to the end of the connection.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.reader.read_to_end(&mut rest).expect("the server closes the connection in order");
        rest
    }

    /// Reads exactly `len` bytes.
    #[track_caller]
    pub fn exactly(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.reader.read_exact(&mut bytes).expect("the server sends this much");
        bytes
    }

    /// Reads a head and leaves the body.
    #[track_caller]
    pub fn head(&mut self) -> Answer {
        let status_line = self.line();
        let status = status_line
            .strip_prefix("HTTP/1.1 ")
            .or_else(|| status_line.strip_prefix("HTTP/1.0 "))
            .and_then(|rest| rest.get(..3))
            .and_then(|status| status.parse().ok())
            .unwrap_or_else(|| panic!("not a status line: {status_line:?}"));
        Answer { status, headers: self.fields(), body: Vec::new(), trailers: Vec::new() }
    }

    #[track_caller]
    fn chunked(&mut self, trailers: &mut Vec<(String, String)>) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = self.line();
            let size = line.split(';').next().unwrap_or_default();
            let size =
                usize::from_str_radix(size, 16).unwrap_or_else(|_| panic!("chunk size: {line:?}"));
            if size == 0 {
                *trailers = self.fields();
                return body;
            }
            body.extend(self.exactly(size));
            assert_eq!(self.line(), "", "CRLF after a chunk");
        }
    }

    #[track_caller]
    fn fields(&mut self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        loop {
            let line = self.line();
            if line.is_empty() {
                return fields;
            }
            let (name, value) =
                line.split_once(':').unwrap_or_else(|| panic!("field line: {line:?}"));
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    #[track_caller]
    fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line).expect("the server answers");
        let text = String::from_utf8_lossy(&line);
        text.strip_suffix("\r\n")
            .unwrap_or_else(|| panic!("expected a line, got {text:?}"))
            .to_owned()
    }
}

/// What a server answered.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The fields of the head in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The content, without framing.
    pub body: Vec<u8>,
    /// The fields after a chunked body.
    pub trailers: Vec<(String, String)>,
}

impl Answer {
    /// The value of a header that may be there once.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(header, _)| header == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} is there twice: {self:?}");
        value
    }

    /// The body as text, as far as it is text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 500;
        let shown = &self.body[..self.body.len().min(SHOWN)];
        writeln!(f, "{}", self.status)?;
        for (name, value) in self.headers.iter().chain(&self.trailers) {
            writeln!(f, "{name}: {value}")?;
        }
        write!(f, "[{} bytes] {}", self.body.len(), String::from_utf8_lossy(shown))
    }
}

/// Sends one request on a connection of its own and returns the only answer.
///
/// `head` is a request line and fields, lines ended by LF alone for legibility; `Host` and
/// `Connection: close` are added.
#[track_caller]
pub fn exchange(addr: SocketAddr, head: &str) -> Answer {
    let mut connection = Connection::open(addr);
    let lines = head.trim_end().replace('\n', "\r\n");
    connection.send(format!("{lines}\r\nHost: {addr}\r\nConnection: close\r\n\r\n"));
    let answer =
        if head.starts_with("HEAD ") { connection.answer_to_head() } else { connection.answer() };
    let rest = connection.rest();
    assert!(rest.is_empty(), "bytes after the answer: {:?}", String::from_utf8_lossy(&rest));
    answer
}
