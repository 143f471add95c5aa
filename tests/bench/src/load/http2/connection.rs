use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::Request;
use super::wire::{
    ACK, DATA, DEFAULT_WINDOW, ENABLE_PUSH, END_HEADERS, END_STREAM, Frame, GO_AWAY,
    HEADER_TABLE_SIZE, HEADERS, INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, PADDED, PING, PREFACE,
    RESET, SETTINGS, WINDOW_UPDATE, frame, settings_in,
};
use crate::load::LoadError;
use crate::load::connection::dial;

/// What h2load offers, so that no server waits for a window.
const WINDOW: u32 = (1 << 30) - 1;

/// `:status: 200` of the static table, which every server answers with.
const STATUS_200: u8 = 0x88;

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// What an answer's body is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body {
    Text(&'static str),
    Zeros(u64),
}

impl Body {
    fn length(self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Zeros(length) => length,
        }
    }

    /// Whether `data` may stand at this place.
    fn has(self, from: u64, data: &[u8]) -> bool {
        match self {
            Self::Text(text) => text.as_bytes()[from as usize..].starts_with(data),
            Self::Zeros(_) => data.chunks(ZEROS.len()).all(|data| data == &ZEROS[..data.len()]),
        }
    }
}

/// A stream whose answer is not complete.
#[derive(Debug)]
struct Asked {
    id: u32,
    answered: bool,
    received: u64,
    /// Of the stream's window, since it was given back last.
    consumed: u32,
}

/// One connection. Its socket blocks; it is read only when epoll has told that there is something to read.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    request: Request,
    body: Body,
    next_id: u32,
    /// In the order in which they were asked for, which most servers answer in.
    asked: VecDeque<Asked>,
    output: Vec<u8>,
    /// The beginning of a frame that came in two reads.
    partial: Vec<u8>,
    /// Of the connection's window, since it was given back last.
    consumed: u32,
    max_streams: u32,
    pings_answered: usize,
}

impl Connection {
    /// Sends the first request, and waits for the answer unless the request's body is never to come.
    pub(crate) fn open(
        target: SocketAddr,
        number: usize,
        request: Request,
        body: Body,
        buffer: &mut [u8],
    ) -> Result<Self, LoadError> {
        let mut connection = Self::unasked(target, number, request, body)?;
        connection.ask();
        connection.flush()?;
        while !connection.request.open && connection.in_flight() > 0 {
            connection.receive(buffer)?;
            connection.flush()?;
        }
        Ok(connection)
    }

    /// Without a request yet.
    pub(super) fn unasked(
        target: SocketAddr,
        number: usize,
        request: Request,
        body: Body,
    ) -> Result<Self, LoadError> {
        let stream =
            dial(target, number).map_err(|source| LoadError::Connect { number, source })?;
        let mut connection = Self {
            stream,
            request,
            body,
            next_id: 1,
            asked: VecDeque::new(),
            output: PREFACE.to_vec(),
            partial: Vec::new(),
            consumed: 0,
            max_streams: u32::MAX,
            pings_answered: 0,
        };
        connection.greet();
        Ok(connection)
    }

    fn greet(&mut self) {
        let settings = [(ENABLE_PUSH, 0), (INITIAL_WINDOW_SIZE, WINDOW)];
        let settings = settings
            .map(|(id, value): (u16, u32)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
        frame(&mut self.output, SETTINGS, 0, 0, &settings.concat());
        let increment = WINDOW - DEFAULT_WINDOW;
        frame(&mut self.output, WINDOW_UPDATE, 0, 0, &increment.to_be_bytes());
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.asked.len()
    }

    pub(crate) fn check_streams(&self, wanted: u32) -> Result<(), LoadError> {
        match self.max_streams {
            allowed if allowed < wanted => Err(LoadError::Streams { allowed }),
            _ => Ok(()),
        }
    }

    /// Queues a request.
    pub(crate) fn ask(&mut self) {
        let id = self.next_id;
        self.next_id += 2;
        let block = if id == 1 { &self.request.first } else { &self.request.later };
        let flags = if self.request.open { END_HEADERS } else { END_HEADERS | END_STREAM };
        frame(&mut self.output, HEADERS, flags, id, block);
        self.asked.push_back(Asked { id, answered: false, received: 0, consumed: 0 });
    }

    /// Writes what is queued.
    pub(crate) fn flush(&mut self) -> Result<(), LoadError> {
        if !self.output.is_empty() {
            self.stream.write_all(&self.output)?;
            self.output.clear();
        }
        Ok(())
    }

    /// Waits until the server has handled all that was sent before.
    pub(crate) fn ping(&mut self, buffer: &mut [u8]) -> Result<(), LoadError> {
        frame(&mut self.output, PING, 0, 0, &[0; 8]);
        self.flush()?;
        let answered = self.pings_answered;
        while self.pings_answered == answered {
            self.receive(buffer)?;
            self.flush()?;
        }
        Ok(())
    }

    /// Reads once and returns the number of answers that are complete now.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Result<u64, LoadError> {
        let kept = self.partial.len();
        buffer[..kept].copy_from_slice(&self.partial);
        self.partial.clear();
        let received = self.stream.read(&mut buffer[kept..])?;
        if received == 0 {
            return Err(LoadError::Closed);
        }
        let mut bytes = &buffer[..kept + received];
        let mut answers = 0;
        while let Some((frame, rest)) = Frame::split(bytes) {
            answers += u64::from(self.handle(&frame)?);
            bytes = rest;
        }
        self.partial.extend_from_slice(bytes);
        if self.consumed > WINDOW / 2 {
            frame(&mut self.output, WINDOW_UPDATE, 0, 0, &self.consumed.to_be_bytes());
            self.consumed = 0;
        }
        Ok(answers)
    }

    /// Whether the frame completes an answer.
    fn handle(&mut self, arrived: &Frame<'_>) -> Result<bool, LoadError> {
        match arrived.kind {
            DATA | HEADERS => return self.answer(arrived),
            SETTINGS if arrived.flags & ACK == 0 => {
                self.obey(arrived.payload)?;
                frame(&mut self.output, SETTINGS, ACK, 0, &[]);
            }
            PING if arrived.flags & ACK == 0 => {
                frame(&mut self.output, PING, ACK, 0, arrived.payload);
            }
            PING => self.pings_answered += 1,
            RESET => return Err(LoadError::Http2("the server reset a stream")),
            GO_AWAY => return Err(LoadError::Http2("the server sent GOAWAY")),
            _ => {}
        }
        Ok(false)
    }

    fn obey(&mut self, settings: &[u8]) -> Result<(), LoadError> {
        for (id, value) in settings_in(settings) {
            match id {
                MAX_CONCURRENT_STREAMS => self.max_streams = value,
                HEADER_TABLE_SIZE if value < 4096 => {
                    return Err(LoadError::Http2("the server's header table is too small"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn answer(&mut self, arrived: &Frame<'_>) -> Result<bool, LoadError> {
        let place = self.asked.iter().position(|asked| asked.id == arrived.stream);
        let Some((place, asked)) = place.and_then(|at| Some((at, self.asked.get_mut(at)?))) else {
            return Err(LoadError::Surplus);
        };
        if arrived.flags & PADDED != 0 {
            return Err(LoadError::Http2("the server pads its frames"));
        }
        if arrived.kind == HEADERS {
            // A change of the table's size may come first (RFC 7541, section 6.3).
            let mut fields = arrived.payload.iter().skip_while(|octet| **octet & 0xe0 == 0x20);
            if asked.answered || fields.next() != Some(&STATUS_200) {
                return Err(LoadError::Http2("the answer's status is not 200"));
            }
            asked.answered = true;
        } else {
            let length = arrived.payload.len() as u32;
            if !asked.answered || !self.body.has(asked.received, arrived.payload) {
                return Err(LoadError::Body);
            }
            asked.received += u64::from(length);
            asked.consumed += length;
            self.consumed += length;
        }
        if arrived.flags & END_STREAM != 0 {
            let complete = asked.received == self.body.length();
            self.asked.remove(place);
            return if complete { Ok(true) } else { Err(LoadError::Body) };
        }
        if asked.consumed > WINDOW / 2 {
            let increment = std::mem::take(&mut asked.consumed);
            frame(&mut self.output, WINDOW_UPDATE, 0, asked.id, &increment.to_be_bytes());
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_checked_by_the_piece() {
        assert!(Body::Text("Hello").has(2, b"llo"));
        assert!(!Body::Text("Hello").has(3, b"llo"));
        assert!(Body::Zeros(9).has(0, &[0; 9]));
        assert!(!Body::Zeros(9).has(0, &[0, 1]));
    }
}
