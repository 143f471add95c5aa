//! One runnable file for each task a person has, beside this folder. Run one with
//! `cargo run -p barewire-examples --example NAME`; each ends by itself.
