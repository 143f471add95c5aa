//! Header blocks: HEADERS, PUSH_PROMISE, CONTINUATION, and what they are decoded for.

use std::ops::Range;

use barewire_hpack::{Decoder, ListSize};
use http::Method;

use super::{Block, Connection, Next, Role, Tell};
use crate::budget::Cost;
use crate::event::Common;
use crate::fields::HeadField;
use crate::frame::{self, Fragment, FrameHead, flags};
use crate::message::{Facts, Fields, Head, Rules};
use crate::stream::{State, Step, Stream, UNKNOWN};
use crate::streams::Key;
use crate::{Error, ErrorKind, StreamId};

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

/// The fields that a map is made for at most, so that one absurd head does not size all that follow: a `HeaderMap`
/// panics when it is made for more than it can hold.
const MOST_EXPECTED: usize = 128;

impl<R: Role> Connection<R> {
    pub(super) fn on_headers(
        &mut self,
        head: FrameHead,
        payload: Range<usize>,
    ) -> Result<Next, Error> {
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
    ) -> Result<Next, Error> {
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
    ) -> Result<Next, Error> {
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
    ) -> Result<Next, Error> {
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
            // Of one that is forgotten nobody knows whether the promise crossed a reset of ours (section 6.6).
            let good = parent.is_none_or(|parent| parent.state.receives());
            if !Self::is_local(id) || self.is_idle_id(id) || !good {
                return Err(ErrorKind::UnexpectedFrame.into());
            }
            if self.is_beyond_last(promised) {
                self.spend(Cost::ProvokedReset)?;
                return Ok(Target::Nobody(None));
            }
            let pushed = self.streams.iter().filter(|stream| !Self::is_local(stream.id)).count();
            let welcome = self.config.settings.enable_push
                && pushed < self.config.settings.max_concurrent_streams as usize
                && parent.is_some();
            return Ok(if welcome {
                Target::Promise(promised)
            } else {
                Target::Nobody(Some(ErrorKind::TooManyStreams))
            });
        }
        if let Some((key, stream)) = known.and_then(|key| Some((key, self.streams.get(key)?))) {
            if stream.state == State::ReservedLocal {
                return Err(ErrorKind::UnexpectedFrame.into());
            }
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
            // One that was passed over cannot be told from one that is over, and must not be opened any more.
            return match self.closed_target(id) {
                Target::Nobody(Some(_)) if self.passed_over => Err(ErrorKind::StreamIdOrder.into()),
                target => Ok(target),
            };
        }
        let next = match self.last_remote.value() {
            0 => 1,
            last => last.saturating_add(2),
        };
        self.passed_over |= id.value() > next;
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
    ) -> Result<Next, Error> {
        let target = self.target(id, end, promised)?;
        let block = match &source {
            Source::Input(range) => self.input.filled().get(range.clone()).unwrap_or_default(),
            Source::Collected(bytes) => &bytes[..],
        };
        // One frame alone may be too long already.
        if block.len() > self.config.limits.max_header_block {
            return Err(ErrorKind::HeaderBlockTooLarge.into());
        }
        let before = self.decoder.generation();
        if let Target::Head(key) = target {
            if let Some((at, facts)) = self.repeat.find(block, before) {
                return Ok(match self.on_head(id, key, end, &facts)? {
                    Tell::Nothing => Next::More,
                    tell => Next::Repeated(at, id, tell),
                });
            }
        }
        let rules = Rules {
            max_fields: self.config.limits.max_fields,
            expected: self.expected_fields,
            leniency: self.config.leniency,
        };
        let max = self.config.settings.max_header_list_size as usize;
        let decoder = &mut self.decoder;
        let repeated = match target {
            Target::Head(_) => self.repeat.section(block, before),
            _ => None,
        };
        let mut fields = Fields::default();
        let shared = match repeated {
            Some((section, line)) => {
                let left = max.saturating_sub(section.size);
                let size = decode(decoder, line, left, &rules, &mut fields)?;
                // Nothing in the line changes the table: the whole block can still be decoded.
                let shared = fields.len() == 0;
                match shared {
                    true => fields.add_section(&section.map, &section.facts),
                    false => fields = Fields::default(),
                }
                shared.then_some(size.is_too_large())
            }
            None => None,
        };
        let limit = if matches!(target, Target::Nobody(_)) { 0 } else { max };
        let (too_large, size) = match shared {
            Some(too_large) => (too_large, None),
            None => {
                let size = decode(decoder, block, limit, &rules, &mut fields)?;
                (size.is_too_large(), Some(size.size))
            }
        };
        match target {
            Target::Nobody(None) => Ok(Next::More),
            Target::Nobody(Some(kind)) => {
                match self.streams.find(promised.unwrap_or(id)) {
                    Some(key) => self.stream_error(key, kind)?,
                    // Of a promise to a client nobody is told, here and below.
                    None if kind == ErrorKind::TooManyStreams => {
                        self.refuse_request(promised.unwrap_or(id), kind)?;
                    }
                    None => self.refuse(promised.unwrap_or(id), kind)?,
                }
                Ok(Next::More)
            }
            Target::Head(key) => {
                self.expected_fields = fields.len().min(MOST_EXPECTED);
                let head = if too_large {
                    Err(ErrorKind::HeaderListTooLarge)
                } else {
                    R::build(&mut fields)
                };
                match (head, key) {
                    (Ok(head), key) => {
                        let Self { repeat, decoder, .. } = self;
                        if decoder.generation() == before {
                            repeat.note(block, before, &head);
                        }
                        if let (Some(size), true) = (size, decoder.generation() == before) {
                            let (map, pseudo) = (R::headers(&head.head), fields.pseudo_len());
                            repeat.note_section(block, pseudo, map, &head.facts, |line| {
                                let line = decoder.decode(line, usize::MAX, |_| ()).ok()?;
                                size.checked_sub(line.size)
                            });
                        }
                        let tell = self.on_head(id, key, end, &head.facts)?;
                        self.first = R::announce(id, || head.head, tell);
                        Ok(if self.first.is_some() { Next::First } else { Next::More })
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
                let request =
                    if too_large { Err(ErrorKind::HeaderListTooLarge) } else { fields.request() };
                match request.and_then(good_promise) {
                    Ok(head) => {
                        let mut stream = self.new_stream(promised);
                        stream.step(Step::RecvPromise);
                        stream.head = *head.head.method() == Method::HEAD;
                        self.streams.insert(stream);
                        self.first = R::promise(id, promised, head.head);
                        Ok(if self.first.is_some() { Next::First } else { Next::More })
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
        facts: &Facts,
    ) -> Result<Tell, Error> {
        // A stream gives the peer a few window updates for free.
        self.budgets.refund(Cost::WindowUpdate, 4);
        R::head(self, id, key, end, facts)
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
}

fn decode(
    decoder: &mut Decoder<HeadField>,
    block: &[u8],
    limit: usize,
    rules: &Rules,
    fields: &mut Fields,
) -> Result<ListSize, ErrorKind> {
    let list = decoder.decode(block, limit, |field| fields.add(field, rules));
    list.map_err(|_| ErrorKind::Compression)
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
    let bodiless = head.facts.content_length.is_none_or(|length| length == 0);
    let authority = head.head.uri().authority().is_some();
    if good && bodiless && authority { Ok(head) } else { Err(ErrorKind::BadPromise) }
}

impl Stream {
    /// Whether the next header block is a head, and not trailers.
    fn expects_head(&self, server: bool) -> bool {
        !server && !self.answered
    }

    fn may_receive_head(&self) -> bool {
        self.state.receives() || self.state == State::ReservedRemote
    }
}
