//! Taking responses and their bodies off the input.

use barewire_proto::Status;
use http::{StatusCode, Version};

use super::{ClientConnection, Sent};
use crate::body::Incoming;
use crate::chunked::Part;
use crate::framing::Coding;
use crate::head::{self, ResponseHead};
use crate::state::{ReadStep, Reading, WriteStep};
use crate::{BodyLength, ClientEvent, Error, ErrorKind};

impl ClientConnection {
    pub(super) fn next_event(&mut self) -> Result<Option<ClientEvent>, Error> {
        if self.blocked && !self.output.is_full() {
            self.blocked = false;
            return Ok(Some(ClientEvent::Writable));
        }
        match self.reading {
            Reading::Head => self.next_response(),
            Reading::Body => {
                let Some(incoming) = &mut self.incoming else { return Ok(None) };
                let part = incoming.poll(&mut self.input, &mut self.received, &self.config)?;
                Ok(part.map(|part| match part {
                    Part::Data(data) => ClientEvent::Data(data),
                    Part::Trailers(trailers) => ClientEvent::Trailers(trailers),
                    Part::End => {
                        self.response_received();
                        ClientEvent::End
                    }
                }))
            }
            Reading::Discard | Reading::Done | Reading::Upgraded => Ok(None),
        }
    }

    fn next_response(&mut self) -> Result<Option<ClientEvent>, Error> {
        if self.input.is_empty() {
            if self.input.is_closed() {
                if !self.sent.is_empty() || self.outgoing.is_some() {
                    return Err(ErrorKind::UnexpectedEnd.into());
                }
                self.close();
            }
            return Ok(None);
        }
        let Some(request) = self.sent.front().copied() else {
            return Err(ErrorKind::UnexpectedResponse.into());
        };
        let scanned = self.input.scanned();
        let fresh = self.input.filled().get(scanned..).unwrap_or_default();
        let settled = scanned > 0
            && self.input.len() < self.config.limits.max_head
            && memchr::memchr(b'\n', fresh).is_none();
        let status = match settled {
            true => Status::Partial,
            false => head::parse_response_into(&mut self.block, self.input.filled(), &self.config)?,
        };
        let Status::Complete(head, used) = status else {
            self.input.set_scanned(usize::MAX);
            if self.input.is_closed() {
                return Err(ErrorKind::UnexpectedEnd.into());
            }
            return Ok(None);
        };
        self.input.consume(used);
        self.input.set_scanned(0);
        self.begun = true;
        self.response_head(head, request).map(Some)
    }

    fn response_head(&mut self, head: ResponseHead, request: Sent) -> Result<ClientEvent, Error> {
        let ResponseHead { response, mut framing } = head;
        let http11 = response.version() == Version::HTTP_11;
        let status = response.status();
        let switches = status == StatusCode::SWITCHING_PROTOCOLS;
        if switches && !request.upgrade {
            return Err(ErrorKind::UnexpectedUpgrade.into());
        }
        if status.is_informational() && !switches {
            self.informational = self.informational.saturating_add(1);
            if self.informational > self.config.limits.max_informational {
                return Err(ErrorKind::TooManyInformational.into());
            }
            return Ok(ClientEvent::Informational(response));
        }
        self.sent.pop_front();
        self.informational = 0;
        self.begun = false;
        if switches || (request.connect && status.is_success()) {
            self.reading.step(ReadStep::Upgrade);
            self.writing.step(WriteStep::Upgrade);
            self.clock.clear_all();
            return Ok(ClientEvent::Response(response, BodyLength::Empty));
        }
        let declared = framing.response_body(http11, &self.config.leniency)?;
        let bodiless =
            request.head || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
        let length = if bodiless { BodyLength::Empty } else { declared };
        if length.known().is_some_and(|length| length > self.config.limits.max_body) {
            return Err(ErrorKind::BodyTooLarge.into());
        }
        let incoming = match length {
            BodyLength::Empty => None,
            BodyLength::Known(length) => Some(Incoming::Length(length)),
            BodyLength::Unknown if framing.coding == Coding::Chunked => {
                Some(Incoming::Chunked(Box::default()))
            }
            BodyLength::Unknown => Some(Incoming::UntilClose),
        };
        let until_close = matches!(incoming, Some(Incoming::UntilClose));
        self.final_response = until_close || !request.persistent || !framing.persists(http11);
        if incoming.is_some() {
            self.received = 0;
            self.incoming = incoming;
            self.reading.step(ReadStep::BodyBegins);
        } else {
            self.response_received();
        }
        Ok(ClientEvent::Response(response, length))
    }

    fn response_received(&mut self) {
        self.incoming = None;
        if self.final_response {
            self.reading.step(ReadStep::BodyEnds { last: true });
            self.close();
        } else {
            self.reading.step(ReadStep::BodyEnds { last: false });
            self.close_if_over();
        }
    }
}
