//! trillium on smol.

use std::io;

use async_net::TcpListener;
use bench_peers::HELLO;
use trillium::{Conn, KnownHeaderName};

fn main() -> io::Result<()> {
    let listener = TcpListener::try_from(bench_peers::listen()?)?;
    trillium_smol::config().with_prebound_server(listener).with_nodelay().without_signals().run(
        async |conn: Conn| {
            conn.with_response_header(KnownHeaderName::ContentType, "text/plain").ok(HELLO)
        },
    );
    Ok(())
}
