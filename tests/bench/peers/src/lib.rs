//! What every server under test shares: where it listens, how it says so, and what it answers.
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | `Hello, World!`, `text/plain`, with a `date` |
//! | `GET /64k` | 65,536 zero bytes, `text/plain`, in one piece |
//! | `GET /download/N` | N zero bytes with their `content-length` |
//! | `POST /upload` | the number of body bytes received, in decimal |
//!
//! The second is only asked for over HTTP/2; the last two are only answered by the servers that the tables
//! of transfers name.

mod answered;
pub mod axum_server;
pub mod hyper_service;
mod on_smol;

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::SystemTime;

pub use answered::Answered;
pub use on_smol::accept_on_smol;

/// The body of the plaintext answer.
pub const HELLO: &str = "Hello, World!";

/// The unit in which download bodies are produced, the same for every server.
pub const BLOCK: usize = 64 * 1024;

/// What those bodies, and the answer to `/64k`, are made of.
pub static ZEROS: [u8; BLOCK] = [0; BLOCK];

/// Prints the one line that tells the runner where to connect.
pub fn announce(address: SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on http://{address}")?;
    stdout.flush()
}

/// A listener on a loopback port that the system picks, announced.
pub fn listen() -> io::Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    announce(listener.local_addr()?)?;
    Ok(listener)
}

/// The plaintext answer as bytes, for the servers that answer without building one.
pub fn prepared_answer() -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\ndate: {}\r\n\r\n{HELLO}",
        HELLO.len(),
        httpdate::fmt_http_date(SystemTime::now()),
    )
    .into_bytes()
}
