//! What attacks make a server hold, and do: every byte and every allocation of the process is counted. A binary of its
//! own, since the count is of the whole process.

#[path = "support/wire.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with other binaries")]
mod wire;

use barewire_h2::{BodyLength, Config, ServerConnection, ServerEvent};
use barewire_proto::{Buf, Protocol};
use barewire_testkit::allocations::{self, INSTRUMENTED_SYSTEM, StatsAlloc, System};
use bytes::Bytes;
use http::Response;
use wire::{block, preface, raw};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const GET: &str = ":method=GET|:scheme=http|:path=/|:authority=a";
const POST: &str = ":method=POST|:scheme=http|:path=/|:authority=a";
const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// Frames of an attack, of which the server's budgets let far fewer pass.
const FRAMES: u32 = 20_000;

/// Who attacks sends the turns of this, one after the other.
type Attack = fn(u32) -> Vec<u8>;

fn headers(flags: u8, turn: u32, fields: &[u8]) -> Vec<u8> {
    raw(1, flags, turn * 2 + 1, fields)
}

fn get(turn: u32) -> Vec<u8> {
    headers(5, turn, &block(GET))
}

fn post(turn: u32) -> Vec<u8> {
    headers(4, turn, &block(POST))
}

/// On one stream, which the first turn opens.
fn on_one(turn: u32, more: Vec<u8>) -> Vec<u8> {
    if turn == 0 { post(0) } else { more }
}

const ATTACKS: [(&str, Attack); 17] = [
    ("rapid reset", |turn| [post(turn), raw(3, 0, turn * 2 + 1, &CANCEL)].concat()),
    ("made you reset", |turn| [post(turn), raw(8, 0, turn * 2 + 1, &[0; 4])].concat()),
    ("malformed requests", |turn| headers(5, turn, &block(":method=GET"))),
    ("streams without an end", post),
    ("streams beyond the last", |turn| headers(4, turn * 1000, &block(POST))),
    ("data on closed streams", |turn| [get(turn), raw(0, 0, turn * 2 + 1, b"x")].concat()),
    ("PING", |_| raw(6, 0, 0, &[0; 8])),
    ("SETTINGS", |turn| raw(4, 0, 0, &[&[0, 4, 0, 0][..], &(turn as u16).to_be_bytes()].concat())),
    ("PRIORITY", |turn| raw(2, 0, turn * 2 + 1, &[0; 5])),
    ("PRIORITY_UPDATE", |turn| {
        raw(16, 0, 0, &[&(turn * 2 + 1).to_be_bytes()[..], b"u=1"].concat())
    }),
    ("WINDOW_UPDATE", |_| raw(8, 0, 0, &[0, 0, 0, 1])),
    ("unknown frames", |_| raw(99, 0, 0, b"?")),
    ("GOAWAY", |turn| on_one(turn, raw(7, 0, 0, &[b'x'; 16_000]))),
    ("empty DATA", |turn| on_one(turn, raw(0, 0, 1, b""))),
    ("tiny DATA", |turn| on_one(turn, raw(0, 0, 1, b"x"))),
    ("CONTINUATION", |turn| match turn {
        0 => raw(1, 0, 1, &block(GET)),
        _ => raw(9, 0, 1, &block("a=b")),
    }),
    ("a header bomb", |turn| {
        let entry = [&[0x40, 1, b'x', 0x7f, 0xa1, 0x1d][..], &[b'v'; 3872]].concat();
        headers(5, turn, &[block(GET), entry, vec![0xbe; 10_000]].concat())
    }),
];

fn live() -> usize {
    let stats = INSTRUMENTED_SYSTEM.stats();
    stats.bytes_allocated.wrapping_sub(stats.bytes_deallocated)
}

struct Cost {
    /// How long it went on.
    turns: u32,
    /// The most bytes of memory at any time.
    held: usize,
    /// For each turn.
    allocations: usize,
}

/// Runs an attack; who is deaf does not read what is answered.
fn run(attack: Attack, deaf: bool) -> Cost {
    let before = live();
    let mut server = ServerConnection::new(Config::default());
    let (mut turns, mut held, mut allocations) = (0, 0, 0);
    let mut bytes = preface();
    loop {
        let mut over = false;
        let mut rest = Bytes::from(bytes);
        let length = rest.len();
        allocations += allocations::during(|| {
            while !rest.is_empty() && !over {
                let left = rest.len();
                rest = server.input().push(std::mem::take(&mut rest));
                over = rest.len() == left;
                loop {
                    match server.poll_event() {
                        // Others wait for the rest of the request.
                        Ok(Some(ServerEvent::Request(id, _, BodyLength::Empty))) => {
                            _ = server.respond(id, &Response::new(()), Bytes::new());
                        }
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(_) => {
                            over = true;
                            break;
                        }
                    }
                }
                if !deaf {
                    let n = server.output().remaining();
                    server.output().advance(n);
                }
            }
        });
        // What the test itself holds is none of the server's.
        held = held.max(live().saturating_sub(before + length));
        if over || turns == FRAMES {
            return Cost { turns, held, allocations: allocations / (turns as usize + 1) };
        }
        bytes = attack(turns);
        turns += 1;
    }
}

/// What a connection may hold at any time: about as much as its tables and a hundred streams.
const MOST: usize = 64 << 10;

/// Allocations for each turn: those of a head that is decoded and refused.
const MOST_ALLOCATIONS: usize = 16;

#[test]
fn an_attack_costs_little() {
    for (name, attack) in ATTACKS {
        for deaf in [false, true] {
            let Cost { turns, held, allocations } = run(attack, deaf);
            assert!(turns < FRAMES, "{name} goes on for ever");
            assert!(held <= MOST, "{name}: {held} bytes are held");
            assert!(allocations <= MOST_ALLOCATIONS, "{name}: {allocations} allocations a turn");
        }
    }
}
