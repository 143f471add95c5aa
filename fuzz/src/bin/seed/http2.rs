//! What clients and servers send in the vectors of `barewire-h2`.

use std::path::Path;
use std::{fs, io};

use barewire_h2::frame::PREFACE;
use barewire_testkit::{Vector, vectors};

use super::{choices, write_all};

// What reads the tables for the tests of the crate reads them here.
#[allow(dead_code, reason = "not all of it is needed here")]
#[path = "../../../../crates/barewire-h2/tests/support/wire.rs"]
mod words;

/// Longer ones are floods, which repeat one frame.
const LONGEST: usize = 2000;

pub fn write(tables: &Path, corpus: &Path) -> io::Result<()> {
    let to_servers = load(&tables.join("server"))?;
    let to_clients = load(&tables.join("client"))?;
    // The targets begin behind the preface.
    let frames = || {
        to_servers.iter().filter_map(|vector| {
            let frames = vector.input.strip_prefix(PREFACE)?;
            Some((vector.name.clone(), frames.to_vec()))
        })
    };
    write_all(&corpus.join("h2_frame"), frames())?;
    write_all(&corpus.join("h2_server"), frames())?;
    // The first byte says whether pushes are allowed.
    let pushes = |vector: &Vector| u8::from(vector.name.contains("push"));
    let answers = to_clients
        .iter()
        .map(|vector| (vector.name.clone(), [&[pushes(vector)], &vector.input[..]].concat()));
    write_all(&corpus.join("h2_client"), answers)?;
    write_all(&corpus.join("h2_pair"), choices())
}

fn load(folder: &Path) -> io::Result<Vec<Vector>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let text = words::translate(&fs::read_to_string(&path)?);
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        all.extend(vectors::parse(&text, &file).map_err(io::Error::other)?);
    }
    all.retain(|vector| vector.input.len() <= LONGEST);
    Ok(all)
}
