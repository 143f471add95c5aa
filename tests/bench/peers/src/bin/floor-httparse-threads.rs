//! httparse bare on blocking sockets, a thread for each: heads are parsed, nothing is built from them, the
//! answer is prepared.
//!
//! What is between this and the epoll floor is the system's switching between threads, and the parser;
//! what is between this and a server is the server.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;

use bench_peers::Answered;

fn main() -> io::Result<()> {
    let answer: &'static [u8] = bench_peers::prepared_answer().leak();
    for stream in bench_peers::listen()?.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            if let Err(error) = serve(stream, answer) {
                eprintln!("floor-httparse-threads: {error}");
            }
        });
    }
    Ok(())
}

fn serve(mut stream: TcpStream, answer: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut answered = Answered::new(answer);
    loop {
        let received = stream.read(answered.room())?;
        if received == 0 {
            return Ok(());
        }
        stream.write_all(answered.answer(received)?)?;
    }
}
