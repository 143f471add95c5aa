//! What `serve` and `echo` have in common.

use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::thread;

use barewire::rt::Spawn;
use barewire::server::{Config, Handle, Handler, ServeError, Server};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use tracing_subscriber::filter::LevelFilter;

use crate::runtime::{Program, Runtime};
use crate::{Error, log};

/// The options of a server.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Arguments {
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:8000",
        help = "Address and port to listen on, such as 0.0.0.0:8000 or [::1]:8000; port 0 picks a free one"
    )]
    bind: SocketAddr,

    /// What to run on
    #[arg(long, value_enum, default_value_t = Runtime::Smol)]
    runtime: Runtime,

    /// How many threads to run on [default: one for each core; not with --runtime std]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Log each request on standard error; twice: what goes wrong with connections, too. RUST_LOG overrides it
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

/// A handler that is made for whichever runtime was chosen.
pub(crate) trait Application {
    /// Whether its requests come with the address of the client.
    const WANTS_CLIENT_ADDRESS: bool = false;

    fn handler<R: Spawn>(self, runtime: R) -> impl Handler;
}

impl Arguments {
    /// Listens, says so, and serves until a signal comes.
    pub(crate) fn serve(self, application: impl Application) -> Result<(), Error> {
        log::init(match self.verbose {
            0 => LevelFilter::WARN,
            1 => LevelFilter::INFO,
            2 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        })?;
        self.runtime.run(self.threads, Listening { bind: self.bind, application })
    }
}

struct Listening<A> {
    bind: SocketAddr,
    application: A,
}

impl<A: Application> Program for Listening<A> {
    fn run<R: Spawn>(self, runtime: R) -> Result<(), Error> {
        let Self { bind, application } = self;
        let server = Server::bind(runtime.clone(), bind).map_err(|error| match error {
            ServeError::Listen { source, .. } => Error::Listen { bind, source },
            error => Error::Serve(error),
        })?;
        let config = Config { connect_info: A::WANTS_CLIENT_ADDRESS, ..Config::default() };
        let server = server.config(config);
        let addr = server.local_addr().map_err(|source| Error::Listen { bind, source })?;
        stop_on_signals(server.handle())?;
        let mut stdout = stdout().lock();
        writeln!(stdout, "listening on http://{addr}")
            .and_then(|()| stdout.flush())
            .map_err(Error::Stdout)?;
        drop(stdout);
        runtime.block_on(server.serve(application.handler(runtime.clone()))).map_err(Error::Serve)
    }
}

/// The first SIGTERM or SIGINT makes the server finish what it has begun; the second ends the process.
fn stop_on_signals(server: Handle) -> Result<(), Error> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(Error::Signals)?;
    let watch = move || {
        let mut stopping = false;
        for signal in signals.forever() {
            if std::mem::replace(&mut stopping, true) {
                let _only_fails_for_unknown_signals = emulate_default_handler(signal);
            }
            tracing::info!(connections = server.connections(), "stopping");
            server.shutdown();
        }
    };
    thread::Builder::new().name("signals".into()).spawn(watch).map(drop).map_err(Error::Signals)
}
