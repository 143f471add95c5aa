use bytes::{BufMut, BytesMut};

use super::Frame;
use super::head::{FrameHead, HEAD, Kind, StreamId, flags};

impl Frame<'_> {
    /// Appends the frame. The caller sees to it that the payload is no longer than the receiver allows.
    pub fn encode(&self, dst: &mut BytesMut) {
        match *self {
            Frame::Continuation { stream, fragment, end_headers } => {
                head(dst, fragment.len(), Kind::Continuation, headers(end_headers), stream);
                dst.put_slice(fragment);
            }
            Frame::Data { stream, data, end_stream, padding } => {
                let bits = set(end_stream, flags::END_STREAM);
                padded(dst, Kind::Data, bits, stream, padding, &[], data);
            }
            Frame::GoAway { last, reason, debug } => {
                let length = debug.len().saturating_add(8);
                head(dst, length, Kind::GoAway, 0, StreamId::CONNECTION);
                dst.put_u32(last.value());
                dst.put_u32(reason.into());
                dst.put_slice(debug);
            }
            Frame::Headers { stream, fragment, end_headers, end_stream, dependency, padding } => {
                let bits = headers(end_headers)
                    | set(end_stream, flags::END_STREAM)
                    | set(dependency.is_some(), flags::PRIORITY);
                let before = dependency.map(dependency_bytes);
                let before = before.as_ref().map_or(&[][..], |bytes| &bytes[..]);
                padded(dst, Kind::Headers, bits, stream, padding, before, fragment);
            }
            Frame::Ping { ack, payload } => {
                head(dst, 8, Kind::Ping, set(ack, flags::ACK), StreamId::CONNECTION);
                dst.put_slice(&payload);
            }
            Frame::Priority { stream, dependency } => {
                head(dst, 5, Kind::Priority, 0, stream);
                dst.put_slice(&dependency_bytes(dependency));
            }
            Frame::PriorityUpdate { stream, value } => {
                let length = value.len().saturating_add(4);
                head(dst, length, Kind::PriorityUpdate, 0, StreamId::CONNECTION);
                dst.put_u32(stream.value());
                dst.put_slice(value);
            }
            Frame::PushPromise { stream, promised, fragment, end_headers, padding } => {
                let before = promised.value().to_be_bytes();
                let bits = headers(end_headers);
                padded(dst, Kind::PushPromise, bits, stream, padding, &before, fragment);
            }
            Frame::Reset { stream, reason } => {
                head(dst, 4, Kind::Reset, 0, stream);
                dst.put_u32(reason.into());
            }
            Frame::Settings(settings) => settings.encode(dst),
            Frame::SettingsAck => head(dst, 0, Kind::Settings, flags::ACK, StreamId::CONNECTION),
            Frame::Unknown { head, payload } => {
                FrameHead { length: payload.len() as u32, ..head }.put(dst);
                dst.put_slice(payload);
            }
            Frame::WindowUpdate { stream, increment } => {
                head(dst, 4, Kind::WindowUpdate, 0, stream);
                dst.put_u32(increment);
            }
        }
    }
}

/// Turns what `write` appends into a header block in frames: HEADERS (or PUSH_PROMISE), and CONTINUATION for
/// what is beyond `max`, the receiver's SETTINGS_MAX_FRAME_SIZE.
///
/// `end_stream` belongs to HEADERS; `promised` makes it PUSH_PROMISE.
#[inline]
pub fn put_block(
    dst: &mut BytesMut,
    stream: StreamId,
    end_stream: bool,
    promised: Option<StreamId>,
    max: u32,
    write: impl FnOnce(&mut BytesMut),
) {
    let start = dst.len();
    dst.put_slice(&[0; HEAD]);
    if let Some(promised) = promised {
        dst.put_u32(promised.value());
    }
    write(dst);
    let length = dst.len().saturating_sub(start).saturating_sub(HEAD);
    let kind = if promised.is_some() { Kind::PushPromise } else { Kind::Headers };
    let bits = set(end_stream, flags::END_STREAM);
    if length <= max as usize {
        let head =
            FrameHead { length: length as u32, kind, flags: bits | flags::END_HEADERS, stream };
        patch(dst, start, head);
    } else {
        split(dst, start, FrameHead { length: max, kind, flags: bits, stream });
    }
}

fn patch(dst: &mut BytesMut, start: usize, head: FrameHead) {
    if let Some(place) = dst.get_mut(start..).and_then(|rest| rest.first_chunk_mut::<HEAD>()) {
        *place = head.to_bytes();
    }
}

#[cold]
fn split(dst: &mut BytesMut, start: usize, first: FrameHead) {
    let max = first.length as usize;
    let rest = dst.split_off(start.saturating_add(HEAD).saturating_add(max));
    patch(dst, start, first);
    let mut parts = rest.chunks(max.max(1)).peekable();
    while let Some(part) = parts.next() {
        let bits = headers(parts.peek().is_none());
        head(dst, part.len(), Kind::Continuation, bits, first.stream);
        dst.put_slice(part);
    }
}

#[inline]
fn head(dst: &mut BytesMut, length: usize, kind: Kind, flags: u8, stream: StreamId) {
    FrameHead { length: length as u32, kind, flags, stream }.put(dst);
}

fn padded(
    dst: &mut BytesMut,
    kind: Kind,
    bits: u8,
    stream: StreamId,
    padding: Option<u8>,
    before: &[u8],
    payload: &[u8],
) {
    let added = padding.map_or(0, |padding| usize::from(padding).saturating_add(1));
    let length = before.len().saturating_add(payload.len()).saturating_add(added);
    head(dst, length, kind, bits | set(padding.is_some(), flags::PADDED), stream);
    if let Some(padding) = padding {
        dst.put_u8(padding);
    }
    dst.put_slice(before);
    dst.put_slice(payload);
    dst.put_bytes(0, usize::from(padding.unwrap_or_default()));
}

fn dependency_bytes(dependency: super::Dependency) -> [u8; 5] {
    let exclusive = u32::from(dependency.exclusive) << 31;
    let [s0, s1, s2, s3] = (dependency.on.value() | exclusive).to_be_bytes();
    [s0, s1, s2, s3, dependency.weight]
}

fn headers(end: bool) -> u8 {
    set(end, flags::END_HEADERS)
}

fn set(condition: bool, flag: u8) -> u8 {
    if condition { flag } else { 0 }
}
