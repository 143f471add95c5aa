mod ending;
mod requests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use barewire_proto::{Buf, Input, Output, Protocol};
use bytes::Bytes;
use http::header::HeaderMap;
use http::{Response, StatusCode};

use crate::body::{Incoming, Outgoing, survey};
use crate::encode::{self, DATE_FIELD, LengthField, ResponseFields};
use crate::exchange::Exchange;
use crate::head::Scratch;
use crate::state::{ReadStep, Reading, WriteStep, Writing};
use crate::timer::Clock;
use crate::verbs::common_verbs;
use crate::{BodyLength, Config, Error, ServerEvent, UsageError};

/// The server's end of an HTTP/1.1 connection.
///
/// Requests come as [`ServerEvent`]s and are answered in their order, each with
/// [`respond`](Self::respond), or with [`send_response`](Self::send_response) and then
/// [`send_data`](Self::send_data) and [`send_trailers`](Self::send_trailers). The connection itself decides
/// whether it is kept, says so in the head, and closes when it is not.
///
/// What the peer does wrong is answered here (400, 408, 413, 414, 417, 431, 501, 505), the connection is
/// closed, and no byte after it is taken for a request. The answer leaves before the close: reading goes on
/// for [`Timeouts::linger`](crate::Timeouts::linger), so that a reset does not overtake it.
///
/// A body that is streamed leaves part by part:
///
/// ```
/// use barewire_h1::{BodyLength, Config, ServerConnection, ServerEvent};
/// use barewire_proto::{Buf, Bytes, Protocol};
///
/// let mut server = ServerConnection::new(Config::default());
/// assert!(server.input().push("GET / HTTP/1.1\r\nHost: example\r\n\r\n".into()).is_empty());
/// let Some(ServerEvent::Request(..)) = server.poll_event()? else { panic!("it came whole") };
/// server.send_response(&http::Response::new(()), BodyLength::Unknown)?;
/// for (mut part, last) in [(Bytes::from("Hello, "), false), (Bytes::from("World!"), true)] {
///     server.send_data(&mut part, last)?;
///     // Otherwise the output is full: once it was sent, `ServerEvent::Writable` says so.
///     assert!(part.is_empty());
/// }
/// assert!(server.output().chunk().ends_with(b"\r\n\r\n7\r\nHello, \r\n6\r\nWorld!\r\n0\r\n\r\n"));
/// assert!(server.is_idle());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ServerConnection {
    config: Arc<Config>,
    input: Input,
    output: Output,
    scratch: Scratch,
    reading: Reading,
    writing: Writing,
    incoming: Option<Incoming>,
    outgoing: Option<Outgoing>,
    /// The request that is to be answered next, and those behind it.
    front: Option<Exchange>,
    behind: VecDeque<Exchange>,
    /// Empty lines before the request line that is awaited.
    empty_lines: usize,
    received: u64,
    discarded: u64,
    /// Bytes of input, framing in part, with which the body could not go on.
    starved: usize,
    served: bool,
    /// The time for the head is over: it is in what was read by now, or it is late.
    overdue: bool,
    /// The time for the body is over: only what was read by now is still taken.
    body_overdue: bool,
    /// No request is taken after those that have begun to arrive.
    last: bool,
    /// A body command took nothing because the output was full.
    blocked: bool,
    linger: bool,
    dead: bool,
    error: Option<Error>,
    /// The answer to a violation, and how many requests are to be answered before it.
    farewell: Option<(usize, StatusCode)>,
    /// The whole field, line end included.
    date: Option<[u8; DATE_FIELD]>,
    clock: Clock,
}

/// Bytes read ahead of a request that is not answered yet: enough to notice the end of file behind it.
const READ_AHEAD: usize = 16 * 1024;

impl ServerConnection {
    /// A connection that was just accepted. An `Arc` shares one configuration among many connections.
    pub fn new(config: impl Into<Arc<Config>>) -> Self {
        let config = config.into();
        let limits = &config.limits;
        Self {
            input: Input::new(limits.input(READ_AHEAD)),
            output: Output::new(limits.write_buffer),
            scratch: Scratch::default(),
            config,
            reading: Reading::Head,
            writing: Writing::Idle,
            incoming: None,
            outgoing: None,
            front: None,
            behind: VecDeque::new(),
            empty_lines: 0,
            received: 0,
            discarded: 0,
            starved: 0,
            served: false,
            overdue: false,
            body_overdue: false,
            last: false,
            blocked: false,
            linger: false,
            dead: false,
            error: None,
            farewell: None,
            date: None,
            clock: Clock::default(),
        }
    }

    /// Sets the value of `Date` for responses that have none (RFC 9110, section 6.6.1), as an IMF-fixdate.
    /// A protocol has no clock: the caller sets it anew once a second.
    pub fn set_date(&mut self, date: [u8; 29]) {
        let mut field = *b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
        if let Some(value) = field.get_mut(6..35) {
            value.copy_from_slice(&date);
        }
        self.date = Some(field);
    }

    /// Answers the oldest unanswered request with a head and its whole body.
    ///
    /// To a HEAD request the head says what the body's length would be, and the body is not sent. What body
    /// type `response` has does not matter: only its head is looked at.
    ///
    /// # Errors
    ///
    /// See [`send_response`](Self::send_response). Nothing is queued then.
    pub fn respond<B>(&mut self, response: &Response<B>, body: Bytes) -> Result<(), UsageError> {
        self.send_response(response, BodyLength::Known(body.len() as u64))?;
        if let Some(Outgoing::Length(_)) = self.outgoing {
            self.output.push(body);
            self.message_sent();
        }
        Ok(())
    }

    /// Answers the oldest unanswered request with a head; `length` decides the framing.
    ///
    /// `Content-Length`, `Transfer-Encoding`, `Connection` and, where [`set_date`](Self::set_date) was
    /// called, `Date` are written here. The response is complete at once when it has no body: for
    /// [`BodyLength::Empty`], for HEAD requests, for the statuses 204 and 304. With 101, or 2xx to CONNECT,
    /// the connection is upgraded: see [`is_upgraded`](Self::is_upgraded).
    ///
    /// # Errors
    ///
    /// The response does not fit the request or the state; nothing was queued.
    pub fn send_response<B>(
        &mut self,
        response: &Response<B>,
        length: BodyLength,
    ) -> Result<(), UsageError> {
        let exchange = self.unanswered()?;
        let status = response.status();
        let upgrades =
            status == StatusCode::SWITCHING_PROTOCOLS || (exchange.connect && status.is_success());
        // What is left of the request's body would be taken for the other protocol.
        let unreachable = upgrades && self.reading == Reading::Done;
        if unreachable || (status.is_informational() && !(upgrades && exchange.upgrade)) {
            return Err(UsageError::WrongStatus);
        }
        let length = if length == BodyLength::Known(0) { BodyLength::Empty } else { length };
        let bodiless = upgrades || status == StatusCode::NO_CONTENT;
        if bodiless && length != BodyLength::Empty {
            return Err(UsageError::BodyNotAllowed);
        }
        let headers = response.headers();
        let head_only = exchange.head || status == StatusCode::NOT_MODIFIED;
        let as_given = head_only && length == BodyLength::Empty;
        let says_close = survey(headers, (!as_given).then_some(length))?;
        let (field, outgoing) = match length {
            _ if bodiless => (LengthField::None, None),
            BodyLength::Empty if as_given => (LengthField::AsGiven, None),
            BodyLength::Empty => (LengthField::ContentLength(0), None),
            BodyLength::Known(n) => (LengthField::ContentLength(n), Some(Outgoing::Length(n))),
            BodyLength::Unknown if exchange.http11 => {
                (LengthField::Chunked, Some(Outgoing::Chunked))
            }
            BodyLength::Unknown => (LengthField::None, Some(Outgoing::UntilClose)),
        };
        let outgoing = if head_only { None } else { outgoing };
        // A client that was not told to continue may send the body or not: nobody could tell what comes next.
        let unread = exchange.waiting && self.reading.is_in_body();
        let persistent = exchange.persistent
            && !self.last
            && !unread
            && outgoing != Some(Outgoing::UntilClose)
            && !says_close;
        let connection: Option<&'static [u8]> = match (upgrades, persistent, exchange.http11) {
            (true, ..) | (_, true, true) => None,
            (_, true, false) => Some(b"keep-alive"),
            (_, false, _) => Some(b"close"),
        };
        if unread && status == StatusCode::SWITCHING_PROTOCOLS {
            self.tell_to_go_on()?;
        }
        let fields = ResponseFields { length: field, connection, date: self.date.as_ref() };
        encode::response(&mut self.output, status, headers, &fields);
        if let Some(front) = &mut self.front {
            front.persistent = persistent;
        }
        if upgrades {
            self.reading.step(ReadStep::Upgrade);
            self.writing.step(WriteStep::Upgrade);
            self.front = None;
            self.clock.clear_all();
        } else {
            self.writing.step(WriteStep::BodyBegins);
            self.outgoing = outgoing;
            if outgoing.is_none() {
                self.message_sent();
            }
        }
        Ok(())
    }

    /// Sends a 1xx response ahead of the final one: `100 Continue` to a client that waits for it,
    /// `103 Early Hints` (RFC 8297).
    ///
    /// # Errors
    ///
    /// The status is 101 or not 1xx, the client speaks HTTP/1.0, or there is no request to answer.
    pub fn send_informational(&mut self, response: &Response<()>) -> Result<(), UsageError> {
        let exchange = self.unanswered()?;
        let status = response.status();
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(UsageError::WrongStatus);
        }
        if !exchange.http11 {
            return Err(UsageError::WrongVersion);
        }
        if status == StatusCode::CONTINUE {
            if let Some(front) = &mut self.front {
                front.waiting = false;
            }
        }
        let fields = ResponseFields::default();
        encode::response(&mut self.output, status, response.headers(), &fields);
        Ok(())
    }

    /// Says that nobody wants the rest of the request's body.
    ///
    /// It is read and forgotten, up to [`Limits::max_discard`](crate::Limits::max_discard); with more to
    /// come the connection is closed after the response. Does nothing when the body is complete.
    pub fn discard_body(&mut self) {
        let too_long = self
            .incoming
            .as_ref()
            .and_then(Incoming::left)
            .is_some_and(|left| left > self.config.limits.max_discard);
        self.reading.step(ReadStep::Unwanted);
        if too_long {
            self.stop_discarding();
        }
    }

    /// Takes no request after those that have begun to arrive, and closes when they are answered.
    pub fn graceful_shutdown(&mut self) {
        self.last = true;
        if self.is_idle() && self.input.is_empty() {
            self.close();
        }
    }

    /// Whether no request has begun and none is unanswered.
    pub fn is_idle(&self) -> bool {
        self.reading == Reading::Head && self.front.is_none() && self.input.is_empty()
    }

    /// Whether a request's body is unfinished.
    pub fn is_receiving_body(&self) -> bool {
        self.reading == Reading::Body
    }

    /// Whether the client waits for `100 Continue` before it sends the body, as far as is known
    /// (RFC 9110, section 10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.front.is_some_and(|front| front.waiting)
            && self.reading == Reading::Body
            && self.writing == Writing::Idle
            && self.nothing_received()
    }

    /// Before the switch, in this order (RFC 9110, section 7.8).
    #[cold]
    fn tell_to_go_on(&mut self) -> Result<(), UsageError> {
        let mut go_on = Response::new(());
        *go_on.status_mut() = StatusCode::CONTINUE;
        self.send_informational(&go_on)
    }

    fn unanswered(&self) -> Result<Exchange, UsageError> {
        match (self.writing, self.front) {
            (Writing::Idle, Some(front)) => Ok(front),
            (Writing::Body, _) => Err(UsageError::MessageUnfinished),
            (Writing::Closed | Writing::Upgraded, _) => Err(UsageError::Closed),
            (Writing::Idle, None) => Err(UsageError::NoRequest),
        }
    }
}

common_verbs!(ServerConnection);

impl Protocol for ServerConnection {
    type Event = ServerEvent;
    type Error = Error;

    fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    fn wants_read(&self) -> bool {
        let open = !self.dead && !self.input.is_closed() && !self.input.is_full();
        open && match self.reading {
            Reading::Head => self.takes_requests() || self.input.len() < READ_AHEAD,
            Reading::Body | Reading::Discard => true,
            // A reset has to be noticed while the last request is answered, too.
            Reading::Done => {
                self.front.is_some() || (self.linger && self.writing == Writing::Closed)
            }
            Reading::Upgraded => false,
        }
    }

    fn is_closed(&self) -> bool {
        let lingers = self.linger && !self.input.is_closed();
        let drained = self.writing == Writing::Closed && !self.output.has_remaining();
        self.dead || (drained && !lingers)
    }

    fn poll_event(&mut self) -> Result<Option<ServerEvent>, Error> {
        if self.blocked && !self.output.is_full() {
            self.blocked = false;
            return Ok(Some(ServerEvent::Writable));
        }
        if self.error.is_none() {
            match self.next_event() {
                Ok(None) if self.overdue => self.head_is_late(),
                Ok(None) if self.reading.is_in_body() => self.body_is_taken(),
                Ok(None) => {}
                Err(error) => self.fail(error),
                event => return event,
            }
        }
        if self.reading == Reading::Done && !self.input.is_empty() {
            // What comes after the last message is nobody's; who sends it has to be able to read the answer.
            self.linger = true;
            self.input.consume(usize::MAX);
        }
        self.rearm();
        match self.error {
            // Requests from before the violation are still to be answered.
            Some(error) if self.farewell.is_none() => Err(error),
            _ => Ok(None),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.dead { None } else { self.clock.next() }
    }

    fn handle_timeout(&mut self, now: Instant) {
        let first = !self.clock.is_started();
        let now = self.clock.advance(now);
        // Who waits for room in the output asks for no events meanwhile.
        let pending = self.output.has_remaining();
        self.clock.arm_write(&self.output, pending, self.config.timeouts.write_progress);
        let due = self.clock.next().is_some_and(|at| at <= now);
        if due {
            self.expire(now);
        }
        if due || first {
            self.rearm();
        }
    }
}
