//! The servers under test: which there are, how each is started, and that none is left running.

mod site;

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::cpus::Cpus;
use crate::error::{Doing, Error};

/// One row of the tables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Server {
    pub(crate) name: &'static str,
    start: Start,
    transfers: Transfers,
    pub(crate) holds_idle: bool,
}

#[derive(Debug, Clone, Copy)]
enum Start {
    /// A binary of this workspace and its arguments.
    Binary(&'static str, &'static [&'static str]),
    Nginx(Protocol),
    Nghttpd,
}

/// What a server is asked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    /// In clear text, by prior knowledge.
    Http2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transfers {
    None,
    Down,
    Both,
    /// Not a server of plaintext at all.
    Only,
}

/// The row that all ratios are taken to.
pub(crate) const BASELINE: &str = "hyper";

const SERVERS: [Server; 15] = [
    server("floor-epoll", binary("floor-epoll", &[]), Transfers::None, false),
    server("floor-httparse-smol", binary("floor-httparse-smol", &[]), Transfers::None, false),
    server(
        "floor-httparse-async-std",
        binary("floor-httparse-async-std", &[]),
        Transfers::None,
        false,
    ),
    server("floor-httparse-threads", binary("floor-httparse-threads", &[]), Transfers::None, false),
    server("floor-threads", binary("floor-threads", &[]), Transfers::Only, false),
    server("barewire-smol", binary("ours-smol", &[]), Transfers::Both, true),
    server("barewire-async-std", binary("ours-async-std", &[]), Transfers::Both, true),
    server("barewire-std", binary("ours-std", &[]), Transfers::Both, true),
    server(BASELINE, binary("peer-hyper", &["--pipeline-flush"]), Transfers::None, true),
    server(BASELINE, binary("peer-hyper", &[]), Transfers::Only, false),
    server(
        "hyper-timer",
        binary("peer-hyper", &["--pipeline-flush", "--timer"]),
        Transfers::None,
        true,
    ),
    server("axum", binary("peer-axum", &[]), Transfers::None, false),
    server("actix-web", binary("peer-actix", &[]), Transfers::None, false),
    server("trillium-smol", binary("peer-trillium", &[]), Transfers::None, false),
    server("nginx", Start::Nginx(Protocol::Http1), Transfers::Down, true),
];

const HTTP2_SERVERS: [Server; 8] = [
    server("floor-http2-smol", binary("floor-http2-smol", &[]), Transfers::None, false),
    server("barewire-smol", binary("ours-smol", &[]), Transfers::Both, true),
    server("barewire-async-std", binary("ours-async-std", &[]), Transfers::Both, true),
    server("barewire-std", binary("ours-std", &[]), Transfers::Both, true),
    server(BASELINE, binary("peer-hyper-http2", &[]), Transfers::Both, true),
    server("axum", binary("peer-axum-http2", &[]), Transfers::None, false),
    server("nghttpd", Start::Nghttpd, Transfers::Down, true),
    server("nginx", Start::Nginx(Protocol::Http2), Transfers::Down, true),
];

const fn binary(name: &'static str, arguments: &'static [&'static str]) -> Start {
    Start::Binary(name, arguments)
}

const fn server(
    name: &'static str,
    start: Start,
    transfers: Transfers,
    holds_idle: bool,
) -> Server {
    Server { name, start, transfers, holds_idle }
}

impl Server {
    pub(crate) fn answers_plaintext(&self) -> bool {
        self.transfers != Transfers::Only
    }

    pub(crate) fn downloads(&self) -> bool {
        self.transfers != Transfers::None
    }

    pub(crate) fn uploads(&self) -> bool {
        matches!(self.transfers, Transfers::Both | Transfers::Only)
    }
}

/// The servers that are there to be measured, in the order of the tables.
#[derive(Debug)]
pub(crate) struct Servers {
    present: Vec<Server>,
    binaries: PathBuf,
    cpus: Cpus,
}

impl Servers {
    /// Those named by `only`, or all; what is named and absent is said on standard error. The
    /// baseline is always among them.
    pub(crate) fn find(protocol: Protocol, only: &[String], cpus: Cpus) -> Result<Self, Error> {
        let all: &[Server] = match protocol {
            Protocol::Http1 => &SERVERS,
            Protocol::Http2 => &HTTP2_SERVERS,
        };
        if let Some(name) = only.iter().find(|only| all.iter().all(|known| known.name != *only)) {
            let mut known: Vec<_> = all.iter().map(|server| server.name).collect();
            known.dedup();
            return Err(Error::UnknownServer { name: name.clone(), known: known.join(", ") });
        }
        let program = std::env::current_exe().doing("find this program's own directory")?;
        let binaries = program.parent().unwrap_or(Path::new(".")).to_owned();
        let mut servers = Self { present: Vec::new(), binaries, cpus };
        for server in all {
            let wanted = only.is_empty() || only.iter().any(|only| only == server.name);
            if !wanted && server.name != BASELINE {
                continue;
            }
            if servers.program(server).is_some() {
                servers.present.push(*server);
            } else {
                eprintln!("SKIPPED: {} is not there: its row will be missing", server.name);
            }
        }
        Ok(servers)
    }

    fn program(&self, server: &Server) -> Option<PathBuf> {
        match server.start {
            Start::Binary(binary, _) => {
                Some(self.binaries.join(binary)).filter(|program| program.exists())
            }
            Start::Nginx(_) => site::on_the_path("nginx"),
            Start::Nghttpd => site::on_the_path("nghttpd"),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Server> {
        self.present.iter()
    }

    /// Starts a server on the server's core. `wrapper` is a program, with its arguments, that runs
    /// it: valgrind; `download` is the size of the file that servers of files are to hold ready.
    pub(crate) fn start(
        &self,
        server: &Server,
        wrapper: &[&str],
        download: u64,
    ) -> Result<Running, Error> {
        let program = self.program(server);
        let program = program.ok_or(Error::MissingTool { program: server.name })?;
        let mut command = wrapped(wrapper, &program);
        if let Start::Binary(_, arguments) = server.start {
            command.args(arguments);
            return self.listening(command, server.name, program);
        }
        let site = site::Site::new(download)?;
        match server.start {
            Start::Nginx(protocol) => site.nginx(&mut command, protocol)?,
            _ => site.nghttpd(&mut command),
        }
        let child = self.spawn(&mut command)?;
        let mut running = Running { child, address: site.address(), site: None };
        site.wait_for(&mut running.child).doing("connect to a server")?;
        running.site = Some(site);
        Ok(running)
    }

    /// Waits for the line that tells the address.
    fn listening(
        &self,
        mut command: Command,
        name: &'static str,
        program: PathBuf,
    ) -> Result<Running, Error> {
        let mut child = self.spawn(command.stdout(Stdio::piped()))?;
        let stdout = child.stdout.take();
        let unbound = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut running = Running { child, address: unbound, site: None };
        let mut line = String::new();
        if let Some(stdout) = stdout {
            BufReader::new(stdout).read_line(&mut line).doing("read a server's first line")?;
        }
        let address = line.trim().strip_prefix("listening on http://");
        running.address = address
            .and_then(|address| address.parse().ok())
            .ok_or(Error::NoAddress { name, program })?;
        Ok(running)
    }

    fn spawn(&self, command: &mut Command) -> Result<Child, Error> {
        self.cpus.on_the_servers(|| command.stdin(Stdio::null()).spawn()).doing("start a server")
    }
}

fn wrapped(wrapper: &[&str], program: &Path) -> Command {
    match wrapper {
        [] => Command::new(program),
        [runner, arguments @ ..] => {
            let mut command = Command::new(runner);
            command.args(arguments).arg(program);
            command
        }
    }
}

/// A server that runs until it is dropped.
pub(crate) struct Running {
    child: Child,
    address: SocketAddr,
    /// Kept as long as the server uses it.
    site: Option<site::Site>,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks it to end as a terminal would, and waits until it has: valgrind writes its totals then.
    pub(crate) fn terminate(mut self) -> io::Result<()> {
        signal(&self.child, Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; that is not for a destructor to report.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process that this one started and has not waited for.
pub(crate) fn signal(child: &Child, signal: Signal) -> io::Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    Ok(kill_process(pid.ok_or(io::ErrorKind::InvalidInput)?, signal)?)
}
