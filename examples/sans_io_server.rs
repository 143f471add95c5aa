//! An HTTP/1.1 server without a runtime and without a framework: `barewire-h1` knows the protocol and
//! touches no socket; the loop below moves its bytes and its time.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use barewire::bytes::{Buf, Bytes};
use barewire::h1::{BodyLength, Config, ServerConnection, ServerEvent};
use barewire::http::Response;
use barewire::proto::Protocol;

/// Drives one connection to its end, and answers each request with the length of its body.
fn drive(mut stream: TcpStream) -> io::Result<()> {
    let mut http = ServerConnection::new(Config::default());
    let (mut request, mut received) = (None, 0);
    while !http.is_closed() {
        http.handle_timeout(Instant::now());
        // An error is final, and its answer (400, 431, ...) is in the output already.
        while let Ok(Some(event)) = http.poll_event() {
            let complete = match event {
                ServerEvent::Request(head, length) => {
                    request = Some(head);
                    length == BodyLength::Empty
                }
                ServerEvent::Data(data) => {
                    received += data.len();
                    false
                }
                ServerEvent::End => true,
                ServerEvent::Trailers(_) | ServerEvent::Writable => false,
            };
            if let Some(head) = request.take_if(|_| complete) {
                let received = std::mem::take(&mut received);
                let text = format!("{} {}: {received} bytes\n", head.method(), head.uri());
                http.respond(&Response::new(()), Bytes::from(text)).map_err(io::Error::other)?;
            }
        }
        while http.output().has_remaining() {
            let n = stream.write(http.output().chunk())?;
            http.output().advance(n);
        }
        if http.output().is_finished() {
            stream.shutdown(Shutdown::Write)?;
        }
        let wait = http.poll_timeout().map(|at| at.saturating_duration_since(Instant::now()));
        stream.set_read_timeout(wait.map(|wait| wait.max(Duration::from_millis(1))))?;
        if http.wants_read() {
            match stream.read(http.input().spare(4096)) {
                Ok(0) => http.input().close(),
                Ok(n) => http.input().commit(n),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    let server = thread::spawn(move || drive(listener.accept()?.0));

    let mut client = TcpStream::connect(addr)?;
    client.write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")?;
    client.write_all(b"POST /upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n")?;
    client.write_all(b"Content-Length: 5\r\n\r\nhello")?;
    io::copy(&mut client, &mut io::stdout())?;
    server.join().expect("no panic")
}
