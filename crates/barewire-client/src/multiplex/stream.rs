mod waiting;

use std::task::{Context, Poll, ready};
use std::time::Duration;

use barewire_h2::{Reason, ResetBy, StreamId, UsageError};
use barewire_proto::Protocol;
use barewire_rt::{LazyTimer, Runtime, Transport};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;

use super::Seat;
use super::carried::Carried;
use super::slot::{News, Over, Slot};
use super::state::State;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Phase};
use crate::exchange::{BodyLength, Exchange, Outset, REFUSED};
use crate::head;
use crate::trace::debug;
use crate::upload::{Progress, Upload, length_of};
use waiting::Step;

/// A request and its response, on a connection that they share with others.
pub(crate) struct Stream<R: Runtime> {
    seat: Seat<R>,
    id: StreamId,
    upload: Option<Upload>,
    /// The body that the server refused before any of it was sent.
    unsent: Option<Body>,
    phase: Phase,
    read: Option<Duration>,
    patience: LazyTimer<R::Sleep>,
    /// How much the connection had sent, and will have sent when the request's head is.
    begun: u64,
    goal: u64,
    received: bool,
    /// The response is complete, and so is the request unless it is of no use any more.
    complete: bool,
}

/// Why a request was not begun, with its body.
pub(crate) struct Refusal {
    /// `None` if another connection may take it.
    pub(crate) error: Option<Error>,
    pub(crate) body: Body,
}

impl<R: Runtime> Stream<R> {
    /// Begins a request. `Expect` is among the headers if it has to be.
    pub(crate) fn begin(seat: Seat<R>, outset: Outset<'_>, body: Body) -> Result<Self, Refusal> {
        let reused = !seat.is_first();
        if reused && seat.line.seats().taken() == 1 && !seat.line.look() {
            return Err(Refusal { error: None, body });
        }
        let mut head = Request::new(());
        *head.headers_mut() = head::assemble(outset.defaults, outset.headers);
        head.method_mut().clone_from(outset.method);
        head.uri_mut().clone_from(outset.uri);
        let length = length_of(&body);
        let has_body = length != BodyLength::Empty;
        let begun = seat.line.with(|state| {
            if !state.is_usable() {
                return Err(UsageError::Closed);
            }
            let (_, begun) = state.sent();
            state.driver.protocol_mut().handle_timeout(outset.now);
            let id = state.connection().send_request(&head, in_h2(length))?;
            let expect = outset.expect.filter(|_| has_body);
            let alarm = expect.and_then(|wait| outset.now.checked_add(wait));
            state.streams.insert(id, Slot { total: outset.total, alarm, ..Slot::default() });
            let (_, goal) = state.sent();
            Ok((id, begun, goal))
        });
        let (id, begun, goal) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                let limit = seat
                    .line
                    .with(|state| state.connection().peer_settings().max_concurrent_streams);
                let error = match error {
                    UsageError::Closed => {
                        seat.line.seats().close();
                        None
                    }
                    UsageError::TooManyStreams => {
                        seat.line.seats().set_limit(limit);
                        None
                    }
                    error => Some(Error::from(error).at(seat.origin())),
                };
                return Err(Refusal { error, body });
            }
        };
        let upload = has_body.then(|| Upload::new(body, length, outset.expect.is_some()));
        Ok(Self {
            seat,
            id,
            upload,
            unsent: None,
            phase: Phase::Send,
            read: outset.read,
            patience: LazyTimer::default(),
            begun,
            goal,
            received: false,
            complete: false,
        })
    }

    /// The head of the final response. A body that the server refused is not sent any further.
    pub(crate) fn poll_response(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(Response<()>, BodyLength), Error>> {
        loop {
            // Data and its end belong to a response whose head came.
            let News::Head(response, length) = ready!(self.poll_news(cx))? else { continue };
            self.phase = Phase::ReceiveBody;
            self.received = true;
            if self.upload.is_some() && response.status() >= REFUSED {
                debug!(status = %response.status(), "the server refused the rest of a body");
                self.unsent = self.upload.take().and_then(Upload::into_untouched);
            }
            return Poll::Ready(Ok((response, in_h1(length))));
        }
    }

    /// What comes next that is not the business of the upload.
    fn poll_news(&mut self, cx: &mut Context<'_>) -> Poll<Result<News, Error>> {
        loop {
            let mut moved = false;
            let mut starved = false;
            if let Some(upload) = &mut self.upload {
                let mut carrier = Carried { seat: &self.seat, id: self.id, moved: false };
                let progress = upload.poll(cx, &mut carrier);
                moved = carrier.moved;
                let progress = progress.map_err(|error| error.at(self.seat.origin()))?;
                starved = progress == Progress::Starved;
                if progress == Progress::Done {
                    self.upload = None;
                    moved = true;
                    self.goal = self.seat.line.with(|state| state.sent().1);
                }
            }
            let news = if R::TcpStream::BLOCKING && !starved {
                self.block(moved)
            } else {
                match self.step(cx, starved, moved) {
                    Step::News(news) => news,
                    Step::Wait(at) => {
                        self.patience(cx, at);
                        return Poll::Pending;
                    }
                    step => match self.glance(step) {
                        true => continue,
                        false => {
                            cx.waker().wake_by_ref();
                            return Poll::Pending;
                        }
                    },
                }
            };
            return Poll::Ready(match news {
                News::GoOn => {
                    if let Some(upload) = &mut self.upload {
                        upload.held = false;
                    }
                    continue;
                }
                News::Room => continue,
                News::Reset(Reason::NO_ERROR, ResetBy::Peer) if self.complete => Ok(News::End),
                News::Reset(reason, by) => Err(self.reset(reason, by)),
                News::Over(over) => Err(self.over(over)),
                News::Expired => {
                    let phase = self.last_phase();
                    Err(self.failed(ErrorKind::Timeout(phase)))
                }
                news => Ok(news),
            });
        }
    }

    fn last_phase(&self) -> Phase {
        let sent = || self.seat.line.with(|state| state.sent().0) >= self.goal;
        match self.phase {
            Phase::Send if self.upload.is_none() && sent() => Phase::ReceiveHead,
            phase => phase,
        }
    }

    fn reset(&self, reason: Reason, by: ResetBy) -> Error {
        let phase = self.last_phase();
        self.failed(match by {
            _ if by.is_unprocessed(reason) => ErrorKind::Unprocessed(phase),
            ResetBy::Violation(error) => ErrorKind::Http2(phase, error),
            _ => ErrorKind::Reset(phase, reason),
        })
    }

    fn over(&self, over: Over) -> Error {
        let phase = self.last_phase();
        self.failed(over.into_kind(phase))
    }

    fn failed(&self, kind: ErrorKind) -> Error {
        Error::from(kind).at(self.seat.origin())
    }

    /// Whether anything came back for this request.
    pub(crate) fn has_received(&self) -> bool {
        let slot =
            |state: &mut State<R>| state.streams.get(&self.id).is_some_and(|slot| slot.received);
        self.received || self.seat.line.with(slot)
    }

    /// Whether any byte of this request may have been handed to the system.
    pub(crate) fn has_sent(&self) -> bool {
        self.seat.line.with(|state| state.sent().0) > self.begun
    }

    /// The request's body, if the server refused it before any of it was sent.
    pub(crate) fn take_unsent(&mut self) -> Option<Body> {
        self.unsent.take()
    }

    /// The connection, to avoid it.
    pub(crate) fn line(&self) -> &std::sync::Arc<super::Multiplex<R>> {
        &self.seat.line
    }
}

impl<R: Runtime> Exchange for Stream<R> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.complete {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(self.poll_news(cx)) {
            Ok(News::Data(data)) => Some(Ok(Frame::data(data))),
            Ok(News::Trailers(trailers)) => Some(Ok(Frame::trailers(trailers))),
            Ok(_) => {
                self.complete = true;
                None
            }
            Err(error) => Some(Err(error)),
        })
    }

    fn is_at_end(&mut self, _: &mut Context<'_>) -> bool {
        let id = self.id;
        self.complete |= self.seat.line.with(|state| state.is_at_end(id));
        self.complete
    }

    fn finish(mut self: Box<Self>) {
        self.complete = self.upload.is_none() && self.unsent.is_none();
    }

    /// Dropping it cancels the stream, and nothing else.
    fn abandon(self: Box<Self>) {}
}

impl<R: Runtime> Drop for Stream<R> {
    fn drop(&mut self) {
        let (id, complete) = (self.id, self.complete && self.upload.is_none());
        let changed = self.seat.line.with(|state| {
            state.forget(id, complete);
            state.has_changed()
        });
        if changed {
            self.seat.announce();
        }
    }
}

fn in_h2(length: BodyLength) -> barewire_h2::BodyLength {
    match length {
        BodyLength::Empty => barewire_h2::BodyLength::Empty,
        BodyLength::Known(length) => barewire_h2::BodyLength::Known(length),
        BodyLength::Unknown => barewire_h2::BodyLength::Unknown,
    }
}

fn in_h1(length: barewire_h2::BodyLength) -> BodyLength {
    match length {
        barewire_h2::BodyLength::Empty => BodyLength::Empty,
        barewire_h2::BodyLength::Known(length) => BodyLength::Known(length),
        barewire_h2::BodyLength::Unknown => BodyLength::Unknown,
    }
}
