//! Examples live beside this file; run one with `cargo run -p barewire-examples --example NAME`.
