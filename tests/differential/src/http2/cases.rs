//! What both directions are tried with.

use barewire_h2::Config;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

/// Windows of both sides, and a body that is larger than they are.
pub struct Windows {
    /// Announces our window, and takes what small ones bring about.
    pub config: Config,
    /// The peer's window.
    pub theirs: u32,
    /// What goes both ways.
    pub body: Bytes,
}

/// From one byte to the largest there is.
pub fn windows() -> impl Iterator<Item = Windows> {
    let pairs = [(65_535, 65_535), (1, 1), (10, 70_000), (1 << 20, 100), (0x7fff_ffff, 7)];
    pairs.into_iter().map(|(ours, theirs)| {
        let mut config = Config::default();
        config.settings.initial_window_size = ours;
        // Windows of a few bytes are an attack by default.
        config.limits.tiny_data.burst = u32::MAX;
        config.limits.window_updates.burst = u32::MAX;
        let length = if ours.min(theirs) < 1000 { 3_000 } else { 300_000 };
        let body = (0..length).map(|i| (i % 251) as u8).collect::<Vec<_>>().into();
        Windows { config, theirs, body }
    })
}

/// No trailers, and some.
pub fn trailers() -> [Option<HeaderMap>; 2] {
    let mut some = HeaderMap::new();
    some.insert("x-sum", HeaderValue::from_static("1"));
    [None, Some(some)]
}

/// Sizes of the tables for header blocks: ours, in a configuration, and the peer's.
pub fn tables() -> impl Iterator<Item = (Config, u32)> {
    let pairs =
        [(4096, 4096), (0, 0), (64, 4096), (4096, 64), (100, 100), (65_536, 65_536), (0, 4096)];
    pairs.into_iter().map(|(ours, theirs)| {
        let mut config = Config::default();
        config.settings.header_table_size = ours;
        (config, theirs)
    })
}
