//! The contract after the handshake, as far as it can hold: each run has a session of its own, with other keys, so
//! that plaintext, events and errors are compared, and not the bytes on the wire.

mod support;

use std::sync::OnceLock;
use std::time::Duration;

use barewire_proto::{Buf, Protocol};
use barewire_testkit::{Clock, Drain, Outcome, Random, Run, Subject, Transcript};
use barewire_tls::{ClientConfig, Error, Event, ServerConfig, Tls};
use support::{Authority, Raw, RawError, RawEvent, Seen, drain, give, pair, settle};

fn configs() -> &'static (ClientConfig, ServerConfig) {
    static CONFIGS: OnceLock<(ClientConfig, ServerConfig)> = OnceLock::new();
    CONFIGS.get_or_init(|| {
        let authority = Authority::new();
        let server = authority.server(&["localhost"]).build().unwrap();
        (authority.client().build().unwrap(), server)
    })
}

/// How the client's records end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Open,
    CloseNotify,
    Cut,
    Changed,
    /// The protocol inside finds an error.
    Violation,
}

const ENDS: [End; 5] = [End::Open, End::CloseNotify, End::Cut, End::Changed, End::Violation];

/// A server that sends back what it hears.
struct Echo(Tls<Raw>);

impl Subject for Echo {
    type Protocol = Tls<Raw>;

    fn protocol(&mut self) -> &mut Tls<Raw> {
        &mut self.0
    }

    fn on_event(&mut self, event: Event<RawEvent>, transcript: &mut Transcript) {
        match event {
            Event::Inner(RawEvent::Bytes(bytes)) => {
                transcript.data(&bytes);
                self.0.inner_mut().unwrap().output.put(&bytes);
            }
            Event::Inner(RawEvent::End) => {
                transcript.line("end");
                self.0.inner_mut().unwrap().output.finish();
            }
            Event::Established => panic!("for the second time"),
        }
    }

    fn on_error(&mut self, error: &Error<RawError>, transcript: &mut Transcript) {
        transcript.line(format!("error {error}"));
    }
}

/// A server and a client after the handshake, and what the client sends.
fn begin(end: End) -> (Echo, Tls<Raw>, Vec<u8>) {
    let (client, server) = configs();
    let mut pair = pair(client, server, "localhost");
    settle(&mut pair);
    let mut client = pair.client;
    let mut wire = Vec::new();
    for part in [&b"a"[..], &[b'x'; 300], b"the last"] {
        client.inner_mut().unwrap().output.put(part);
        wire.extend(drain(&mut client));
    }
    match end {
        End::Open | End::Cut => {}
        End::CloseNotify => client.close(),
        End::Changed => client.inner_mut().unwrap().output.put(b"never"),
        End::Violation => client.inner_mut().unwrap().output.put(b"more\0and what follows"),
    }
    wire.extend(drain(&mut client));
    if end == End::Changed {
        *wire.last_mut().unwrap() ^= 1;
    }
    (Echo(pair.server), client, wire)
}

/// One run, and what the client makes of its output.
fn run(end: End, with: Drain, feed: impl FnOnce(&mut Run<Echo>, &[u8])) -> (Outcome, Seen) {
    let (server, client, wire) = begin(end);
    let mut run = Run::with(server, Clock::start(), with);
    feed(&mut run, &wire);
    if end == End::Cut {
        run.close();
    }
    let outcome = run.finish();
    let mut pair = support::Ends::new(client, begin(End::Open).0.0);
    let mut seen = Seen::default();
    let mut rest = &outcome.output[..];
    while !rest.is_empty() {
        let taken = give(&mut pair.client, rest);
        rest = &rest[taken..];
        while let Ok(Some(event)) = pair.client.poll_event() {
            seen.note(Ok(event));
        }
    }
    (outcome, seen)
}

fn whole(end: End) -> (Outcome, Seen) {
    run(end, Drain::AtOnce, |run, wire| run.feed(wire))
}

#[track_caller]
fn same(end: End, how: &str, expected: &(Outcome, Seen), got: &(Outcome, Seen)) {
    assert_eq!(expected.0.transcript, got.0.transcript, "{end:?}, {how}");
    // rustls encrypts nothing after a broken record: which answers left before is up to who drains.
    if end != End::Changed {
        assert_eq!(expected.1, got.1, "{end:?}, {how}");
    }
}

#[test]
fn it_is_what_it_should_be() {
    let says =
        |end| whole(end).0.transcript.lines().map(|line| line.to_string()).collect::<Vec<_>>();
    for end in ENDS {
        let lines = says(end);
        assert!(lines[0].starts_with("data axxx") && lines[0].contains("xxxthe last"), "{lines:?}");
        match end {
            End::Open => assert_eq!(lines.len(), 1),
            End::CloseNotify => assert_eq!(lines[1..], ["end", "closed"]),
            End::Cut | End::Changed => assert!(lines[1].starts_with("error "), "{lines:?}"),
            End::Violation => assert_eq!(lines[1..], ["error a NUL came"]),
        }
    }
}

/// Rule 4.
#[test]
fn splits_do_not_matter() {
    for end in ENDS {
        let expected = whole(end);
        let single = run(end, Drain::AtOnce, |run, wire| {
            wire.iter().for_each(|&byte| run.feed(&[byte]));
        });
        same(end, "single bytes", &expected, &single);
        let length = begin(end).2.len();
        for at in (0..length).step_by(23).chain(length.saturating_sub(30)..length) {
            let split = run(end, Drain::AtOnce, |run, wire| {
                let (before, after) = wire.split_at(at);
                run.feed(before);
                run.feed(after);
            });
            same(end, &format!("a split at {at}"), &expected, &split);
        }
    }
}

/// Rule 1, and with it rule 2, which [`Run`] looks after.
#[test]
fn any_method_in_any_order() {
    for end in ENDS {
        let expected = whole(end);
        for seed in 0..8 {
            let poked = run(end, Drain::AtOnce, |run, wire| {
                let mut random = Random::new(seed);
                let mut rest = wire;
                while !rest.is_empty() {
                    let (piece, after) = rest.split_at(random.within(1..=rest.len().min(40)));
                    rest = after;
                    run.offer(piece);
                    for _ in 0..random.within(0..=6) {
                        run.poke(&mut random);
                    }
                }
            });
            same(end, &format!("method calls of seed {seed}"), &expected, &poked);
        }
    }
}

/// Rule 5, for the plaintext.
#[test]
fn draining_does_not_matter() {
    for end in ENDS {
        let expected = whole(end);
        for with in [Drain::AtEnd, Drain::Bytes(1), Drain::Bytes(13)] {
            let drained = run(end, with, |run, wire| {
                wire.chunks(7).for_each(|piece| run.feed(piece));
            });
            same(end, &format!("{with:?}"), &expected, &drained);
        }
    }
}

/// Rule 3.
#[test]
fn errors_are_final() {
    for end in [End::Changed, End::Violation] {
        let (server, _client, wire) = begin(end);
        let mut run = Run::with(server, Clock::start(), Drain::AtEnd);
        run.feed(&wire);
        assert!(run.failed());
        let tls = run.subject.protocol();
        let farewell = tls.output().remaining();
        run.feed(b"more that nobody reads");
        run.clock.advance(Duration::from_nanos(1));
        run.close();
        let tls = run.subject.protocol();
        assert_eq!(tls.output().remaining(), farewell, "{end:?}");
        assert!(tls.poll_event().is_err() && tls.poll_event().is_err(), "{end:?}");
        tls.output().advance(farewell);
        for _ in 0..16 {
            let Some(at) = tls.poll_timeout().filter(|_| !tls.is_closed()) else { break };
            tls.handle_timeout(at);
        }
        assert!(tls.is_closed() || tls.output().is_finished(), "{end:?}");
    }
}

/// Rule 6: deadlines are the same in every session, and come when they are due.
#[test]
fn time_is_what_it_is_told() {
    let deadlines = |end| {
        let (server, _client, wire) = begin(end);
        let clock = Clock::start();
        let mut run = Run::with(server, clock, Drain::AtOnce);
        run.feed(&wire);
        let mut trace = Vec::new();
        for _ in 0..8 {
            let tls = run.subject.protocol();
            let Some(due) = tls.poll_timeout() else { break };
            trace.push(due - clock.now());
            tls.handle_timeout(due - Duration::from_nanos(1));
            assert!(!matches!(tls.poll_event(), Ok(Some(_))), "{end:?}: an event too early");
            assert_eq!(tls.output().remaining(), 0, "{end:?}: output too early");
            assert_eq!(tls.poll_timeout(), Some(due), "{end:?}: the deadline moved");
            run.clock.advance_to(due);
            run.feed(b"");
            let next = run.subject.protocol().poll_timeout();
            assert!(next.is_none_or(|next| next > due), "{end:?}: due again");
        }
        trace
    };
    for end in ENDS {
        assert_eq!(deadlines(end), deadlines(end), "{end:?}");
    }
}
