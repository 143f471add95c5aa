//! A server that takes its requests with `take_request` where it can.

use std::time::Instant;

use barewire_h1::{Error, ServerConnection, ServerEvent};
use barewire_proto::{Input, Output, Protocol};
use barewire_testkit::{Subject, Transcript};
use http::Request;

use super::server::Server;

/// Events are those of [`Server`]: only how a request gets out of the connection differs.
#[derive(Debug)]
pub struct Taker(pub Server);

impl Taker {
    fn connection(&self) -> &ServerConnection {
        self.0.connection()
    }
}

impl Protocol for Taker {
    type Event = ServerEvent;
    type Error = Error;

    fn input(&mut self) -> &mut Input {
        self.0.protocol().input()
    }

    fn output(&mut self) -> &mut Output {
        self.0.protocol().output()
    }

    fn wants_read(&self) -> bool {
        self.connection().wants_read()
    }

    fn is_closed(&self) -> bool {
        self.connection().is_closed()
    }

    fn poll_event(&mut self) -> Result<Option<ServerEvent>, Error> {
        let connection = self.0.protocol();
        let mut next: Option<Request<()>> = None;
        let length = connection.take_request(&mut next);
        assert_eq!(next.is_some(), length.is_some());
        match next.zip(length) {
            Some((request, length)) => Ok(Some(ServerEvent::Request(request, length))),
            None => connection.poll_event(),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.connection().poll_timeout()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.0.protocol().handle_timeout(now);
    }
}

impl Subject for Taker {
    type Protocol = Self;

    fn protocol(&mut self) -> &mut Self {
        self
    }

    fn on_event(&mut self, event: ServerEvent, transcript: &mut Transcript) {
        self.0.on_event(event, transcript);
    }

    fn on_error(&mut self, error: &Error, transcript: &mut Transcript) {
        self.0.on_error(error, transcript);
    }

    fn is_handed_over(&mut self) -> bool {
        self.0.is_handed_over()
    }
}
