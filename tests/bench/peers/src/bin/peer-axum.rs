//! axum on a current-thread tokio runtime, through `axum::serve` as its documentation shows it.

use std::io;

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt;
use bench_peers::HELLO;
use tokio::net::TcpListener;

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = bench_peers::listen()?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                eprintln!("peer-axum: TCP_NODELAY: {error}");
            }
        });
        axum::serve(listener, Router::new().route("/", get(async || HELLO))).await
    })
}
