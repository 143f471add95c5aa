//! The seven rules of the contract, on both roles, with every vector as a sample.

mod support;

use barewire_testkit::Vector;
use barewire_testkit::contract::{self, Sample};
use support::client::Client;
use support::server::{Answer, Server};

fn sample(vector: &Vector) -> Sample {
    let Vector { name, at, input, eof, .. } = vector;
    Sample { name: format!("{name} ({at})"), input: input.clone(), eof: *eof }
}

#[test]
fn server() {
    for vector in support::load("request") {
        let make = || Server::new(support::config(&vector));
        contract::check(make, &sample(&vector));
        // Who was not told to continue may wait: it is the application that keeps it waiting.
        let waits = vector.input.windows(12).any(|part| part.eq_ignore_ascii_case(b"100-continue"));
        if !waits && vector.input.len() < 1000 {
            contract::waits_for_nobody(make, &sample(&vector));
        }
    }
}

#[test]
fn client() {
    for vector in support::load("response") {
        let make = || Client::new(support::config(&vector), &vector.requests);
        contract::check(make, &sample(&vector));
    }
}

/// Responses that are longer than the output takes at once.
#[test]
fn server_that_streams() {
    for name in ["pipeline-bodies", "pipeline-three", "persist-1-0-keep-alive", "te-chunked"] {
        let vectors = support::load("request");
        let vector =
            vectors.iter().find(|vector| vector.name == name).expect("the vector is there");
        let make = || Server::answering(support::config(vector), Answer::Stream);
        contract::check(make, &sample(vector));
    }
}

/// Requests whose bodies are longer than what the output calls full.
#[test]
fn client_that_sends_bodies() {
    let request = b"POST / HTTP/1.1\r\ncontent-length: 100000".to_vec();
    let requests = [request.clone(), request];
    let vectors = support::load("response");
    let vector = vectors.iter().find(|vector| vector.name == "keep-1-1").expect("it is there");
    contract::check(|| Client::new(support::config(vector), &requests), &sample(vector));
}
