//! The floor: a blocking socket for each request under way, prepared bytes, httparse for the head.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::TcpStream;

use bench_turns::{Turns, check, failed};

fn main() -> io::Result<()> {
    thread_local! {
        static CONNECTION: RefCell<Option<TcpStream>> = const { RefCell::new(None) };
    }
    Turns::from_args()?.block(|url| {
        let authority = url.trim_start_matches("http://").trim_end_matches('/');
        CONNECTION.with_borrow_mut(|connection| {
            let stream = match connection {
                Some(stream) => stream,
                None => {
                    let stream = TcpStream::connect(authority)?;
                    stream.set_nodelay(true)?;
                    connection.insert(stream)
                }
            };
            ask(stream, authority)
        })
    })
}

fn ask(stream: &mut TcpStream, authority: &str) -> io::Result<()> {
    let mut buffer = [0; 4096];
    let mut rest = &mut buffer[..];
    write!(rest, "GET / HTTP/1.1\r\nhost: {authority}\r\naccept: */*\r\n\r\n")?;
    let left = rest.len();
    let length = buffer.len() - left;
    stream.write_all(&buffer[..length])?;
    let mut received = 0;
    loop {
        received += match stream.read(&mut buffer[received..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => n,
        };
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(&buffer[..received]).map_err(failed)?;
        let httparse::Status::Complete(head) = parsed else { continue };
        let length = response.headers.iter().find(|header| header.name == "content-length");
        let length = length.and_then(|header| str::from_utf8(header.value).ok()?.parse().ok());
        let end = head + length.unwrap_or(0);
        if received >= end {
            return check(response.code.unwrap_or(0), &buffer[head..end]);
        }
    }
}
