//! Attacks, each with the work and the memory that it may cost.

mod support;

use std::time::Duration;

use barewire_h2::{ClientEvent, Config, Error, ErrorKind, Reason, ServerConnection, ServerEvent};
use barewire_proto::{Buf, Protocol};
use barewire_testkit::Clock;
use bytes::Bytes;
use http::Response;
use support::wire::{block, frame, preface, raw};

const GET: &str = ":method=GET|:scheme=http|:path=/|:authority=a";
const POST: &str = ":method=POST|:scheme=http|:path=/|:authority=a";

/// A server under attack, which answers what it is asked and never holds more than a bound.
struct Victim {
    server: ServerConnection,
    clock: Clock,
    answer: usize,
    requests: usize,
    refused: usize,
    frames: usize,
    /// The attacker does not read.
    deaf: bool,
}

/// What a connection under attack may hold in all.
const BOUND: usize = 2 << 20;

impl Victim {
    fn new(config: Config) -> Self {
        let server = ServerConnection::new(config);
        let mut victim = Self {
            server,
            clock: Clock::start(),
            answer: 0,
            requests: 0,
            refused: 0,
            frames: 0,
            deaf: false,
        };
        victim.feed(&preface()).unwrap();
        victim.frames = 0;
        victim
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.frames += 1;
        let mut rest = Bytes::copy_from_slice(bytes);
        while !rest.is_empty() {
            let before = rest.len();
            self.server.handle_timeout(self.clock.now());
            rest = self.server.input().push(rest);
            while let Some(event) = self.server.poll_event()? {
                match event {
                    ServerEvent::Request(id, ..) => {
                        self.requests += 1;
                        if self.answer > 0 {
                            let body = Bytes::from(vec![b'x'; self.answer]);
                            let _ = self.server.respond(id, &Response::new(()), body);
                        }
                    }
                    ServerEvent::Refused { .. } => self.refused += 1,
                    _ => {}
                }
            }
            let held = self.server.input().allocated()
                + self.server.output().allocated()
                + self.server.output().remaining();
            assert!(held <= BOUND, "{held} bytes are held after {} frames", self.frames);
            if !self.deaf {
                let n = self.server.output().remaining();
                self.server.output().advance(n);
            }
            if rest.len() == before && !self.server.wants_read() {
                break;
            }
        }
        Ok(())
    }

    /// Goes on until the connection ends, and says with what.
    fn attack(&mut self, most: usize, mut next: impl FnMut(u32) -> Vec<u8>) -> ErrorKind {
        for turn in 0..most {
            if let Err(error) = self.feed(&next(turn as u32)) {
                assert_eq!(error.code(), Reason::ENHANCE_YOUR_CALM, "{error}");
                let n = self.server.output().remaining();
                let farewell = self.server.output().copy_to_bytes(n);
                assert!(farewell.windows(4).any(|code| code == [0, 0, 0, 0xb]), "no GOAWAY");
                // Nothing more is looked at.
                assert!(self.feed(&raw(6, 0, 0, &[0; 8])).is_err());
                assert_eq!(self.server.output().remaining(), 0);
                return error.kind();
            }
        }
        panic!("{most} turns went by");
    }
}

fn id(turn: u32) -> u32 {
    turn * 2 + 1
}

fn headers(flags: u8, stream: u32, fields: &str) -> Vec<u8> {
    raw(1, flags, stream, &block(fields))
}

#[test]
fn cve_2023_44487_rapid_reset() {
    let mut victim = Victim::new(Config::default());
    let kind = victim.attack(1100, |turn| {
        [headers(5, id(turn), GET), raw(3, 0, id(turn), &8u32.to_be_bytes())].concat()
    });
    assert_eq!(kind, ErrorKind::ResetFlood);
    assert!(victim.requests <= 1001);
    assert!(victim.server.active_streams() <= 1);
}

#[test]
fn rapid_reset_at_the_rate_of_a_browser_is_fine() {
    let mut victim = Victim::new(Config::default());
    for turn in 0..3000 {
        victim.clock.advance(Duration::from_millis(50));
        let bytes = [headers(5, id(turn), GET), raw(3, 0, id(turn), &8u32.to_be_bytes())].concat();
        victim.feed(&bytes).unwrap();
    }
}

#[test]
fn cve_2025_8671_made_you_reset() {
    type Provoke = fn(u32) -> Vec<u8>;
    let provocations: [Provoke; 5] = [
        |turn| [headers(4, id(turn), POST), raw(8, 0, id(turn), &[0; 4])].concat(),
        |turn| [headers(4, id(turn), POST), raw(8, 0, id(turn), &[0x7f, 255, 255, 255])].concat(),
        |turn| [headers(4, id(turn), POST), raw(2, 0, id(turn), &[0; 4])].concat(),
        |turn| [headers(5, id(turn), GET), raw(0, 0, id(turn), b"x")].concat(),
        |turn| headers(5, id(turn), ":method=GET"),
    ];
    for next in provocations {
        let mut victim = Victim::new(Config::default());
        assert_eq!(victim.attack(300, next), ErrorKind::ProvokedResetFlood);
        assert!(victim.requests <= 201);
    }
}

#[test]
fn streams_beyond_the_limit() {
    let mut victim = Victim::new(Config::default());
    assert_eq!(victim.attack(400, |turn| headers(5, id(turn), GET)), ErrorKind::ProvokedResetFlood);
    assert_eq!((victim.requests, victim.refused), (100, 200));
}

#[test]
fn cve_2024_27316_continuation_flood() {
    let mut victim = Victim::new(Config::default());
    let kind = victim.attack(100, |turn| match turn {
        0 => headers(0, 1, GET),
        _ => raw(9, 0, 1, &block("x=y")),
    });
    assert_eq!(kind, ErrorKind::TooManyContinuations);
    let mut victim = Victim::new(Config::default());
    let kind = victim.attack(100, |turn| match turn {
        0 => headers(0, 1, GET),
        _ => raw(9, 0, 1, &[0; 16_384]),
    });
    assert_eq!(kind, ErrorKind::HeaderBlockTooLarge);
    assert!(victim.frames < 10);
}

#[test]
fn floods_of_frames_that_carry_nothing() {
    for (next, kind, most) in [
        ("PING 0 0 12345678", ErrorKind::PingFlood, 1001),
        ("SETTINGS 0 0 ", ErrorKind::SettingsFlood, 101),
        ("PRIORITY 0 1 \\0\\0\\0\\x03\\x08", ErrorKind::PriorityFlood, 1001),
        ("PRIORITY_UPDATE 0 0 \\0\\0\\0\\x01u=1", ErrorKind::PriorityFlood, 1001),
        ("WINDOW_UPDATE 0 0 \\0\\0\\0\\x01", ErrorKind::WindowUpdateFlood, 10_001),
        ("99 0 0 ", ErrorKind::UnknownFrameFlood, 1001),
    ] {
        for deaf in [false, true] {
            let mut victim = Victim::new(Config::default());
            victim.deaf = deaf;
            let bytes = frame(next);
            assert_eq!(victim.attack(most + 10, |_| bytes.clone()), kind);
            assert!(victim.frames <= most + 2, "{kind:?}: {}", victim.frames);
        }
    }
}

#[test]
fn empty_and_tiny_data() {
    for (payload, kind) in
        [(&b""[..], ErrorKind::EmptyFrameFlood), (b"x", ErrorKind::TinyDataFlood)]
    {
        let mut victim = Victim::new(Config::default());
        let kind_seen = victim.attack(10_100, |turn| match turn {
            0 => headers(4, 1, POST),
            _ => raw(0, 0, 1, payload),
        });
        assert_eq!(kind_seen, kind);
    }
}

#[test]
fn zero_length_headers_and_header_bombs_cost_a_bounded_list() {
    let mut victim = Victim::new(Config::default());
    let empty = [&block(GET)[..], &[0, 0, 0].repeat(5000)].concat();
    let kind = victim.attack(300, |turn| raw(1, 5, id(turn), &empty));
    assert_eq!(kind, ErrorKind::ProvokedResetFlood);
    assert_eq!((victim.requests, victim.refused), (0, 200));
    // One large value in the table, and indices to it: 4,000 bytes for each byte of the wire.
    let mut victim = Victim::new(Config::default());
    let mut bomb = block(GET);
    bomb.extend([0x40, 1, b'x', 0x7f, 0xa1, 0x1d]);
    bomb.extend([b'v'; 3872]);
    bomb.extend([0xbe].repeat(10_000));
    let kind = victim.attack(300, |turn| raw(1, 5, id(turn), &bomb));
    assert_eq!(kind, ErrorKind::ProvokedResetFlood);
    assert_eq!((victim.requests, victim.refused), (0, 200));
}

/// CVE-2019-9517 and its kin: answers are asked for and not read.
#[test]
fn answers_that_nobody_reads() {
    let mut victim = Victim::new(Config::default());
    victim.deaf = true;
    victim.answer = 60_000;
    victim.feed(&raw(8, 0, 0, &[0x7f, 0, 0, 0])).unwrap();
    victim.feed(&raw(4, 0, 0, &[0, 4, 0x7f, 255, 255, 255])).unwrap();
    // What cannot be sent waits in its streams, and further ones are refused.
    for turn in 0..150 {
        victim.feed(&headers(5, id(turn), GET)).unwrap();
    }
    let config = Config::default();
    let held = config.limits.write_buffer / victim.answer + 1;
    let most = config.settings.max_concurrent_streams as usize + held;
    assert!(victim.requests <= most, "{} requests were taken", victim.requests);
    victim.clock.advance(Duration::from_secs(31));
    let clock = victim.clock;
    victim.server.handle_timeout(clock.now());
    assert!(victim.server.is_closed());
}

/// CVE-2019-9511: data is held back while a tiny window stays open.
#[test]
fn dribbled_windows() {
    let mut victim = Victim::new(Config::default());
    victim.answer = 100_000;
    victim.feed(&raw(4, 0, 0, &[0, 4, 0, 0, 0, 1])).unwrap();
    victim.feed(&headers(5, 1, GET)).unwrap();
    for _ in 0..100 {
        victim.clock.advance(Duration::from_secs(2));
        if let Err(error) = victim.feed(&raw(8, 0, 1, &1u32.to_be_bytes())) {
            assert_eq!(error.kind(), ErrorKind::DribbledWindow);
            return;
        }
    }
    panic!("a byte in two seconds went on for ever");
}

#[test]
fn a_window_that_stays_closed_costs_its_stream_only() {
    let mut victim = Victim::new(Config::default());
    victim.answer = 100_000;
    victim.feed(&raw(4, 0, 0, &[0, 4, 0, 0, 0, 0])).unwrap();
    victim.feed(&headers(5, 1, GET)).unwrap();
    for _ in 0..3 {
        victim.clock.advance(Duration::from_secs(61));
        victim.feed(&raw(6, 0, 0, &[0; 8])).unwrap();
    }
    assert!(victim.server.is_idle());
    assert!(!victim.server.is_draining());
}

#[test]
fn window_overflow() {
    let mut victim = Victim::new(Config::default());
    let error = victim.feed(&raw(8, 0, 0, &[0x7f, 255, 255, 255])).unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::WindowOverflow, Reason::FLOW_CONTROL_ERROR)
    );
}

/// A body of which nothing comes.
#[test]
fn slow_bodies() {
    let mut victim = Victim::new(Config::default());
    victim.feed(&headers(4, 1, POST)).unwrap();
    for _ in 0..3 {
        victim.clock.advance(Duration::from_secs(31));
        victim.feed(&raw(6, 0, 0, &[0; 8])).unwrap();
    }
    assert!(victim.server.is_idle());
}

#[test]
fn a_client_has_budgets_too() {
    let mut talk = support::Talk::new(Config::default(), Config::default());
    for turn in 0..2000u32 {
        let rest = talk.client().input().push(raw(6, 0, 0, &u64::from(turn).to_be_bytes()).into());
        assert!(rest.is_empty());
        match talk.client().poll_event() {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::PingFlood);
                return;
            }
            Ok(event) => assert!(!matches!(event, Some(ClientEvent::Pong { .. }))),
        }
    }
    panic!("2,000 pings went by");
}
