//! Bodies under way: how the one that comes in is taken off the input, and the one that goes out framed.

use barewire_proto::{Input, Output};
use bytes::Bytes;
use http::header::{self, HeaderMap};

use crate::chunked::{self, Decoder, Part};
use crate::fields::is_forbidden_in_trailers;
use crate::framing::{Framing, decimal};
use crate::{BodyLength, Config, Error, ErrorKind, UsageError};

/// A body that is being received.
#[derive(Debug)]
pub(crate) enum Incoming {
    Length(u64),
    Chunked(Box<Decoder>),
    UntilClose,
}

impl Incoming {
    /// `received` counts the payload of the body so far.
    pub(crate) fn poll(
        &mut self,
        input: &mut Input,
        received: &mut u64,
        config: &Config,
    ) -> Result<Option<Part>, Error> {
        let part = match self {
            Self::Length(0) => Some(Part::End),
            Self::Length(left) if !input.is_empty() => {
                let data = input.split_to(usize::try_from(*left).unwrap_or(usize::MAX));
                *left = left.saturating_sub(data.len() as u64);
                Some(Part::Data(data))
            }
            Self::Length(_) => None,
            Self::Chunked(decoder) => decoder.decode(input, config)?,
            Self::UntilClose if !input.is_empty() => {
                let room = config.limits.max_body.saturating_sub(*received);
                if room == 0 {
                    return Err(ErrorKind::BodyTooLarge.into());
                }
                Some(Part::Data(input.split_to(usize::try_from(room).unwrap_or(usize::MAX))))
            }
            Self::UntilClose if input.is_closed() => Some(Part::End),
            Self::UntilClose => None,
        };
        match &part {
            Some(Part::Data(data)) => {
                *received = received.saturating_add(data.len() as u64);
            }
            None if input.is_closed() => return Err(ErrorKind::UnexpectedEnd.into()),
            _ => {}
        }
        Ok(part)
    }

    /// Bytes that are still to come, where that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        match self {
            Self::Length(left) => Some(*left),
            Self::Chunked(_) | Self::UntilClose => None,
        }
    }
}

/// A body that is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    Length(u64),
    Chunked,
    UntilClose,
}

impl Outgoing {
    /// Takes all of `data`, or nothing while the output is full. `Ok(true)` when the body is complete.
    pub(crate) fn data(
        &mut self,
        output: &mut Output,
        data: &mut Bytes,
        end: bool,
    ) -> Result<bool, UsageError> {
        if let Self::Length(left) = self {
            let after = left.checked_sub(data.len() as u64).ok_or(UsageError::LengthMismatch)?;
            if end && after > 0 {
                return Err(UsageError::LengthShort);
            }
            if output.is_full() && !data.is_empty() {
                return Ok(false);
            }
            *left = after;
            output.push(std::mem::take(data));
            return Ok(after == 0 || end);
        }
        if output.is_full() && !data.is_empty() {
            return Ok(false);
        }
        let data = std::mem::take(data);
        if *self == Self::Chunked {
            chunked::encode(output, data);
            if end {
                chunked::encode_end(output, None);
            }
        } else {
            output.push(data);
        }
        Ok(end)
    }

    pub(crate) fn trailers(
        &self,
        output: &mut Output,
        trailers: &HeaderMap,
    ) -> Result<(), UsageError> {
        if *self != Self::Chunked || trailers.keys().any(is_forbidden_in_trailers) {
            return Err(UsageError::TrailersNotAllowed);
        }
        chunked::encode_end(output, Some(trailers));
        Ok(())
    }
}

/// Looks through the fields of a caller's own head once.
///
/// `Content-Length` and `Transfer-Encoding` may repeat the length that the caller declares, and not contradict
/// it; `None` leaves them to the caller. The result is whether `Connection` says `close`.
pub(crate) fn survey(headers: &HeaderMap, length: Option<BodyLength>) -> Result<bool, UsageError> {
    let mut close = false;
    for (name, value) in headers {
        let fits = match (name, length) {
            (&header::CONTENT_LENGTH, Some(length)) => decimal(value.as_bytes()) == length.known(),
            (&header::TRANSFER_ENCODING, Some(length)) => {
                length == BodyLength::Unknown && value.as_bytes().eq_ignore_ascii_case(b"chunked")
            }
            (&header::CONNECTION, _) => {
                let mut framing = Framing::default();
                framing.connection(value.as_bytes());
                close |= framing.close;
                true
            }
            _ => true,
        };
        if !fits {
            return Err(UsageError::LengthMismatch);
        }
    }
    Ok(close)
}
