//! As much of the wire as the load generator needs (RFC 9113, section 4).

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub(super) const HEAD: usize = 9;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RESET: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GO_AWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;

pub(super) const END_STREAM: u8 = 1;
pub(super) const ACK: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
pub(super) const PADDED: u8 = 8;

pub(super) const HEADER_TABLE_SIZE: u16 = 1;
pub(super) const ENABLE_PUSH: u16 = 2;
pub(super) const MAX_CONCURRENT_STREAMS: u16 = 3;
pub(super) const INITIAL_WINDOW_SIZE: u16 = 4;

/// Of a connection, and of a stream unless settings say otherwise.
pub(super) const DEFAULT_WINDOW: u32 = 65_535;

/// The settings of a SETTINGS frame.
pub(super) fn settings_in(payload: &[u8]) -> impl Iterator<Item = (u16, u32)> {
    payload.chunks_exact(6).map(|setting| {
        let id = u16::from_be_bytes([setting[0], setting[1]]);
        (id, u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]))
    })
}

/// A frame that is there whole.
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The first frame and what follows it, or `None` while it is not there whole.
    pub(super) fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (payload, rest) = rest.split_at_checked(length)?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some((Self { kind: head[3], flags: head[4], stream, payload }, rest))
    }
}

pub(super) fn frame(output: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let [_, length @ ..] = (payload.len() as u32).to_be_bytes();
    output.extend_from_slice(&length);
    output.extend_from_slice(&[kind, flags]);
    output.extend_from_slice(&stream.to_be_bytes());
    output.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_once_it_is_whole() {
        let mut wire = Vec::new();
        frame(&mut wire, DATA, END_STREAM, 7, b"ok");
        for end in 0..wire.len() {
            assert!(Frame::split(&wire[..end]).is_none());
        }
        let (frame, rest) = Frame::split(&wire).unwrap();
        assert_eq!((frame.kind, frame.flags, frame.stream), (DATA, END_STREAM, 7));
        assert_eq!((frame.payload, rest), (&b"ok"[..], &b""[..]));
    }
}
