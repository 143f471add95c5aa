//! A client that sends a list of requests, each as soon as the connection takes it.

use std::collections::VecDeque;

use barewire_h1::{BodyLength, ClientConnection, ClientEvent, Config, Error, UsageError};
use barewire_testkit::{Subject, Transcript};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Version, header};

/// The bodies are as long as the requests' `content-length` says; with `expect` they wait for `100`.
#[derive(Debug)]
pub struct Client {
    connection: ClientConnection,
    requests: VecDeque<Request<()>>,
    body: Bytes,
}

impl Client {
    /// `requests` as in vectors: a request line, and fields after `\r\n`. None is one `GET /`.
    pub fn new(config: Config, requests: &[Vec<u8>]) -> Self {
        let default = b"GET / HTTP/1.1".to_vec();
        let requests = if requests.is_empty() { &[default][..] } else { requests };
        let requests = requests.iter().map(|request| parse(request)).collect();
        Self { connection: ClientConnection::new(config), requests, body: Bytes::new() }
    }

    fn send(&mut self) -> bool {
        let Some(request) = self.requests.front() else { return false };
        let length = request.headers().get(header::CONTENT_LENGTH).map_or(0, |value| {
            value.to_str().ok().and_then(|text| text.parse().ok()).expect("the length is a number")
        });
        let waits = request.headers().contains_key(header::EXPECT);
        match self.connection.send_request(request, BodyLength::Known(length as u64)) {
            Ok(()) => {
                self.requests.pop_front();
                self.body = Bytes::from(vec![b'x'; length]);
                if !waits {
                    self.send_body();
                }
                true
            }
            Err(
                UsageError::Closed | UsageError::MessageUnfinished | UsageError::TooManyRequests,
            ) => false,
            Err(error) => panic!("a request of a vector cannot be sent: {error}"),
        }
    }

    fn send_body(&mut self) {
        if !self.body.is_empty() && self.connection.is_sending_body() {
            self.connection.send_data(&mut self.body, true).expect("the body has its length");
        }
    }
}

fn parse(text: &[u8]) -> Request<()> {
    let text = std::str::from_utf8(text).expect("the request of a vector is text");
    let mut lines = text.split("\r\n");
    let words: Vec<_> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, version] = words[..] else { panic!("not a request line: {text}") };
    let mut request = Request::new(());
    *request.method_mut() = method.parse().expect("a method");
    *request.uri_mut() = target.parse().expect("a target");
    *request.version_mut() = match version {
        "HTTP/1.1" => Version::HTTP_11,
        "HTTP/1.0" => Version::HTTP_10,
        _ => panic!("not a version: {version}"),
    };
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_static("example.com"));
    for line in lines {
        let (name, value) = line.split_once(": ").expect("a field");
        let name: HeaderName = name.parse().expect("a field's name");
        headers.append(name, value.parse().expect("a field's value"));
    }
    request
}

impl Subject for Client {
    type Protocol = ClientConnection;

    fn protocol(&mut self) -> &mut ClientConnection {
        &mut self.connection
    }

    fn on_event(&mut self, event: ClientEvent, transcript: &mut Transcript) {
        match event {
            ClientEvent::Informational(response) => {
                transcript.line(format!("informational {}", response.status().as_u16()));
                super::fields("header", response.headers(), transcript);
                if response.status() == 100 {
                    self.send_body();
                }
            }
            ClientEvent::Response(response, length) => {
                let status = response.status().as_u16();
                transcript.line(format!("response {status} {:?}", response.version()));
                super::fields("header", response.headers(), transcript);
                if length == BodyLength::Empty {
                    self.send();
                }
            }
            ClientEvent::Data(data) => {
                assert!(!data.is_empty(), "an event without a meaning");
                transcript.data(&data);
            }
            ClientEvent::Trailers(trailers) => super::fields("trailer", &trailers, transcript),
            ClientEvent::End => {
                transcript.line("end");
                self.send();
            }
            ClientEvent::Writable => self.send_body(),
        }
    }

    fn on_error(&mut self, error: &Error, transcript: &mut Transcript) {
        super::error(error, transcript);
    }

    fn on_quiet(&mut self) -> bool {
        self.send()
    }

    fn is_handed_over(&mut self) -> bool {
        self.connection.is_upgraded()
    }
}
