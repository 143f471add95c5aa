//! Taking requests and their bodies off the input.

use barewire_proto::Status;
use http::{Method, Request, Version};

use super::{Exchange, ServerConnection};
use crate::body::Incoming;
use crate::chunked::Part;
use crate::framing::Framing;
use crate::head::{self, Front, MAX_EMPTY_LINES};
use crate::state::{ReadStep, Reading, Writing};
use crate::timer::Timer;
use crate::{BodyLength, Error, ErrorKind, ServerEvent};

impl Exchange {
    fn begin(request: &Request<()>, body: BodyLength, framing: &Framing) -> Self {
        let http11 = request.version() == Version::HTTP_11;
        Self {
            http11,
            head: *request.method() == Method::HEAD,
            connect: *request.method() == Method::CONNECT,
            upgrade: framing.offers_upgrade(request),
            persistent: framing.persists(http11),
            waiting: framing.expect_continue && body != BodyLength::Empty,
        }
    }
}

impl ServerConnection {
    pub(super) fn under_way(&self) -> usize {
        usize::from(self.front.is_some()).saturating_add(self.behind.len())
    }

    /// Whether the next request may be taken off the input.
    pub(super) fn takes_requests(&self) -> bool {
        match self.behind.back().or(self.front.as_ref()) {
            None => true,
            // What follows such a request may be another protocol.
            Some(newest) if newest.connect || newest.upgrade => false,
            Some(_) => self.under_way() < self.config.limits.max_pipelined.max(1),
        }
    }

    pub(super) fn next_event(&mut self) -> Result<Option<ServerEvent>, Error> {
        loop {
            match self.reading {
                Reading::Head => return self.next_request(),
                Reading::Body | Reading::Discard => {
                    let Some(incoming) = &mut self.incoming else { return Ok(None) };
                    let part = incoming.poll(&mut self.input, &mut self.received, &self.config)?;
                    let discard = self.reading == Reading::Discard;
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

    pub(super) fn next_request(&mut self) -> Result<Option<ServerEvent>, Error> {
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
        if let Some((request, body, framing, used)) = repeated {
            let exchange = Exchange::begin(request, body, &framing);
            let event = ServerEvent::Request(request.clone(), body);
            self.empty_lines = 0;
            self.input.consume(used);
            self.input.set_scanned(0);
            self.request_received(exchange, body);
            return Ok(Some(event));
        }
        let mut request = Request::new(());
        match self.parse(&mut request)? {
            Status::Complete((body, framing), used) => {
                self.input.consume(used);
                self.input.set_scanned(0);
                self.request_received(Exchange::begin(&request, body, &framing), body);
                Ok(Some(ServerEvent::Request(request, body)))
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

    pub(super) fn request_received(&mut self, exchange: Exchange, body: BodyLength) {
        match self.front {
            None => self.front = Some(exchange),
            Some(_) => self.behind.push_back(exchange),
        }
        self.served = true;
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
            self.reading.step(ReadStep::BodyBegins);
        } else if !exchange.persistent && !exchange.connect && !exchange.upgrade {
            self.reading.step(ReadStep::Finish);
        }
    }

    pub(super) fn body_received(&mut self) {
        self.incoming = None;
        self.clock.clear(Timer::Body);
        let newest = self.behind.back().or(self.front.as_ref());
        // Answered already means that the response let the connection live.
        let persistent = newest.is_none_or(|e| e.persistent || e.upgrade);
        self.reading.step(ReadStep::BodyEnds { last: !persistent });
        if self.writing == Writing::Upgraded {
            // The client switches once its request is sent whole (RFC 9110, section 7.8).
            self.reading.step(ReadStep::Upgrade);
        }
        if self.front.is_none() && self.last && self.input.is_empty() {
            self.close();
        }
    }

    pub(super) fn stop_discarding(&mut self) {
        self.reading.step(ReadStep::Finish);
        self.linger = true;
        match self.behind.back_mut().or(self.front.as_mut()) {
            Some(newest) => newest.persistent = false,
            None => self.close(),
        }
    }
}
