//! Every vector, fed in every way: whole, byte by byte, at every split, at random ones, and with a tail
//! behind it that must not change what came before.

mod support;

use barewire_testkit::transcript::unescape;
use barewire_testkit::{Outcome, Run, Subject, Vector, run};
use support::client::Client;
use support::server::Server;
use support::taker::Taker;

/// A request that nobody may see after the end of a connection.
const REQUEST: &[u8] = b"GET /tail HTTP/1.1\r\nHost: tail\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 299 Tail\r\nContent-Length: 0\r\n\r\n";

#[test]
fn there_are_as_many_as_were_promised() {
    let (requests, responses) = (support::load("request").len(), support::load("response").len());
    assert!(requests + responses >= 700, "{requests} and {responses}");
}

#[test]
fn requests() {
    check_all("request", server, |vector, failures| {
        answer_is_sent(vector, failures);
        tail_is_nobodys(vector, server, REQUEST, failures);
        tail_is_next(vector, failures);
    });
}

#[test]
fn requests_that_are_taken() {
    check_all("request", |vector| Taker(server(vector)), |_, _| {});
}

#[test]
fn responses() {
    check_all("response", client, |vector, failures| {
        tail_is_nobodys(vector, client, RESPONSE, failures);
    });
}

fn server(vector: &Vector) -> Server {
    Server::new(support::config(vector))
}

fn client(vector: &Vector) -> Client {
    Client::new(support::config(vector), &vector.requests)
}

/// All failures of a table at once: one wrong rule shows in many vectors.
fn check_all<S: Subject>(
    role: &str,
    make: impl Fn(&Vector) -> S,
    more: impl Fn(&Vector, &mut Vec<String>),
) {
    let mut failures = Vec::new();
    for vector in support::load(role) {
        let before = failures.len();
        splits(&vector, &make, &mut failures);
        if failures.len() == before {
            more(&vector, &mut failures);
        }
    }
    let text: Vec<_> = failures.iter().take(40).cloned().collect();
    assert!(failures.is_empty(), "{} failures:\n\n{}", failures.len(), text.join("\n"));
}

fn splits<S: Subject>(vector: &Vector, make: impl Fn(&Vector) -> S, failures: &mut Vec<String>) {
    let (input, eof) = (&vector.input[..], vector.eof);
    let mut check = |how: &str, outcome: Outcome| {
        let right = outcome.transcript == vector.expected;
        if !right {
            failures.push(describe(vector, how, &outcome));
        }
        right
    };
    let mut right = check("whole", run::whole(make(vector), input, eof))
        && check("byte by byte", run::bytewise(make(vector), input, eof));
    for at in run::places(input) {
        right =
            right && check(&format!("split at {at}"), run::split_at(make(vector), input, at, eof));
    }
    for seed in 0..4 {
        right =
            right && check(&format!("seed {seed}"), run::random(make(vector), input, seed, eof));
    }
}

fn describe(vector: &Vector, how: &str, outcome: &Outcome) -> String {
    let Vector { name, at, rfc, expected, .. } = vector;
    format!("{name} ({at}, RFC {rfc}), {how}: got\n{}expected\n{expected}", outcome.transcript)
}

/// What a peer is told about its error is the last thing that it hears.
fn answer_is_sent(vector: &Vector, failures: &mut Vec<String>) {
    let Some(end) = vector.end() else { return };
    let Some(status) = end.strip_prefix("error ").and_then(|end| end.split(' ').next()) else {
        return;
    };
    let outcome = run::whole(server(vector), &vector.input, vector.eof);
    let text = String::from_utf8_lossy(&outcome.output);
    let last = text.rfind("HTTP/1.1 ").map_or("", |at| &text[at..]);
    let head = last.split("\r\n\r\n").next().unwrap_or_default();
    if !head.starts_with(&format!("HTTP/1.1 {status} ")) || !head.contains("connection: close") {
        failures.push(format!("{} ({}): answered with {last:?}", vector.name, vector.at));
    }
}

/// After the end of a connection, nothing that follows changes anything.
fn tail_is_nobodys<S: Subject>(
    vector: &Vector,
    make: impl Fn(&Vector) -> S,
    tail: &[u8],
    failures: &mut Vec<String>,
) {
    let Some(end) = vector.end().filter(|_| !vector.eof) else { return };
    let input = [&vector.input[..], tail].concat();
    let mut expected = vector.expected.clone();
    if let Some(left_over) = end.strip_prefix("upgraded") {
        let left_over = unescape(left_over.trim_start()).expect("it was escaped");
        expected.pop();
        expected.upgraded(&[&left_over[..], tail].concat());
    }
    for at in [vector.input.len(), input.len(), vector.input.len() / 2] {
        let outcome = run::split_at(make(vector), &input, at, false);
        if outcome.transcript != expected {
            failures.push(describe(vector, "with a tail", &outcome));
        }
    }
}

/// Between two requests, what follows is the next one, and nothing of the ones before is left.
fn tail_is_next(vector: &Vector, failures: &mut Vec<String>) {
    let mut run = Run::new(server(vector));
    run.feed(&vector.input);
    let limited = vector.settings.iter().any(|(field, _)| field.starts_with("limits."));
    if vector.eof || limited || !run.subject.protocol().is_idle() {
        return;
    }
    run.feed(REQUEST);
    let mut expected = vector.expected.clone();
    expected.line("request GET /tail HTTP/1.1");
    expected.line("header host: tail");
    let outcome = run.finish();
    if outcome.transcript != expected {
        failures.push(describe(vector, "with another request", &outcome));
    }
}
