//! Makes the seed corpora from the vectors: `cargo run --bin seed` in `fuzz/`.
//!
//! What it writes is small and committed; what fuzzing finds stays in the folders that `cargo fuzz` is told
//! (see README.md).

mod hpack;
mod http2;
mod tls;

use std::collections::BTreeSet;
use std::path::Path;
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
    write_all(&corpus.join("round_trip"), choices())?;
    let crates = here.join("../crates");
    hpack::write(&crates.join("barewire-hpack/tests/vectors"), &corpus)?;
    http2::write(&crates.join("barewire-h2/tests/vectors"), &corpus)?;
    tls::write(&corpus)?;
    Ok(())
}

/// Makes a corpus of seeds with these names.
fn write_all(folder: &Path, seeds: impl IntoIterator<Item = (String, Vec<u8>)>) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let mut known = BTreeSet::new();
    for (name, bytes) in seeds {
        if known.insert(bytes.clone()) {
            fs::write(folder.join(name), bytes)?;
        }
    }
    Ok(())
}

/// Bytes that stand for choices: a few lengths are enough to begin with.
fn choices() -> impl Iterator<Item = (String, Vec<u8>)> {
    [("short", 64usize), ("middle", 400), ("long", 1500)]
        .into_iter()
        .map(|(name, len)| (name.to_owned(), (0..len).map(|i| (i * 167 % 251) as u8).collect()))
}

fn write<'a>(
    folder: &Path,
    seeds: impl Iterator<Item = (&'a Vector, u8, Vec<u8>)>,
) -> io::Result<()> {
    let short = seeds.filter(|(_, _, wire)| wire.len() <= LONGEST);
    let named =
        short.map(|(vector, setup, wire)| (vector.name.clone(), [&[setup, 7], &wire[..]].concat()));
    write_all(folder, named)
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
