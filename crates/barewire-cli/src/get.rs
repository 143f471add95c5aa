//! `barewire get`.

mod output;
mod progress;
mod request;
mod trust;
mod url;

use std::io::{Write, stderr};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use barewire::client::{Body, Client, Config, Response, Versions};
use barewire::http::{Request, Version};
use barewire::rt::Spawn;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use tracing_subscriber::filter::LevelFilter;

use self::output::Output;
use self::progress::Progress;
use self::request::{Wish, shown_request, shown_response};
use crate::error::one_line;
use crate::runtime::{Program, Runtime};
use crate::{Error, log};

pub(crate) use self::output::OutputError;
pub(crate) use self::request::WishError;

/// Fetch a URL
///
/// The body goes to standard output as it comes. The exit status is 0 for a whole answer with a status
/// below 400, and 1 otherwise. Redirects are not followed.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Arguments {
    /// What to fetch, such as http://localhost:8000/
    url: String,

    /// Show the heads of request and response on standard error
    #[arg(short, long)]
    verbose: bool,

    /// Write the body to a file
    ///
    /// The file appears, or replaces the one that was there, when the body is complete; a part is removed. The
    /// body of a status of 4xx or 5xx is not written.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The method [default: GET, or POST with --data]
    #[arg(short = 'X', long, value_name = "METHOD")]
    request: Option<String>,

    /// Add a field to the header, in place of what would be sent with this name; more than once if need be
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    header: Vec<String>,

    /// Send this as the body, as it is; as application/x-www-form-urlencoded if -H says nothing else
    #[arg(short, long)]
    data: Option<String>,

    /// Speak HTTP/2 and nothing else: over http:// without asking, over https:// if the server agrees
    #[arg(long, visible_alias = "http2-prior-knowledge")]
    http2: bool,

    /// Speak HTTP/1.1 and nothing else [default over https://: what the server picks]
    #[arg(long, conflicts_with = "http2")]
    http1: bool,

    /// Trust the certificates of this PEM file, and not those that the system trusts
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,

    /// Trust whoever answers: what is sent and received may be read and changed on the way
    #[arg(short = 'k', long, conflicts_with = "cacert")]
    insecure: bool,

    /// How long all of it may take [default: 10 s to connect, and 30 s whenever nothing comes]
    #[arg(long, value_name = "SECS", value_parser = seconds)]
    timeout: Option<Duration>,

    /// What to run on
    #[arg(long, value_enum, default_value_t = Runtime::Smol)]
    runtime: Runtime,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds
        .filter(|seconds| !seconds.is_zero())
        .ok_or_else(|| "write a number of seconds, such as 5 or 0.5".into())
}

impl Arguments {
    pub(crate) fn run(self) -> Result<(), Error> {
        log::init(LevelFilter::OFF)?;
        let wish = Wish {
            url: &self.url,
            method: self.request.as_deref(),
            fields: &self.header,
            data: self.data,
        };
        let request = request::request(wish)?;
        let mut config = Config::default();
        if let Some(total) = self.timeout {
            config.timeouts.total = Some(total);
            config.timeouts.connect = None;
            config.timeouts.read = None;
        }
        config.versions = match (self.http1, self.http2) {
            (true, _) => Versions::Http1,
            (_, true) => Versions::Http2,
            _ => Versions::Negotiated,
        };
        config.tls = match (&self.cacert, self.insecure) {
            (Some(file), _) => Some(trust::only(file).map_err(Error::Trust)?),
            (None, true) => Some(trust::everybody().map_err(Error::Trust)?),
            (None, false) => None,
        };
        let fetching = Fetching { request, config, output: self.output, verbose: self.verbose };
        self.runtime.run_alone(fetching)
    }
}

struct Fetching {
    request: Request<Body>,
    config: Config,
    output: Option<PathBuf>,
    verbose: bool,
}

impl Program for Fetching {
    fn run<R: Spawn>(self, runtime: R) -> Result<(), Error> {
        runtime.block_on(self.fetch(runtime.clone()))
    }
}

impl Fetching {
    async fn fetch<R: Spawn>(self, runtime: R) -> Result<(), Error> {
        let uri = self.request.uri().clone();
        // Which version it will be is only known in advance where it is not negotiated.
        let version = match self.config.versions {
            Versions::Http2 => Some(Version::HTTP_2),
            Versions::Negotiated if uri.scheme_str() == Some("https") => None,
            _ => Some(self.request.version()),
        };
        let client = Client::builder(runtime).config(self.config).build();
        // What cannot be written had better not be asked for.
        let output = match &self.output {
            Some(path) => Output::file(path)?,
            None => Output::stdout()?,
        };
        if let Some(part) = output.part() {
            remove_on_signal(part.to_owned())?;
        }
        let lines = |version| shown_request(&self.request, version);
        if let (true, Some(version)) = (self.verbose, version) {
            show('>', &lines(version));
        }
        let later = match version {
            Some(_) => Vec::new(),
            None => {
                [Version::HTTP_11, Version::HTTP_2].map(|version| (version, lines(version))).into()
            }
        };
        let response = client.execute(self.request).await.map_err(Error::Client)?;
        if self.verbose {
            if let Some((_, lines)) =
                later.iter().find(|(version, _)| *version == response.version())
            {
                show('>', lines);
            }
            show('<', &shown_response(response.version(), response.status(), response.headers()));
        }
        let status = response.status();
        let failed = status.is_client_error() || status.is_server_error();
        if failed && self.output.is_some() {
            return Err(Error::Status { uri, status, unwritten: self.output });
        }
        save(response, output).await?;
        match failed {
            true => Err(Error::Status { uri, status, unwritten: None }),
            false => Ok(()),
        }
    }
}

/// Reads a body to its end. However slow the reader at the other end of a pipe is: as nothing else is going on
/// here, writing may block.
async fn save(mut response: Response, mut output: Output) -> Result<(), Error> {
    let progress = match output.part() {
        Some(_) => Progress::begin(response.content_length()),
        None => Progress::none(),
    };
    let mut received = 0;
    loop {
        match response.chunk().await {
            Ok(Some(data)) => {
                output.write(&data)?;
                progress.advance(data.len());
                received += data.len() as u64;
            }
            Ok(None) => break,
            Err(error) => return Err(Error::Body { received, error }),
        }
    }
    Ok(output.complete()?)
}

fn show(direction: char, lines: &[String]) {
    let mut stderr = stderr().lock();
    for line in lines {
        // With standard error gone there is nobody left to show it to.
        let _ = writeln!(stderr, "{direction} {}", one_line(line));
    }
}

/// Ends the process at a signal as ever, but not without taking the part of a file away.
fn remove_on_signal(part: PathBuf) -> Result<(), Error> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(Error::Signals)?;
    let watch = move || {
        if let Some(signal) = signals.forever().next() {
            let _it_may_be_complete_by_now = std::fs::remove_file(part);
            let _only_fails_for_unknown_signals = emulate_default_handler(signal);
        }
    };
    thread::Builder::new().name("signals".into()).spawn(watch).map(drop).map_err(Error::Signals)
}
