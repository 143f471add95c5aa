//! A whole server connection: one outcome however the bytes arrive, an answer to every violation, and an end when nothing
//! more comes.

#![no_main]

use barewire_fuzz::{Server, one_outcome, take_apart};
use barewire_testkit::Run;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((setup, seed, wire)) = take_apart(data) else { return };
    let make = || Server::answering(setup.config(), setup.answer());
    let outcome = one_outcome(make, wire, seed, setup.eof(), true);
    let last = outcome.transcript.last().unwrap_or_default();
    if let Some(status) = last.strip_prefix("error ").and_then(|rest| rest.split(' ').next()) {
        let text = String::from_utf8_lossy(&outcome.output);
        let head = text.rsplit("HTTP/1.1 ").next().unwrap_or_default();
        assert!(head.starts_with(status) && head.contains("connection: close"), "{last}: {head}");
    }
    // This application tells nobody to continue.
    if !wire.windows(12).any(|part| part.eq_ignore_ascii_case(b"100-continue")) {
        let mut run = Run::new(make());
        run.feed(wire);
        assert!(run.ends(), "a client that says no more is waited for:\n{}", outcome.transcript);
    }
});
