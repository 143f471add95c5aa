//! Header blocks of RFC 7541's appendix, as the vectors of `barewire-hpack` have them: `decoder SIZE` begins a new
//! decoder, `block HEX` follows.

use std::path::Path;
use std::{fs, io};

use super::write_all;

/// The fields of these are never longer than a limit of 8 × 255 bytes.
const LIMIT: u8 = 255;

pub fn write(tables: &Path, corpus: &Path) -> io::Result<()> {
    let (mut connections, mut texts) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(tables)? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().replace('_', "-");
        let text = fs::read_to_string(&path)?;
        let mut number = 0;
        for line in text.lines() {
            if let Some(size) = line.strip_prefix("decoder ") {
                number += 1;
                let size = size.parse::<u32>().map_err(io::Error::other)? / 32;
                connections.push((format!("{name}-{number}"), vec![size as u8, LIMIT]));
            } else if let (Some(hexadecimal), Some((_, bytes))) =
                (line.strip_prefix("block "), connections.last_mut())
            {
                // An octet that begins no block of these separates them.
                if bytes.len() > 2 {
                    bytes.push(0xfe);
                }
                bytes.extend(octets(hexadecimal));
            }
        }
        // What is read as choices may as well be words.
        texts.push((name, text.into_bytes()));
    }
    // Two updates of the table's size, and entries that go with it.
    let updates = octets("80ff203fe11f4001610162befe3e4001610162be");
    connections.push(("size-updates".to_owned(), updates));
    write_all(&corpus.join("hpack_decode"), connections)?;
    write_all(&corpus.join("hpack_roundtrip"), texts)
}

fn octets(hexadecimal: &str) -> Vec<u8> {
    let pair = |at| u8::from_str_radix(&hexadecimal[at..at + 2], 16).expect("two digits");
    (0..hexadecimal.len()).step_by(2).map(pair).collect()
}
