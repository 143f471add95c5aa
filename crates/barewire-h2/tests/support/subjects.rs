//! A server and a client that answer as the tables expect.

use barewire_h2::frame::Frame;
use barewire_h2::{
    Answer, BodyLength, ClientConnection, ClientEvent, Config, Error, Reason, ResetBy,
    ServerConnection, ServerEvent, StreamId,
};
use barewire_proto::{Buf, Output, Protocol};
use barewire_testkit::{Subject, Transcript};
use bytes::Bytes;
use http::{HeaderMap, Request, Response};

use super::wire;

/// What the peer is told besides answers.
#[derive(Debug, Default)]
struct Told {
    seen: u64,
    lines: Vec<String>,
}

impl Told {
    /// Passes over what was put out so far.
    fn skip(&mut self, output: &Output) {
        self.seen = output.total_sent() + output.remaining() as u64;
    }

    fn look(&mut self, output: &Output) {
        let new = (output.total_sent() + output.remaining() as u64 - self.seen) as usize;
        self.skip(output);
        let bytes = output.chunk();
        if new == 0 || new > bytes.len() {
            return;
        }
        wire::read(&bytes[bytes.len() - new..], |frame| {
            self.lines.push(match frame {
                Frame::Reset { stream, reason } => format!("sent reset {stream} {reason}"),
                Frame::GoAway { last, reason, .. } => format!("sent goaway {last} {reason}"),
                Frame::WindowUpdate { stream, increment } => {
                    format!("sent window {stream} {increment}")
                }
                Frame::Ping { ack: true, .. } => "sent pong".to_owned(),
                Frame::SettingsAck => "sent settings-ack".to_owned(),
                _ => return,
            });
        });
    }

    fn write(&mut self, output: &Output, transcript: &mut Transcript) {
        self.look(output);
        for line in self.lines.drain(..) {
            transcript.line(line);
        }
    }
}

fn fields(kind: &str, fields: &HeaderMap, transcript: &mut Transcript) {
    for (name, value) in fields {
        transcript.line([kind.as_bytes(), b" ", name.as_ref(), b": ", value.as_bytes()].concat());
    }
}

fn error(error: &Error, transcript: &mut Transcript) {
    transcript.line(format!("error {} {:?}", error.code(), error.kind()));
}

/// A stream that was reset: by the peer with a code, by us with what was wrong too.
fn reset(id: StreamId, reason: Reason, by: ResetBy, transcript: &mut Transcript) {
    transcript.line(match by {
        ResetBy::Violation(error) => format!("reset {id} {reason} {:?}", error.kind()),
        ResetBy::GoAway | ResetBy::Peer => format!("reset {id} {reason}"),
    });
}

/// Answers each complete request with 200 and a body of two bytes.
#[derive(Debug)]
pub struct Server {
    connection: ServerConnection,
    told: Told,
}

impl Server {
    pub fn new(config: Config) -> Self {
        let mut connection = ServerConnection::new(config);
        let mut told = Told::default();
        told.skip(connection.output());
        Self { connection, told }
    }

    fn respond(&mut self, id: StreamId) {
        let _ = self.connection.respond(id, &Response::new(()), Bytes::from_static(b"ok"));
    }
}

impl Subject for Server {
    type Protocol = ServerConnection;

    fn protocol(&mut self) -> &mut ServerConnection {
        &mut self.connection
    }

    fn on_event(&mut self, event: ServerEvent, transcript: &mut Transcript) {
        self.told.write(self.connection.output(), transcript);
        match event {
            ServerEvent::Request(id, request, length) => {
                let (method, uri) = (request.method(), request.uri());
                transcript.line(format!("request {id} {method} {uri} {length:?}"));
                fields("header", request.headers(), transcript);
                if length == BodyLength::Empty {
                    self.respond(id);
                }
            }
            ServerEvent::Data(id, data) => {
                transcript.data(&data);
                self.connection.release_capacity(id, data.len());
            }
            ServerEvent::Trailers(_, map) => fields("trailer", &map, transcript),
            ServerEvent::End(id) => {
                transcript.line(format!("end {id}"));
                self.respond(id);
            }
            ServerEvent::Refused { id, error } => {
                let told = match error.answer() {
                    Answer::Response(_, status) => status.as_str().to_owned(),
                    _ => error.code().to_string(),
                };
                transcript.line(format!("refused {id} {told} {:?}", error.kind()));
            }
            ServerEvent::StreamReset { id, reason, by } => reset(id, reason, by, transcript),
            ServerEvent::Priority(id, priority) => {
                transcript.line(format!("priority {id} {priority}"))
            }
            ServerEvent::GoAway { last, reason, .. } => {
                transcript.line(format!("goaway {last} {reason}"))
            }
            ServerEvent::Writable(_) | ServerEvent::Settings(_) | ServerEvent::Pong { .. } => {}
        }
        self.told.skip(self.connection.output());
    }

    fn on_quiet(&mut self) -> bool {
        self.told.look(self.connection.output());
        false
    }

    fn on_error(&mut self, failure: &Error, transcript: &mut Transcript) {
        self.told.write(self.connection.output(), transcript);
        error(failure, transcript);
    }
}

/// Sends the requests of a vector: `GET /path`.
#[derive(Debug)]
pub struct Client {
    connection: ClientConnection,
}

impl Client {
    pub fn new(config: Config, requests: &[Vec<u8>]) -> Self {
        let mut connection = ClientConnection::new(config);
        for request in requests {
            let text = String::from_utf8_lossy(request).into_owned();
            let (method, path) = text.split_once(' ').unwrap_or((&text, "/"));
            let request =
                Request::builder().method(method).uri(format!("http://a{path}")).body(()).unwrap();
            let length = if method == "POST" { BodyLength::Unknown } else { BodyLength::Empty };
            connection.send_request(&request, length).unwrap();
        }
        Self { connection }
    }
}

impl Subject for Client {
    type Protocol = ClientConnection;

    fn protocol(&mut self) -> &mut ClientConnection {
        &mut self.connection
    }

    fn on_event(&mut self, event: ClientEvent, transcript: &mut Transcript) {
        match event {
            ClientEvent::Informational(id, response) => {
                transcript.line(format!("informational {id} {}", response.status().as_u16()));
            }
            ClientEvent::Response(id, response, length) => {
                transcript.line(format!("response {id} {} {length:?}", response.status().as_u16()));
                fields("header", response.headers(), transcript);
            }
            ClientEvent::Data(id, data) => {
                transcript.data(&data);
                self.connection.release_capacity(id, data.len());
            }
            ClientEvent::Trailers(_, map) => fields("trailer", &map, transcript),
            ClientEvent::End(id) => transcript.line(format!("end {id}")),
            ClientEvent::StreamReset { id, reason, by } => reset(id, reason, by, transcript),
            ClientEvent::PushPromise { id, promised, request } => {
                transcript.line(format!(
                    "promise {id} {promised} {} {}",
                    request.method(),
                    request.uri()
                ));
            }
            ClientEvent::GoAway { last, reason, .. } => {
                transcript.line(format!("goaway {last} {reason}"))
            }
            ClientEvent::Writable(_) | ClientEvent::Settings(_) | ClientEvent::Pong { .. } => {}
        }
    }

    fn on_error(&mut self, failure: &Error, transcript: &mut Transcript) {
        error(failure, transcript);
    }
}
