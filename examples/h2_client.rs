//! An HTTP/2 client on a blocking socket: three requests at once over one connection, one of them with a body that
//! is larger than the server's window. `h2_client 127.0.0.1:PORT`, with the address that `h2_server` prints.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use barewire::bytes::{Buf, Bytes};
use barewire::h2::{BodyLength, ClientConnection, ClientEvent, Config, Reason, StreamId};
use barewire::http::Request;
use barewire::proto::Protocol;

fn main() -> Result<(), Box<dyn Error>> {
    let addr = std::env::args().nth(1).ok_or("usage: h2_client ADDRESS:PORT")?;
    let mut stream = TcpStream::connect(&addr)?;
    let mut http = ClientConnection::new(Config::default());

    // Requests may be sent before the server said anything. Nothing has left yet: all is in the output.
    for path in ["one", "two"] {
        let request = Request::get(format!("http://{addr}/{path}")).body(())?;
        http.send_request(&request, BodyLength::Empty)?;
    }
    let mut rest = Bytes::from(vec![b'x'; 3_000_000]);
    let request = Request::post(format!("http://{addr}/upload")).body(())?;
    let upload = http.send_request(&request, BodyLength::Known(rest.len() as u64))?;

    let mut answers: BTreeMap<StreamId, Vec<u8>> = BTreeMap::new();
    while !http.is_closed() {
        http.handle_timeout(Instant::now());
        // `send_data` takes what the window and the buffers allow, and leaves the rest to be sent later.
        if !rest.is_empty() && http.is_open(upload) {
            http.send_data(upload, &mut rest, true)?;
        }
        while let Some(event) = http.poll_event()? {
            match event {
                ClientEvent::Response(id, response, _) => {
                    println!("stream {id}: {}", response.status());
                }
                ClientEvent::Data(id, data) => {
                    answers.entry(id).or_default().extend_from_slice(&data);
                    http.release_capacity(id, data.len());
                }
                ClientEvent::End(id) => {
                    let answer = answers.remove(&id).unwrap_or_default();
                    print!("stream {id}: {}", String::from_utf8_lossy(&answer));
                    if http.is_idle() {
                        // Streams that are still open would be finished before the end.
                        http.go_away(Reason::NO_ERROR);
                    }
                }
                ClientEvent::StreamReset { id, reason, .. } => println!("stream {id}: {reason}"),
                _ => {}
            }
        }
        // Writing makes room, and with room there may be more to say before reading: windows, body data.
        if http.output().has_remaining() {
            let n = stream.write(http.output().chunk())?;
            http.output().advance(n);
            continue;
        }
        if http.output().is_finished() {
            let _ = stream.shutdown(Shutdown::Write); // the peer may be gone already
        }
        if !http.wants_read() {
            break;
        }
        let wait = http.poll_timeout().map(|at| at.saturating_duration_since(Instant::now()));
        stream.set_read_timeout(wait.map(|wait| wait.max(Duration::from_millis(1))))?;
        match stream.read(http.input().spare(16_384)) {
            Ok(0) => http.input().close(),
            Ok(n) => http.input().commit(n),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
