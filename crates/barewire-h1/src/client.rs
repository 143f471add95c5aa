mod responses;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use barewire_proto::{Buf, Input, Output, Protocol};
use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::{Method, Request, Version};

use crate::block::Block;
use crate::body::{Incoming, Outgoing, survey};
use crate::encode::{self, LengthField};
use crate::framing::Framing;
use crate::state::{ReadStep, Reading, WriteStep, Writing};
use crate::timer::{self, Clock, Timer};
use crate::verbs::common_verbs;
use crate::{BodyLength, ClientEvent, Config, Error, ErrorKind, UsageError};

/// The client's end of an HTTP/1.1 connection.
///
/// Requests are sent with [`send_request`](Self::send_request) and, when they have a body, with
/// [`send_data`](Self::send_data) and [`send_trailers`](Self::send_trailers); responses come as
/// [`ClientEvent`]s in the order of the requests. A final response may come while the request's body is still
/// being sent: then the rest need not be sent, and the connection is not [reusable](Self::is_reusable).
///
/// Of the [timeouts](crate::Timeouts) a client keeps `write_progress` and `release_buffers`; how long to wait
/// for a response is its user's policy.
///
/// ```
/// use barewire_h1::{BodyLength, ClientConnection, ClientEvent, Config};
/// use barewire_proto::{Buf, Protocol};
///
/// let mut client = ClientConnection::new(Config::default());
/// let request = http::Request::get("http://example.com/hello").body(())?;
/// client.send_request(&request, BodyLength::Empty)?;
/// assert_eq!(client.output().chunk(), b"GET /hello HTTP/1.1\r\nhost: example.com\r\n\r\n");
///
/// let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello";
/// assert!(client.input().push(answer.into()).is_empty());
/// while let Some(event) = client.poll_event()? {
///     match event {
///         ClientEvent::Response(response, length) => {
///             assert_eq!((response.status().as_u16(), length), (200, BodyLength::Known(5)));
///         }
///         ClientEvent::Data(data) => assert_eq!(data, "Hello"),
///         _ => {}
///     }
/// }
/// assert!(client.is_reusable() && client.is_idle());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ClientConnection {
    config: Arc<Config>,
    input: Input,
    output: Output,
    /// Where heads are copied to.
    block: Block,
    reading: Reading,
    writing: Writing,
    incoming: Option<Incoming>,
    outgoing: Option<Outgoing>,
    sent: VecDeque<Sent>,
    received: u64,
    informational: usize,
    /// Something of the response to the oldest request has arrived.
    begun: bool,
    /// The connection ends with the responses to what was sent.
    last: bool,
    /// The response whose body is under way is the last one.
    final_response: bool,
    blocked: bool,
    absolute_form: bool,
    dead: bool,
    error: Option<Error>,
    clock: Clock,
}

/// What has to be remembered of a request until its response came.
#[derive(Clone, Copy, Debug)]
struct Sent {
    head: bool,
    connect: bool,
    upgrade: bool,
    persistent: bool,
}

/// Bytes beside the longest head: a line that is too long is found out by what comes after its limit.
const READ_AHEAD: usize = 4096;

impl ClientConnection {
    /// A connection that was just made. An `Arc` shares one configuration among many connections.
    pub fn new(config: impl Into<Arc<Config>>) -> Self {
        let config = config.into();
        let limits = &config.limits;
        Self {
            input: Input::new(limits.input(READ_AHEAD)),
            output: Output::new(limits.write_buffer),
            block: Block::default(),
            config,
            reading: Reading::Head,
            writing: Writing::Idle,
            incoming: None,
            outgoing: None,
            sent: VecDeque::new(),
            received: 0,
            informational: 0,
            begun: false,
            last: false,
            final_response: false,
            blocked: false,
            absolute_form: false,
            dead: false,
            error: None,
            clock: Clock::default(),
        }
    }

    /// Sends targets in absolute-form, as a proxy for `http` wants them (RFC 9112, section 3.2.2).
    pub fn set_absolute_form(&mut self, absolute: bool) {
        self.absolute_form = absolute;
    }

    /// Begins a request; `length` decides the framing. `Host` is taken from the target's authority when the
    /// request has none; `Content-Length` and `Transfer-Encoding` are written here.
    ///
    /// # Errors
    ///
    /// The request cannot be sent as it is, or not now; nothing was queued.
    pub fn send_request(
        &mut self,
        request: &Request<()>,
        length: BodyLength,
    ) -> Result<(), UsageError> {
        match self.writing {
            Writing::Idle
                if self.reading != Reading::Done && !self.last && !self.final_response => {}
            Writing::Body => return Err(UsageError::MessageUnfinished),
            _ => return Err(UsageError::Closed),
        }
        if self.sent.len() >= self.config.limits.max_pipelined.max(1) {
            return Err(UsageError::TooManyRequests);
        }
        let http11 = request.version() == Version::HTTP_11;
        let length = if length == BodyLength::Known(0) { BodyLength::Empty } else { length };
        if *request.method() == Method::CONNECT && length != BodyLength::Empty {
            return Err(UsageError::BodyNotAllowed);
        }
        survey(request.headers(), Some(length))?;
        // A body needs a length that the server can tell (RFC 9112, section 6.3).
        let (field, outgoing) = match length {
            BodyLength::Empty if anticipates_body(request.method()) => {
                (LengthField::ContentLength(0), None)
            }
            BodyLength::Empty => (LengthField::None, None),
            BodyLength::Known(n) => (LengthField::ContentLength(n), Some(Outgoing::Length(n))),
            BodyLength::Unknown if http11 => (LengthField::Chunked, Some(Outgoing::Chunked)),
            BodyLength::Unknown => return Err(UsageError::WrongVersion),
        };
        encode::request(&mut self.output, request, field, self.absolute_form)?;
        let mut options = Framing::default();
        for value in request.headers().get_all(header::CONNECTION) {
            options.connection(value.as_bytes());
        }
        let persistent = options.persists(http11);
        self.sent.push_back(Sent {
            head: *request.method() == Method::HEAD,
            connect: *request.method() == Method::CONNECT,
            upgrade: options.upgrade && request.headers().contains_key(header::UPGRADE),
            persistent,
        });
        self.last = !persistent;
        self.outgoing = outgoing;
        if outgoing.is_some() {
            self.writing.step(WriteStep::BodyBegins);
        }
        self.clock.clear(Timer::Release);
        Ok(())
    }

    /// Whether no request is under way.
    pub fn is_idle(&self) -> bool {
        self.sent.is_empty() && self.incoming.is_none() && self.outgoing.is_none()
    }

    /// Whether another request can be sent on this connection once the responses to those under way came.
    /// A request whose body is not sent whole makes it unusable when its response has come already.
    pub fn is_reusable(&self) -> bool {
        let halted = self.outgoing.is_some() && self.sent.is_empty();
        self.error.is_none()
            && !self.last
            && !self.final_response
            && !halted
            && !self.input.is_closed()
            && matches!(self.reading, Reading::Head | Reading::Body)
            && (self.begun || !self.is_idle() || self.input.is_empty())
    }

    /// Whether anything of the response to the oldest request has arrived. As long as nothing has, and the
    /// server closes, the request may not have been processed.
    pub fn is_response_begun(&self) -> bool {
        self.begun || !self.input.is_empty()
    }

    fn message_sent(&mut self) {
        self.outgoing = None;
        self.blocked = false;
        self.writing.step(WriteStep::Ends);
        if self.reading == Reading::Upgraded {
            // The server switched before it had the whole request (RFC 9110, section 7.8).
            self.writing.step(WriteStep::Upgrade);
        } else {
            self.close_if_over();
        }
    }

    /// A request that was answered before it was sent whole can neither go on nor be followed by another.
    fn close_if_over(&mut self) {
        if self.last && self.is_idle() {
            self.close();
        }
    }

    fn close(&mut self) {
        self.reading.step(ReadStep::Finish);
        self.writing.step(WriteStep::Close);
        self.incoming = None;
        self.outgoing = None;
        self.sent.clear();
        self.output.finish();
    }

    /// What was put out before still drains, so that the bytes sent do not depend on how fast they were.
    fn fail(&mut self, error: Error) {
        self.error = Some(error);
        self.close();
    }

    fn rearm(&mut self) {
        let timeouts = &self.config.timeouts;
        self.clock.arm_write(&self.output, self.output.has_remaining(), timeouts.write_progress);
        let held = self.input.allocated() > 0 || self.output.allocated() > 0;
        if held && self.input.is_empty() && !self.output.has_remaining() {
            self.clock.arm(Timer::Release, Some(timeouts.release_buffers));
        } else {
            self.clock.clear(Timer::Release);
        }
    }
}

common_verbs!(ClientConnection);

/// Methods whose meaning includes a body say so when there is none (RFC 9110, section 8.6).
fn anticipates_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

impl Protocol for ClientConnection {
    type Event = ClientEvent;
    type Error = Error;

    fn input(&mut self) -> &mut Input {
        &mut self.input
    }

    fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    fn wants_read(&self) -> bool {
        let open = !self.dead && !self.input.is_closed() && !self.input.is_full();
        open && matches!(self.reading, Reading::Head | Reading::Body)
    }

    fn is_closed(&self) -> bool {
        self.dead || (self.writing == Writing::Closed && !self.output.has_remaining())
    }

    fn poll_event(&mut self) -> Result<Option<ClientEvent>, Error> {
        if let Some(error) = self.error {
            self.rearm();
            return Err(error);
        }
        match self.next_event() {
            Ok(Some(event)) => Ok(Some(event)),
            Ok(None) => {
                self.rearm();
                Ok(None)
            }
            Err(error) => {
                self.fail(error);
                self.rearm();
                Err(error)
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.dead { None } else { self.clock.next() }
    }

    fn handle_timeout(&mut self, now: Instant) {
        let now = self.clock.advance(now);
        // Who waits for room in the output asks for no events meanwhile.
        let pending = self.output.has_remaining();
        self.clock.arm_write(&self.output, pending, self.config.timeouts.write_progress);
        if self.clock.next().is_none_or(|at| at > now) {
            return;
        }
        if self.clock.expire(Timer::Release, now) {
            timer::release(&mut self.input, &mut self.output);
            self.block = Block::default();
        }
        if self.clock.write_is_stuck(now, &self.output) {
            self.fail(ErrorKind::WriteTimeout.into());
            self.abort();
        }
        self.rearm();
    }
}
