//! The seventh rule: what an exchange allocates once the buffers are there. A binary of its own, since the
//! count is of the whole process.

use barewire_h1::{
    BodyLength, ClientConnection, ClientEvent, Config, ServerConnection, ServerEvent,
};
use barewire_testkit::allocations::{INSTRUMENTED_SYSTEM, StatsAlloc, System};
use barewire_testkit::contract::{Steady, steady_state};
use bytes::Bytes;
use http::{Request, Response};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const FIELDS: &str = "Host: example.com\r\nUser-Agent: x\r\nAccept: */*\r\nCookie: a=b\r\n";

#[test]
fn rule_7_steady_state() {
    let get = format!("GET /a?b=c HTTP/1.1\r\n{FIELDS}\r\n");
    let post =
        format!("POST / HTTP/1.1\r\n{FIELDS}Content-Length: 1000\r\n\r\n{}", "x".repeat(1000));
    let chunk = format!("3e8\r\n{}\r\n", "x".repeat(1000));
    let chunked = format!(
        "POST / HTTP/1.1\r\n{FIELDS}Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
        chunk.repeat(8)
    );
    let pipelined = get.repeat(16);
    let ok = "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 1000\r\n\r\n";
    let answer = format!("{ok}{}", "x".repeat(1000));

    let mut found = Vec::new();
    for (name, exchange, events) in [
        ("get", &get, 1),
        ("post", &post, 2),
        ("chunked", &chunked, 9),
        ("pipelined", &pipelined, 16),
    ] {
        found.push((name, server(exchange.as_bytes()), events));
    }
    found.push(("answer", client(answer.as_bytes()), 2));
    for (name, Steady { held, allocations }, events) in found {
        assert!(held <= 64 * 1024, "{name}: {held} bytes are held between two exchanges");
        // A head is the block that its fields share, and the map; a slice of the buffer is its handle, and
        // now and then another buffer while the last one is still pinned.
        assert!(allocations <= 2 * events, "{name}: {allocations} allocations for {events} events");
    }
}

fn server(exchange: &[u8]) -> Steady {
    let mut server = ServerConnection::new(Config::default());
    let response = Response::new(());
    let body = Bytes::from_static(b"Hello, World!");
    let respond = |server: &mut ServerConnection| {
        server.respond(&response, body.clone()).expect("there is a request");
    };
    steady_state(
        &mut server,
        exchange,
        |_| {},
        |server, event| match event {
            ServerEvent::Request(_, BodyLength::Empty) | ServerEvent::End => respond(server),
            _ => {}
        },
    )
}

fn client(answer: &[u8]) -> Steady {
    let mut client = ClientConnection::new(Config::default());
    let request = Request::get("http://example.com/a").body(()).expect("a request");
    let begin = |client: &mut ClientConnection| {
        client.send_request(&request, BodyLength::Empty).expect("the connection is idle");
    };
    steady_state(&mut client, answer, begin, |_, event: ClientEvent| drop(event))
}
