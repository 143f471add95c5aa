//! axum as its documentation shows it, on a current-thread runtime.

use std::io;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

/// Serves for ever. `name` says who speaks on stderr.
pub fn serve(name: &'static str, router: Router) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = crate::listen()?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?.tap_io(move |stream| {
            if let Err(error) = stream.set_nodelay(true) {
                eprintln!("{name}: TCP_NODELAY: {error}");
            }
        });
        axum::serve(listener, router).await
    })
}
