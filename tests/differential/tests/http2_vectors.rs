//! The `h2` crate beside us, on every vector for servers. Each difference is in `h2.txt`, below the reason for it;
//! one that comes, goes or changes fails the test.

use std::collections::BTreeMap;
use std::fs;

use barewire_differential::http2::{ours, theirs, translate};
use barewire_differential::{compare, read_reasons};
use barewire_testkit::{Vector, vectors};

fn load() -> Vec<Vector> {
    let folder =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/barewire-h2/tests/vectors/server");
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("the tables are there") {
        let path = entry.expect("a readable entry").path();
        let text = fs::read_to_string(&path).expect("a table can be read");
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        all.extend(vectors::parse(&translate(&text), &file).expect("a table"));
    }
    all
}

#[test]
fn every_difference_has_a_reason() {
    let mut found = BTreeMap::new();
    for vector in load() {
        let (ours, theirs) = (ours(&vector), theirs(&vector));
        if ours != theirs {
            found.insert(vector.name, format!("{ours} | {theirs}"));
        }
    }
    let report = compare(&read_reasons(include_str!("../h2.txt")), &found);
    assert!(report.is_empty(), "h2.txt is not up to date:\n{report}");
}
