//! Frames in words, for tables and tests: what a peer sends, and what it is told.

use barewire_h2::frame::{self, Frame, FrameHead, HEAD, PREFACE};
use barewire_proto::Status;
use barewire_testkit::transcript::{escape, unescape};

const KINDS: [&str; 10] = [
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

/// A header block of literals that are in no table: `name=value|name=value`.
pub fn block(fields: &str) -> Vec<u8> {
    let mut block = Vec::new();
    for field in fields.split('|').filter(|field| !field.is_empty()) {
        let at = field[1..].find('=').expect("a field has a value") + 1;
        block.push(0);
        for part in [&field[..at], &field[at + 1..]] {
            let part = unescape(part).expect("escapes are right");
            assert!(part.len() < 127, "a short string");
            block.push(part.len() as u8);
            block.extend(part);
        }
    }
    block
}

/// A frame: `KIND FLAGS STREAM PAYLOAD`, where `@` begins a header block in words.
pub fn frame(text: &str) -> Vec<u8> {
    let mut parts = text.splitn(4, ' ');
    let mut next = || parts.next().unwrap_or_default();
    let (kind, flags, stream, payload) = (next(), next(), next(), next());
    let code = match KINDS.iter().position(|name| *name == kind) {
        Some(code) => code as u8,
        None if kind == "PRIORITY_UPDATE" => 0x10,
        None => kind.parse().unwrap_or_else(|_| panic!("no such kind: {text}")),
    };
    let flags: u8 = flags.parse().unwrap_or_else(|_| panic!("flags: {text}"));
    let stream: u32 = stream.parse().unwrap_or_else(|_| panic!("stream: {text}"));
    let payload = match payload.split_once('@') {
        Some((before, fields)) => [unescape(before).expect("escapes"), block(fields)].concat(),
        None => unescape(payload).expect("escapes"),
    };
    raw(code, flags, stream, &payload)
}

/// A frame from its parts.
pub fn raw(code: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[code, flags], &stream.to_be_bytes(), payload].concat()
}

/// What a client begins with.
pub fn preface() -> Vec<u8> {
    [&PREFACE[..], &raw(4, 0, 0, &[]), &raw(4, 1, 0, &[])].concat()
}

/// Translates a table with `frame:` and `preface` lines into one with bytes.
pub fn translate(text: &str) -> String {
    let mut lines = String::new();
    for line in text.lines() {
        let line = line.trim();
        let translated = if line == "preface" {
            format!("in: {}", escape(&preface()))
        } else if line == "settings" {
            format!("in: {}", escape(&[raw(4, 0, 0, &[]), raw(4, 1, 0, &[])].concat()))
        } else if let Some(text) = line.strip_prefix("frame:") {
            format!("in: {}", escape(&frame(text.trim())))
        } else if let Some((times, text)) =
            line.strip_prefix("frame*").and_then(|rest| rest.split_once(':'))
        {
            format!("in*{times}: {}", escape(&frame(text.trim())))
        } else {
            line.to_owned()
        };
        lines.push_str(&translated);
        lines.push('\n');
    }
    lines
}

/// The frames of an output, for a peer that takes them of any length.
pub fn read(mut bytes: &[u8], mut visit: impl FnMut(Frame<'_>)) {
    bytes = bytes.strip_prefix(&PREFACE[..]).unwrap_or(bytes);
    while let Ok(Status::Complete(frame, used)) = frame::decode(bytes, 1 << 24) {
        visit(frame);
        bytes = &bytes[used..];
    }
    assert!(bytes.is_empty(), "the output ends within a frame");
}

/// Whether a buffer begins with a whole frame.
pub fn is_whole(bytes: &[u8]) -> bool {
    FrameHead::parse(bytes).is_some_and(|head| bytes.len() >= HEAD + head.length as usize)
}
