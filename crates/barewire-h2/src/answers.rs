//! Response heads that were sent before on the same connection.
//!
//! A server says much the same with every response. As long as the encoder's table does not change, the same
//! status and fields give the same octets, so that a head which comes again is a comparison and a copy. Only
//! `Content-Length` is written anew where it differs: it is in no table.

use barewire_hpack::Encoder;
use bytes::BytesMut;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, header};

use crate::StreamId;
use crate::encode::Decimal;
use crate::frame::{FrameHead, HEAD, Kind, flags};
use crate::print::Prints;

/// The heads that came again lately.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    known: Vec<Answer>,
    /// The one to be replaced next.
    oldest: usize,
    /// The table's generation that all of them belong to.
    generation: u64,
    prints: Prints,
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    fields: Vec<(HeaderName, HeaderValue)>,
    /// HEADERS, whose flags and stream are to be filled in: the head of the frame, the block, and at its end
    /// `Content-Length`.
    frame: BytesMut,
    /// Where `Content-Length` begins.
    unsized_end: usize,
    /// What `Content-Length` says.
    length: Option<u64>,
}

/// So many heads are kept.
const MOST: usize = 4;

/// Heads with more fields, or with longer blocks, are not worth the memory.
const MOST_FIELDS: usize = 24;
const LONGEST: usize = 1024;

impl Answers {
    /// The place of a head among those that are known. It has no `Content-Length` of the caller's.
    #[inline]
    pub(crate) fn find(
        &self,
        status: StatusCode,
        fields: &HeaderMap,
        generation: u64,
    ) -> Option<usize> {
        if generation != self.generation {
            return None;
        }
        self.known.iter().position(|answer| answer.is(status, fields))
    }

    /// Writes a head that is known.
    #[inline]
    pub(crate) fn put(
        &mut self,
        at: usize,
        encoder: &mut Encoder,
        dst: &mut BytesMut,
        id: StreamId,
        end: bool,
        length: Option<u64>,
    ) {
        let Some(answer) = self.known.get_mut(at) else { return };
        if length.is_some() && length != answer.length {
            answer.set_length(encoder, length);
        }
        let end_of_frame = match length {
            Some(_) => answer.frame.len(),
            None => answer.unsized_end,
        };
        let head = FrameHead {
            length: end_of_frame.saturating_sub(HEAD) as u32,
            kind: Kind::Headers,
            flags: flags::END_HEADERS | if end { flags::END_STREAM } else { 0 },
            stream: id,
        };
        if let Some(place) = answer.frame.first_chunk_mut::<HEAD>() {
            *place = head.to_bytes();
        }
        dst.extend_from_slice(answer.frame.get(..end_of_frame).unwrap_or_default());
    }

    /// Notes what a head was encoded to, without `Content-Length`; `before` and `after` are the table's
    /// generations.
    pub(crate) fn note(
        &mut self,
        status: StatusCode,
        fields: &HeaderMap,
        block: &[u8],
        before: u64,
        after: u64,
    ) {
        if before != after || block.len() > LONGEST || fields.len() > MOST_FIELDS {
            return;
        }
        if after != self.generation {
            self.clear();
            self.generation = after;
        }
        if !self.prints.come_again(block) || fields.contains_key(header::CONTENT_LENGTH) {
            return;
        }
        // Copies, so that nothing of the caller's is held.
        let copy = |(name, value): (&HeaderName, &HeaderValue)| {
            let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
            let mut copy = HeaderValue::from_bytes(value.as_bytes()).ok()?;
            copy.set_sensitive(value.is_sensitive());
            Some((name, copy))
        };
        let Some(fields) = fields.iter().map(copy).collect() else { return };
        let mut frame = BytesMut::zeroed(HEAD);
        frame.extend_from_slice(block);
        let unsized_end = frame.len();
        let answer = Answer { status, fields, frame, unsized_end, length: None };
        match self.known.get_mut(self.oldest) {
            Some(place) => *place = answer,
            None => self.known.push(answer),
        }
        self.oldest = self.oldest.wrapping_add(1) % MOST;
    }

    /// Forgets all, and gives the memory back.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Answer {
    /// Order and sensitivity count: both change what is sent.
    #[inline]
    fn is(&self, status: StatusCode, fields: &HeaderMap) -> bool {
        self.status == status
            && self.fields.len() == fields.len()
            && self.fields.iter().zip(fields).all(|((name, value), (other_name, other))| {
                name == other_name
                    && value.is_sensitive() == other.is_sensitive()
                    && value.as_bytes() == other.as_bytes()
            })
    }

    fn set_length(&mut self, encoder: &mut Encoder, length: Option<u64>) {
        self.frame.truncate(self.unsized_end);
        if let Some(length) = length {
            let digits = Decimal::new(length);
            encoder.block(&mut self.frame).field(b"content-length", digits.as_bytes());
        }
        self.length = length;
    }
}

#[cfg(test)]
mod tests {
    use barewire_hpack::Policy;
    use barewire_proto::{Buf, Protocol};
    use bytes::Bytes;
    use http::Response;

    use super::*;
    use crate::frame::{self, Frame, PREFACE};
    use crate::{Config, ServerConnection, ServerEvent, encode};

    /// A connection, and beside it an encoder of which nothing is remembered.
    struct Pair {
        server: ServerConnection,
        encoder: Encoder,
        date: [u8; 29],
        next: u32,
    }

    impl Pair {
        fn new() -> Self {
            let server = ServerConnection::new(Config::default());
            let encoder = Encoder::new(Policy::default());
            let mut pair = Self { server, encoder, date: [b'0'; 29], next: 1 };
            pair.set_date(b'1');
            pair.feed([&PREFACE[..], &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat());
            pair
        }

        fn feed(&mut self, wire: Vec<u8>) {
            assert!(self.server.input().push(Bytes::from(wire)).is_empty());
            while let Some(event) = self.server.poll_event().expect("the frames are valid") {
                assert!(matches!(event, ServerEvent::Settings(_) | ServerEvent::Request(..)));
            }
            self.take();
        }

        fn take(&mut self) -> Bytes {
            let n = self.server.output().remaining();
            self.server.output().copy_to_bytes(n)
        }

        fn set_date(&mut self, digit: u8) {
            self.date = [digit; 29];
            self.server.set_date(self.date);
        }

        fn set_table_size(&mut self, size: u8) {
            self.feed(vec![0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, size]);
            self.encoder.set_max_table_size(size.into());
        }

        fn is_same(&mut self, response: &Response<()>, length: usize) {
            let id = self.next;
            self.next += 2;
            let head = [&[0, 0, 3, 1, 5], &id.to_be_bytes()[..]].concat();
            self.feed([&head[..], b"\x82\x84\x86"].concat());
            let (id, body) = (StreamId::new(id), Bytes::from(vec![b'x'; length]));
            self.server.respond(id, response, body.clone()).expect("it is open");
            let mut expected = BytesMut::new();
            let (status, headers) = (response.status(), response.headers());
            frame::put_block(&mut expected, id, length == 0, None, 16_384, |dst| {
                let (encoder, length) = (&mut self.encoder, Some(length as u64));
                encode::response(encoder, dst, status, headers, length, Some(&self.date));
            });
            if length > 0 {
                let frame =
                    Frame::Data { stream: id, data: &body, end_stream: true, padding: None };
                frame.encode(&mut expected);
            }
            assert_eq!(self.take(), expected, "{response:?}, {length}");
        }
    }

    fn responses() -> Vec<Response<()>> {
        let fields: [&[(&'static str, &'static str)]; 8] = [
            &[],
            &[("content-type", "text/plain")],
            &[("content-type", "text/html")],
            &[("content-type", "text/plain"), ("x-custom", "1")],
            &[("x-custom", "1"), ("content-type", "text/plain")],
            &[("date", "yesterday"), ("content-type", "text/plain")],
            &[("set-cookie", "a=b"), ("set-cookie", "c=d"), ("connection", "close")],
            &[("set-cookie", "a=b"), ("set-cookie", "c=e"), ("connection", "close")],
        ];
        let mut all = Vec::new();
        for (fields, status) in fields.iter().flat_map(|fields| [(fields, 200), (fields, 418)]) {
            let mut response = Response::new(());
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            for (name, value) in *fields {
                response.headers_mut().append(*name, HeaderValue::from_static(value));
            }
            all.push(response);
        }
        let mut sensitive = all[2].clone();
        let value = sensitive.headers_mut().get_mut("content-type").unwrap();
        value.set_sensitive(true);
        all.push(sensitive);
        all
    }

    #[test]
    fn what_was_sent_before_never_changes_what_is_sent() {
        let responses = responses();
        for before in &responses {
            let mut pair = Pair::new();
            for response in &responses {
                for length in [13, 13, 13, 0, 500, 13] {
                    pair.is_same(before, length);
                    pair.is_same(response, length);
                }
                pair.set_date(b'2');
                pair.is_same(before, 13);
                pair.is_same(response, 13);
            }
            pair.set_table_size(50);
            pair.is_same(before, 13);
            pair.is_same(before, 13);
            pair.set_table_size(0);
            pair.set_table_size(100);
            for response in &responses {
                (0..4).for_each(|_| pair.is_same(response, 13));
            }
        }
    }

    #[test]
    fn a_length_of_the_callers_is_checked_each_time() {
        let mut pair = Pair::new();
        let mut response = Response::new(());
        response.headers_mut().insert("content-length", HeaderValue::from_static("13"));
        for _ in 0..5 {
            pair.is_same(&response, 13);
        }
        pair.feed([&[0, 0, 3, 1, 5], &pair.next.to_be_bytes()[..], b"\x82\x84\x86"].concat());
        let id = StreamId::new(pair.next);
        let result = pair.server.respond(id, &response, Bytes::from_static(b"a"));
        assert_eq!(result, Err(crate::UsageError::LengthMismatch));
    }

    #[test]
    fn a_head_that_came_twice_is_known() {
        let mut answers = Answers::default();
        let mut encoder = Encoder::new(Policy::default());
        let headers = HeaderMap::new();
        for known in [false, false, true] {
            assert_eq!(answers.find(StatusCode::OK, &headers, 7).is_some(), known);
            answers.note(StatusCode::OK, &headers, b"\x88", 7, 7);
        }
        let mut frame = BytesMut::new();
        answers.put(0, &mut encoder, &mut frame, StreamId::new(5), true, Some(13));
        assert_eq!(frame, &b"\0\0\x06\x01\x05\0\0\0\x05\x88\x0f\x0d\x0213"[..]);
        frame.clear();
        answers.put(0, &mut encoder, &mut frame, StreamId::new(7), false, None);
        assert_eq!(frame, &b"\0\0\x01\x01\x04\0\0\0\x07\x88"[..]);
        assert!(answers.find(StatusCode::OK, &headers, 8).is_none());
        answers.note(StatusCode::OK, &headers, b"\x88", 7, 8);
        assert!(answers.find(StatusCode::NOT_FOUND, &headers, 7).is_none());
    }
}
