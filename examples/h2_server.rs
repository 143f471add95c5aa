//! An HTTP/2 server on a blocking socket: `barewire-h2` knows the protocol, the loop below moves its bytes and its
//! time. Serves one connection, with `--stay` any number, one after the other: of the example `h2_client`, of
//! `nghttp -v URL` or `curl --http2-prior-knowledge --data hello URL`.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use barewire::bytes::Buf;
use barewire::h2::{BodyLength, Config, ServerConnection, ServerEvent, StreamId};
use barewire::http::{Request, Response};
use barewire::proto::Protocol;

type Requests = HashMap<StreamId, (Request<()>, usize)>; // with how much of each body came

fn react(http: &mut ServerConnection, requests: &mut Requests, event: ServerEvent) {
    let complete = match event {
        ServerEvent::Request(id, request, length) => {
            requests.insert(id, (request, 0));
            (length == BodyLength::Empty).then_some(id)
        }
        ServerEvent::Data(id, data) => {
            requests.entry(id).and_modify(|(_, received)| *received += data.len());
            // The client may send so much more: without this it would stop after a window's worth.
            http.release_capacity(id, data.len());
            None
        }
        ServerEvent::End(id) => Some(id),
        ServerEvent::StreamReset { id, .. } => requests.remove(&id).and(None),
        _ => None,
    };
    if let Some((id, (request, received))) = complete.and_then(|id| requests.remove_entry(&id)) {
        let text = format!("{} {}: {received} bytes\n", request.method(), request.uri().path());
        // It fails if the stream was reset meanwhile, and then nobody wants the answer.
        let _ = http.respond(id, &Response::new(()), text.into());
    }
}

fn drive(mut stream: TcpStream) -> io::Result<()> {
    let (mut http, mut requests) = (ServerConnection::new(Config::default()), Requests::new());
    loop {
        http.handle_timeout(Instant::now());
        // An error is final; the GOAWAY that names it is in the output already.
        while let Ok(Some(event)) = http.poll_event() {
            react(&mut http, &mut requests, event);
        }
        // The answers of all streams leave together. What waited for room follows: hence once more from above.
        if http.output().has_remaining() {
            let n = stream.write(http.output().chunk())?;
            http.output().advance(n);
            continue;
        }
        if http.output().is_finished() {
            let _ = stream.shutdown(Shutdown::Write); // the peer may be gone already
        }
        if !http.wants_read() {
            return Ok(()); // nothing to write, nothing to read: it is over
        }
        let wait = http.poll_timeout().map(|at| at.saturating_duration_since(Instant::now()));
        stream.set_read_timeout(wait.map(|wait| wait.max(Duration::from_millis(1))))?;
        match stream.read(http.input().spare(16_384)) {
            Ok(0) => http.input().close(),
            Ok(n) => http.input().commit(n),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on http://{}", listener.local_addr()?);
    let stay = std::env::args().any(|argument| argument == "--stay");
    for stream in listener.incoming().take(if stay { usize::MAX } else { 1 }) {
        drive(stream?).unwrap_or_else(|error| println!("{error}"));
    }
    Ok(())
}
