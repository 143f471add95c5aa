//! hyper beside us, on every vector. Each difference is in `hyper.txt`, below the reason for it; one that
//! comes, goes or changes fails the test.

use std::collections::BTreeMap;

use barewire_differential::{Role, client, compare, ours, read_reasons, server};
use barewire_testkit::vectors;

#[test]
fn every_difference_has_a_reason() {
    let report = compare(&read_reasons(include_str!("../hyper.txt")), &differences());
    assert!(report.is_empty(), "hyper.txt is not up to date:\n{report}");
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
