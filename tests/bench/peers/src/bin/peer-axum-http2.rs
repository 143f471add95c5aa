//! axum, which finds by itself that a connection begins with the preface of HTTP/2, on a current-thread runtime.

use std::io;

use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use axum::serve::ListenerExt;
use bench_peers::{HELLO, ZEROS};
use tokio::net::TcpListener;

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = bench_peers::listen()?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                eprintln!("peer-axum-http2: TCP_NODELAY: {error}");
            }
        });
        let router = Router::new()
            .route("/", get(async || HELLO))
            .route("/64k", get(async || Bytes::from_static(&ZEROS)));
        axum::serve(listener, router).await
    })
}
