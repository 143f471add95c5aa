//! One turn of rustls: what it decrypts goes into the protocol inside, what that one has put out is encrypted.

use std::fmt;

use barewire_proto::{Buf, COPY_THRESHOLD, Output, Protocol};
use bytes::BytesMut;
use rustls::CommonState;
use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, ReadTraffic,
    UnbufferedStatus, WriteTraffic,
};

/// The most plaintext of one record (RFC 8446, section 5.1).
const RECORD: usize = 16 * 1024;
/// Plaintext that is encrypted at once.
const BATCH: usize = 4 * RECORD;
/// A record costs about as much as copying this: what is before a longer part has a record of its own.
const DIRECT: usize = 8 * 1024;
/// At least what a record has beyond its plaintext, in either version.
const OVERHEAD: usize = 64;

/// Both roles of rustls, without buffers of their own.
pub(crate) enum Session {
    /// rustls did not even begin.
    Broken,
    Client(UnbufferedClientConnection),
    Server(UnbufferedServerConnection),
}

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Something moved: turn again.
    Again,
    /// The handshake needs more bytes.
    Blocked,
    /// `close_notify` came.
    PeerClosed,
    /// All that was read is decrypted, and what could be encrypted is.
    Ready,
}

/// Why a turn failed.
#[derive(Debug)]
pub(crate) enum Fault {
    Rustls(rustls::Error),
    /// The keys may not encrypt any more.
    Exhausted,
}

/// What a turn works on beside the records.
pub(crate) struct Turn<'a, P> {
    /// The protocol inside, once there is one.
    pub(crate) inner: Option<&'a mut P>,
    /// Plaintext that the protocol inside had no room for, and all that comes after it.
    pub(crate) pending: &'a mut BytesMut,
    /// Where small parts are put together to one record.
    pub(crate) gather: &'a mut BytesMut,
    pub(crate) output: &'a mut Output,
    /// Encrypt what the protocol inside has put out.
    pub(crate) send: bool,
    /// And then say that nothing more will come.
    pub(crate) close: bool,
}

impl Session {
    pub(crate) fn common(&self) -> Option<&CommonState> {
        match self {
            Self::Broken => None,
            Self::Client(client) => Some(client),
            Self::Server(server) => Some(server),
        }
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.common().is_none_or(CommonState::is_handshaking)
    }

    /// One turn over all records that are there. Returns how many bytes are done with.
    pub(crate) fn turn<P: Protocol>(
        &mut self,
        records: &mut [u8],
        turn: &mut Turn<'_, P>,
    ) -> (usize, Result<Step, Fault>) {
        match self {
            Self::Broken => (0, Err(Fault::Exhausted)),
            Self::Client(client) => turn.apply(client.process_tls_records(records)),
            Self::Server(server) => turn.apply(server.process_tls_records(records)),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken => "Broken",
            Self::Client(_) => "Client",
            Self::Server(_) => "Server",
        })
    }
}

impl<P: Protocol> Turn<'_, P> {
    fn apply<D>(&mut self, status: UnbufferedStatus<'_, '_, D>) -> (usize, Result<Step, Fault>) {
        let UnbufferedStatus { mut discard, state } = status;
        let step = match state {
            Err(error) => Err(Fault::Rustls(error)),
            Ok(ConnectionState::ReadTraffic(traffic)) => {
                self.read(traffic, &mut discard).map_err(Fault::Rustls)
            }
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                encode(self.output, 0, |room| match data.encode(room) {
                    Ok(n) => Ok(n),
                    Err(EncodeError::InsufficientSize(needed)) => Err(Some(needed)),
                    Err(EncodeError::AlreadyEncoded) => Ok(0),
                })
            }
            Ok(ConnectionState::TransmitTlsData(data)) => {
                data.done();
                Ok(Step::Again)
            }
            Ok(ConnectionState::WriteTraffic(traffic)) => self.write(traffic),
            Ok(ConnectionState::BlockedHandshake) => Ok(Step::Blocked),
            Ok(ConnectionState::PeerClosed) => Ok(Step::PeerClosed),
            // Early data is refused by every configuration that is let in here.
            Ok(_) => Ok(Step::Ready),
        };
        (discard, step)
    }

    fn read<D>(
        &mut self,
        mut traffic: ReadTraffic<'_, '_, D>,
        discard: &mut usize,
    ) -> Result<Step, rustls::Error> {
        while let Some(record) = traffic.next_record() {
            let record = record?;
            *discard = discard.saturating_add(record.discard);
            let mut payload = record.payload;
            let inner = self.inner.as_deref_mut().filter(|inner| inner.wants_read());
            if let (Some(inner), true) = (inner, self.pending.is_empty()) {
                payload = offer(inner, payload);
            }
            self.pending.extend_from_slice(payload);
        }
        Ok(Step::Again)
    }

    fn write<D>(&mut self, mut traffic: WriteTraffic<'_, D>) -> Result<Step, Fault> {
        let Some(inner) = self.inner.as_deref_mut().filter(|_| self.send) else {
            return Ok(Step::Ready);
        };
        while inner.output().has_remaining() && !self.output.is_full() {
            let from = inner.output();
            let first = from.chunk();
            let taken = if first.len() < COPY_THRESHOLD && first.len() < from.remaining() {
                // A record costs more than copying its parts.
                self.gather.clear();
                gather(from, self.gather);
                encrypt(&mut traffic, self.gather, self.output)?;
                self.gather.len()
            } else {
                let part = first.get(..first.len().min(BATCH)).unwrap_or_default();
                encrypt(&mut traffic, part, self.output)?;
                part.len()
            };
            inner.output().advance(taken);
        }
        if self.close && !inner.output().has_remaining() {
            encode(self.output, 0, |room| exhausted(traffic.queue_close_notify(room)))?;
        }
        Ok(Step::Ready)
    }
}

/// Gives plaintext to a protocol, and returns what it has no room for.
pub(crate) fn offer<'a>(inner: &mut impl Protocol, mut payload: &'a [u8]) -> &'a [u8] {
    while !payload.is_empty() {
        let spare = inner.input().spare(payload.len());
        let n = spare.len().min(payload.len());
        let (Some(spare), Some((now, later))) = (spare.get_mut(..n), payload.split_at_checked(n))
        else {
            break;
        };
        if n == 0 {
            break;
        }
        spare.copy_from_slice(now);
        inner.input().commit(n);
        payload = later;
    }
    payload
}

/// Copies the front of an output up to the next long part, one record of it at most.
fn gather(from: &Output, to: &mut BytesMut) {
    let mut slices = [std::io::IoSlice::new(&[]); 16];
    let count = from.chunks_vectored(&mut slices);
    for slice in slices.iter().take(count) {
        if slice.len() >= DIRECT {
            break;
        }
        let n = slice.len().min(RECORD.saturating_sub(to.len()));
        to.extend_from_slice(slice.get(..n).unwrap_or_default());
    }
}

fn encrypt<D>(
    traffic: &mut WriteTraffic<'_, D>,
    plaintext: &[u8],
    output: &mut Output,
) -> Result<(), Fault> {
    let records = plaintext.len().div_ceil(RECORD);
    let hint = plaintext.len().saturating_add(records.saturating_mul(OVERHEAD));
    encode(output, hint, |room| exhausted(traffic.encrypt(plaintext, room))).map(drop)
}

fn exhausted(result: Result<usize, EncryptError>) -> Result<usize, Option<InsufficientSizeError>> {
    result.map_err(|error| match error {
        EncryptError::InsufficientSize(needed) => Some(needed),
        EncryptError::EncryptExhausted => None,
    })
}

/// Appends what `write` makes of room that is large enough: about `hint` bytes, or what it asks for.
fn encode(
    output: &mut Output,
    hint: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, Option<InsufficientSizeError>>,
) -> Result<Step, Fault> {
    let mut size = hint;
    for _ in 0..2 {
        match write(output.spare(size)) {
            Ok(n) => {
                output.commit(n.min(size));
                return Ok(Step::Again);
            }
            Err(Some(needed)) => size = needed.required_size,
            Err(None) => return Err(Fault::Exhausted),
        }
    }
    Err(Fault::Exhausted)
}

#[cfg(test)]
mod tests {
    use barewire_proto::Bytes;

    use super::*;

    #[test]
    fn small_parts_share_a_record_and_long_ones_are_not_copied() {
        let mut output = Output::default();
        let mut put = |head: &'static [u8], length: usize| {
            output.put(head);
            output.push(Bytes::from(vec![0; length]));
        };
        put(b"one", COPY_THRESHOLD);
        put(b"two", DIRECT);
        put(b"three", RECORD);
        put(b"four", DIRECT - 1);
        put(b"five", RECORD);
        let (small, smaller) = (3 + COPY_THRESHOLD + 3, 4 + DIRECT - 1 + 4);
        let mut gathered = BytesMut::new();
        for (length, copied) in
            [(small, small), (DIRECT, 0), (5, 5), (RECORD, 0), (smaller, smaller), (RECORD, 0)]
        {
            gathered.clear();
            gather(&output, &mut gathered);
            assert_eq!(gathered.len(), copied);
            output.advance(length);
        }
        assert_eq!(output.remaining(), 0);
    }
}
