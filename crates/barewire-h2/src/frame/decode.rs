use barewire_proto::Status;

use super::head::{FrameHead, HEAD, Kind, StreamId, flags};
use super::{Dependency, Frame, SettingsFrame};
use crate::{Error, ErrorKind, Reason};

/// Takes the first frame off `buf`; `max` is SETTINGS_MAX_FRAME_SIZE as the sender was told.
///
/// # Errors
///
/// The frame is longer than `max`, has not the length that its type needs, stands on the connection or on a
/// stream although it must not, is padded with more than there is, or moves a window by zero. A connection
/// takes each of these for a connection error, but for zero increments and wrong lengths of PRIORITY on a
/// stream.
pub fn decode(buf: &[u8], max: u32) -> Result<Status<Frame<'_>>, Error> {
    let Some(head) = FrameHead::parse(buf) else { return Ok(Status::Partial) };
    if head.length > max {
        return Err(ErrorKind::FrameTooLarge.into());
    }
    let end = HEAD.saturating_add(head.length as usize);
    let Some(payload) = buf.get(HEAD..end) else { return Ok(Status::Partial) };
    Ok(Status::Complete(parse(head, payload)?, end))
}

fn parse(head: FrameHead, payload: &[u8]) -> Result<Frame<'_>, ErrorKind> {
    let stream = head.stream;
    let end_stream = head.has(flags::END_STREAM);
    let end_headers = head.has(flags::END_HEADERS);
    Ok(match head.kind {
        Kind::Data => {
            on_stream(stream)?;
            let (data, padding) = unpad(head.flags, payload)?;
            Frame::Data { stream, data, end_stream, padding }
        }
        Kind::Headers => {
            on_stream(stream)?;
            let Fragment { fragment, dependency, padding } = Fragment::of_headers(head, payload)?;
            Frame::Headers { stream, fragment, end_headers, end_stream, dependency, padding }
        }
        Kind::Priority => {
            on_stream(stream)?;
            Frame::Priority { stream, dependency: priority(payload)? }
        }
        Kind::Reset => {
            on_stream(stream)?;
            Frame::Reset { stream, reason: reset(payload)? }
        }
        Kind::Settings => {
            on_connection(stream)?;
            match head.has(flags::ACK) {
                true if payload.is_empty() => Frame::SettingsAck,
                true => return Err(ErrorKind::FrameSize),
                false => Frame::Settings(SettingsFrame::parse(payload)?),
            }
        }
        Kind::PushPromise => {
            on_stream(stream)?;
            let (payload, padding) = unpad(head.flags, payload)?;
            let (promised, fragment) = payload.split_first_chunk().ok_or(ErrorKind::FrameSize)?;
            let promised = StreamId::new(u32::from_be_bytes(*promised));
            Frame::PushPromise { stream, promised, fragment, end_headers, padding }
        }
        Kind::Ping => {
            on_connection(stream)?;
            Frame::Ping { ack: head.has(flags::ACK), payload: ping(payload)? }
        }
        Kind::GoAway => {
            on_connection(stream)?;
            let (last, reason, debug) = go_away(payload)?;
            Frame::GoAway { last, reason, debug }
        }
        Kind::WindowUpdate => Frame::WindowUpdate { stream, increment: window_update(payload)? },
        Kind::Continuation => {
            on_stream(stream)?;
            Frame::Continuation { stream, fragment: payload, end_headers }
        }
        Kind::PriorityUpdate => {
            on_connection(stream)?;
            let (id, value) = payload.split_first_chunk().ok_or(ErrorKind::FrameSize)?;
            Frame::PriorityUpdate { stream: StreamId::new(u32::from_be_bytes(*id)), value }
        }
        Kind::Unknown(_) => Frame::Unknown { head, payload },
    })
}

fn on_stream(stream: StreamId) -> Result<(), ErrorKind> {
    if stream.is_connection() { Err(ErrorKind::BadStreamId) } else { Ok(()) }
}

fn on_connection(stream: StreamId) -> Result<(), ErrorKind> {
    if stream.is_connection() { Ok(()) } else { Err(ErrorKind::BadStreamId) }
}

/// Takes padding away (RFC 9113, section 6.1).
#[inline]
pub(crate) fn unpad(flags: u8, payload: &[u8]) -> Result<(&[u8], Option<u8>), ErrorKind> {
    if flags & flags::PADDED == 0 {
        return Ok((payload, None));
    }
    let (&padding, rest) = payload.split_first().ok_or(ErrorKind::FrameSize)?;
    let length = rest.len().checked_sub(usize::from(padding)).ok_or(ErrorKind::PaddingTooLong)?;
    Ok((rest.get(..length).unwrap_or_default(), Some(padding)))
}

/// What HEADERS carries beside its flags.
pub(crate) struct Fragment<'a> {
    pub(crate) fragment: &'a [u8],
    pub(crate) dependency: Option<Dependency>,
    pub(crate) padding: Option<u8>,
}

impl<'a> Fragment<'a> {
    #[inline]
    pub(crate) fn of_headers(head: FrameHead, payload: &'a [u8]) -> Result<Self, ErrorKind> {
        let (payload, padding) = unpad(head.flags, payload)?;
        if !head.has(flags::PRIORITY) {
            return Ok(Self { fragment: payload, dependency: None, padding });
        }
        let (dependency, fragment) =
            payload.split_first_chunk::<5>().ok_or(ErrorKind::FrameSize)?;
        Ok(Self { fragment, dependency: Some(priority(dependency)?), padding })
    }
}

pub(crate) fn priority(payload: &[u8]) -> Result<Dependency, ErrorKind> {
    let &[s0, s1, s2, s3, weight] = payload.as_array_of()?;
    let on = u32::from_be_bytes([s0, s1, s2, s3]);
    Ok(Dependency { on: StreamId::new(on), exclusive: on >> 31 == 1, weight })
}

pub(crate) fn reset(payload: &[u8]) -> Result<Reason, ErrorKind> {
    Ok(u32::from_be_bytes(*payload.as_array_of()?).into())
}

pub(crate) fn ping(payload: &[u8]) -> Result<[u8; 8], ErrorKind> {
    payload.as_array_of().copied()
}

pub(crate) fn go_away(payload: &[u8]) -> Result<(StreamId, Reason, &[u8]), ErrorKind> {
    let (last, rest) = payload.split_first_chunk().ok_or(ErrorKind::FrameSize)?;
    let (reason, debug) = rest.split_first_chunk().ok_or(ErrorKind::FrameSize)?;
    Ok((StreamId::new(u32::from_be_bytes(*last)), u32::from_be_bytes(*reason).into(), debug))
}

#[inline]
pub(crate) fn window_update(payload: &[u8]) -> Result<u32, ErrorKind> {
    match u32::from_be_bytes(*payload.as_array_of()?) & super::MAX_WINDOW {
        0 => Err(ErrorKind::ZeroIncrement),
        increment => Ok(increment),
    }
}

/// A payload of a fixed length.
trait Exactly {
    fn as_array_of<const N: usize>(&self) -> Result<&[u8; N], ErrorKind>;
}

impl Exactly for [u8] {
    #[inline]
    fn as_array_of<const N: usize>(&self) -> Result<&[u8; N], ErrorKind> {
        self.try_into().map_err(|_| ErrorKind::FrameSize)
    }
}
