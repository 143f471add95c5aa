use std::env;
use std::process::Command;

use crate::error::{Doing, Error};
use crate::server::Protocol;

/// Named one by one: with the feature that they need the others would not be what they are for HTTP/1.1.
const HTTP2_PEERS: [&str; 3] = ["floor-http2-smol", "peer-axum-http2", "peer-hyper-http2"];

/// Builds the servers into the directory that this program runs from.
///
/// The peers and ours are built apart, so that neither turns features of a shared dependency on
/// for the other.
pub(crate) fn servers(protocol: Protocol) -> Result<(), Error> {
    match protocol {
        Protocol::Http1 => build("bench-peers", &[])?,
        Protocol::Http2 => {
            let mut arguments = vec!["--features", "http2"];
            HTTP2_PEERS.iter().for_each(|name| arguments.extend(["--bin", name]));
            build("bench-peers", &arguments)?;
        }
    }
    build("bench-ours", &[])
}

/// Builds the clients, and the server that they ask.
pub(crate) fn clients() -> Result<(), Error> {
    build("bench-peers", &["--bin", "floor-epoll"])?;
    build("bench-peer-clients", &[])?;
    build("bench-our-clients", &[])
}

fn build(package: &'static str, arguments: &[&str]) -> Result<(), Error> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--package", package])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .doing("run cargo")?;
    if status.success() { Ok(()) } else { Err(Error::Build { package }) }
}
