//! Two applications that send each other what a test made up, and remember what arrived.

use std::cell::RefCell;
use std::collections::VecDeque;

use barewire_h1::{
    BodyLength, ClientConnection, ClientEvent, Error, ErrorKind, ServerConnection, ServerEvent,
    UsageError,
};
use barewire_testkit::Pair;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri, header};

pub type Fields = Vec<(HeaderName, HeaderValue)>;

#[derive(Clone, Debug)]
pub enum Body {
    Empty,
    Known(Vec<Bytes>),
    Chunked(Vec<Bytes>, Fields),
}

#[derive(Clone, Debug)]
pub struct Message {
    pub fields: Fields,
    pub body: Body,
}

/// A request, and what it is answered with.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub method: Method,
    pub target: Uri,
    pub request: Message,
    /// How many `103` come before the response.
    pub hints: usize,
    pub status: StatusCode,
    pub response: Message,
}

/// A message as it arrived.
#[derive(Clone, Debug, Default, PartialEq)]
struct Arrived {
    line: String,
    fields: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    trailers: Vec<(String, Vec<u8>)>,
    complete: bool,
}

#[derive(Debug)]
pub struct Apps {
    exchanges: Vec<Exchange>,
    client: RefCell<Side>,
    server: RefCell<Side>,
}

#[derive(Debug, Default)]
struct Side {
    next: usize,
    parts: VecDeque<Bytes>,
    trailers: Option<Fields>,
    arrived: Vec<Arrived>,
    hints: usize,
}

/// The verbs that both roles have.
trait Sends {
    fn data(&mut self, data: &mut Bytes, end: bool) -> Result<(), UsageError>;
    fn trailers(&mut self, trailers: &HeaderMap) -> Result<(), UsageError>;
    fn is_sending(&self) -> bool;
}

macro_rules! sends {
    ($connection:ty) => {
        impl Sends for $connection {
            fn data(&mut self, data: &mut Bytes, end: bool) -> Result<(), UsageError> {
                self.send_data(data, end)
            }
            fn trailers(&mut self, trailers: &HeaderMap) -> Result<(), UsageError> {
                self.send_trailers(trailers)
            }
            fn is_sending(&self) -> bool {
                self.is_sending_body()
            }
        }
    };
}

sends!(ClientConnection);
sends!(ServerConnection);

impl Side {
    fn begin(&mut self, body: &Body) {
        (self.parts, self.trailers) = match body {
            Body::Empty => (VecDeque::new(), None),
            Body::Known(parts) => (parts.clone().into(), None),
            Body::Chunked(parts, trailers) => (parts.clone().into(), Some(trailers.clone())),
        };
    }

    /// Sends what the connection takes; the rest follows when it says that it is writable.
    fn go_on(&mut self, connection: &mut impl Sends) {
        while connection.is_sending() {
            let Some(part) = self.parts.front_mut() else {
                match self.trailers.take() {
                    Some(trailers) if !trailers.is_empty() => {
                        let trailers = map(&trailers);
                        connection.trailers(&trailers).expect("the body is chunked");
                    }
                    _ => connection.data(&mut Bytes::new(), true).expect("the body is open"),
                }
                return;
            };
            let empty = part.is_empty();
            connection.data(part, false).expect("the body has its length");
            if !empty && !part.is_empty() {
                return;
            }
            self.parts.pop_front();
        }
    }

    fn last(&mut self) -> &mut Arrived {
        self.arrived.last_mut().expect("a head came first")
    }
}

fn map(fields: &[(HeaderName, HeaderValue)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(name, value.clone());
    }
    map
}

fn length(body: &Body) -> BodyLength {
    match body {
        Body::Empty => BodyLength::Empty,
        Body::Known(parts) => BodyLength::Known(parts.iter().map(|part| part.len() as u64).sum()),
        Body::Chunked(..) => BodyLength::Unknown,
    }
}

/// What the application said; the layer's own fields are left out, and white space around values does not
/// travel.
fn plain(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let ours = [header::HOST, header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
    let theirs = headers.iter().filter(|(name, _)| !ours.contains(name));
    theirs
        .map(|(name, value)| {
            let blank = |b: &u8| matches!(b, b' ' | b'\t');
            let value = value.as_bytes();
            let from = value.iter().position(|b| !blank(b)).unwrap_or(value.len());
            let to = value.iter().rposition(|b| !blank(b)).map_or(from, |at| at + 1);
            (name.to_string(), value[from..to].to_vec())
        })
        .collect()
}

impl Apps {
    pub fn new(exchanges: Vec<Exchange>) -> Self {
        Self { exchanges, client: RefCell::default(), server: RefCell::default() }
    }

    /// Sends everything over links that lose nothing.
    pub fn run(&self, pair: &mut Pair<ClientConnection, ServerConnection>) {
        self.send_requests(&mut self.client.borrow_mut(), &mut pair.client);
        pair.settle(
            |connection, event| {
                let event = event.expect("the server keeps to the protocol");
                self.on_client(connection, event);
            },
            |connection, event| {
                let event = event.expect("the client keeps to the protocol");
                self.on_server(connection, event);
            },
        );
    }

    /// Sends what gets through links that are cut, and lets the time limits pass.
    pub fn run_over_bad_links(&self, pair: &mut Pair<ClientConnection, ServerConnection>) {
        self.send_requests(&mut self.client.borrow_mut(), &mut pair.client);
        for _ in 0..20 {
            pair.settle(
                |connection, event| match event {
                    Ok(event) => self.on_client(connection, event),
                    Err(error) => comes_of_a_cut(error),
                },
                |connection, event| match event {
                    Ok(event) => self.on_server(connection, event),
                    Err(error) => comes_of_a_cut(error),
                },
            );
            if !pair.advance_to_timeout() {
                break;
            }
        }
    }

    fn send_requests(&self, side: &mut Side, connection: &mut ClientConnection) {
        while let Some(exchange) = self.exchanges.get(side.next) {
            let mut request = Request::new(());
            *request.method_mut() = exchange.method.clone();
            *request.uri_mut() = exchange.target.clone();
            *request.headers_mut() = map(&exchange.request.fields);
            request.headers_mut().insert(header::HOST, HeaderValue::from_static("a.example"));
            match connection.send_request(&request, length(&exchange.request.body)) {
                Ok(()) => {}
                Err(UsageError::TooManyRequests | UsageError::MessageUnfinished) => return,
                // Only after an error, or a 400 to a request that was cut off.
                Err(UsageError::Closed) => return,
                Err(error) => panic!("{error}"),
            }
            side.next += 1;
            side.begin(&exchange.request.body);
            side.go_on(connection);
        }
    }

    fn on_client(&self, connection: &mut ClientConnection, event: ClientEvent) {
        let side = &mut *self.client.borrow_mut();
        match event {
            ClientEvent::Informational(response) => {
                assert_eq!(response.headers()["link"], "</a>");
                side.hints += 1;
            }
            ClientEvent::Response(response, length) => side.arrived.push(Arrived {
                line: response.status().as_str().to_owned(),
                fields: plain(response.headers()),
                complete: length == BodyLength::Empty,
                ..Arrived::default()
            }),
            ClientEvent::Data(data) => side.last().body.extend_from_slice(&data),
            ClientEvent::Trailers(trailers) => side.last().trailers = plain(&trailers),
            ClientEvent::End => side.last().complete = true,
            ClientEvent::Writable => {}
        }
        side.go_on(connection);
        self.send_requests(side, connection);
    }

    fn on_server(&self, connection: &mut ServerConnection, event: ServerEvent) {
        let side = &mut *self.server.borrow_mut();
        match event {
            ServerEvent::Request(request, length) => side.arrived.push(Arrived {
                line: format!("{} {}", request.method(), request.uri()),
                fields: plain(request.headers()),
                complete: length == BodyLength::Empty,
                ..Arrived::default()
            }),
            ServerEvent::Data(data) => side.last().body.extend_from_slice(&data),
            ServerEvent::Trailers(trailers) => side.last().trailers = plain(&trailers),
            ServerEvent::End => side.last().complete = true,
            ServerEvent::Writable => {}
        }
        side.go_on(connection);
        while !connection.is_sending_body()
            && side.arrived.get(side.next).is_some_and(|a| a.complete)
        {
            self.respond(side, connection);
        }
    }

    fn respond(&self, side: &mut Side, connection: &mut ServerConnection) {
        let exchange = &self.exchanges[side.next];
        side.next += 1;
        for _ in 0..exchange.hints {
            let mut hint = Response::new(());
            *hint.status_mut() = StatusCode::EARLY_HINTS;
            hint.headers_mut().insert(header::LINK, HeaderValue::from_static("</a>"));
            connection.send_informational(&hint).expect("the request is unanswered");
        }
        let mut response = Response::new(());
        *response.status_mut() = exchange.status;
        *response.headers_mut() = map(&exchange.response.fields);
        let mut body = length(&exchange.response.body);
        if exchange.status == StatusCode::NO_CONTENT {
            body = BodyLength::Empty;
        }
        connection.send_response(&response, body).expect("the request is unanswered");
        side.begin(&exchange.response.body);
        side.go_on(connection);
    }

    /// Demands that everything arrived as it was sent.
    pub fn check(&self) {
        let (client, server) = (self.client.borrow(), self.server.borrow());
        assert_eq!(server.arrived, self.requests());
        assert_eq!(client.arrived, self.responses());
        assert_eq!(client.hints, self.exchanges.iter().map(|exchange| exchange.hints).sum());
    }

    /// Demands that what arrived is the beginning of what was sent.
    pub fn check_beginning(&self) {
        let (client, server) = (self.client.borrow(), self.server.borrow());
        for (arrived, sent) in server.arrived.iter().zip(self.requests()) {
            arrived.begins(&sent);
        }
        for (arrived, sent) in client.arrived.iter().zip(self.responses()) {
            // What a server says to a request that was cut off.
            if !matches!(&arrived.line[..], "400" | "408") {
                arrived.begins(&sent);
            }
        }
        assert!(client.arrived.len() <= self.exchanges.len());
        assert!(server.arrived.len() <= self.exchanges.len());
    }

    fn requests(&self) -> Vec<Arrived> {
        let arrive = |exchange: &Exchange| {
            let line = format!("{} {}", exchange.method, exchange.target);
            Arrived::of(line, &exchange.request, true)
        };
        self.exchanges.iter().map(arrive).collect()
    }

    fn responses(&self) -> Vec<Arrived> {
        let arrive = |exchange: &Exchange| {
            let bodiless = matches!(exchange.status.as_u16(), 204 | 304);
            let body = exchange.method != Method::HEAD && !bodiless;
            Arrived::of(exchange.status.as_str().to_owned(), &exchange.response, body)
        };
        self.exchanges.iter().map(arrive).collect()
    }
}

impl Arrived {
    fn of(line: String, message: &Message, has_body: bool) -> Self {
        let (parts, trailers) = match &message.body {
            Body::Known(parts) if has_body => (&parts[..], &[][..]),
            Body::Chunked(parts, trailers) if has_body => (&parts[..], &trailers[..]),
            _ => (&[][..], &[][..]),
        };
        Self {
            line,
            fields: plain(&map(&message.fields)),
            body: parts.concat(),
            trailers: plain(&map(trailers)),
            complete: true,
        }
    }

    fn begins(&self, sent: &Self) {
        if self.complete {
            assert_eq!(self, sent);
        } else {
            assert_eq!((&self.line, &self.fields), (&sent.line, &sent.fields));
            assert!(sent.body.starts_with(&self.body), "not the body that was sent");
        }
    }
}

fn comes_of_a_cut(error: Error) {
    let expected = [
        ErrorKind::BodyTimeout,
        ErrorKind::HeadTimeout,
        ErrorKind::UnexpectedEnd,
        ErrorKind::WriteTimeout,
    ];
    assert!(expected.contains(&error.kind()), "{error} does not come of a cut");
}
