use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use barewire::client;
use barewire::http::{StatusCode, Uri};
use barewire::server::ServeError;
use barewire::tls::{ConfigError, ErrorKind as TlsErrorKind};

use crate::files::RootError;
use crate::get::{OutputError, WishError};

/// Why a command failed: what happened, and what to do about it.
#[derive(Debug)]
pub(crate) enum Error {
    /// What is to be listened on is no host and port, or the host is not known.
    Bind { bind: String, source: io::Error },
    /// A response's body broke off.
    Body { received: u64, error: client::Error },
    /// A request got no response.
    Client(client::Error),
    /// `--max-extra-threads` for a runtime that takes none.
    ExtraThreads,
    /// A server's address cannot be listened on.
    Listen { bind: String, source: io::Error },
    /// `RUST_LOG` is not understood.
    LogFilter(tracing_subscriber::filter::ParseError),
    /// A body cannot be written.
    Output(OutputError),
    /// The directory to serve cannot be opened.
    Root(RootError),
    /// A server stopped for another reason than that it was told to.
    Serve(ServeError),
    /// The system does not deliver signals.
    Signals(io::Error),
    /// The server refused. What it said went to standard output, or is in the way of the file.
    Status { uri: Uri, status: StatusCode, unwritten: Option<PathBuf> },
    /// Standard output takes nothing.
    Stdout(io::Error),
    /// The system has no threads left.
    Threads(io::Error),
    /// `--threads` for a runtime that has a thread for each connection.
    ThreadsOfStd,
    /// The certificate or its key cannot be used.
    Tls(ConfigError),
    /// Whom to trust cannot be read.
    Trust(ConfigError),
    /// What is to be asked for is no request.
    Wish(WishError),
}

impl Error {
    /// 2 for what is wrong with the command line, as [`clap`] has it, and 1 for all else.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Bind { source, .. } if source.kind() == io::ErrorKind::InvalidInput => {
                ExitCode::from(2)
            }
            Self::ExtraThreads | Self::LogFilter(_) | Self::ThreadsOfStd | Self::Wish(_) => {
                ExitCode::from(2)
            }
            Self::Bind { .. }
            | Self::Body { .. }
            | Self::Client(_)
            | Self::Listen { .. }
            | Self::Output(_)
            | Self::Root(_)
            | Self::Serve(_)
            | Self::Signals(_)
            | Self::Status { .. }
            | Self::Stdout(_)
            | Self::Threads(_)
            | Self::Tls(_)
            | Self::Trust(_) => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { bind, source } => write!(
                f,
                "cannot listen on {bind}: {source}: write a host and a port, such as --bind \
                 127.0.0.1:8000 or --bind localhost:8000"
            ),
            Self::Body { received, error } => {
                write!(f, "only {received} bytes of the body came: {error}{}", hint(error))
            }
            Self::Client(error) => write!(f, "{error}{}", hint(error)),
            Self::ExtraThreads => f.write_str(
                "--max-extra-threads goes with --runtime std alone, which has a thread for each \
                 connection: leave it out, or choose how many there are in all with --threads",
            ),
            Self::Listen { bind, source } => {
                write!(f, "cannot listen on {bind}: ")?;
                match source.kind() {
                    io::ErrorKind::AddrInUse => f.write_str(
                        "it is in use: stop the other program, or choose another port with --bind \
                         (port 0 picks a free one)",
                    ),
                    io::ErrorKind::AddrNotAvailable => f.write_str(
                        "it is not an address of this machine: choose another with --bind \
                         (0.0.0.0 is all of them)",
                    ),
                    io::ErrorKind::PermissionDenied => {
                        f.write_str("this user may not: choose a port from 1024 on with --bind")
                    }
                    _ => write!(f, "{source}: choose another address with --bind"),
                }
            }
            Self::LogFilter(error) => {
                write!(f, "RUST_LOG is not a filter: {error}: unset it, or try RUST_LOG=debug")
            }
            Self::Output(error) => error.fmt(f),
            Self::Root(error) => error.fmt(f),
            Self::Serve(error) => error.fmt(f),
            Self::Signals(error) => write!(f, "cannot wait for signals: {error}"),
            Self::Status { uri, status, unwritten: None } => {
                write!(f, "{uri} answered {status}: check the URL, or see why with -v")
            }
            Self::Status { uri, status, unwritten: Some(path) } => write!(
                f,
                "{uri} answered {status}: {} was not written: leave -o out to see the answer",
                path.display()
            ),
            Self::Stdout(error) => write!(f, "cannot write to standard output: {error}"),
            Self::Threads(error) => {
                write!(f, "cannot start threads: {error}: ask for fewer with --threads")
            }
            Self::ThreadsOfStd => f.write_str(
                "--threads does not go with --runtime std, which has a thread for each connection: \
                 leave it out, or choose --runtime smol",
            ),
            Self::Tls(error) => write!(f, "cannot speak TLS: {error}"),
            Self::Trust(error) => write!(f, "cannot use --cacert: {error}"),
            Self::Wish(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Body { error, .. } | Self::Client(error) => Some(error),
            Self::LogFilter(error) => Some(error),
            Self::Bind { source, .. } | Self::Listen { source, .. } => Some(source),
            Self::Output(error) => Some(error),
            Self::Root(error) => Some(error),
            Self::Serve(error) => Some(error),
            Self::Signals(error) | Self::Stdout(error) | Self::Threads(error) => Some(error),
            Self::Tls(error) | Self::Trust(error) => Some(error),
            Self::Wish(error) => Some(error),
            Self::ExtraThreads | Self::Status { .. } | Self::ThreadsOfStd => None,
        }
    }
}

/// What the command line has against an error.
fn hint(error: &client::Error) -> &'static str {
    match error.kind() {
        _ if error.is_timeout() => " (--timeout SECS sets the limit)",
        client::ErrorKind::Tls(_, why) if why.kind() == TlsErrorKind::UnknownIssuer => {
            " (--cacert FILE names the roots, --insecure trusts anybody)"
        }
        client::ErrorKind::TlsConfig(ConfigError::NoRoots) => " (--cacert FILE names them)",
        client::ErrorKind::NoHttp2 => " (leave --http2 out)",
        client::ErrorKind::Http2(client::Phase::ReceiveHead, _) => {
            " (if it does not speak HTTP/2, leave --http2 out)"
        }
        client::ErrorKind::Tls(_, why) if why.kind() == TlsErrorKind::NoCommonProtocol => {
            " (leave --http1 or --http2 out)"
        }
        _ => "",
    }
}

impl From<OutputError> for Error {
    fn from(error: OutputError) -> Self {
        Self::Output(error)
    }
}

impl From<WishError> for Error {
    fn from(error: WishError) -> Self {
        Self::Wish(error)
    }
}

impl From<RootError> for Error {
    fn from(error: RootError) -> Self {
        Self::Root(error)
    }
}

/// A text with its control characters written out: it stays on its line, and what a server or a file's name
/// smuggled into it does nothing to the terminal.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for char in text.chars() {
        match char.is_control() {
            true => line.extend(char.escape_default()),
            false => line.push(char),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_line() {
        assert_eq!(one_line("a ü\n\x1b[31m\u{9b}b"), "a ü\\n\\u{1b}[31m\\u{9b}b");
    }

    #[test]
    fn every_text_is_one_line_and_says_what_to_do() {
        for kind in [
            io::ErrorKind::AddrInUse,
            io::ErrorKind::AddrNotAvailable,
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::Other,
        ] {
            let bind = || "127.0.0.1:80".to_owned();
            for error in [
                Error::Bind { bind: bind(), source: kind.into() },
                Error::Listen { bind: bind(), source: kind.into() },
            ] {
                let text = error.to_string();
                assert!(text.contains("127.0.0.1:80") && text.contains("--bind"), "{text}");
                assert!(!text.contains('\n') && !text.contains("  "), "{text}");
            }
        }
    }
}
