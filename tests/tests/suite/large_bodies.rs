//! Bodies that do not fit anywhere: who reads slowly holds the other side back, and the server holds little.

use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::thread;

use barewire_rt::Spawn;
use barewire_server::{Body, Config};
use bytes::Bytes;
use futures_lite::future;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use smol::channel;

use crate::harness::{Connection, Running, get, soon};
use crate::meter::{Counts, Meter};
use crate::pattern::Pattern;

const TOTAL: u64 = 64 << 20;
const PART: usize = 64 << 10;

/// More than the system's buffers hold between two readers of one machine.
const GULP: usize = 8 << 20;

/// A body that notes how far it is ahead of what the system took from the server.
struct Source {
    pattern: Pattern,
    made: Arc<AtomicU64>,
    most_ahead: Arc<AtomicU64>,
    meter: Arc<Meter>,
    length_known: bool,
}

impl http_body::Body for Source {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let made = self.made.load(Ordering::SeqCst);
        let ahead = made.saturating_sub(self.meter.now().written);
        self.most_ahead.fetch_max(ahead, Ordering::SeqCst);
        if made == TOTAL {
            return Poll::Ready(None);
        }
        let part = self.pattern.take(PART.min((TOTAL - made) as usize));
        self.made.fetch_add(part.len() as u64, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn size_hint(&self) -> SizeHint {
        match self.length_known {
            true => SizeHint::with_exact(TOTAL - self.made.load(Ordering::SeqCst)),
            false => SizeHint::default(),
        }
    }
}

/// Reads a body of [`TOTAL`] bytes in gulps, each only once the server got stuck without it.
fn read_slowly(
    connection: &mut Connection,
    meter: &Meter,
    may_get_stuck: impl Fn(&Counts) -> bool,
) {
    let mut pattern = Pattern::new();
    let (mut left, mut stalls) = (TOTAL as usize, 0);
    while left > 0 {
        stalls = meter.wait(|counts| counts.stalls > stalls || !may_get_stuck(counts)).stalls;
        let gulp = connection.exactly(left.min(GULP));
        left -= gulp.len();
        pattern.expect(&gulp);
    }
}

pub(crate) fn downloads_are_made_as_they_are_read<R: Spawn>(runtime: R) {
    let meter = Arc::new(Meter::default());
    let (made, most_ahead) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let handler = {
        let (meter, made, most_ahead) = (meter.clone(), made.clone(), most_ahead.clone());
        move |_: Request<Body>| {
            let source = Source {
                pattern: Pattern::new(),
                made: made.clone(),
                most_ahead: most_ahead.clone(),
                meter: meter.clone(),
                length_known: true,
            };
            async { Response::new(Body::stream(source)) }
        }
    };
    let config = Config::default();
    let most = config.http1.limits.write_buffer + PART;
    let server = Running::metered(&runtime, &meter, config, handler);
    let mut connection = server.open();
    connection.send(get("/"));
    assert_eq!(connection.head().header("content-length"), Some(&*TOTAL.to_string()));
    read_slowly(&mut connection, &meter, |_| made.load(Ordering::SeqCst) < TOTAL);
    let ahead = most_ahead.load(Ordering::SeqCst);
    assert!(ahead <= most as u64, "{ahead} bytes are more than {most}");
    drop(connection);
    server.stop();
}

pub(crate) fn uploads_are_read_as_they_are_taken<R: Spawn>(runtime: R) {
    let meter = Arc::new(Meter::default());
    let (progress, taken) = mpsc::channel();
    let (permit, permits) = channel::unbounded();
    let measured = meter.clone();
    let handler = move |request: Request<Body>| {
        let (meter, progress, permits) = (measured.clone(), progress.clone(), permits.clone());
        async move {
            let mut body = request.into_body();
            let mut pattern = Pattern::new();
            let (mut taken, mut permitted, mut most_ahead) = (0, 0, 0);
            while let Some(part) = body.data().await.unwrap() {
                pattern.expect(&part);
                taken += part.len() as u64;
                if taken > permitted {
                    // Whoever would read on meanwhile gets many chances to.
                    for _ in 0..100 {
                        future::yield_now().await;
                    }
                    progress.send(taken).unwrap();
                    permits.recv().await.unwrap();
                    permitted += GULP as u64;
                }
                most_ahead = most_ahead.max(meter.now().read - taken);
            }
            format!("{taken} {most_ahead}")
        }
    };
    let config = Config::default();
    let head = format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {TOTAL}\r\n\r\n");
    let most = (config.http1.limits.read_buffer + head.len()) as u64;
    let server = Running::metered(&runtime, &meter, config, handler);
    let mut connection = server.open();
    let mut writer = connection.writer();
    let writing = thread::spawn(move || {
        writer.write_all(head.as_bytes()).unwrap();
        write_pattern(&mut writer);
    });
    for _ in 0..=TOTAL / GULP as u64 - 1 {
        let taken = soon(&taken);
        let read = meter.now().read;
        assert!(read <= taken + most, "{read} bytes were read and {taken} taken");
        permit.send_blocking(()).unwrap();
    }
    let text = connection.answer().text();
    let (taken, most_ahead) = text.split_once(' ').unwrap();
    assert_eq!(taken, TOTAL.to_string());
    assert!(most_ahead.parse::<u64>().unwrap() <= most, "{most_ahead} bytes are more than {most}");
    writing.join().unwrap();
    drop(connection);
    server.stop();
}

pub(crate) fn echoes_go_both_ways_at_once<R: Spawn>(runtime: R) {
    let meter = Arc::new(Meter::default());
    let config = Config::default();
    let limits = &config.http1.limits;
    // What is buffered, the part of it that is handed over, and what waits to be sent.
    let most = (2 * limits.read_buffer + limits.write_buffer) as u64;
    let handler = async |request: Request<Body>| Response::new(request.into_body());
    let server = Running::metered(&runtime, &meter, config, handler);
    let mut connection = server.open();
    let mut writer = connection.writer();
    let writing = thread::spawn(move || {
        let head = format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {TOTAL}\r\n\r\n");
        writer.write_all(head.as_bytes()).unwrap();
        write_pattern(&mut writer);
    });
    assert_eq!(connection.head().header("content-length"), Some(&*TOTAL.to_string()));
    read_slowly(&mut connection, &meter, |counts| counts.read < TOTAL);
    writing.join().unwrap();
    let held = meter.now().most_held;
    assert!(held <= most, "{held} bytes are more than {most}");
    drop(connection);
    server.stop();
}

fn write_pattern(writer: &mut impl Write) {
    let mut pattern = Pattern::new();
    let mut left = TOTAL as usize;
    while left > 0 {
        let part = pattern.take(left.min(PART));
        writer.write_all(&part).unwrap();
        left -= part.len();
    }
}
