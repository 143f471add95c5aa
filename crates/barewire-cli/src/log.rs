//! What a server has to say, on standard error.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::Error;

/// Logs what `RUST_LOG` asks for; where it is not set, `default` and what is worse.
pub(crate) fn init(default: LevelFilter) -> Result<(), Error> {
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    let filter = EnvFilter::builder().with_default_directive(default.into()).parse(asked);
    let filter = filter.map_err(Error::LogFilter)?;
    let colors = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colors).with_writer(stderr).init();
    Ok(())
}
