//! A whole client connection: one outcome however the bytes arrive.

#![no_main]

use barewire_fuzz::{Client, one_outcome, take_apart};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((setup, seed, wire)) = take_apart(data) else { return };
    let requests = setup.requests();
    // What it sends may depend on when the responses come: a second request follows the first response.
    one_outcome(|| Client::new(setup.config(), &requests), wire, seed, setup.eof(), false);
});
