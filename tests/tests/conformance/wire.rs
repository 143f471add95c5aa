//! Frames and header blocks as bytes, made without the code under test.

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Frame types (RFC 9113, section 6).
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const HEADERS: u8 = 1;
    pub(crate) const PRIORITY: u8 = 2;
    pub(crate) const RST_STREAM: u8 = 3;
    pub(crate) const SETTINGS: u8 = 4;
    pub(crate) const PUSH_PROMISE: u8 = 5;
    pub(crate) const PING: u8 = 6;
    pub(crate) const GOAWAY: u8 = 7;
    pub(crate) const WINDOW_UPDATE: u8 = 8;
    pub(crate) const CONTINUATION: u8 = 9;
    /// Of no standard.
    pub(crate) const UNKNOWN: u8 = 0xbe;
}

pub(crate) const NONE: u8 = 0;
pub(crate) const END_STREAM: u8 = 0x1;
pub(crate) const ACK: u8 = 0x1;
pub(crate) const END_HEADERS: u8 = 0x4;
pub(crate) const PADDED: u8 = 0x8;
pub(crate) const PRIORITY: u8 = 0x20;
/// A head without a body.
pub(crate) const WHOLE: u8 = END_STREAM | END_HEADERS;

/// Settings (RFC 9113, section 6.5.2).
pub(crate) mod setting {
    pub(crate) const HEADER_TABLE_SIZE: u16 = 1;
    pub(crate) const ENABLE_PUSH: u16 = 2;
    pub(crate) const MAX_CONCURRENT_STREAMS: u16 = 3;
    pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;
    pub(crate) const MAX_FRAME_SIZE: u16 = 5;
    pub(crate) const MAX_HEADER_LIST_SIZE: u16 = 6;
}

/// Error codes (RFC 9113, section 7).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) u32);

pub(crate) const NO_ERROR: Code = Code(0);
pub(crate) const PROTOCOL_ERROR: Code = Code(1);
pub(crate) const FLOW_CONTROL_ERROR: Code = Code(3);
pub(crate) const STREAM_CLOSED: Code = Code(5);
pub(crate) const FRAME_SIZE_ERROR: Code = Code(6);
pub(crate) const REFUSED_STREAM: Code = Code(7);
pub(crate) const CANCEL: Code = Code(8);
pub(crate) const COMPRESSION_ERROR: Code = Code(9);
pub(crate) const ENHANCE_YOUR_CALM: Code = Code(11);

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const NAMES: [&str; 14] = [
            "NO_ERROR",
            "PROTOCOL_ERROR",
            "INTERNAL_ERROR",
            "FLOW_CONTROL_ERROR",
            "SETTINGS_TIMEOUT",
            "STREAM_CLOSED",
            "FRAME_SIZE_ERROR",
            "REFUSED_STREAM",
            "CANCEL",
            "COMPRESSION_ERROR",
            "CONNECT_ERROR",
            "ENHANCE_YOUR_CALM",
            "INADEQUATE_SECURITY",
            "HTTP_1_1_REQUIRED",
        ];
        match NAMES.get(self.0 as usize) {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

/// A frame whose head says the truth about its length.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    [&head(payload.len(), kind, flags, stream)[..], payload].concat()
}

/// The nine bytes before a payload; the reserved bit is the highest of `stream`.
pub(crate) fn head(length: usize, kind: u8, flags: u8, stream: u32) -> [u8; 9] {
    let [_, l0, l1, l2] = u32::try_from(length).expect("a frame's length").to_be_bytes();
    let [s0, s1, s2, s3] = stream.to_be_bytes();
    [l0, l1, l2, kind, flags, s0, s1, s2, s3]
}

pub(crate) fn data(flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    frame(kind::DATA, flags, stream, payload)
}

pub(crate) fn headers(flags: u8, stream: u32, block: impl AsRef<[u8]>) -> Vec<u8> {
    frame(kind::HEADERS, flags, stream, block)
}

pub(crate) fn continuation(flags: u8, stream: u32, block: impl AsRef<[u8]>) -> Vec<u8> {
    frame(kind::CONTINUATION, flags, stream, block)
}

pub(crate) fn priority(stream: u32, on: u32, weight: u8) -> Vec<u8> {
    frame(kind::PRIORITY, NONE, stream, dependency(on, weight))
}

pub(crate) fn dependency(on: u32, weight: u8) -> Vec<u8> {
    [&on.to_be_bytes()[..], &[weight]].concat()
}

pub(crate) fn reset(stream: u32, code: Code) -> Vec<u8> {
    frame(kind::RST_STREAM, NONE, stream, code.0.to_be_bytes())
}

pub(crate) fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> = values
        .iter()
        .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
        .collect();
    frame(kind::SETTINGS, NONE, 0, payload)
}

pub(crate) fn settings_ack() -> Vec<u8> {
    frame(kind::SETTINGS, ACK, 0, [])
}

pub(crate) fn ping(flags: u8, payload: [u8; 8]) -> Vec<u8> {
    frame(kind::PING, flags, 0, payload)
}

pub(crate) fn go_away(last: u32, code: Code, debug: &[u8]) -> Vec<u8> {
    let payload = [&last.to_be_bytes()[..], &code.0.to_be_bytes(), debug].concat();
    frame(kind::GOAWAY, NONE, 0, payload)
}

pub(crate) fn window_update(stream: u32, increment: u32) -> Vec<u8> {
    frame(kind::WINDOW_UPDATE, NONE, stream, increment.to_be_bytes())
}

/// `content` behind the byte that says how much padding follows.
pub(crate) fn padded(content: impl AsRef<[u8]>, padding: u8) -> Vec<u8> {
    [&[padding][..], content.as_ref(), &vec![0; usize::from(padding)]].concat()
}

/// An integer behind a prefix of `bits` bits, whose other bits are `first` (RFC 7541, section 5.1).
pub(crate) fn integer(first: u8, bits: u32, mut value: usize) -> Vec<u8> {
    let most = (1usize << bits) - 1;
    if value < most {
        return vec![first | value as u8];
    }
    let mut bytes = vec![first | most as u8];
    value -= most;
    while value >= 128 {
        bytes.push(0x80 | (value % 128) as u8);
        value /= 128;
    }
    bytes.push(value as u8);
    bytes
}

/// A string that is not Huffman coded (RFC 7541, section 5.2).
pub(crate) fn string(value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    [&integer(0, 7, value.len())[..], value].concat()
}

/// A literal that is not indexed (RFC 7541, section 6.2.2).
pub(crate) fn field(name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Vec<u8> {
    [vec![0x00], string(name), string(value)].concat()
}

/// A literal that enters the dynamic table (RFC 7541, section 6.2.1).
pub(crate) fn indexed_field(name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Vec<u8> {
    [vec![0x40], string(name), string(value)].concat()
}

pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| field(name, value)).collect()
}

/// A request's pseudo-header fields and what else is given.
pub(crate) fn request(method: &str, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let pseudo =
        [(":method", method), (":scheme", "http"), (":authority", "test"), (":path", path)];
    [block(&pseudo), block(fields)].concat()
}

pub(crate) fn get() -> Vec<u8> {
    request("GET", "/", &[])
}

pub(crate) fn post() -> Vec<u8> {
    request("POST", "/echo", &[])
}

/// The status that a response's block begins with, and the largest table that it says before.
pub(crate) fn status(block: &[u8]) -> Option<u16> {
    let mut rest = block;
    while rest.first().is_some_and(|byte| byte & 0xe0 == 0x20) {
        rest = integer_at(rest, 5)?.1;
    }
    const STATIC: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    let first = *rest.first()?;
    if first & 0x80 != 0 {
        let index = usize::from(first & 0x7f);
        return STATIC.get(index.checked_sub(8)?).copied();
    }
    let bits = if first & 0x40 != 0 { 6 } else { 4 };
    let (index, rest) = integer_at(rest, bits)?;
    if !(8..15).contains(&index) {
        return None;
    }
    let (length, bytes) = integer_at(rest, 7)?;
    let bytes = bytes.get(..length)?;
    let text = if rest.first()? & 0x80 != 0 { digits(bytes) } else { bytes.to_vec() };
    String::from_utf8(text).ok()?.parse().ok()
}

/// The size that a block's first representation gives the table (RFC 7541, section 6.3).
pub(crate) fn table_size(block: &[u8]) -> Option<usize> {
    let update = block.first().is_some_and(|byte| byte & 0xe0 == 0x20);
    update.then(|| integer_at(block, 5).map(|(size, _)| size)).flatten()
}

fn integer_at(bytes: &[u8], bits: u32) -> Option<(usize, &[u8])> {
    let most = (1usize << bits) - 1;
    let (first, mut rest) = bytes.split_first()?;
    let mut value = usize::from(*first) & most;
    if value < most {
        return Some((value, rest));
    }
    for shift in [0, 7, 14] {
        let (next, after) = rest.split_first()?;
        rest = after;
        value += usize::from(next & 0x7f) << shift;
        if next & 0x80 == 0 {
            return Some((value, rest));
        }
    }
    None
}

/// Decimal digits in Huffman code (RFC 7541, appendix B): 0 to 2 have five bits, the others six.
fn digits(bytes: &[u8]) -> Vec<u8> {
    let bits: Vec<u8> =
        bytes.iter().flat_map(|b| (0..8).rev().map(move |at| b >> at & 1)).collect();
    let number = |bits: &[u8]| bits.iter().fold(0u8, |sum, bit| sum << 1 | bit);
    let (mut text, mut rest) = (Vec::new(), &bits[..]);
    while rest.len() >= 5 {
        let five = number(&rest[..5]);
        if five <= 2 {
            text.push(b'0' + five);
            rest = &rest[5..];
        } else if rest.len() >= 6 && (25..=31).contains(&number(&rest[..6])) {
            text.push(b'3' + number(&rest[..6]) - 25);
            rest = &rest[6..];
        } else {
            break;
        }
    }
    text
}
