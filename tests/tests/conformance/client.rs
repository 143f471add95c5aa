//! A client that sends what it is told to and says how the server took it.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use crate::watch::Watch;
use crate::wire::{self, Code, END_STREAM, NO_ERROR, WHOLE, kind};

/// How long the server may take for anything.
const PATIENCE: Duration = Duration::from_secs(10);

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

    #[track_caller]
    pub(crate) fn expect_settings(&mut self) {
        let frame = self.frame().expect("the server speaks");
        assert!(frame.kind == kind::SETTINGS && frame.flags == 0, "{frame:?} instead of SETTINGS");
        assert_eq!((frame.stream, frame.payload.len() % 6), (0, 0), "{frame:?}");
        for setting in frame.payload.chunks(6) {
            let (id, value) = setting.split_at(2);
            let value = u32::from_be_bytes(value.try_into().expect("four bytes"));
            match u16::from_be_bytes(id.try_into().expect("two bytes")) {
                wire::setting::HEADER_TABLE_SIZE => self.announced.header_table_size = value,
                wire::setting::ENABLE_PUSH => assert_eq!(value, 0, "a server announces push"),
                wire::setting::MAX_CONCURRENT_STREAMS => {
                    self.announced.max_concurrent_streams = value;
                }
                wire::setting::INITIAL_WINDOW_SIZE => {
                    assert!(value < 1 << 31);
                    self.announced.initial_window_size = value;
                }
                wire::setting::MAX_FRAME_SIZE => {
                    assert!((16_384..1 << 24).contains(&value));
                    self.announced.max_frame_size = value;
                }
                _ => {}
            }
        }
    }

    /// The server acknowledges our settings.
    #[track_caller]
    pub(crate) fn expect_ack(&mut self) {
        let frame = self.until("the acknowledgement", |frame| {
            frame.kind == kind::SETTINGS && frame.flags & wire::ACK != 0
        });
        assert!(frame.payload.is_empty() && frame.stream == 0, "{frame:?}");
    }

    /// A connection error: GOAWAY with one of the codes, and the end of the connection (section 5.4.1).
    #[track_caller]
    pub(crate) fn expect_goaway(&mut self, codes: &[Code]) {
        loop {
            match self.frame() {
                Some(frame) if frame.kind == kind::GOAWAY => {
                    let code = Code(frame.word(4));
                    if code == NO_ERROR && !codes.contains(&NO_ERROR) {
                        continue;
                    }
                    assert!(codes.contains(&code), "{}: {frame:?} instead of {codes:?}", self.what);
                    break;
                }
                Some(_) => {}
                None => panic!("it ended without GOAWAY {codes:?}\n{}", self.history()),
            }
        }
        self.expect_close();
    }

    /// The server closes the connection, whatever it says before.
    #[track_caller]
    pub(crate) fn expect_close(&mut self) {
        while self.frame().is_some() {}
    }

    /// The end of the connection, without looking at what comes before: it need not be frames.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        let mut rest = Vec::new();
        if let Err(error) = (&self.socket).take(1 << 20).read_to_end(&mut rest) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "it does not end");
        }
    }

    /// A stream error: RST_STREAM with one of the codes, or a connection error with one (section 5.4.2). After
    /// the former the connection goes on.
    #[track_caller]
    pub(crate) fn expect_rst(&mut self, stream: u32, codes: &[Code]) {
        loop {
            match self.frame() {
                Some(frame) if frame.kind == kind::RST_STREAM && frame.stream == stream => {
                    let code = Code(frame.word(0));
                    assert!(codes.contains(&code), "{}: {frame:?} instead of {codes:?}", self.what);
                    return self.alive();
                }
                Some(frame) if frame.kind == kind::GOAWAY => {
                    let code = Code(frame.word(4));
                    assert!(codes.contains(&code), "{}: {frame:?} instead of {codes:?}", self.what);
                    return self.expect_close();
                }
                Some(_) => {}
                None => panic!("it ended without {codes:?}\n{}", self.history()),
            }
        }
    }

    /// A frame on a closed stream (section 5.1): an error STREAM_CLOSED, or nothing.
    #[track_caller]
    pub(crate) fn expect_closed(&mut self, stream: u32) {
        self.send(wire::ping(wire::NONE, *b"closed??"));
        loop {
            match self.frame() {
                Some(frame) if frame.kind == kind::PING => return self.alive(),
                Some(frame) if frame.kind == kind::RST_STREAM && frame.stream == stream => {
                    assert_eq!(Code(frame.word(0)), wire::STREAM_CLOSED);
                }
                Some(frame) if frame.kind == kind::GOAWAY => {
                    assert_eq!(Code(frame.word(4)), wire::STREAM_CLOSED);
                    return self.expect_close();
                }
                Some(_) => {}
                None => panic!("it ended without a word\n{}", self.history()),
            }
        }
    }

    /// More than a window allows was sent (section 6.9.1): an error of the stream or of the connection.
    #[track_caller]
    pub(crate) fn expect_flow_control(&mut self, stream: u32) {
        loop {
            let frame = self.frame().expect("an error comes before the end");
            let at = match frame.kind {
                kind::RST_STREAM if frame.stream == stream => 0,
                kind::GOAWAY => 4,
                _ => continue,
            };
            return assert_eq!(Code(frame.word(at)), wire::FLOW_CONTROL_ERROR);
        }
    }

    /// A head above a limit (section 10.5.1): an answer 4xx, or an error of the stream or the connection.
    #[track_caller]
    pub(crate) fn expect_too_large(&mut self, stream: u32) {
        let calm = [wire::ENHANCE_YOUR_CALM, wire::PROTOCOL_ERROR, wire::REFUSED_STREAM];
        loop {
            let frame = self.frame().expect("an answer comes before the end");
            match frame.kind {
                kind::HEADERS if frame.stream == stream => {
                    let status = wire::status(&frame.payload).expect(":status comes first");
                    assert!((400..500).contains(&status), "{status}");
                    return self.alive();
                }
                kind::RST_STREAM if frame.stream == stream => {
                    assert!(calm.contains(&Code(frame.word(0))), "{frame:?}");
                    return self.alive();
                }
                kind::GOAWAY => {
                    let code = Code(frame.word(4));
                    let calm = calm.contains(&code) || code == wire::COMPRESSION_ERROR;
                    assert!(calm, "{frame:?}");
                    return self.expect_close();
                }
                _ => {}
            }
        }
    }

    /// A malformed request (section 8.1.1): a stream error PROTOCOL_ERROR, maybe with an answer before it.
    #[track_caller]
    pub(crate) fn expect_malformed(&mut self, stream: u32) {
        self.expect_rst(stream, &[wire::PROTOCOL_ERROR]);
    }

    /// The answer on a stream, whole.
    #[track_caller]
    pub(crate) fn answer(&mut self, stream: u32) -> Answer {
        let mut answer = Answer { status: 0, body: Vec::new() };
        loop {
            let frame = self.until("an answer", |frame| frame.stream == stream);
            match frame.kind {
                kind::HEADERS if answer.status < 200 => {
                    assert!(frame.flags & wire::END_HEADERS != 0, "a small head is one frame");
                    assert_eq!(frame.flags & (wire::PADDED | wire::PRIORITY), 0, "{frame:?}");
                    answer.status = wire::status(&frame.payload).expect(":status comes first");
                }
                kind::DATA => {
                    assert!(answer.status >= 200, "DATA before a final head");
                    answer.body.extend(&frame.payload);
                }
                kind::HEADERS | kind::WINDOW_UPDATE => {}
                _ => panic!("{frame:?} instead of an answer\n{}", self.history()),
            }
            if frame.ends_stream() {
                return answer;
            }
        }
    }

    /// The request on a stream is answered with 200.
    #[track_caller]
    pub(crate) fn expect_ok(&mut self, stream: u32) -> Answer {
        let answer = self.answer(stream);
        assert_eq!(answer.status, 200, "{}", self.history());
        answer
    }

    /// Everything sent so far was handled without an error, and a request on a new stream is answered.
    #[track_caller]
    pub(crate) fn alive(&mut self) {
        let errors = self.ping_pong();
        assert!(errors.iter().all(|frame| frame.kind != kind::GOAWAY), "{errors:?}");
        // Above the numbers that tests use by themselves.
        self.next = self.next.max(1001);
        let id = self.send_get();
        // Whatever the windows of a test are, there is a head.
        let head = self.until("an answer", |frame| {
            frame.stream == id && matches!(frame.kind, kind::HEADERS | kind::RST_STREAM)
        });
        assert_eq!(head.kind, kind::HEADERS, "{head:?}");
        assert_eq!(wire::status(&head.payload), Some(200), "{head:?}");
    }

    /// Nothing sent so far on the stream was answered with a reset, and the connection is well.
    #[track_caller]
    pub(crate) fn expect_ignored(&mut self, stream: u32) {
        let before = self.ping_pong();
        let reset = |frame: &Frame| frame.kind == kind::RST_STREAM && frame.stream == stream;
        assert!(!before.iter().any(reset), "{before:?}");
        self.alive();
    }

    /// What comes before the answer to a PING: all that was sent before it was handled by then.
    #[track_caller]
    pub(crate) fn ping_pong(&mut self) -> Vec<Frame> {
        self.pings += 1;
        let payload = (0xc0de_0000 + self.pings).to_be_bytes();
        self.send(wire::ping(wire::NONE, payload));
        let mut before = Vec::new();
        loop {
            let frame = self.until("the answer to a PING", |_| true);
            if frame.kind == kind::PING && frame.flags & wire::ACK != 0 && frame.payload == payload
            {
                return before;
            }
            assert!(frame.kind != kind::GOAWAY, "{frame:?}\n{}", self.history());
            before.push(frame);
        }
    }

    /// The head of an answer whose body is held back by a window.
    #[track_caller]
    pub(crate) fn expect_head(&mut self, stream: u32) -> Frame {
        let frame = self.until("a head", |frame| frame.stream == stream);
        assert_eq!(frame.kind, kind::HEADERS, "{frame:?}\n{}", self.history());
        frame
    }

    /// How many bytes of body came on the stream until everything sent so far was handled.
    #[track_caller]
    pub(crate) fn body_so_far(&mut self, stream: u32) -> usize {
        let frames = self.ping_pong();
        frames
            .iter()
            .filter(|frame| frame.kind == kind::DATA && frame.stream == stream)
            .map(|frame| frame.payload.len())
            .sum()
    }
}
