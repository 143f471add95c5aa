use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use rustix::net::{RecvFlags, recv};

use super::Request;
use super::wire::{
    ACK, DATA, DEFAULT_WINDOW, END_HEADERS, END_STREAM, Frame, GO_AWAY, HEADERS,
    INITIAL_WINDOW_SIZE, PREFACE, RESET, SETTINGS, WINDOW_UPDATE, frame, settings_in,
};
use crate::load::LoadError;
use crate::load::connection::dial;

/// Every server takes frames of this size.
const FRAME: usize = 16 * 1024;

/// As much is written at once.
const BATCH: usize = 256 * 1024;

/// Sends bodies of `length` zero bytes on so many streams at once, and checks that each is answered with its
/// length in decimal.
pub(crate) fn upload(
    target: SocketAddr,
    streams: u32,
    length: u64,
) -> Result<TcpStream, LoadError> {
    let stream = dial(target, 0).map_err(|source| LoadError::Connect { number: 0, source })?;
    let request = Request::held_open(&target.to_string(), "/upload");
    let mut upload = Upload::begin(stream, &request, streams, length);
    let mut buffer = vec![0; BATCH];
    let mut turn = 0;
    while upload.bodies.iter().any(|body| !body.complete) {
        let sending = upload.fill(&mut turn);
        upload.stream.write_all(&upload.output)?;
        upload.output.clear();
        upload.receive(&mut buffer, !sending)?;
    }
    Ok(upload.stream)
}

struct Upload {
    stream: TcpStream,
    bodies: Vec<BodyOut>,
    expected: u64,
    window: i64,
    initial_window: i64,
    /// Nothing leaves before the server's settings are known.
    greeted: bool,
    output: Vec<u8>,
    partial: Vec<u8>,
}

struct BodyOut {
    remaining: u64,
    window: i64,
    answer: Vec<u8>,
    complete: bool,
}

impl Upload {
    fn begin(stream: TcpStream, request: &Request, streams: u32, length: u64) -> Self {
        let mut output = PREFACE.to_vec();
        frame(&mut output, SETTINGS, 0, 0, &[]);
        for number in 0..streams {
            let block = if number == 0 { &request.first } else { &request.later };
            frame(&mut output, HEADERS, END_HEADERS, id(number as usize), block);
        }
        let window = i64::from(DEFAULT_WINDOW);
        let body = || BodyOut { remaining: length, window, answer: Vec::new(), complete: false };
        Self {
            stream,
            bodies: (0..streams).map(|_| body()).collect(),
            expected: length,
            window,
            initial_window: window,
            greeted: false,
            output,
            partial: Vec::new(),
        }
    }

    /// Queues a batch, a frame from each body in turn, and tells whether the windows and the bodies allow more.
    fn fill(&mut self, turn: &mut usize) -> bool {
        const ZEROS: [u8; FRAME] = [0; FRAME];
        let mut idle = 0;
        while self.greeted && self.output.len() < BATCH && idle < self.bodies.len() {
            let number = *turn % self.bodies.len();
            *turn += 1;
            let body = &mut self.bodies[number];
            let allowed = self.window.min(body.window).clamp(0, FRAME as i64) as u64;
            let now = allowed.min(body.remaining);
            if now == 0 {
                idle += 1;
                continue;
            }
            idle = 0;
            body.remaining -= now;
            body.window -= now as i64;
            self.window -= now as i64;
            let flags = if body.remaining == 0 { END_STREAM } else { 0 };
            frame(&mut self.output, DATA, flags, id(number), &ZEROS[..now as usize]);
        }
        self.output.len() >= BATCH
    }

    /// Reads what is there, or waits for it.
    fn receive(&mut self, buffer: &mut [u8], wait: bool) -> Result<(), LoadError> {
        let received = if wait {
            self.stream.read(buffer)?
        } else {
            match recv(&self.stream, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((received, _)) => received,
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                Err(errno) => return Err(errno.into()),
            }
        };
        if received == 0 {
            return Err(LoadError::Closed);
        }
        let mut bytes = std::mem::take(&mut self.partial);
        bytes.extend_from_slice(&buffer[..received]);
        let mut rest = &bytes[..];
        while let Some((frame, next)) = Frame::split(rest) {
            self.handle(&frame)?;
            rest = next;
        }
        self.partial = rest.to_vec();
        Ok(())
    }

    fn handle(&mut self, arrived: &Frame<'_>) -> Result<(), LoadError> {
        match arrived.kind {
            SETTINGS if arrived.flags & ACK == 0 => {
                for (_, value) in
                    settings_in(arrived.payload).filter(|(id, _)| *id == INITIAL_WINDOW_SIZE)
                {
                    let change = i64::from(value) - self.initial_window;
                    self.initial_window = i64::from(value);
                    self.bodies.iter_mut().for_each(|body| body.window += change);
                }
                self.greeted = true;
                frame(&mut self.output, SETTINGS, ACK, 0, &[]);
            }
            WINDOW_UPDATE => {
                let increment = arrived.payload.try_into().map(u32::from_be_bytes);
                let increment =
                    increment.map_err(|_| LoadError::Http2("a WINDOW_UPDATE of a wrong length"))?;
                match arrived.stream {
                    0 => self.window += i64::from(increment),
                    stream => self.body(stream)?.window += i64::from(increment),
                }
            }
            DATA => {
                self.body(arrived.stream)?.answer.extend_from_slice(arrived.payload);
                self.end(arrived)?;
            }
            HEADERS => self.end(arrived)?,
            RESET => return Err(LoadError::Http2("the server reset a stream")),
            GO_AWAY => return Err(LoadError::Http2("the server sent GOAWAY")),
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, arrived: &Frame<'_>) -> Result<(), LoadError> {
        if arrived.flags & END_STREAM == 0 {
            return Ok(());
        }
        let expected = self.expected;
        let body = self.body(arrived.stream)?;
        body.complete = true;
        let same = body.answer == expected.to_string().as_bytes();
        if same { Ok(()) } else { Err(LoadError::Body) }
    }

    fn body(&mut self, stream: u32) -> Result<&mut BodyOut, LoadError> {
        self.bodies.get_mut((stream / 2) as usize).ok_or(LoadError::Surplus)
    }
}

fn id(number: usize) -> u32 {
    number as u32 * 2 + 1
}
