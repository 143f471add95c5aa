//! DATA and header blocks.

use std::ops::Range;

use http::{Method, StatusCode};

use super::{Block, Connection, Next, Role, Said};
use crate::budget::Cost;
use crate::event::Common;
use crate::frame::{self, Fragment, Frame, FrameHead, flags};
use crate::message::{Fields, Head, Rules};
use crate::stream::{Step, Stream, UNKNOWN};
use crate::streams::Key;
use crate::{BodyLength, Error, ErrorKind, Reason, StreamId};

/// DATA frames of this many bytes or fewer count as tiny.
const TINY: u32 = 16;

/// What a header block is for.
#[derive(Clone, Copy, Debug)]
enum Target {
    /// A head: of a new stream, or of one that is there.
    Head(Option<Key>),
    Trailers(Key),
    Promise(StreamId),
    /// It is decoded for the table's sake alone; with a reason, the stream is reset.
    Nobody(Option<ErrorKind>),
}

impl<R: Role> Connection<R> {
    pub(super) fn on_data(
        &mut self,
        head: FrameHead,
        payload: Range<usize>,
    ) -> Result<Next<R::Event>, Error> {
        Self::on_stream(head)?;
        let (id, charged, total) = (head.stream, head.length, payload.end);
        let (data, _) = frame::unpad(head.flags, self.payload(payload.clone()))?;
        let length = data.len();
        let before = usize::from(head.has(flags::PADDED));
        let end = head.has(flags::END_STREAM);
        self.receiving.take(charged)?;
        if self.is_idle_id(id) {
            return Err(ErrorKind::UnexpectedFrame.into());
        }
        if !end && length == 0 {
            self.spend(Cost::EmptyFrame)?;
        } else if !end && charged <= TINY {
            self.spend(Cost::TinyData)?;
        }
        let Some(key) = self.streams.find(id) else {
            self.input.consume(total);
            self.give_connection(charged);
            self.on_closed(id)?;
            return Ok(Next::More);
        };
        let max_body = self.config.limits.max_body;
        let result = match self.streams.get_mut(key) {
            None => return Ok(Next::More),
            Some(stream) => stream.take(charged, length, end, max_body, R::SERVER),
        };
        if let Err(kind) = result {
            self.input.consume(total);
            self.give_connection(charged);
            self.stream_error(key, kind)?;
            return Ok(Next::More);
        }
        let discard = self.streams.get(key).is_none_or(|stream| stream.discard);
        let padding = charged.saturating_sub(length as u32);
        let given = if discard { charged } else { padding };
        if given > 0 {
            self.give(key, given);
        }
        if discard || length == 0 {
            self.input.consume(total);
            if end {
                self.received_all(key, !discard);
            }
            return Ok(Next::More);
        }
        self.input.consume(payload.start.saturating_add(before));
        let data = self.input.split_to(length);
        self.input.consume(padding.saturating_sub(before as u32) as usize);
        if let Some(stream) = self.streams.get_mut(key) {
            stream.unreleased = stream.unreleased.saturating_add(length as u32);
        }
        if end {
            self.received_all(key, true);
        }
        Ok(R::event(Common::Data(id, data)).map_or(Next::More, Next::Event))
    }

    /// The peer ended the stream.
    fn received_all(&mut self, key: Key, tell: bool) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        stream.step(Step::RecvEnd);
        if tell {
            self.events.push_back(Common::End(stream.id));
        }
        self.settle(key);
    }

    /// A frame came on a stream that is not there any more.
    fn on_closed(&mut self, id: StreamId) -> Result<(), Error> {
        if self.resets.contains(&id) || self.is_beyond_last(id) {
            return Ok(());
        }
        self.spend(Cost::ProvokedReset)?;
        self.put_reset(id, Reason::STREAM_CLOSED);
        Ok(())
    }

    /// Whether a stream of the peer's came after the last one that it was told to be taken.
    fn is_beyond_last(&self, id: StreamId) -> bool {
        !Self::is_local(id) && matches!(self.said, Said::Last(last) if id > last)
    }

    pub(super) fn on_headers(
        &mut self,
        head: FrameHead,
        payload: Range<usize>,
    ) -> Result<Next<R::Event>, Error> {
        Self::on_stream(head)?;
        let total = payload.end;
        let (start, frame) = (payload.start, self.payload(payload));
        let Fragment { fragment, .. } = Fragment::of_headers(head, frame)?;
        let end = head.has(flags::END_STREAM);
        if head.has(flags::END_HEADERS) {
            let before = usize::from(head.has(flags::PADDED))
                .saturating_add(if head.has(flags::PRIORITY) { 5 } else { 0 });
            let start = start.saturating_add(before);
            let range = start..start.saturating_add(fragment.len());
            let next = self.on_block(head.stream, end, None, Source::Input(range))?;
            self.input.consume(total);
            return Ok(next);
        }
        let bytes = fragment.to_vec();
        self.begin_block(head.stream, end, None, bytes, total)
    }

    fn begin_block(
        &mut self,
        id: StreamId,
        end_stream: bool,
        promised: Option<StreamId>,
        bytes: Vec<u8>,
        total: usize,
    ) -> Result<Next<R::Event>, Error> {
        if bytes.is_empty() {
            self.spend(Cost::EmptyFrame)?;
        }
        self.block = Some(Box::new(Block { id, end_stream, promised, bytes, continuations: 0 }));
        self.input.consume(total);
        Ok(Next::More)
    }

    pub(super) fn on_continuation(
        &mut self,
        head: FrameHead,
        payload: Range<usize>,
    ) -> Result<Next<R::Event>, Error> {
        let limits = &self.config.limits;
        let Some(mut block) = self.block.take() else {
            return Err(ErrorKind::UnexpectedContinuation.into());
        };
        block.continuations = block.continuations.saturating_add(1);
        if block.continuations > limits.max_continuations {
            return Err(ErrorKind::TooManyContinuations.into());
        }
        if block.bytes.len().saturating_add(payload.len()) > limits.max_header_block {
            return Err(ErrorKind::HeaderBlockTooLarge.into());
        }
        if payload.is_empty() {
            self.spend(Cost::EmptyFrame)?;
        }
        let total = payload.end;
        block.bytes.extend_from_slice(self.payload(payload));
        self.input.consume(total);
        if !head.has(flags::END_HEADERS) {
            self.block = Some(block);
            return Ok(Next::More);
        }
        let Block { id, end_stream, promised, bytes, .. } = *block;
        self.on_block(id, end_stream, promised, Source::Collected(bytes))
    }

    pub(super) fn on_push_promise(
        &mut self,
        head: FrameHead,
        payload: Range<usize>,
    ) -> Result<Next<R::Event>, Error> {
        Self::on_stream(head)?;
        if R::SERVER || (!self.config.settings.enable_push && !self.unacknowledged) {
            return Err(ErrorKind::PushDisabled.into());
        }
        let total = payload.end;
        let (unpadded, _) = frame::unpad(head.flags, self.payload(payload))?;
        let (promised, fragment) = unpadded.split_first_chunk().ok_or(ErrorKind::FrameSize)?;
        let promised = StreamId::new(u32::from_be_bytes(*promised));
        let bytes = fragment.to_vec();
        if Self::is_local(promised) || promised <= self.last_remote {
            return Err(ErrorKind::StreamIdOrder.into());
        }
        if head.has(flags::END_HEADERS) {
            self.input.consume(total);
            return self.on_block(head.stream, false, Some(promised), Source::Collected(bytes));
        }
        self.begin_block(head.stream, false, Some(promised), bytes, total)
    }

    fn target(
        &mut self,
        id: StreamId,
        end: bool,
        promised: Option<StreamId>,
    ) -> Result<Target, Error> {
        let known = self.streams.find(id);
        if let Some(promised) = promised {
            self.last_remote = promised;
            let parent = known.and_then(|key| self.streams.get(key));
            if Self::is_local(id) && self.is_idle_id(id) {
                return Err(ErrorKind::UnexpectedFrame.into());
            }
            let pushed = self.streams.iter().filter(|stream| !Self::is_local(stream.id)).count();
            let welcome = self.config.settings.enable_push
                && pushed < self.config.settings.max_concurrent_streams as usize
                && parent.is_some_and(|parent| parent.state.receives() && Self::is_local(id));
            return Ok(if welcome {
                Target::Promise(promised)
            } else {
                Target::Nobody(Some(ErrorKind::TooManyStreams))
            });
        }
        if let Some((key, stream)) = known.and_then(|key| Some((key, self.streams.get(key)?))) {
            return Ok(match stream.expects_head(R::SERVER) {
                _ if !stream.may_receive_head() => Target::Nobody(Some(ErrorKind::StreamClosed)),
                true => Target::Head(Some(key)),
                false if !end || stream.connect => Target::Nobody(Some(ErrorKind::UnexpectedHead)),
                false => Target::Trailers(key),
            });
        }
        if !R::SERVER || Self::is_local(id) {
            return match self.is_idle_id(id) {
                true if Self::is_local(id) && R::SERVER => Err(ErrorKind::StreamIdOrder.into()),
                true => Err(ErrorKind::UnexpectedFrame.into()),
                false => Ok(self.closed_target(id)),
            };
        }
        if id <= self.last_remote {
            return Ok(self.closed_target(id));
        }
        self.last_remote = id;
        if self.is_beyond_last(id) {
            self.spend(Cost::ProvokedReset)?;
            return Ok(Target::Nobody(None));
        }
        if self.active_remote >= self.config.settings.max_concurrent_streams {
            return Ok(Target::Nobody(Some(ErrorKind::TooManyStreams)));
        }
        Ok(Target::Head(None))
    }

    fn closed_target(&self, id: StreamId) -> Target {
        let expected = self.resets.contains(&id) || self.is_beyond_last(id);
        Target::Nobody((!expected).then_some(ErrorKind::StreamClosed))
    }

    fn on_block(
        &mut self,
        id: StreamId,
        end: bool,
        promised: Option<StreamId>,
        source: Source,
    ) -> Result<Next<R::Event>, Error> {
        let target = self.target(id, end, promised)?;
        let block = match &source {
            Source::Input(range) => self.input.filled().get(range.clone()).unwrap_or_default(),
            Source::Collected(bytes) => &bytes[..],
        };
        let before = self.decoder.generation();
        if let Target::Head(key) = target {
            if let Some(head) = self.repeat.find(block, before) {
                return self.on_head(id, key, end, head);
            }
        }
        let rules = Rules {
            max_fields: self.config.limits.max_fields,
            expected: self.expected_fields,
            leniency: self.config.leniency,
        };
        let nobody = matches!(target, Target::Nobody(_));
        let max = self.config.settings.max_header_list_size as usize;
        let mut fields = Fields::default();
        let size = self
            .decoder
            .decode(block, if nobody { 0 } else { max }, |field| fields.add(field, &rules))
            .map_err(|_| ErrorKind::Compression)?;
        let too_large = size.is_too_large() && !nobody;
        match target {
            Target::Nobody(None) => Ok(Next::More),
            Target::Nobody(Some(kind)) => {
                match self.streams.find(promised.unwrap_or(id)) {
                    Some(key) => self.stream_error(key, kind)?,
                    None => self.refuse(promised.unwrap_or(id), kind)?,
                }
                Ok(Next::More)
            }
            Target::Head(key) => {
                self.expected_fields = fields.len();
                let head =
                    if too_large { Err(ErrorKind::HeaderListTooLarge) } else { R::build(fields) };
                match (head, key) {
                    (Ok(head), key) => {
                        let after = self.decoder.generation();
                        self.repeat.note(block, before, after, &head);
                        self.on_head(id, key, end, head)
                    }
                    (Err(kind), Some(key)) => self.stream_error(key, kind).map(|()| Next::More),
                    (Err(kind), None) => self.refuse_head(id, end, kind).map(|()| Next::More),
                }
            }
            Target::Trailers(key) => {
                let trailers = if too_large {
                    Err(ErrorKind::HeaderListTooLarge)
                } else {
                    fields.into_trailers()
                };
                self.on_trailers(key, trailers)?;
                Ok(Next::More)
            }
            Target::Promise(promised) => {
                let request = if too_large {
                    Err(ErrorKind::HeaderListTooLarge)
                } else {
                    fields.into_request()
                };
                match request.and_then(good_promise) {
                    Ok(head) => {
                        let mut stream = self.new_stream(promised);
                        stream.step(Step::RecvPromise);
                        stream.head = *head.head.method() == Method::HEAD;
                        self.streams.insert(stream);
                        Ok(R::promise(id, promised, head.head).map_or(Next::More, Next::Event))
                    }
                    Err(kind) => self.refuse(promised, kind).map(|()| Next::More),
                }
            }
        }
    }

    fn on_head(
        &mut self,
        id: StreamId,
        key: Option<Key>,
        end: bool,
        head: Head<R::Head>,
    ) -> Result<Next<R::Event>, Error> {
        // A stream gives the peer a few window updates for free.
        self.budgets.refund(Cost::WindowUpdate, 4);
        Ok(R::head(self, id, key, end, head)?.map_or(Next::More, Next::Event))
    }

    fn on_trailers(
        &mut self,
        key: Key,
        trailers: Result<http::HeaderMap, ErrorKind>,
    ) -> Result<(), Error> {
        let Some(stream) = self.streams.get_mut(key) else { return Ok(()) };
        let complete = stream.body_left == UNKNOWN || stream.body_left == 0;
        match trailers {
            Err(kind) => self.stream_error(key, kind),
            Ok(_) if !complete => self.stream_error(key, ErrorKind::ContentLengthMismatch),
            Ok(trailers) => {
                let (id, tell) = (stream.id, !stream.discard);
                if tell && !trailers.is_empty() {
                    self.events.push_back(Common::Trailers(id, trailers));
                }
                self.received_all(key, tell);
                Ok(())
            }
        }
    }

    /// Resets a stream that the application never heard of.
    pub(crate) fn refuse(&mut self, id: StreamId, kind: ErrorKind) -> Result<(), Error> {
        self.spend(Cost::ProvokedReset)?;
        self.put_reset(id, kind.reason());
        Ok(())
    }

    /// Refuses a request for its head: one that is too large is told so (RFC 9113, section 10.5.1).
    fn refuse_head(&mut self, id: StreamId, end: bool, kind: ErrorKind) -> Result<(), Error> {
        if kind != ErrorKind::HeaderListTooLarge || !R::SERVER {
            return self.refuse(id, kind);
        }
        self.spend(Cost::ProvokedReset)?;
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        let (encoder, max) = (&mut self.encoder, self.peer.max_frame_size);
        frame::put_block(self.output.tail(), id, true, None, max, |dst| {
            encoder.block(dst).status(status);
        });
        if !end {
            self.put_reset(id, Reason::NO_ERROR);
        }
        Ok(())
    }

    /// The priority that came for a stream before it was opened.
    pub(crate) fn take_early(&mut self, id: StreamId) -> Option<crate::Priority> {
        let at = self.early.iter().position(|(other, _)| *other == id)?;
        Some(self.early.remove(at).1)
    }

    /// A stream with the windows of this moment, not yet in any state.
    pub(crate) fn new_stream(&self, id: StreamId) -> Stream {
        Stream::new(id, self.peer.initial_window_size, self.receive_window)
    }

    /// Whether a body follows a head, by what it says of itself.
    pub(crate) fn body_length(
        end: bool,
        content_length: Option<u64>,
    ) -> Result<BodyLength, ErrorKind> {
        match (end, content_length) {
            (true, None | Some(0)) => Ok(BodyLength::Empty),
            (true, Some(_)) => Err(ErrorKind::ContentLengthMismatch),
            (false, Some(length)) => Ok(BodyLength::Known(length)),
            (false, None) => Ok(BodyLength::Unknown),
        }
    }

    pub(super) fn put_reset(&mut self, id: StreamId, reason: Reason) {
        self.put(&Frame::Reset { stream: id, reason });
        if self.resets.len() >= self.config.limits.max_remembered_resets {
            self.resets.pop_front();
        }
        self.resets.push_back(id);
    }
}

/// Where a whole header block is.
enum Source {
    Input(Range<usize>),
    Collected(Vec<u8>),
}

/// A promised request is safe, cacheable and without a body (RFC 9113, section 8.4).
fn good_promise<T>(head: Head<http::Request<T>>) -> Result<Head<http::Request<T>>, ErrorKind> {
    let method = head.head.method();
    let good = *method == Method::GET || *method == Method::HEAD;
    let bodiless = head.content_length.is_none_or(|length| length == 0);
    let authority = head.head.uri().authority().is_some();
    if good && bodiless && authority { Ok(head) } else { Err(ErrorKind::BadPromise) }
}

impl Stream {
    /// Whether the next header block is a head, and not trailers.
    fn expects_head(&self, server: bool) -> bool {
        !server && !self.answered
    }

    fn may_receive_head(&self) -> bool {
        self.state.receives() || self.state == crate::stream::State::ReservedRemote
    }

    /// Counts a DATA frame: `charged` against the window, `length` without padding.
    fn take(
        &mut self,
        charged: u32,
        length: usize,
        end: bool,
        max_body: u64,
        server: bool,
    ) -> Result<(), ErrorKind> {
        if !self.state.receives() {
            return Err(ErrorKind::StreamClosed);
        }
        if !server && !self.answered {
            return Err(ErrorKind::UnexpectedData);
        }
        self.receiving.take(charged)?;
        let length = length as u64;
        self.came = self.came.saturating_add(charged);
        self.body_received = self.body_received.saturating_add(length);
        if self.body_received > max_body {
            return Err(ErrorKind::BodyTooLarge);
        }
        if self.body_left != UNKNOWN {
            self.body_left =
                self.body_left.checked_sub(length).ok_or(ErrorKind::ContentLengthMismatch)?;
            if end && self.body_left > 0 {
                return Err(ErrorKind::ContentLengthMismatch);
            }
        }
        Ok(())
    }
}
