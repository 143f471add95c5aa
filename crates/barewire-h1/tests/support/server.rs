//! A server that answers each request as soon as it is complete.

use std::collections::VecDeque;

use barewire_h1::{BodyLength, Config, Error, ServerConnection, ServerEvent};
use barewire_testkit::{Subject, Transcript};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};

/// What the server answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `200` without a body.
    Empty,
    /// `200` with a chunked body of several times the output's high-water mark, and a trailer.
    Stream,
}

/// CONNECT is answered with 200, an offer of `test` with 101, everything else as [`Answer`] says.
#[derive(Debug)]
pub struct Server {
    connection: ServerConnection,
    answer: Answer,
    /// Requests whose response has not begun; the last one may be incomplete.
    waiting: VecDeque<Request<()>>,
    incomplete: bool,
    parts: usize,
}

const PARTS: usize = 40;

impl Server {
    pub fn new(config: Config) -> Self {
        Self::answering(config, Answer::Empty)
    }

    pub fn answering(config: Config, answer: Answer) -> Self {
        let connection = ServerConnection::new(config);
        Self { connection, answer, waiting: VecDeque::new(), incomplete: false, parts: 0 }
    }

    pub fn connection(&self) -> &ServerConnection {
        &self.connection
    }

    /// Answers what is complete, in order.
    fn respond_all(&mut self) {
        while self.parts == 0 && self.waiting.len() > usize::from(self.incomplete) {
            self.respond();
        }
    }

    fn respond(&mut self) {
        let Some(request) = self.waiting.pop_front() else { return };
        let mut response = Response::new(());
        if offers_test(&request) {
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("test"));
            if self.connection.send_response(&response, BodyLength::Empty).is_ok() {
                return;
            }
            response = Response::new(());
        }
        let empty = self.answer == Answer::Empty || request.method() == Method::CONNECT;
        let length = if empty { BodyLength::Empty } else { BodyLength::Unknown };
        self.connection.send_response(&response, length).expect("every request can be answered");
        self.parts = if self.connection.is_sending_body() { PARTS } else { 0 };
        self.stream();
    }

    fn stream(&mut self) {
        while self.parts > 0 {
            // Some are copied to the tail of the output, some are queued.
            let size = if self.parts % 3 == 0 { 9000 } else { 700 };
            let mut data = Bytes::from(vec![b'a' + (self.parts % 26) as u8; size]);
            self.connection.send_data(&mut data, false).expect("the body is open");
            if !data.is_empty() {
                return;
            }
            self.parts -= 1;
            if self.parts == 0 {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-check", HeaderValue::from_static("done"));
                if self.connection.send_trailers(&trailers).is_err() {
                    let end = self.connection.send_data(&mut Bytes::new(), true);
                    end.expect("a body that is not chunked ends without trailers");
                }
            }
        }
    }
}

fn offers_test(request: &Request<()>) -> bool {
    let lists = request.headers().get_all(header::UPGRADE).iter();
    lists.flat_map(|list| list.as_bytes().split(|&b| b == b',')).any(|protocol| {
        let name = protocol.split(|&b| b == b'/').next().unwrap_or_default();
        name.trim_ascii() == b"test"
    })
}

impl Subject for Server {
    type Protocol = ServerConnection;

    fn protocol(&mut self) -> &mut ServerConnection {
        &mut self.connection
    }

    fn on_event(&mut self, event: ServerEvent, transcript: &mut Transcript) {
        match event {
            ServerEvent::Request(request, length) => {
                let (method, target) = (request.method(), request.uri());
                transcript.line(format!("request {method} {target} {:?}", request.version()));
                super::fields("header", request.headers(), transcript);
                assert!(!self.incomplete, "a request before the end of the one before");
                self.waiting.push_back(request);
                self.incomplete = length != BodyLength::Empty;
                self.respond_all();
            }
            ServerEvent::Data(data) => {
                assert!(!data.is_empty(), "an event without a meaning");
                transcript.data(&data);
            }
            ServerEvent::Trailers(trailers) => super::fields("trailer", &trailers, transcript),
            ServerEvent::End => {
                transcript.line("end");
                self.incomplete = false;
                self.respond_all();
            }
            ServerEvent::Writable => {
                self.stream();
                self.respond_all();
            }
        }
    }

    fn on_error(&mut self, error: &Error, transcript: &mut Transcript) {
        super::error(error, transcript);
    }

    fn is_handed_over(&mut self) -> bool {
        self.connection.is_upgraded()
    }
}
