use std::env;
use std::process::Command;

use crate::error::{Doing, Error};

/// Builds the servers into the directory that this program runs from.
///
/// The peers and ours are built apart, so that neither turns features of a shared dependency on
/// for the other.
pub(crate) fn servers() -> Result<(), Error> {
    build("bench-peers", &[])?;
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
