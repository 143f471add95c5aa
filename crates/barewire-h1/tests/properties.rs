//! What holds for any bytes: no panic, no dependence on how they arrive, an answer to every violation.

mod support;

use std::sync::LazyLock;

use barewire_h1::chunked::{self, Part};
use barewire_h1::{Config, head};
use barewire_proto::{Buf, Input, Output, Status};
use barewire_testkit::{Outcome, Run, Subject, Transcript, Vector, run};
use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;
use support::client::Client;
use support::server::{Answer, Server};

static REQUESTS: LazyLock<Vec<Vector>> = LazyLock::new(|| support::load("request"));
static RESPONSES: LazyLock<Vec<Vector>> = LazyLock::new(|| support::load("response"));

/// Requests after which a connection waits for the next one.
static KEPT: LazyLock<Vec<Vector>> = LazyLock::new(|| {
    let mut kept = support::load("request");
    kept.retain(|vector| {
        let mut run = Run::new(Server::new(Config::default()));
        run.feed(&vector.input);
        let idle = run.subject.protocol().is_idle();
        idle && !vector.eof && vector.settings.is_empty() && !vector.expected.is_empty()
    });
    kept
});

/// A change to the bytes of a vector.
#[derive(Clone, Debug)]
enum Change {
    Delete(Index),
    Duplicate(Index, Index),
    Flip(Index, u8),
    Insert(Index, &'static [u8]),
}

const PIECES: &[&[u8]] = &[
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b"\0",
    b":",
    b";",
    b",",
    b"0\r\n\r\n",
    b"\x80",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"\"",
    b"=",
    b"Host: b\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: test\r\nConnection: upgrade\r\n",
    b"#",
    b"@",
];

fn change() -> impl Strategy<Value = Change> {
    let piece = prop::sample::select(PIECES);
    prop_oneof![
        any::<Index>().prop_map(Change::Delete),
        any::<(Index, Index)>().prop_map(|(from, to)| Change::Duplicate(from, to)),
        (any::<Index>(), 1u8..).prop_map(|(at, bits)| Change::Flip(at, bits)),
        (any::<Index>(), piece).prop_map(|(at, piece)| Change::Insert(at, piece)),
    ]
}

fn changed(vector: &Vector, changes: &[Change]) -> Vec<u8> {
    // The longest vectors are about limits, and cost much time here.
    let mut bytes = vector.input[..vector.input.len().min(2000)].to_vec();
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        let len = bytes.len();
        match *change {
            Change::Delete(at) => drop(bytes.remove(at.index(len))),
            Change::Duplicate(from, to) => {
                let (from, to) = (from.index(len), to.index(len));
                let copy = bytes[from.min(to)..from.max(to)].to_vec();
                bytes.extend(copy);
            }
            Change::Flip(at, bits) => bytes[at.index(len)] ^= bits,
            Change::Insert(at, piece) => {
                let at = at.index(len);
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
    bytes
}

/// Feeds in several ways, and demands one outcome.
fn one_outcome<S: Subject>(make: impl Fn() -> S, input: &[u8], seed: u64, eof: bool) -> Outcome {
    let whole = run::whole(make(), input, eof);
    let bytewise = run::bytewise(make(), input, eof);
    let random = run::random(make(), input, seed, eof);
    for (how, outcome) in [("byte by byte", bytewise), ("in pieces", random)] {
        assert!(
            outcome.transcript == whole.transcript && outcome.output == whole.output,
            "{how}:\n{}whole:\n{}of {}",
            outcome.transcript,
            whole.transcript,
            input.escape_ascii()
        );
    }
    whole
}

fn answered(outcome: &Outcome) {
    let last = outcome.transcript.last().unwrap_or_default();
    let Some(status) = last.strip_prefix("error ").and_then(|rest| rest.split(' ').next()) else {
        return;
    };
    let text = String::from_utf8_lossy(&outcome.output);
    let head = text.rsplit("HTTP/1.1 ").next().unwrap_or_default();
    assert!(head.starts_with(status), "{last} was answered with {head}");
    assert!(head.contains("connection: close"), "{last} did not end the connection: {head}");
}

/// What fails is to become a vector, not a file of seeds.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn a_server_takes_anything(
        vector in any::<Index>(),
        changes in prop::collection::vec(change(), 0..5),
        seed: u64,
        eof: bool,
    ) {
        let vector = vector.get(&REQUESTS);
        let input = changed(vector, &changes);
        let make = || Server::new(support::config(vector));
        answered(&one_outcome(make, &input, seed, eof));
    }

    #[test]
    fn a_client_takes_anything(
        vector in any::<Index>(),
        changes in prop::collection::vec(change(), 0..5),
        seed: u64,
        eof: bool,
    ) {
        let vector = vector.get(&RESPONSES);
        let input = changed(vector, &changes);
        one_outcome(|| Client::new(support::config(vector), &vector.requests), &input, seed, eof);
    }

    #[test]
    fn noise_is_taken_by_both(input in prop::collection::vec(any::<u8>(), 0..300), seed: u64, eof: bool) {
        answered(&one_outcome(|| Server::new(Config::default()), &input, seed, eof));
        one_outcome(|| Client::new(Config::default(), &[]), &input, seed, eof);
    }

    #[test]
    fn a_head_is_judged_once(
        vector in any::<Index>(),
        changes in prop::collection::vec(change(), 0..3),
        response: bool,
    ) {
        let vector = vector.get(if response { &RESPONSES } else { &REQUESTS });
        let (input, config) = (changed(vector, &changes), support::config(vector));
        let parse = |buf: &[u8]| match response {
            true => head::parse_response(buf, &config)
                .map(|status| status.map(|head| format!("{:?}", head.response))),
            false => head::parse_request(buf, &config)
                .map(|status| status.map(|head| format!("{:?} {:?}", head.request, head.body))),
        };
        let whole = parse(&input);
        if let Ok(Status::Complete(_, used)) = &whole {
            assert!(*used <= input.len().min(config.limits.max_head + 8));
        }
        for end in 0..input.len() {
            match parse(&input[..end]) {
                Ok(Status::Partial) => {}
                sooner => assert_eq!(sooner, whole, "after {end} bytes of {}", input.escape_ascii()),
            }
        }
    }

    /// What a connection remembers of the requests before must not show.
    #[test]
    fn requests_do_not_depend_on_those_before(
        before in prop::collection::vec((any::<Index>(), 1usize..4), 1..4),
        last in any::<Index>(),
        changes in prop::collection::vec(change(), 0..3),
        seed: u64,
        eof: bool,
    ) {
        let (mut input, mut expected) = (Vec::new(), Transcript::default());
        for (index, times) in before {
            let vector = index.get(&KEPT);
            for _ in 0..times {
                input.extend_from_slice(&vector.input);
                expected.append(vector.expected.clone());
            }
        }
        let last = changed(last.get(&KEPT), &changes);
        expected.append(run::whole(Server::new(Config::default()), &last, eof).transcript);
        input.extend(last);
        let outcome = one_outcome(|| Server::new(Config::default()), &input, seed, eof);
        assert!(
            outcome.transcript == expected,
            "got\n{}expected\n{expected}of {}",
            outcome.transcript,
            input.escape_ascii()
        );
    }

    #[test]
    fn chunks_are_decoded_as_they_were_encoded(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..12),
        step in 1usize..200,
    ) {
        let mut output = Output::default();
        for part in &parts {
            chunked::encode(&mut output, Bytes::copy_from_slice(part));
        }
        chunked::encode_end(&mut output, None);
        let mut encoded = Vec::new();
        while output.has_remaining() {
            encoded.extend_from_slice(output.chunk());
            output.advance(output.chunk().len());
        }
        let (mut decoder, config) = (chunked::Decoder::default(), Config::default());
        let (mut input, mut decoded) = (Input::new(1 << 16), Vec::new());
        for piece in encoded.chunks(step) {
            assert!(input.push(Bytes::copy_from_slice(piece)).is_empty());
            while let Some(part) = decoder.decode(&mut input, &config).expect("it was encoded") {
                match part {
                    Part::Data(data) => decoded.extend_from_slice(&data),
                    Part::End => break,
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(decoder.is_done() && input.is_empty());
        assert_eq!(decoded, parts.concat());
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn a_server_that_streams_takes_anything(
        vector in any::<Index>(),
        changes in prop::collection::vec(change(), 0..2),
        seed: u64,
        eof: bool,
    ) {
        let vector = vector.get(&REQUESTS);
        let input = changed(vector, &changes);
        let make = || Server::answering(support::config(vector), Answer::Stream);
        one_outcome(make, &input, seed, eof);
    }
}
