//! What `serve` and `echo` have in common.

use std::io::{Write, stdout};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use barewire::rt::Spawn;
use barewire::server::{Config, Handle, Handler, ServeError, Server};
use barewire::tls::{ConfigError, SelfSigned, ServerConfig};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
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
        help = "Host and port to listen on, such as 0.0.0.0:8000, [::1]:8000 or localhost:8000; port 0 picks a free one"
    )]
    bind: String,

    /// What to run on
    #[arg(long, value_enum, default_value_t = Runtime::Smol)]
    runtime: Runtime,

    /// How many threads to run on [default: one for each core; not with --runtime std]
    #[arg(long, value_name = "N", value_parser = one_or_more)]
    threads: Option<NonZeroUsize>,

    /// Speak TLS with this certificate and its chain, a PEM file; SIGHUP reads it and the key again
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The key of the certificate, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Speak TLS with a certificate made on the spot, which no client trusts that is not told to
    #[arg(long, conflicts_with = "tls_cert")]
    tls_self_signed: bool,

    /// Speak HTTP/1.1 and nothing else [default: HTTP/2 too, to those who begin with it or agree on it in TLS]
    #[arg(long)]
    http1: bool,

    /// Go on in HTTP/2 with those who offer it in HTTP/1.1, without TLS, as `curl --http2` does
    #[arg(long, conflicts_with = "http1")]
    h2c: bool,

    /// How many threads HTTP/2 may take beside one for each connection [default: 512; only with --runtime std]
    #[arg(long, value_name = "N")]
    max_extra_threads: Option<usize>,

    /// Log each request on standard error; twice: what goes wrong with connections, too. RUST_LOG overrides it
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

fn one_or_more(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "write a number, 1 or more".into())
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
        let tls = self.tls().map_err(Error::Tls)?;
        let mut config =
            Config { http1_only: self.http1, h2c_upgrade: self.h2c, ..Config::default() };
        match self.max_extra_threads {
            Some(_) if self.runtime != Runtime::Std => return Err(Error::ExtraThreads),
            Some(threads) => config.max_extra_threads = threads,
            None => {}
        }
        let listening = Listening { bind: self.bind, tls, config, application };
        self.runtime.run(self.threads, listening)
    }

    fn tls(&self) -> Result<Option<ServerConfig>, ConfigError> {
        let builder = match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => ServerConfig::builder().certificate_files(cert, key),
            _ if self.tls_self_signed => {
                let host = self.bind.rsplit_once(':').map_or("", |(host, _)| host);
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let names = ["localhost", "127.0.0.1", "::1"].into_iter();
                SelfSigned::new(names.chain(Some(host).filter(|host| !host.is_empty())))?.server()
            }
            _ => return Ok(None),
        };
        builder.build().map(Some)
    }
}

struct Listening<A> {
    bind: String,
    tls: Option<ServerConfig>,
    config: Config,
    application: A,
}

impl<A: Application> Program for Listening<A> {
    fn run<R: Spawn>(self, runtime: R) -> Result<(), Error> {
        let Self { bind, tls, mut config, application } = self;
        let server =
            Server::listen(runtime.clone(), bind.as_str()).map_err(|error| match error {
                ServeError::Listen { address, source } => Error::Listen { bind: address, source },
                ServeError::Resolve { source, .. } => Error::Bind { bind: bind.clone(), source },
                error => Error::Serve(error),
            })?;
        config.connect_info = A::WANTS_CLIENT_ADDRESS;
        let mut server = server.config(config);
        let scheme = if tls.is_some() { "https" } else { "http" };
        if let Some(tls) = &tls {
            server = server.tls(tls.clone());
        }
        let addr = server.local_addr().map_err(|source| Error::Listen { bind, source })?;
        heed_signals(server.handle(), tls)?;
        let mut stdout = stdout().lock();
        writeln!(stdout, "listening on {scheme}://{addr}")
            .and_then(|()| stdout.flush())
            .map_err(Error::Stdout)?;
        drop(stdout);
        runtime.block_on(server.serve(application.handler(runtime.clone()))).map_err(Error::Serve)
    }
}

/// The first SIGTERM or SIGINT makes the server finish what it has begun; the second ends the process. SIGHUP
/// exchanges the certificates.
fn heed_signals(server: Handle, tls: Option<ServerConfig>) -> Result<(), Error> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(Error::Signals)?;
    if tls.is_some() {
        signals.add_signal(SIGHUP).map_err(Error::Signals)?;
    }
    let watch = move || {
        let mut stopping = false;
        for signal in signals.forever() {
            if let (SIGHUP, Some(tls)) = (signal, &tls) {
                match tls.reload() {
                    Ok(()) => tracing::info!("certificates read again"),
                    Err(error) => tracing::error!(%error, "certificates kept as they were"),
                }
                continue;
            }
            if std::mem::replace(&mut stopping, true) {
                let _only_fails_for_unknown_signals = emulate_default_handler(signal);
            }
            tracing::info!(connections = server.connections(), "stopping");
            server.shutdown();
        }
    };
    thread::Builder::new().name("signals".into()).spawn(watch).map(drop).map_err(Error::Signals)
}
