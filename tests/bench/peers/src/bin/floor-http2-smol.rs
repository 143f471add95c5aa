//! HTTP/2 bare on smol: frames are walked, HPACK is decoded, streams are kept in a map and windows are
//! counted; nothing is built from a request, and the answer is prepared.
//!
//! All that one read brought is answered in one write, and large bodies are written from where they stand. There are no limits and no timeouts, and a client must
//! offer the window that an answer needs. What is between this and a server is the server.

use std::collections::HashMap;
use std::io::{self, IoSlice, Read};
use std::net::TcpStream;
use std::time::SystemTime;

use async_io::Async;
use barewire_hpack::{Decoder, HeaderField, Prepared};
use bench_peers::{HELLO, ZEROS};
use futures_lite::AsyncWriteExt;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEAD: usize = 9;
const MAX_FRAME: usize = 16 * 1024;
const MAX_LIST: usize = 64 * 1024;

/// Shorter payloads are copied.
const WORTH_A_SLICE: usize = 1024;

/// What Linux takes in one call.
const MAX_SLICES: usize = 1024;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED_OR_PRIORITY: u8 = 0x28;

fn main() -> io::Result<()> {
    let answers: &'static Answers = Box::leak(Box::new(Answers::prepare()));
    bench_peers::accept_on_smol("floor-http2-smol", move |stream| serve(stream, answers))
}

async fn serve(mut stream: Async<TcpStream>, answers: &Answers) -> io::Result<()> {
    let mut connection = Connection::new(answers);
    let mut input = vec![0; 64 * 1024];
    let mut filled = 0;
    loop {
        stream.readable().await?;
        let received = stream.get_ref().read(&mut input[filled..])?;
        if received == 0 {
            return Ok(());
        }
        filled += received;
        let used = connection.walk(&input[..filled])?;
        input.copy_within(used..filled, 0);
        filled -= used;
        while !connection.output.is_empty() {
            let written = stream.write_vectored(&connection.output.slices()).await?;
            connection.output.advance(written);
        }
    }
}

/// A head and the body that follows it.
struct Answer {
    block: Vec<u8>,
    body: &'static [u8],
}

struct Answers {
    hello: Answer,
    block: Answer,
}

impl Answers {
    fn prepare() -> Self {
        let answer = |body: &'static [u8]| {
            let block = Prepared::new()
                .field(b":status", b"200")
                .field(b"content-type", b"text/plain")
                .field(b"content-length", body.len().to_string().as_bytes())
                .field(b"date", httpdate::fmt_http_date(SystemTime::now()).as_bytes());
            Answer { block: block.as_bytes().to_vec(), body }
        };
        Self { hello: answer(HELLO.as_bytes()), block: answer(&ZEROS) }
    }
}

/// Octets to be written, large bodies where they stand.
#[derive(Default)]
struct Output {
    octets: Vec<u8>,
    /// Bodies, and where among the octets they belong.
    bodies: Vec<(usize, &'static [u8])>,
    written: usize,
}

impl Output {
    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.head(kind, flags, stream, payload.len());
        self.octets.extend_from_slice(payload);
    }

    fn data(&mut self, flags: u8, stream: u32, payload: &'static [u8]) {
        if payload.len() < WORTH_A_SLICE {
            return self.frame(DATA, flags, stream, payload);
        }
        self.head(DATA, flags, stream, payload.len());
        self.bodies.push((self.octets.len(), payload));
    }

    fn head(&mut self, kind: u8, flags: u8, stream: u32, length: usize) {
        let [_, length @ ..] = (length as u32).to_be_bytes();
        self.octets.extend_from_slice(&length);
        self.octets.extend_from_slice(&[kind, flags]);
        self.octets.extend_from_slice(&stream.to_be_bytes());
    }

    fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// What is not written, as far as one call takes it.
    fn slices(&self) -> Vec<IoSlice<'_>> {
        let mut slices = Vec::with_capacity(2 * self.bodies.len() + 1);
        let mut from = 0;
        for (at, body) in &self.bodies {
            slices.extend([IoSlice::new(&self.octets[from..*at]), IoSlice::new(body)]);
            from = *at;
        }
        slices.push(IoSlice::new(&self.octets[from..]));
        let mut unwritten = &mut slices[..];
        IoSlice::advance_slices(&mut unwritten, self.written);
        unwritten.iter().take(MAX_SLICES).copied().collect()
    }

    fn advance(&mut self, written: usize) {
        self.written += written;
        let bodies = self.bodies.iter().map(|(_, body)| body.len()).sum::<usize>();
        if self.written == self.octets.len() + bodies {
            self.octets.clear();
            self.bodies.clear();
            self.written = 0;
        }
    }
}

/// What is kept of a stream.
struct Stream {
    window: i64,
}

struct Connection<'a> {
    answers: &'a Answers,
    greeted: bool,
    decoder: Decoder<HeaderField>,
    streams: HashMap<u32, Stream>,
    window: i64,
    initial_window: i64,
    output: Output,
}

impl<'a> Connection<'a> {
    fn new(answers: &'a Answers) -> Self {
        Self {
            answers,
            greeted: false,
            decoder: Decoder::new(4096),
            streams: HashMap::new(),
            window: 65_535,
            initial_window: 65_535,
            output: Output::default(),
        }
    }

    /// Handles the frames that are whole, and tells how much they were.
    fn walk(&mut self, input: &[u8]) -> io::Result<usize> {
        let mut rest = input;
        if !self.greeted {
            if rest.len() < PREFACE.len() {
                return Ok(0);
            }
            rest = rest.strip_prefix(PREFACE).ok_or_else(|| malformed("the preface"))?;
            self.greeted = true;
            self.output.frame(SETTINGS, 0, 0, &[]);
        }
        while let Some((head, payload)) = rest.split_first_chunk::<HEAD>() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let Some((payload, next)) = payload.split_at_checked(length) else { break };
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            self.handle(head[3], head[4], stream, payload)?;
            rest = next;
        }
        Ok(input.len() - rest.len())
    }

    fn handle(&mut self, kind: u8, flags: u8, id: u32, payload: &[u8]) -> io::Result<()> {
        match kind {
            HEADERS => {
                // What the load generator never sends.
                if flags & PADDED_OR_PRIORITY != 0
                    || flags & END_HEADERS == 0
                    || id.is_multiple_of(2)
                {
                    return Err(malformed("a header block"));
                }
                let stream = Stream { window: self.initial_window };
                if self.streams.insert(id, stream).is_some() {
                    return Err(malformed("the id of a stream"));
                }
                let answer = self.route(payload)?;
                if flags & END_STREAM != 0 {
                    self.answer(id, answer)?;
                }
            }
            SETTINGS if flags & ACK == 0 => {
                for setting in payload.as_chunks::<6>().0 {
                    let value =
                        u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]);
                    if setting[..2] == [0, 4] {
                        self.initial_window = value.into();
                    }
                }
                self.output.frame(SETTINGS, ACK, 0, &[]);
            }
            PING if flags & ACK == 0 => self.output.frame(PING, ACK, 0, payload),
            WINDOW_UPDATE => {
                let increment = payload.try_into().map_err(|_| malformed("WINDOW_UPDATE"))?;
                let increment = i64::from(u32::from_be_bytes(increment));
                match self.streams.get_mut(&id) {
                    Some(stream) => stream.window += increment,
                    None if id == 0 => self.window += increment,
                    None => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn route(&mut self, block: &[u8]) -> io::Result<&'a Answer> {
        let mut answer = None;
        let answers = self.answers;
        let list = self.decoder.decode(block, MAX_LIST, |field| {
            if *field.name == *b":path" {
                answer = match &*field.value {
                    b"/" => Some(&answers.hello),
                    b"/64k" => Some(&answers.block),
                    _ => None,
                };
            }
        });
        list.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        answer.ok_or_else(|| malformed("the path"))
    }

    fn answer(&mut self, id: u32, answer: &Answer) -> io::Result<()> {
        let stream = self.streams.remove(&id).ok_or_else(|| malformed("the id of a stream"))?;
        let length = answer.body.len() as i64;
        self.window -= length;
        if self.window < 0 || stream.window < length {
            return Err(malformed("the window"));
        }
        self.output.frame(HEADERS, END_HEADERS, id, &answer.block);
        let mut rest = answer.body;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(MAX_FRAME));
            self.output.data(if later.is_empty() { END_STREAM } else { 0 }, id, now);
            rest = later;
        }
        Ok(())
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} is not what this floor takes"))
}
