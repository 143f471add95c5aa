//! The `barewire` command: what a user can do wrong, how it ends, and the rules of `serve`.

mod bad_input;
mod downloads;
mod get;
mod listen;
mod log;
mod shutdown;
mod static_files;
mod tls;
