//! axum, which finds by itself that a connection begins with the preface of HTTP/2.

use std::io;

use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use bench_peers::{HELLO, ZEROS, axum_server};

fn main() -> io::Result<()> {
    let router = Router::new()
        .route("/", get(async || HELLO))
        .route("/64k", get(async || Bytes::from_static(&ZEROS)));
    axum_server::serve("peer-axum-http2", router)
}
