use std::io;
use std::path::PathBuf;

use crate::load::LoadError;

/// Why a sub-command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the numbers of a debug build mean nothing: run with `cargo run --release -p bench`")]
    DebugBuild,
    #[error("`cargo build --release -p {package}` failed; its output is above")]
    Build { package: &'static str },
    #[error("no server is named {name:?}; there are: {known}")]
    UnknownServer { name: String, known: String },
    #[error("no client is named {name:?}; there are: {known}")]
    UnknownClient { name: String, known: String },
    #[error("the client {name} ended, or had no answer in its turn; what it said is above")]
    Client { name: &'static str },
    #[error("{name} ended before it said where it listens; run {program} by hand to see why")]
    NoAddress { name: &'static str, program: PathBuf },
    #[error("{program} is needed for this table: install it and run again")]
    MissingTool { program: &'static str },
    #[error("{program} printed no totals that could be read")]
    NoTotals { program: &'static str },
    #[error("the load against {name} failed")]
    Load { name: &'static str, source: LoadError },
    #[error("cannot {doing}")]
    Io { doing: &'static str, source: io::Error },
}

/// Names what was being done when an input or output failed.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, doing: &'static str) -> Result<T, Error> {
        self.map_err(|source| Error::Io { doing, source: source.into() })
    }
}

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

/// Makes a failed load, which is one row's matter and not the table's, into `None`, and says it.
pub(crate) fn row_only<T>(result: Result<T, Error>, place: &str) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error @ Error::Load { .. }) => {
            eprintln!("FAILED: {place}: {}", chain(&error));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
