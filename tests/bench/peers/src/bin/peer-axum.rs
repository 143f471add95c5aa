//! axum on a current-thread tokio runtime, through `axum::serve` as its documentation shows it.

use std::io;

use axum::Router;
use axum::routing::get;
use bench_peers::{HELLO, axum_server};

fn main() -> io::Result<()> {
    axum_server::serve("peer-axum", Router::new().route("/", get(async || HELLO)))
}
