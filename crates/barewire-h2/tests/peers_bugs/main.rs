//! What other implementations got wrong and fixed, as behaviours that hold here.

mod ends;
mod heads;
mod pushes;
#[path = "../support/mod.rs"]
mod support;
mod windows;

use barewire_h2::frame::Frame;
use barewire_h2::{BodyLength, ClientConnection, Config, ServerConnection};
use barewire_proto::{Buf, Protocol};
use bytes::Bytes;
use http::Request;
use support::wire::{self, preface, raw};

const GET: &str = ":method=GET|:scheme=http|:path=/|:authority=a";
const POST: &str = ":method=POST|:scheme=http|:path=/|:authority=a";
const CANCEL: [u8; 4] = [0, 0, 0, 8];

fn get() -> Request<()> {
    Request::get("http://a/").body(()).unwrap()
}

fn feed<P: Protocol>(connection: &mut P, bytes: &[u8]) -> Vec<P::Event>
where
    P::Error: std::fmt::Debug,
{
    let mut events = Vec::new();
    let mut rest = Bytes::copy_from_slice(bytes);
    loop {
        let before = rest.len();
        rest = connection.input().push(rest);
        while let Some(event) = connection.poll_event().unwrap() {
            events.push(event);
        }
        if rest.is_empty() {
            return events;
        }
        assert!(rest.len() < before, "nothing is read any more");
    }
}

fn output<P: Protocol>(connection: &mut P) -> Bytes {
    let n = connection.output().remaining();
    connection.output().copy_to_bytes(n)
}

fn server(config: Config) -> ServerConnection {
    let mut server = ServerConnection::new(config);
    feed(&mut server, &preface());
    output(&mut server);
    server
}

/// A client whose requests are known to a server that the test plays.
fn client(config: Config, requests: usize, length: BodyLength) -> ClientConnection {
    let mut client = ClientConnection::new(config);
    feed(&mut client, &[raw(4, 0, 0, &[]), raw(4, 1, 0, &[])].concat());
    for _ in 0..requests {
        client.send_request(&get(), length).unwrap();
    }
    output(&mut client);
    client
}

/// Bytes of body and ends of streams in an output, for one stream.
fn sent(bytes: &[u8], id: u32) -> (usize, bool) {
    let (mut length, mut ended) = (0, false);
    wire::read(bytes, |frame| {
        if let Frame::Data { stream, data, end_stream, .. } = frame {
            if stream.value() == id {
                length += data.len();
                ended |= end_stream;
            }
        }
    });
    (length, ended)
}

/// What the peer was given back of the connection's window.
fn given_back(bytes: &[u8]) -> u32 {
    let mut sum = 0;
    wire::read(bytes, |frame| {
        if let Frame::WindowUpdate { stream, increment } = frame {
            if stream.is_connection() {
                sum += increment;
            }
        }
    });
    sum
}
