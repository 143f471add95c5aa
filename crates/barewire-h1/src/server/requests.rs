//! Taking requests and their bodies off the input.

use barewire_proto::Status;
use http::Request;

use super::ServerConnection;
use crate::body::Incoming;
use crate::chunked::Part;
use crate::exchange::Exchange;
use crate::framing::Framing;
use crate::head::{self, Front, MAX_EMPTY_LINES};
use crate::state::{ReadStep, Reading, Writing};
use crate::timer::Timer;
use crate::{BodyLength, Error, ErrorKind, ServerEvent};

impl ServerConnection {
    pub(super) fn under_way(&self) -> usize {
        usize::from(self.front.is_some()).saturating_add(self.behind.len())
    }

    /// The request that came last, unless it is answered already.
    pub(super) fn newest(&self) -> Option<&Exchange> {
        self.behind.back().or(self.front.as_ref())
    }

    fn newest_mut(&mut self) -> Option<&mut Exchange> {
        self.behind.back_mut().or(self.front.as_mut())
    }

    /// Whether nothing came yet of the body that is under way.
    pub(super) fn nothing_received(&self) -> bool {
        self.received == 0 && self.input.is_empty()
    }

    /// Whether the next request may be taken off the input.
    pub(super) fn takes_requests(&self) -> bool {
        match self.newest() {
            None => true,
            // What follows such a request may be another protocol.
            Some(newest) if newest.connect || newest.upgrade => false,
            Some(_) => self.under_way() < self.config.limits.max_pipelined.max(1),
        }
    }

    pub(super) fn next_event(&mut self) -> Result<Option<ServerEvent>, Error> {
        loop {
            match self.reading {
                Reading::Head => {
                    let mut next = None;
                    let Some(length) = self.next_request(&mut next)? else { return Ok(None) };
                    let Some(request) = next else { return Ok(None) };
                    return Ok(Some(ServerEvent::Request(request, length)));
                }
                Reading::Body | Reading::Discard => {
                    let Some(incoming) = &mut self.incoming else { return Ok(None) };
                    let part = incoming.poll(&mut self.input, &mut self.received, &self.config)?;
                    let discard = self.reading == Reading::Discard;
                    self.starved = if part.is_none() { self.input.len() } else { 0 };
                    match part {
                        None => return Ok(None),
                        Some(Part::Data(data)) if discard => {
                            self.discarded = self.discarded.saturating_add(data.len() as u64);
                            if self.discarded > self.config.limits.max_discard {
                                self.stop_discarding();
                            }
                        }
                        Some(Part::Trailers(_)) if discard => {}
                        Some(Part::Data(data)) => return Ok(Some(ServerEvent::Data(data))),
                        Some(Part::Trailers(map)) => return Ok(Some(ServerEvent::Trailers(map))),
                        Some(Part::End) => {
                            self.body_received();
                            if !discard {
                                return Ok(Some(ServerEvent::End));
                            }
                        }
                    }
                }
                Reading::Done | Reading::Upgraded => return Ok(None),
            }
        }
    }

    /// Takes a request that has arrived whole right to where it is wanted, and returns how long its body is; the
    /// request has its type's empty body until the caller gives it another.
    ///
    /// `None` says that [`poll_event`](barewire_proto::Protocol::poll_event) is to be asked, for whatever else
    /// happened, or for the error if the input breaks a rule. What is true of its
    /// [`ServerEvent::Request`] is true of a request that was taken in this way.
    ///
    /// ```
    /// use barewire_h1::{BodyLength, Config, ServerConnection};
    /// use barewire_proto::Protocol;
    ///
    /// let mut server = ServerConnection::new(Config::default());
    /// let _ = server.input().push("GET /a HTTP/1.1\r\nHost: example\r\n\r\n".into());
    /// let mut next: Option<http::Request<Vec<u8>>> = None;
    /// assert_eq!(server.take_request(&mut next), Some(BodyLength::Empty));
    /// assert_eq!(next.take().map(|request| request.uri().path().to_owned()), Some("/a".to_owned()));
    /// assert_eq!(server.take_request(&mut next), None);
    /// assert!(server.poll_event()?.is_none());
    /// # Ok::<(), barewire_h1::Error>(())
    /// ```
    pub fn take_request<B: Default>(
        &mut self,
        next: &mut Option<Request<B>>,
    ) -> Option<BodyLength> {
        let turn = self.reading == Reading::Head && !self.blocked && self.error.is_none();
        if !turn || self.input.is_empty() {
            return None;
        }
        self.next_request(next).unwrap_or_else(|error| {
            self.fail(error);
            None
        })
    }

    /// Programs move several hundred bytes with every move of a request, so it is put where it is wanted.
    fn next_request<B: Default>(
        &mut self,
        next: &mut Option<Request<B>>,
    ) -> Result<Option<BodyLength>, Error> {
        if !self.takes_requests() {
            return Ok(None);
        }
        if self.input.is_empty() {
            if self.input.is_closed() {
                self.requests_end()?;
            }
            return Ok(None);
        }
        let repeated = head::whole_repeated(&mut self.scratch, self.input.filled(), &self.config);
        if let Some(whole) = repeated {
            let (exchange, body, used) = (whole.exchange, whole.body, whole.bytes.len());
            let (parts, ()) = whole.request.clone().into_parts();
            *next = Some(Request::from_parts(parts, B::default()));
            self.empty_lines = 0;
            self.request_received(exchange, body, used);
            return Ok(Some(body));
        }
        let mut request = Request::new(());
        match self.parse(&mut request)? {
            Status::Complete((body, framing), used) => {
                let exchange = Exchange::begin(&request, body, &framing);
                let (parts, ()) = request.into_parts();
                *next = Some(Request::from_parts(parts, B::default()));
                self.request_received(exchange, body, used);
                Ok(Some(body))
            }
            Status::Partial => {
                if self.input.is_closed() {
                    self.requests_end()?;
                }
                Ok(None)
            }
        }
    }

    pub(super) fn parse(
        &mut self,
        request: &mut Request<()>,
    ) -> Result<Status<(BodyLength, Framing)>, Error> {
        loop {
            match head::front(self.input.filled(), &self.config)? {
                Front::Partial => return Ok(Status::Partial),
                Front::Line => break,
                Front::EmptyLine(_) if self.empty_lines >= MAX_EMPTY_LINES => {
                    return Err(ErrorKind::BadMethod.into());
                }
                Front::EmptyLine(n) => {
                    self.input.consume(n);
                    self.empty_lines = self.empty_lines.saturating_add(1);
                }
            }
        }
        let scanned = self.input.scanned();
        let filled = self.input.filled();
        // Once looked at in vain, a head is looked at again when a line is complete.
        let nothing_new = scanned > 0
            && filled.len() < self.config.limits.max_head
            && memchr::memchr(b'\n', filled.get(scanned..).unwrap_or_default()).is_none();
        if nothing_new {
            self.input.set_scanned(usize::MAX);
            return Ok(Status::Partial);
        }
        let status = head::parse_request_into(request, &mut self.scratch, filled, &self.config)?;
        match status {
            Status::Complete(..) => self.empty_lines = 0,
            Status::Partial => self.input.set_scanned(usize::MAX),
        }
        Ok(status)
    }

    /// The end of file between requests, or within one.
    pub(super) fn requests_end(&mut self) -> Result<(), Error> {
        let blank = self.input.filled().iter().all(|b| matches!(b, b'\r' | b'\n'));
        if !blank {
            return Err(ErrorKind::UnexpectedEnd.into());
        }
        self.input.consume(usize::MAX);
        self.reading.step(ReadStep::Finish);
        if self.front.is_none() {
            self.close();
        }
        Ok(())
    }

    fn request_received(&mut self, exchange: Exchange, body: BodyLength, used: usize) {
        self.input.consume(used);
        self.input.set_scanned(0);
        match self.front {
            None => self.front = Some(exchange),
            Some(_) => self.behind.push_back(exchange),
        }
        self.served = true;
        self.overdue = false;
        self.clock.clear(Timer::Head);
        self.clock.clear(Timer::Idle);
        self.clock.clear(Timer::Release);
        self.incoming = match body {
            BodyLength::Empty => None,
            BodyLength::Known(length) => Some(Incoming::Length(length)),
            BodyLength::Unknown => Some(Incoming::Chunked(Box::default())),
        };
        if self.incoming.is_some() {
            self.received = 0;
            self.discarded = 0;
            self.starved = 0;
            self.body_overdue = false;
            self.reading.step(ReadStep::BodyBegins);
        } else if !exchange.persistent && !exchange.connect && !exchange.upgrade {
            self.reading.step(ReadStep::Finish);
        }
    }

    pub(super) fn body_received(&mut self) {
        self.incoming = None;
        self.clock.clear(Timer::Body);
        // Answered already means that the response let the connection live.
        let mut last = false;
        if let Some(newest) = self.newest_mut() {
            // It came without having been asked for.
            newest.waiting = false;
            last = !newest.persistent && !newest.connect && !newest.upgrade;
        }
        self.reading.step(ReadStep::BodyEnds { last });
        if self.writing == Writing::Upgraded {
            // The client switches once its request is sent whole (RFC 9110, section 7.8).
            self.reading.step(ReadStep::Upgrade);
            return;
        }
        if self.front.is_none() && self.last && self.input.is_empty() {
            self.close();
        }
    }

    pub(super) fn stop_discarding(&mut self) {
        self.reading.step(ReadStep::Finish);
        self.linger = true;
        match self.newest_mut() {
            Some(newest) => newest.persistent = false,
            None => self.close(),
        }
    }
}
