use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use barewire_h2::frame::{Frame, FrameHead, HEAD, PREFACE};
use barewire_testkit::Vector;
use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{RecvStream, server::Builder};
use http::{Request, Response};

use super::{Tasks, words};
use crate::wire::Wire;

/// What became of a connection: what was handed out, which streams were reset, and how it ended.
///
/// A stream is reset at most once here: a second time says the same. Which stream GOAWAY names as the last one is
/// left out, as it depends on who counts refused ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// `1 GET http://a/`.
    pub requests: Vec<String>,
    /// Bytes of the bodies that ended well.
    pub bytes: usize,
    /// `1 PROTOCOL_ERROR`.
    pub resets: Vec<String>,
    /// The code of the GOAWAY.
    pub goaway: Option<String>,
    /// The connection ended, with a GOAWAY or without.
    pub closed: bool,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for request in &self.requests {
            write!(f, "{request}, ")?;
        }
        if self.bytes > 0 {
            write!(f, "{} bytes, ", self.bytes)?;
        }
        for reset in &self.resets {
            write!(f, "reset {reset}, ")?;
        }
        if let Some(reason) = &self.goaway {
            write!(f, "goaway {reason}, ")?;
        }
        f.write_str(if self.closed { "closed" } else { "open" })
    }
}

impl Verdict {
    fn reset(&mut self, reset: String) {
        if !self.resets.contains(&reset) {
            self.resets.push(reset);
        }
    }
}

/// What a vector for servers demands of us.
pub fn ours(vector: &Vector) -> Verdict {
    let mut verdict = Verdict::default();
    let mut data = 0;
    for line in vector.expected.lines() {
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match verb {
            "request" => {
                let words: Vec<_> = rest.split(' ').take(3).collect();
                verdict.requests.push(words.join(" "));
            }
            "data" => data += barewire_testkit::transcript::unescape(rest).map_or(0, |b| b.len()),
            "end" => verdict.bytes += std::mem::take(&mut data),
            "sent" => match rest.split_once(' ') {
                Some(("reset", reset)) => verdict.reset(reset.to_owned()),
                Some(("goaway", goaway)) => {
                    verdict.goaway = goaway.split(' ').nth(1).map(str::to_owned);
                }
                _ => {}
            },
            "closed" | "error" => verdict.closed = true,
            _ => {}
        }
    }
    verdict
}

type Log = Rc<RefCell<Verdict>>;

/// What the `h2` crate's server makes of it, with the same settings.
pub fn theirs(vector: &Vector) -> Verdict {
    let (wire, tasks, log) = (Wire::default(), Tasks::default(), Log::default());
    let end = tasks.spawn(serve(settings(vector), wire.clone(), tasks.clone(), Rc::clone(&log)));
    // Frame by frame: in one piece, what is handed out depends on what stands behind it.
    let mut rest = &vector.input[..];
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(first_piece(rest));
        wire.feed(piece);
        rest = behind;
        for _ in 0..4 {
            tasks.turn();
        }
    }
    if vector.eof {
        wire.close();
    }
    for _ in 0..20 {
        tasks.turn();
    }
    let mut verdict = log.borrow().clone();
    verdict.closed = end.borrow().is_some();
    words::read(&wire.output(), |frame| match frame {
        Frame::Reset { stream, reason } => verdict.reset(format!("{stream} {reason}")),
        Frame::GoAway { reason, .. } => verdict.goaway = Some(reason.to_string()),
        _ => {}
    });
    verdict
}

/// The length of the preface, of a frame, or of what is neither.
fn first_piece(bytes: &[u8]) -> usize {
    if bytes.starts_with(PREFACE) {
        return PREFACE.len();
    }
    let head = FrameHead::parse(bytes);
    head.map_or(bytes.len(), |head| bytes.len().min(HEAD + head.length as usize))
}

fn settings(vector: &Vector) -> Builder {
    let mut builder = server::Builder::new();
    builder.max_concurrent_streams(100).initial_window_size(256 * 1024);
    builder.max_header_list_size(64 * 1024);
    for (field, value) in &vector.settings {
        let number = || value.parse().unwrap_or_else(|_| panic!("{}: {value}", vector.at));
        match field.as_str() {
            "max_concurrent_streams" => drop(builder.max_concurrent_streams(number())),
            "initial_window_size" => drop(builder.initial_window_size(number())),
            "header_table_size" => drop(builder.header_table_size(number())),
            "max_header_list_size" => drop(builder.max_header_list_size(number())),
            "enable_connect_protocol" => drop(builder.enable_connect_protocol()),
            _ => {}
        }
    }
    builder
}

async fn serve(builder: Builder, wire: Wire, tasks: Tasks, log: Log) {
    let Ok(mut connection) = builder.handshake::<_, Bytes>(wire).await else { return };
    // An error of the connection is in its GOAWAY.
    while let Some(Ok((request, respond))) = connection.accept().await {
        tasks.spawn(answer(request, respond, Rc::clone(&log)));
    }
}

/// Answers as soon as the request is complete, as our subject does.
async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>, log: Log) {
    let id = respond.stream_id().as_u32();
    let head = format!("{id} {} {}", request.method(), request.uri());
    log.borrow_mut().requests.push(head);
    let mut body = request.into_body();
    let mut bytes = 0;
    while let Some(Ok(data)) = body.data().await {
        bytes += data.len();
        let _ = body.flow_control().release_capacity(data.len());
    }
    // `data` ends with an error and with the end.
    if body.trailers().await.is_err() || !body.is_end_stream() {
        return;
    }
    log.borrow_mut().bytes += bytes;
    if let Ok(mut stream) = respond.send_response(Response::new(()), false) {
        let _ = stream.send_data(Bytes::from_static(b"ok"), true);
    }
}
