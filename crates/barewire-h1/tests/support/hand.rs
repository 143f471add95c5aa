//! Connections driven by hand, for tests where the order of commands matters.

use barewire_h1::{BodyLength, ClientConnection, ClientEvent, ServerConnection, ServerEvent};
use barewire_proto::{Buf, Protocol};
use http::{Response, StatusCode};

/// Feeds bytes that have to fit.
pub fn feed(connection: &mut impl Protocol, bytes: impl AsRef<[u8]>) {
    let mut bytes = bytes.as_ref();
    while !bytes.is_empty() {
        let spare = connection.input().spare(bytes.len());
        let n = spare.len().min(bytes.len());
        assert!(n > 0, "the connection has no room");
        spare[..n].copy_from_slice(&bytes[..n]);
        connection.input().commit(n);
        bytes = &bytes[n..];
    }
}

/// All events, and the error, as short words: `GET /`, `200`, `5 bytes`, `end`, `!BadHost`.
pub fn events<P: Protocol<Error = barewire_h1::Error>>(connection: &mut P) -> Vec<String>
where
    P::Event: Word,
{
    let mut words = Vec::new();
    loop {
        match connection.poll_event() {
            Ok(Some(event)) => words.push(event.word()),
            Ok(None) => return words,
            Err(error) => {
                words.push(format!("!{:?}", error.kind()));
                return words;
            }
        }
    }
}

/// Takes everything that waits to be sent.
pub fn output(connection: &mut impl Protocol) -> String {
    let mut bytes = Vec::new();
    let output = connection.output();
    while output.has_remaining() {
        bytes.extend_from_slice(output.chunk());
        output.advance(output.chunk().len());
    }
    String::from_utf8(bytes).expect("the tests send text")
}

/// An event in a word.
pub trait Word {
    fn word(&self) -> String;
}

impl Word for ServerEvent {
    fn word(&self) -> String {
        match self {
            Self::Request(request, length) => {
                let more = if *length == BodyLength::Empty { "" } else { " +" };
                format!("{} {}{more}", request.method(), request.uri())
            }
            Self::Data(data) => format!("{} bytes", data.len()),
            Self::Trailers(_) => "trailers".into(),
            Self::End => "end".into(),
            Self::Writable => "writable".into(),
        }
    }
}

impl Word for ClientEvent {
    fn word(&self) -> String {
        match self {
            Self::Informational(response) => format!("({})", response.status().as_u16()),
            Self::Response(response, length) => {
                let more = if *length == BodyLength::Empty { "" } else { " +" };
                format!("{}{more}", response.status().as_u16())
            }
            Self::Data(data) => format!("{} bytes", data.len()),
            Self::Trailers(_) => "trailers".into(),
            Self::End => "end".into(),
            Self::Writable => "writable".into(),
        }
    }
}

/// A server that was just accepted, and a client that was just connected.
pub fn server() -> ServerConnection {
    ServerConnection::new(barewire_h1::Config::default())
}

pub fn client() -> ClientConnection {
    ClientConnection::new(barewire_h1::Config::default())
}

/// A server that has received this.
pub fn asked(request: &str) -> ServerConnection {
    let mut server = server();
    feed(&mut server, request);
    assert!(!events(&mut server).is_empty(), "there was no request");
    server
}

/// A response of this status, without fields.
pub fn status(code: u16) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(code).expect("a status");
    response
}
