//! Deadlines, with a clock that the tests move: each timeout strikes when it says, and not before.

mod support;

use std::time::Duration;

use barewire_h2::{BodyLength, Config, Error, ErrorKind, ServerConnection, ServerEvent, StreamId};
use barewire_proto::{Buf, Protocol};
use barewire_testkit::Clock;
use bytes::Bytes;
use http::Response;
use support::wire::{block, frame, preface, raw};

const GET: &str = ":method=GET|:scheme=http|:path=/|:authority=a";
const POST: &str = ":method=POST|:scheme=http|:path=/|:authority=a";

/// A server and how much time has gone by, driven as a driver does it.
struct Timed {
    server: ServerConnection,
    clock: Clock,
    /// Nobody takes what is put out.
    deaf: bool,
    resets: Vec<ErrorKind>,
    /// What was put out and taken.
    said: Vec<u8>,
}

impl Timed {
    /// Nothing has come yet.
    fn silent(config: Config) -> Self {
        let mut timed = Self {
            server: ServerConnection::new(config),
            clock: Clock::start(),
            deaf: false,
            resets: Vec::new(),
            said: Vec::new(),
        };
        timed.feed(&[]).unwrap();
        timed
    }

    fn open(config: Config) -> Self {
        let mut timed = Self::silent(config);
        timed.feed(&preface()).unwrap();
        timed
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.server.handle_timeout(self.clock.now());
        assert!(self.server.input().push(Bytes::copy_from_slice(bytes)).is_empty());
        self.turn()
    }

    fn turn(&mut self) -> Result<(), Error> {
        loop {
            while let Some(event) = self.server.poll_event()? {
                if let ServerEvent::StreamReset {
                    by: barewire_h2::ResetBy::Violation(error), ..
                } = event
                {
                    self.resets.push(error.kind());
                }
            }
            let n = self.server.output().remaining();
            if n == 0 || self.deaf {
                return Ok(());
            }
            self.said.extend(self.server.output().copy_to_bytes(n));
        }
    }

    /// Lets time go by, and looks after each deadline on the way.
    fn pass(&mut self, seconds: f64) -> Result<(), Error> {
        let end = self.clock.now() + Duration::from_secs_f64(seconds);
        while let Some(at) = self.server.poll_timeout().filter(|at| *at <= end) {
            self.clock.advance(at.saturating_duration_since(self.clock.now()));
            self.server.handle_timeout(self.clock.now());
            self.turn()?;
        }
        self.clock.advance(end.saturating_duration_since(self.clock.now()));
        Ok(())
    }

    /// Nothing happens until a moment, and then this.
    #[track_caller]
    fn strikes_after(&mut self, seconds: f64, expected: ErrorKind) {
        self.pass(seconds - 0.001).expect("it is too early");
        assert!(!self.server.is_draining(), "it is too early");
        let error = self.pass(0.001).expect_err("it is time");
        assert_eq!(error.kind(), expected);
    }
}

fn id(id: u32) -> StreamId {
    StreamId::new(id)
}

#[test]
fn settings_are_acknowledged_in_time() {
    let mut timed = Timed::silent(Config::default());
    timed.feed(&preface()[..33]).unwrap();
    timed.strikes_after(10.0, ErrorKind::SettingsTimeout);
}

#[test]
fn a_preface_that_does_not_end() {
    let mut config = Config::default();
    config.timeouts.settings_ack = None;
    for begun in [0, 1, 23] {
        let mut timed = Timed::silent(config.clone());
        timed.feed(&preface()[..begun]).unwrap();
        timed.strikes_after(30.0, ErrorKind::HeadTimeout);
    }
}

#[test]
fn a_frame_that_comes_byte_by_byte() {
    let mut timed = Timed::open(Config::default());
    let ping = raw(6, 0, 0, &[0; 8]);
    for byte in &ping[..5] {
        timed.feed(&[*byte]).unwrap();
        timed.pass(5.0).unwrap();
    }
    timed.strikes_after(5.0, ErrorKind::HeadTimeout);
}

/// Each frame of a block has its time, and there are only so many: see `Limits::max_continuations`.
#[test]
fn a_header_block_that_does_not_go_on() {
    let mut config = Config::default();
    config.timeouts.idle = None;
    let mut timed = Timed::open(config);
    timed.feed(&raw(1, 0, 1, &block(GET))).unwrap();
    timed.pass(29.0).unwrap();
    timed.feed(&raw(9, 0, 1, &block("a=b"))).unwrap();
    timed.pass(30.0).unwrap();
    let error = timed.pass(31.0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HeadTimeout);
}

/// The connection closes in good order, and what is answered begins the time anew.
#[test]
fn a_connection_without_streams() {
    let mut timed = Timed::open(Config::default());
    timed.pass(50.0).unwrap();
    timed.feed(&raw(6, 0, 0, &[0; 8])).unwrap();
    timed.pass(59.9).unwrap();
    assert!(!timed.server.is_draining());
    timed.pass(0.1).unwrap();
    assert!(timed.server.is_draining());
    // The client may still read what was said before the end.
    assert!(!timed.server.is_closed());
    timed.pass(1.0).unwrap();
    assert!(timed.server.is_closed());
}

/// Part of a frame is no stream.
#[test]
fn a_frame_that_does_not_end_keeps_no_connection() {
    let mut config = Config::default();
    config.timeouts.head = None;
    let mut timed = Timed::open(config);
    timed.feed(&raw(6, 0, 0, &[0; 8])[..5]).unwrap();
    timed.pass(59.9).unwrap();
    assert!(!timed.server.is_draining());
    timed.pass(0.1).unwrap();
    assert!(timed.server.is_draining());
}

#[test]
fn a_stream_keeps_its_connection() {
    let mut timed = Timed::open(Config::default());
    timed.feed(&raw(1, 5, 1, &block(GET))).unwrap();
    timed.pass(3600.0).unwrap();
    assert!(!timed.server.is_draining());
    timed.server.respond(id(1), &Response::new(()), Bytes::new()).unwrap();
    timed.turn().unwrap();
    timed.pass(60.0).unwrap();
    assert!(timed.server.is_draining());
}

/// In each whole period so many bytes have to come; one below is too slow.
#[test]
fn bodies_have_to_make_progress() {
    let mut config = Config::default();
    config.timeouts.body_progress = Some(Duration::from_secs(10));
    config.timeouts.body_progress_bytes = 100;
    for (length, expected) in [(100, &[][..]), (99, &[ErrorKind::BodyTimeout])] {
        let mut timed = Timed::open(config.clone());
        timed.feed(&raw(1, 4, 1, &block(POST))).unwrap();
        for _ in 0..5 {
            timed.feed(&raw(0, 0, 1, &vec![b'x'; length])).unwrap();
            timed.pass(10.0).unwrap();
        }
        assert_eq!(timed.resets, expected);
        assert_eq!(timed.server.active_streams(), 1 - expected.len());
    }
}

/// Who has no window to send in is not too slow.
#[test]
fn a_body_that_waits_for_us_is_not_late() {
    let mut config = Config::default();
    config.settings.initial_window_size = 100;
    let mut timed = Timed::open(config);
    timed.feed(&raw(1, 4, 1, &block(POST))).unwrap();
    timed.feed(&raw(0, 0, 1, &[b'x'; 100])).unwrap();
    timed.pass(600.0).unwrap();
    assert_eq!(timed.resets, []);
    timed.server.release_capacity(id(1), 100);
    timed.turn().unwrap();
    timed.pass(90.0).unwrap();
    assert_eq!(timed.resets, [ErrorKind::BodyTimeout]);
}

#[test]
fn windows_that_stay_closed_and_windows_that_dribble() {
    let mut config = Config::default();
    config.timeouts.stall = Some(Duration::from_secs(10));
    config.timeouts.stall_bytes = 50;
    for step in [0u32, 4, 5] {
        let mut timed = Timed::open(config.clone());
        timed.feed(&frame("SETTINGS 0 0 \\0\\x04\\0\\0\\0\\0")).unwrap();
        timed.feed(&raw(1, 5, 1, &block(GET))).unwrap();
        let body = Bytes::from(vec![b'x'; 100_000]);
        timed.server.respond(id(1), &Response::new(()), body).unwrap();
        let mut outcome = Ok(());
        for _ in 0..50 {
            let update = raw(8, 0, 1, &step.to_be_bytes());
            let fed = if step > 0 { timed.feed(&update) } else { Ok(()) };
            outcome = fed.and_then(|()| timed.pass(1.0));
            if outcome.is_err() {
                break;
            }
        }
        let kind = outcome.err().map(|error| error.kind());
        match step {
            0 => assert_eq!((kind, &timed.resets[..]), (None, &[ErrorKind::StallTimeout][..])),
            4 => assert_eq!(kind, Some(ErrorKind::DribbledWindow)),
            _ => {
                assert_eq!((kind, &timed.resets[..]), (None, &[][..]), "50 bytes in 10 s are fine")
            }
        }
    }
}

/// A stream that has to wait for more urgent ones, for as long as those have all of the connection's window, is not
/// stalled by the peer. If the connection's window stays closed, it is.
#[test]
fn who_waits_for_others_does_not_stall() {
    let mut config = Config::default();
    config.timeouts.stall = Some(Duration::from_secs(10));
    for (step, expected) in [(300u32, None), (200, Some(ErrorKind::DribbledWindow))] {
        let mut timed = Timed::open(config.clone());
        let part = Bytes::from(vec![b'x'; 60_000]);
        for (stream, priority) in [(1, "u=5"), (3, "u=1")] {
            let head = format!("{GET}|priority={priority}");
            timed.feed(&raw(1, 5, stream, &block(&head))).unwrap();
            timed
                .server
                .send_response(id(stream), &Response::new(()), BodyLength::Unknown)
                .unwrap();
            // Some of the one that will have to wait goes out at once.
            timed.server.send_data(id(stream), &mut part.slice(..20_000), false).unwrap();
            timed.turn().unwrap();
            timed.server.send_data(id(stream), &mut part.clone(), false).unwrap();
        }
        timed.feed(&frame("SETTINGS 0 0 \\0\\x04\\x7f\\xff\\xff\\xff")).unwrap();
        let mut outcome = Ok(());
        for _ in 0..10 {
            let _ = timed.server.send_data(id(3), &mut part.clone(), false);
            let fed = timed.feed(&raw(8, 0, 0, &step.to_be_bytes()));
            outcome = fed.and_then(|()| timed.pass(10.0));
            if outcome.is_err() {
                break;
            }
        }
        assert_eq!(
            (outcome.err().map(|error| error.kind()), &timed.resets[..]),
            (expected, &[][..])
        );
    }
}

/// A driver that wakes late has read before it tells the time.
#[test]
fn what_came_in_time_is_not_late() {
    let get = raw(1, 5, 1, &block(GET));
    for looked_at in [0, 10] {
        let mut timed = Timed::open(Config::default());
        timed.turn().unwrap();
        timed.feed(&get[..looked_at]).unwrap();
        timed.clock.advance(Duration::from_secs(61));
        assert!(timed.server.input().push(Bytes::copy_from_slice(&get[looked_at..])).is_empty());
        timed.server.handle_timeout(timed.clock.now());
        let event = timed.server.poll_event().unwrap();
        assert!(matches!(event, Some(ServerEvent::Request(..))), "{event:?}");
    }
    // What came in the last moment and does not end it is late.
    let mut timed = Timed::open(Config::default());
    timed.feed(&get[..10]).unwrap();
    timed.clock.advance(Duration::from_secs(61));
    assert!(timed.server.input().push(Bytes::copy_from_slice(&get[10..20])).is_empty());
    timed.server.handle_timeout(timed.clock.now());
    let error = timed.server.poll_event().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HeadTimeout);
}

#[test]
fn who_takes_nothing_is_given_up() {
    let mut timed = Timed::open(Config::default());
    timed.deaf = true;
    timed.feed(&raw(6, 0, 0, &[0; 8])).unwrap();
    timed.strikes_after(30.0, ErrorKind::WriteTimeout);
    assert!(timed.server.is_closed());
}

/// A byte in each period is enough to go on.
#[test]
fn who_takes_little_is_not() {
    let mut timed = Timed::open(Config::default());
    timed.deaf = true;
    timed.feed(&raw(6, 0, 0, &[0; 8])).unwrap();
    for _ in 0..10 {
        timed.pass(29.0).unwrap();
        timed.server.output().advance(1);
    }
}

/// The second GOAWAY of a graceful shutdown waits for the answer to a PING, but not for ever.
#[test]
fn a_shutdown_does_not_wait_for_who_is_silent() {
    let mut timed = Timed::open(Config::default());
    timed.feed(&raw(1, 4, 1, &block(POST))).unwrap();
    timed.server.graceful_shutdown();
    timed.turn().unwrap();
    timed.feed(&raw(1, 5, 3, &block(GET))).unwrap();
    assert_eq!(timed.server.active_streams(), 2, "it may have been under way");
    timed.pass(1.0).unwrap();
    timed.feed(&raw(1, 5, 5, &block(GET))).unwrap();
    assert_eq!(timed.server.active_streams(), 2, "it came after the last");
}

#[test]
fn buffers_are_given_back_when_nothing_happens() {
    let mut timed = Timed::open(Config::default());
    assert!(timed.server.input().allocated() + timed.server.output().allocated() > 0);
    timed.pass(1.0).unwrap();
    assert_eq!(timed.server.input().allocated() + timed.server.output().allocated(), 0);
}

/// A client that is asked whether it is there, after ten seconds without a word, and has five more.
fn asked() -> (Timed, Vec<u8>) {
    let mut config = Config::default();
    config.timeouts.idle = None;
    config.timeouts.keepalive_interval = Some(Duration::from_secs(10));
    config.timeouts.keepalive_timeout = Duration::from_secs(5);
    let mut timed = Timed::open(config);
    timed.said.clear();
    // What it said at first counts for the period that it came in.
    timed.pass(19.999).unwrap();
    assert_eq!(timed.said, [], "it is too early");
    timed.pass(0.001).unwrap();
    let ping = std::mem::take(&mut timed.said);
    assert_eq!(ping[..9], raw(6, 0, 0, &[0; 8])[..9]);
    (timed, raw(6, 1, 0, &ping[9..]))
}

#[test]
fn who_does_not_answer_a_ping_is_gone() {
    let (mut timed, _) = asked();
    timed.strikes_after(5.0, ErrorKind::KeepaliveTimeout);
    // GOAWAY, in case it is only slow.
    assert_eq!(timed.server.output().chunk()[3], 7);
}

/// Of whatever kind, and in the last moment.
#[test]
fn who_says_anything_is_there() {
    for answers in [true, false] {
        let (mut timed, answer) = asked();
        timed.pass(4.999).unwrap();
        timed.feed(if answers { &answer } else { &GREETING }).unwrap();
        timed.said.clear();
        // It is asked again after as long as before, from now on or from when the answer was awaited.
        timed.pass(10.001).unwrap();
        assert_eq!(timed.said[..9], raw(6, 0, 0, &[0; 8])[..9]);
        assert!(!timed.server.is_draining());
        timed.strikes_after(5.0 - if answers { 0.001 } else { 0.0 }, ErrorKind::KeepaliveTimeout);
    }
}

/// A frame of a type that nobody knows, which needs no answer.
const GREETING: [u8; 9] = [0, 0, 0, 0xee, 0, 0, 0, 0, 0];
