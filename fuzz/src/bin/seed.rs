//! Makes the seed corpora from the vectors: `cargo run --bin seed` in `fuzz/`.
//!
//! What it writes is small and committed; what fuzzing finds stays in the folders that `cargo fuzz` is told
//! (see README.md).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use barewire_testkit::{Vector, vectors};

/// Longer ones are about limits, which the small limits of a setup reach sooner.
const LONGEST: usize = 400;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tables = here.join("../crates/barewire-h1/tests/vectors");
    let requests = vectors::load(tables.join("request"))?;
    let responses = vectors::load(tables.join("response"))?;
    let corpus = here.join("corpus");
    write(&corpus.join("request_head"), requests.iter().map(|v| (v, setup(v, 0), head(v))))?;
    write(&corpus.join("response_head"), responses.iter().map(|v| (v, setup(v, 0), head(v))))?;
    let bodies = requests.iter().chain(&responses).filter(|v| is_chunked(v));
    write(&corpus.join("chunked_body"), bodies.map(|v| (v, setup(v, 0), body(v))))?;
    write(
        &corpus.join("server_connection"),
        requests.iter().map(|v| (v, setup(v, 0), v.input.clone())),
    )?;
    write(
        &corpus.join("client_connection"),
        responses.iter().map(|v| (v, setup(v, asked(v)), v.input.clone())),
    )?;
    // Choices, not bytes of a peer: a few lengths are enough to begin with.
    let round_trip = corpus.join("round_trip");
    fs::create_dir_all(&round_trip)?;
    for (name, len) in [("short", 64usize), ("middle", 400), ("long", 1500)] {
        let bytes: Vec<u8> = (0..len).map(|i| (i * 167 % 251) as u8).collect();
        fs::write(round_trip.join(name), bytes)?;
    }
    Ok(())
}

fn write<'a>(
    folder: &PathBuf,
    seeds: impl Iterator<Item = (&'a Vector, u8, Vec<u8>)>,
) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let mut known = BTreeSet::new();
    for (vector, setup, wire) in seeds {
        if wire.len() <= LONGEST && known.insert((setup, wire.clone())) {
            fs::write(folder.join(&vector.name), [&[setup, 7], &wire[..]].concat())?;
        }
    }
    Ok(())
}

fn setup(vector: &Vector, more: u8) -> u8 {
    let has = |prefix| vector.settings.iter().any(|(field, _)| field.starts_with(prefix));
    let mut setup = more | u8::from(vector.eof);
    for (bit, prefix) in [(2, "leniency."), (4, "limits.max_"), (8, "limits.max_pipelined")] {
        if has(prefix) {
            setup |= bit;
        }
    }
    setup
}

/// The two upper bits: what the client had asked.
fn asked(vector: &Vector) -> u8 {
    let Some(first) = vector.requests.first() else { return 0 };
    match &first[..] {
        request if request.starts_with(b"HEAD") => 1 << 6,
        request if request.starts_with(b"CONNECT") => 2 << 6,
        request if request.windows(7).any(|part| part == b"upgrade") => 3 << 6,
        _ => 0,
    }
}

fn is_chunked(vector: &Vector) -> bool {
    vector.expected.lines().any(|line| line == "header transfer-encoding: chunked")
}

fn split(vector: &Vector) -> (&[u8], &[u8]) {
    let input = &vector.input[..];
    let end =
        input.windows(4).position(|part| part == b"\r\n\r\n").map_or(input.len(), |at| at + 4);
    input.split_at(end)
}

fn head(vector: &Vector) -> Vec<u8> {
    split(vector).0.to_vec()
}

fn body(vector: &Vector) -> Vec<u8> {
    split(vector).1.to_vec()
}
