//! The `barewire` command: an HTTP client, a server for files, and a server to test clients against.

#![forbid(unsafe_code)]

mod echo;
mod error;
mod files;
mod get;
mod listen;
mod log;
mod runtime;
#[cfg(test)]
mod scratch;
mod serve;

use std::io::{Write, stderr};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Error;

/// HTTP from the command line: fetch a URL, serve a directory, test a client.
#[derive(Debug, Parser)]
#[command(name = "barewire", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Get(get::Arguments),
    Serve(serve::Arguments),
    Echo(echo::Arguments),
}

impl Command {
    fn run(self) -> Result<(), Error> {
        match self {
            Self::Get(arguments) => arguments.run(),
            Self::Serve(arguments) => arguments.run(),
            Self::Echo(arguments) => arguments.run(),
        }
    }
}

fn main() -> ExitCode {
    match Arguments::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With standard error gone there is nobody left to tell.
            let _ = writeln!(stderr(), "barewire: {}", error::one_line(&error.to_string()));
            error.exit_code()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
