//! A client that sends what it is told to and says how the server took it.

mod expect;

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use crate::watch::Watch;
use crate::wire::{self, Code, END_STREAM, WHOLE, kind};

/// How long the server may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// A frame that the server sent.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn word(&self, at: usize) -> u32 {
        let bytes = self.payload.get(at..at + 4).expect("the payload is long enough");
        u32::from_be_bytes(bytes.try_into().expect("four bytes"))
    }

    pub(crate) fn ends_stream(&self) -> bool {
        matches!(self.kind, kind::DATA | kind::HEADERS) && self.flags & END_STREAM != 0
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 10] = [
            "DATA",
            "HEADERS",
            "PRIORITY",
            "RST_STREAM",
            "SETTINGS",
            "PUSH_PROMISE",
            "PING",
            "GOAWAY",
            "WINDOW_UPDATE",
            "CONTINUATION",
        ];
        let name = NAMES.get(usize::from(self.kind)).copied().unwrap_or("unknown");
        write!(f, "{name}(stream {}, flags {:#x}, ", self.stream, self.flags)?;
        match self.kind {
            kind::RST_STREAM => write!(f, "{:?})", Code(self.word(0))),
            kind::GOAWAY => write!(f, "last {}, {:?})", self.word(0), Code(self.word(4))),
            _ => write!(f, "{} bytes)", self.payload.len()),
        }
    }
}

/// How an exchange on a stream went.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// What the server announced.
#[derive(Debug)]
pub(crate) struct Announced {
    pub(crate) header_table_size: u32,
    pub(crate) max_concurrent_streams: u32,
    pub(crate) initial_window_size: u32,
    pub(crate) max_frame_size: u32,
}

pub(crate) struct Client {
    socket: TcpStream,
    next: u32,
    pings: u64,
    /// Every frame that came, to tell what went wrong.
    seen: Vec<Frame>,
    watch: Watch,
    /// The row of a table that is being tried, to tell the same.
    what: String,
    pub(crate) announced: Announced,
    /// What the server's window for the connection has been in all.
    pub(crate) granted: usize,
}

impl Client {
    /// A connection on which nothing was said yet.
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        let socket = TcpStream::connect(addr).expect("the server listens");
        socket.set_read_timeout(Some(PATIENCE)).expect("the timeout is not zero");
        socket.set_write_timeout(Some(PATIENCE)).expect("the timeout is not zero");
        socket.set_nodelay(true).expect("it is TCP");
        let announced = Announced {
            header_table_size: 4096,
            max_concurrent_streams: u32::MAX,
            initial_window_size: 65_535,
            max_frame_size: 16_384,
        };
        Self {
            socket,
            next: 1,
            pings: 0,
            seen: Vec::new(),
            watch: Watch::default(),
            what: String::new(),
            announced,
            granted: 65_535,
        }
    }

    /// A connection on which both sides have acknowledged each other's settings. The table for the server's
    /// answers has no room, so that their blocks can be read on their own.
    pub(crate) fn open(addr: SocketAddr) -> Self {
        Self::open_with(addr, &[(wire::setting::HEADER_TABLE_SIZE, 0)])
    }

    pub(crate) fn open_with(addr: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let mut client = Self::connect(addr);
        client.send([wire::PREFACE, &wire::settings(settings)].concat());
        client.expect_settings();
        client.send(wire::settings_ack());
        client.expect_ack();
        client
    }

    pub(crate) fn what(&mut self, what: String) {
        self.what = what;
    }

    /// The number of the next stream.
    pub(crate) fn new_stream(&mut self) -> u32 {
        let id = self.next;
        self.next += 2;
        id
    }

    /// Writes bytes. That the server has closed meanwhile is for the expectation that follows to judge.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        if let Err(error) = self.socket.write_all(bytes.as_ref()) {
            let gone = matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
            assert!(gone, "the server does not read: {error}\n{}", self.history());
        }
    }

    /// Opens a stream with a GET whose answer was not read yet.
    pub(crate) fn send_get(&mut self) -> u32 {
        let id = self.new_stream();
        self.send(wire::headers(WHOLE, id, wire::get()));
        id
    }

    /// Opens a stream with a head that a body follows.
    pub(crate) fn send_post(&mut self) -> u32 {
        let id = self.new_stream();
        self.send(wire::headers(wire::END_HEADERS, id, wire::post()));
        id
    }

    /// Writes what may be more than the server takes, while its answers are read.
    pub(crate) fn flood(&mut self, bytes: Vec<u8>) {
        let mut writer = self.socket.try_clone().expect("a socket can be duplicated");
        // The server need not take all of it, and a socket that is closed below ends it.
        thread::spawn(move || drop(writer.write_all(&bytes)));
    }

    pub(crate) fn end_writing(&self) {
        self.socket.shutdown(Shutdown::Write).expect("the connection stands");
    }

    /// The next frame; `None` at the end of the connection.
    #[track_caller]
    pub(crate) fn frame(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        if !self.fill(&mut head) {
            return None;
        }
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = head;
        let length = u32::from_be_bytes([0, l0, l1, l2]);
        assert!(length <= 16_384, "a frame larger than allowed: {length}");
        let mut payload = vec![0; length as usize];
        if !self.fill(&mut payload) {
            return None;
        }
        let stream = u32::from_be_bytes([s0, s1, s2, s3]);
        assert!(stream >> 31 == 0, "the reserved bit is set");
        let frame = Frame { kind, flags, stream, payload };
        if frame.kind == kind::WINDOW_UPDATE && stream == 0 {
            self.granted += frame.word(0) as usize;
        }
        self.watch.see(&frame);
        self.seen.push(frame.clone());
        Some(frame)
    }

    #[track_caller]
    fn fill(&mut self, buffer: &mut [u8]) -> bool {
        match self.socket.read_exact(buffer) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => false,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("nothing comes: {error}\n{}", self.history()),
        }
    }

    fn history(&self) -> String {
        const SHOWN: usize = 20;
        let from = self.seen.len().saturating_sub(SHOWN);
        let what = &self.what;
        format!("{what}: after {from} frames came {:#?}", &self.seen[from..])
    }

    /// The next frame that `wanted` is true for. Others are skipped, but for ones that end what is looked for.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, wanted: impl Fn(&Frame) -> bool) -> Frame {
        loop {
            match self.frame() {
                Some(frame) if wanted(&frame) => return frame,
                Some(frame) if frame.kind == kind::GOAWAY => {
                    panic!("{frame:?} instead of {what}\n{}", self.history())
                }
                Some(_) => {}
                None => panic!("the connection ended instead of {what}\n{}", self.history()),
            }
        }
    }
}
