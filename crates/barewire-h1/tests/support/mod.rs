//! The two roles of HTTP/1.1 as subjects of `barewire-testkit`.

#![allow(
    dead_code,
    unreachable_pub,
    missing_debug_implementations,
    reason = "every test file uses its own part, and the fuzz targets re-export it"
)]

pub mod client;
pub mod exchange;
pub mod hand;
pub mod server;
pub mod taker;

use barewire_h1::Config;
use barewire_testkit::{Transcript, Vector, vectors};
use http::HeaderMap;

/// The tables of one role: `request` or `response`.
pub fn load(role: &str) -> Vec<Vector> {
    let folder = format!("{}/tests/vectors/{role}", env!("CARGO_MANIFEST_DIR"));
    match vectors::load(folder) {
        Ok(vectors) => vectors,
        Err(error) => panic!("{error}"),
    }
}

/// The configuration that a vector asks for.
pub fn config(vector: &Vector) -> Config {
    let mut config = Config::default();
    let (limits, leniency) = (&mut config.limits, &mut config.leniency);
    for (field, value) in &vector.settings {
        let number = || value.parse().unwrap_or_else(|_| panic!("{}: {value}", vector.at));
        let flag = || value.parse().unwrap_or_else(|_| panic!("{}: {value}", vector.at));
        match field.as_str() {
            "limits.max_body" => limits.max_body = number() as u64,
            "limits.max_chunk_extension" => limits.max_chunk_extension = number(),
            "limits.max_fields" => limits.max_fields = number(),
            "limits.max_head" => limits.max_head = number(),
            "limits.max_informational" => limits.max_informational = number(),
            "limits.max_pipelined" => limits.max_pipelined = number(),
            "limits.max_target" => limits.max_target = number(),
            "limits.max_trailers" => limits.max_trailers = number(),
            "leniency.bare_lf" => leniency.bare_lf = flag(),
            "leniency.content_length_with_transfer_encoding" => {
                leniency.content_length_with_transfer_encoding = flag();
            }
            "leniency.identical_content_length" => leniency.identical_content_length = flag(),
            "leniency.obsolete_line_folding" => leniency.obsolete_line_folding = flag(),
            "leniency.whitespace_before_colon" => leniency.whitespace_before_colon = flag(),
            _ => panic!("{}: no such setting: {field}", vector.at),
        }
    }
    config
}

/// Writes a field section down, each line behind `kind`.
pub fn fields(kind: &str, fields: &HeaderMap, transcript: &mut Transcript) {
    for (name, value) in fields {
        transcript.line([kind.as_bytes(), b" ", name.as_ref(), b": ", value.as_bytes()].concat());
    }
}

/// Writes an error down.
pub fn error(error: &barewire_h1::Error, transcript: &mut Transcript) {
    let answer = error.answer().map_or("-".to_owned(), |status| status.as_u16().to_string());
    transcript.line(format!("error {answer} {:?}", error.kind()));
}
