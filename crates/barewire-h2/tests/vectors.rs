//! Every vector, and with it as a sample the contract of `Protocol`: whole, byte by byte, at every split, drained
//! in every way.

mod support;

use barewire_testkit::contract::{self, Sample};
use barewire_testkit::{Subject, Vector, run};
use support::subjects::{Client, Server};

fn check<S: Subject>(role: &str, make: impl Fn(&Vector) -> S) {
    let mut failures = Vec::new();
    for vector in support::load(role) {
        let outcome = run::whole(make(&vector), &vector.input, vector.eof);
        if outcome.transcript != vector.expected {
            let Vector { name, at, expected, .. } = &vector;
            failures
                .push(format!("{name} ({at}) gave\n{}instead of\n{expected}", outcome.transcript));
            continue;
        }
        let name = format!("{} ({})", vector.name, vector.at);
        let sample = Sample { name, input: vector.input.clone(), eof: vector.eof };
        contract::check(|| make(&vector), &sample);
    }
    assert!(failures.is_empty(), "{} failures:\n\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn servers() {
    check("server", |vector| Server::new(support::config(vector)));
}

/// But for a tunnel, of which nobody knows who is to speak next.
#[test]
fn clients_that_stop_are_not_waited_for() {
    for vector in support::load("server") {
        let tunnel = vector.expected.lines().any(|line| line.contains("CONNECT"));
        if !tunnel {
            let Vector { name, input, eof, .. } = vector.clone();
            let make = || Server::new(support::config(&vector));
            contract::waits_for_nobody(make, &Sample { name, input, eof });
        }
    }
}

#[test]
fn clients() {
    check("client", |vector| Client::new(support::config(vector), &vector.requests));
}

#[test]
fn there_are_as_many_as_were_promised() {
    let count = support::load("server").len() + support::load("client").len();
    assert!(count >= 100, "{count}");
}
