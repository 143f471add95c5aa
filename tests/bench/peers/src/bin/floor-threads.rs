//! The floor of the transfers: blocking sockets, a large buffer, nothing between them but the head.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;

const BUFFER: usize = 256 * 1024;
const CONTENT_LENGTH: &str = "content-length: ";

fn main() -> io::Result<()> {
    for stream in bench_peers::listen()?.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            if let Err(error) = serve(stream) {
                eprintln!("floor-threads: {error}");
            }
        });
    }
    Ok(())
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER];
    loop {
        let mut filled = 0;
        let end = loop {
            let received = stream.read(&mut buffer[filled..])?;
            if received == 0 {
                return Ok(());
            }
            filled += received;
            if let Some(end) = memchr::memmem::find(&buffer[..filled], b"\r\n\r\n") {
                break end + 4;
            }
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        match field(&head, "get /download/") {
            Some(length) => download(&mut stream, length, &mut buffer)?,
            None => {
                let length = field(&head, CONTENT_LENGTH).unwrap_or(0);
                upload(&mut stream, length, (filled - end) as u64, &mut buffer)?;
            }
        }
    }
}

fn field(head: &str, name: &str) -> Option<u64> {
    let (_, rest) = head.split_once(name)?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

fn download(stream: &mut TcpStream, length: u64, buffer: &mut [u8]) -> io::Result<()> {
    write!(stream, "HTTP/1.1 200 OK\r\n{CONTENT_LENGTH}{length}\r\n\r\n")?;
    buffer.fill(0);
    let mut remaining = length;
    while remaining > 0 {
        let block = remaining.min(buffer.len() as u64);
        stream.write_all(&buffer[..block as usize])?;
        remaining -= block;
    }
    Ok(())
}

fn upload(
    stream: &mut TcpStream,
    length: u64,
    mut received: u64,
    buffer: &mut [u8],
) -> io::Result<()> {
    while received < length {
        match stream.read(buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => received += more as u64,
        }
    }
    let body = received.to_string();
    write!(stream, "HTTP/1.1 200 OK\r\n{CONTENT_LENGTH}{}\r\n\r\n{body}", body.len())
}
