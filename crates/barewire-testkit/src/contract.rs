//! The contract of [`Protocol`] as one suite over any implementation.
//!
//! [`check`] runs the rules one to six on one sample; [`steady_state`] measures the seventh. What is a good
//! sample: a few exchanges after each other, every kind of body, the end of file in the middle, and one
//! input for each kind of violation. A table of [`vectors`](crate::vectors) is a good set of samples.

use std::time::{Duration, Instant};

use barewire_proto::{Buf, Protocol};

use crate::{Clock, Drain, Outcome, Random, Run, Subject, allocations, run};

/// What a peer sends.
#[derive(Clone, Debug)]
pub struct Sample {
    /// For messages.
    pub name: String,
    /// The bytes.
    pub input: Vec<u8>,
    /// Whether the end of file follows them.
    pub eof: bool,
}

/// Runs the rules one to six on one sample.
///
/// # Panics
///
/// When a rule is broken, with the rule's number and the sample's name.
pub fn check<S: Subject>(make: impl Fn() -> S, sample: &Sample) {
    let whole = run::whole(make(), &sample.input, sample.eof);
    splits_do_not_matter(&make, sample, &whole);
    any_order(&make, sample, &whole);
    errors_are_final(&make, sample);
    draining_does_not_matter(&make, sample, &whole);
    time_is_what_it_is_told(&make, sample);
}

/// What servers owe beyond the contract: a client that stops, wherever that is, is not waited for for ever.
///
/// # Panics
///
/// When a connection still stands after all of its deadlines, or has none.
pub fn waits_for_nobody<S: Subject>(make: impl Fn() -> S, sample: &Sample) {
    for at in run::places(&sample.input) {
        let mut run = Run::new(make());
        run.feed(&sample.input[..at]);
        assert!(run.ends(), "{}: a client that stops after {at} bytes is waited for", sample.name);
    }
}

/// Rule 1: any method in any order, and no duty to drain.
fn any_order<S: Subject>(make: &impl Fn() -> S, sample: &Sample, whole: &Outcome) {
    for seed in 0..8 {
        let mut random = Random::new(seed);
        let mut run = Run::new(make());
        let mut rest = &sample.input[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(random.within(1..=rest.len().min(40)));
            rest = after;
            run.offer(piece);
            for _ in 0..random.within(0..=6) {
                run.poke(&mut random);
            }
        }
        if sample.eof {
            run.close();
        }
        let outcome = run.finish();
        same(1, sample, &format!("method calls of seed {seed}"), whole, &outcome);
    }
}

/// Rule 3: the same error for ever, after which nothing is added to the output, and an end. That the events
/// before the violation come first follows from rule 4. ([`Run`] looks after rule 2 wherever it is used.)
fn errors_are_final<S: Subject>(make: &impl Fn() -> S, sample: &Sample) {
    let mut run = Run::with(make(), Clock::start(), Drain::AtEnd);
    run.feed(&sample.input);
    if sample.eof {
        run.close();
    }
    if !run.failed() {
        return;
    }
    let name = &sample.name;
    let farewell = run.subject.protocol().output().remaining();
    run.feed(b"\0more that nobody reads\r\n\r\n");
    run.clock.advance(Duration::from_nanos(1));
    run.feed(b"");
    run.close();
    let protocol = run.subject.protocol();
    assert_eq!(protocol.output().remaining(), farewell, "{name}: rule 3: output after the error");
    protocol.output().advance(farewell);
    let mut now = run.clock.now();
    let ended = protocol.is_closed()
        || protocol.output().is_finished()
        || protocol.poll_timeout().is_some();
    assert!(ended, "{name}: rule 3: after an error the connection neither ends nor waits");
    for _ in 0..16 {
        let Some(at) = protocol.poll_timeout().filter(|_| !protocol.is_closed()) else { break };
        now = now.max(at);
        protocol.handle_timeout(now);
    }
    let ended = protocol.is_closed() || protocol.output().is_finished();
    assert!(ended, "{name}: rule 3: a connection that failed does not end");
    assert!(protocol.poll_event().is_err(), "{name}: rule 3: the error went away");
}

/// Rule 4: any split, the same events.
fn splits_do_not_matter<S: Subject>(make: &impl Fn() -> S, sample: &Sample, whole: &Outcome) {
    let (input, eof) = (&sample.input[..], sample.eof);
    same(4, sample, "single bytes", whole, &run::bytewise(make(), input, eof));
    for at in run::places(input) {
        let outcome = run::split_at(make(), input, at, eof);
        same(4, sample, &format!("a split at {at}"), whole, &outcome);
    }
    for seed in 0..8 {
        let outcome = run::random(make(), input, seed, eof);
        same(4, sample, &format!("pieces of seed {seed}"), whole, &outcome);
    }
}

/// Rule 5: any way to drain, the same bytes; fewer of them only where a violation ends the connection on the
/// spot, so that the driver drops the transport with what was not sent.
fn draining_does_not_matter<S: Subject>(make: &impl Fn() -> S, sample: &Sample, whole: &Outcome) {
    for drain in [Drain::AtEnd, Drain::Bytes(1), Drain::Bytes(13)] {
        let mut run = Run::with(make(), Clock::start(), drain);
        for piece in sample.input.chunks(7) {
            run.feed(piece);
        }
        if sample.eof {
            run.close();
        }
        let mut outcome = run.finish();
        if outcome.dropped && whole.output.starts_with(&outcome.output) {
            outcome.output.clone_from(&whole.output);
        }
        same(5, sample, &format!("{drain:?}"), whole, &outcome);
    }
}

/// Rule 6: too early does nothing, the past is ignored, and two runs are the same to the nanosecond. On the
/// way: a deadline that was served is not due again, or a driver would spin.
fn time_is_what_it_is_told<S: Subject>(make: &impl Fn() -> S, sample: &Sample) {
    let places = run::places(&sample.input);
    for &at in places.iter().step_by(places.len().div_ceil(24)) {
        let clock = Clock::start();
        let first = deadlines(make(), clock, sample, at);
        let second = deadlines(make(), clock, sample, at);
        assert_eq!(first, second, "{}: rule 6: two runs differ after {at} bytes", sample.name);
    }
}

fn deadlines<S: Subject>(subject: S, clock: Clock, sample: &Sample, at: usize) -> Vec<Duration> {
    let name = format!("{}: rule 6: after {at} bytes", sample.name);
    let start = clock.now();
    let mut run = Run::with(subject, clock, Drain::AtOnce);
    run.feed(&sample.input[..at]);
    let mut trace = Vec::new();
    for _ in 0..24 {
        let Some(due) = run.subject.protocol().poll_timeout() else { break };
        trace.push(due.duration_since(start));
        if due > run.clock.now() {
            before_it_is_due(&mut run, start, due, &name);
        }
        run.clock.advance_to(due);
        run.feed(b"");
        let next = run.subject.protocol().poll_timeout();
        assert!(
            next.is_none_or(|next| next > due),
            "{name}: a deadline that was served is due again"
        );
    }
    trace
}

fn before_it_is_due<S: Subject>(run: &mut Run<S>, start: Instant, due: Instant, name: &str) {
    let failed = run.failed();
    let protocol = run.subject.protocol();
    let closed = protocol.is_closed();
    for early in [start - Duration::from_secs(60), start, due - Duration::from_nanos(1)] {
        protocol.handle_timeout(early);
        match protocol.poll_event() {
            Ok(event) => {
                assert!(event.is_none() && !failed, "{name}: an event before the deadline")
            }
            Err(error) => assert!(failed, "{name}: {error} before the deadline"),
        }
        assert_eq!(protocol.output().remaining(), 0, "{name}: output before the deadline");
        assert_eq!(protocol.is_closed(), closed, "{name}: closed before the deadline");
        let next = protocol.poll_timeout();
        let kept = next.is_some_and(|next| next >= due);
        assert!(kept, "{name}: the deadline came closer or went away");
    }
}

fn same(rule: u32, sample: &Sample, how: &str, expected: &Outcome, outcome: &Outcome) {
    let name = &sample.name;
    assert!(
        expected.transcript == outcome.transcript,
        "{name}: rule {rule}: {how} gave\n{}instead of\n{}",
        outcome.transcript,
        expected.transcript
    );
    let pairs = expected.output.iter().zip(&outcome.output);
    let equal = pairs.take_while(|(a, b)| a == b).count();
    let around = |bytes: &[u8]| {
        let end = bytes.len().min(equal + 60);
        bytes[equal.saturating_sub(60)..end].escape_ascii().to_string()
    };
    assert!(
        expected.output == outcome.output,
        "{name}: rule {rule}: {how} put out {} bytes instead of {}, other ones from {equal} on:\n    \
         {}\ninstead of\n    {}",
        outcome.output.len(),
        expected.output.len(),
        around(&outcome.output),
        around(&expected.output)
    );
}

/// What rule 7 is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steady {
    /// Bytes held by input and output between two exchanges.
    pub held: usize,
    /// Allocations for one exchange: the most of all rounds, without what other threads allocate once. Zero
    /// where [`allocations`] are not counted.
    pub allocations: usize,
}

/// Rule 7: the same exchange over and over holds the same memory, and allocates what its events need.
///
/// `begin` runs the commands that come before the peer's bytes; `answer` those that follow an event, which
/// is dropped there. Neither should allocate on its own account.
///
/// # Panics
///
/// When the buffers grow from one round to the next, or an error comes.
pub fn steady_state<P: Protocol>(
    protocol: &mut P,
    exchange: &[u8],
    mut begin: impl FnMut(&mut P),
    mut answer: impl FnMut(&mut P, P::Event),
) -> Steady {
    const WARM_UP: usize = 8;
    const ROUNDS: usize = 64;
    // The thread that runs the tests allocates a little once, some time after it has started this one: that is in one
    // of them.
    const BATCHES: usize = 3;
    let now = Clock::start().now();
    let mut held = None;
    let mut most = [0; BATCHES];
    for round in 0..WARM_UP + BATCHES * ROUNDS {
        let count = allocations::during(|| {
            protocol.handle_timeout(now);
            begin(protocol);
            fill(protocol, exchange);
            while let Some(event) = protocol.poll_event().expect("rule 7: the sample is valid") {
                answer(protocol, event);
            }
            let sent = protocol.output().remaining();
            protocol.output().advance(sent);
        });
        if round < WARM_UP {
            continue;
        }
        let most = &mut most[(round - WARM_UP) / ROUNDS];
        *most = count.max(*most);
        let holds = protocol.input().allocated() + protocol.output().allocated();
        let before = *held.get_or_insert(holds);
        assert!(holds <= before, "rule 7: the buffers grew from {before} to {holds} bytes");
    }
    let allocations = most.into_iter().min().unwrap_or_default();
    Steady { held: held.unwrap_or_default(), allocations }
}

fn fill<P: Protocol>(protocol: &mut P, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let spare = protocol.input().spare(bytes.len());
        let n = spare.len().min(bytes.len());
        assert!(n > 0, "rule 7: the sample does not fit the input");
        spare[..n].copy_from_slice(&bytes[..n]);
        protocol.input().commit(n);
        bytes = &bytes[n..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::echo::{Broken, Echo, EchoEvent, EchoSubject};

    fn samples() -> Vec<Sample> {
        let sample =
            |name: &str, input: &[u8], eof| Sample { name: name.into(), input: input.into(), eof };
        vec![
            sample("lines", b"one\ntwo\n\nthree", false),
            sample("end within a line", b"one\ntw", true),
            sample("end after a line", b"one\n", true),
            sample("violation", b"one\nt\0wo\n", false),
        ]
    }

    fn breaks(broken: Broken) -> String {
        let result = std::panic::catch_unwind(|| {
            for sample in samples() {
                check(|| EchoSubject(Echo::broken(broken)), &sample);
            }
        });
        let Err(panic) = result else { panic!("{broken:?} was taken for good") };
        panic.downcast_ref::<String>().cloned().unwrap_or_else(|| {
            panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).unwrap_or_default()
        })
    }

    #[test]
    fn a_good_protocol_passes() {
        for sample in samples() {
            check(|| EchoSubject(Echo::default()), &sample);
        }
    }

    #[test]
    fn each_broken_rule_is_found() {
        for (broken, sign) in [
            (Broken::EventAfterQuiet, "an event after quiet"),
            (Broken::ForgetsError, "no error after an error"),
            (Broken::NoFarewell, "neither ends nor waits"),
            (Broken::ErrorOvertakesEvents, "rule 4"),
            (Broken::SplitMatters, "rule 4"),
            (Broken::DrainMatters, "put out"),
            (Broken::FiresEarly, "rule 6"),
            (Broken::FiresForEver, "due again"),
        ] {
            let message = breaks(broken);
            assert!(message.contains(sign), "{broken:?}: {message}");
        }
    }

    #[test]
    fn growth_is_found_in_the_steady_state() {
        let mut echo = Echo::default();
        let answer = |echo: &mut Echo, event| match event {
            EchoEvent::Line(line) => echo.say(&line),
        };
        let steady = steady_state(&mut echo, b"hello\n", |_| {}, answer);
        assert!(steady.held > 0);
        let result = std::panic::catch_unwind(|| {
            let mut echo = Echo::broken(Broken::Grows);
            steady_state(&mut echo, b"hello\n", |_| {}, answer)
        });
        assert!(result.is_err(), "a buffer that grows for ever was taken for steady");
    }
}
