//! What the fuzz targets share.
//!
//! The input of all targets but `round_trip` is one byte of [`Setup`], one seed byte for the splits, and
//! then what the peer sends, so that a vector makes a seed for the corpus by two bytes in front of it.

#![forbid(unsafe_code)]

#[path = "../../crates/barewire-h1/tests/support/mod.rs"]
mod support;

use barewire_h1::{Config, Leniency};
use barewire_testkit::{Outcome, Subject, run};

pub use support::client::Client;
pub use support::exchange::{Apps, Body, Exchange, Fields, Message};
pub use support::server::{Answer, Server};

/// How a connection is set up, from one byte.
#[derive(Clone, Copy, Debug)]
pub struct Setup(pub u8);

impl Setup {
    const EOF: u8 = 1;
    const LENIENT: u8 = 2;
    const SMALL: u8 = 4;
    const PIPELINED: u8 = 8;
    const STREAM: u8 = 16;

    /// Whether the end of file follows the bytes.
    pub fn eof(self) -> bool {
        self.0 & Self::EOF != 0
    }

    /// What a server answers with.
    pub fn answer(self) -> Answer {
        if self.0 & Self::STREAM != 0 { Answer::Stream } else { Answer::Empty }
    }

    /// Strict or lenient, with the usual limits or with limits that are soon reached.
    pub fn config(self) -> Config {
        let mut config = Config::default();
        if self.0 & Self::LENIENT != 0 {
            config.leniency = Leniency {
                bare_lf: true,
                content_length_with_transfer_encoding: true,
                identical_content_length: true,
                whitespace_before_colon: true,
                obsolete_line_folding: true,
            };
        }
        if self.0 & Self::SMALL != 0 {
            let limits = &mut config.limits;
            (limits.max_head, limits.max_fields, limits.max_target) = (120, 4, 30);
            (limits.max_chunk_extension, limits.max_trailers) = (8, 40);
            (limits.max_body, limits.max_informational) = (64, 2);
        }
        if self.0 & Self::PIPELINED != 0 {
            config.limits.max_pipelined = 4;
        }
        config
    }

    /// What a client asked: the two upper bits choose.
    pub fn requests(self) -> Vec<Vec<u8>> {
        let lists: [&[&str]; 4] = [
            &["GET / HTTP/1.1"],
            &["HEAD / HTTP/1.1", "POST / HTTP/1.1\r\ncontent-length: 5\r\nexpect: 100-continue"],
            &["CONNECT a.example:443 HTTP/1.1"],
            &["GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: test", "GET /2 HTTP/1.1"],
        ];
        let list = lists[usize::from(self.0 >> 6)];
        list.iter().map(|request| request.as_bytes().to_vec()).collect()
    }
}

/// Setup, seed and what the peer sends; `None` when the input is too short, or too long to be of use.
pub fn take_apart(data: &[u8]) -> Option<(Setup, u64, &[u8])> {
    match data {
        [setup, seed, wire @ ..] if wire.len() <= 8192 => {
            Some((Setup(*setup), u64::from(*seed), wire))
        }
        _ => None,
    }
}

/// Feeds whole, byte by byte and in pieces, and demands one outcome.
pub fn one_outcome<S: Subject>(
    make: impl Fn() -> S,
    wire: &[u8],
    seed: u64,
    eof: bool,
    output_too: bool,
) -> Outcome {
    let whole = run::whole(make(), wire, eof);
    let others = [run::bytewise(make(), wire, eof), run::random(make(), wire, seed, eof)];
    for other in others {
        assert!(
            whole.transcript == other.transcript,
            "whole:\n{}split:\n{}",
            whole.transcript,
            other.transcript
        );
        assert!(!output_too || whole.output == other.output, "other bytes were put out");
    }
    whole
}

/// Whether every way to cut a prefix off gives the same verdict or none yet.
pub fn judged_once(wire: &[u8], mut judge: impl FnMut(&[u8]) -> Option<String>) -> Option<String> {
    let whole = judge(wire);
    let ends = wire.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
    for end in ends.flat_map(|at| [at, at + 1]).chain([1, wire.len() / 2]) {
        if let Some(sooner) = judge(&wire[..end.min(wire.len())]) {
            assert_eq!(Some(&sooner), whole.as_ref(), "after {end} bytes");
        }
    }
    whole
}
