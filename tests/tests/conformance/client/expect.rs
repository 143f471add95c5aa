//! What a server may do.

use std::io::{ErrorKind, Read};

use super::{Answer, Client, Frame};
use crate::wire::{self, Code, NO_ERROR, kind};

impl Client {
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

    /// DATA, on one stream or on whichever, until so many bytes of it came. The last frame brings no more than that.
    #[track_caller]
    pub(crate) fn expect_data(&mut self, length: usize, stream: Option<u32>) {
        let mut came = 0;
        while came < length {
            let of = |frame: &Frame| stream.is_none_or(|stream| frame.stream == stream);
            let part = self.until("DATA", |frame| frame.kind == kind::DATA && of(frame));
            came += part.payload.len();
        }
        assert_eq!(came, length, "{}", self.history());
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
