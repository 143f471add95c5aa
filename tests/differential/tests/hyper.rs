//! hyper beside us, on every vector. Each difference is in `hyper.txt`, below the reason for it; one that
//! comes, goes or changes fails the test.

use std::collections::BTreeMap;

use barewire_differential::{Role, client, ours, server};
use barewire_testkit::vectors;

#[test]
fn every_difference_has_a_reason() {
    let listed = read(include_str!("../hyper.txt"));
    let found = differences();
    let mut report = Vec::new();
    for (name, line) in &found {
        match listed.get(name) {
            Some(expected) if expected == line => {}
            Some(expected) => report.push(format!("changed: {name}: {line}\n    was: {expected}")),
            None => report.push(format!("new: {name}: {line}")),
        }
    }
    let gone = listed.keys().filter(|name| !found.contains_key(*name));
    report.extend(gone.map(|name| format!("gone: {name}")));
    assert!(report.is_empty(), "hyper.txt is not up to date:\n{}", report.join("\n"));
}

/// `name: ours | theirs`, for each vector on which they differ.
fn differences() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (folder, role) in [("request", Role::Server), ("response", Role::Client)] {
        let tables = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/barewire-h1/tests/vectors");
        for vector in vectors::load(format!("{tables}/{folder}")).expect("the tables are readable")
        {
            let theirs = match role {
                Role::Server => server(&vector),
                Role::Client => client(&vector),
            };
            let ours = ours(&vector, role);
            if ours != theirs {
                found.insert(vector.name, format!("{ours} | {theirs}"));
            }
        }
    }
    found
}

/// Reasons begin with `#` and count for the lines below them.
fn read(text: &str) -> BTreeMap<String, String> {
    let mut listed = BTreeMap::new();
    let mut reason = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() {
            reason = false;
        } else if line.starts_with('#') {
            reason = true;
        } else {
            let (name, line) = line.split_once(": ").expect("a line is `name: ours | theirs`");
            assert!(reason, "{name} has no reason above it");
            let known = listed.insert(name.to_owned(), line.to_owned());
            assert!(known.is_none(), "{name} is listed twice");
        }
    }
    listed
}
