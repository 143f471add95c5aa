//! The servers under test: which there are, how each is started, and that none is left running.

mod nginx;

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
    Nginx,
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
    server("nginx", Start::Nginx, Transfers::Down, true),
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
    nginx: Option<PathBuf>,
    cpus: Cpus,
}

impl Servers {
    /// Those named by `only`, or all; what is named and absent is said on standard error. The
    /// baseline is always among them.
    pub(crate) fn find(only: &[String], cpus: Cpus) -> Result<Self, Error> {
        let known = || {
            let mut names = SERVERS.map(|server| server.name).to_vec();
            names.dedup();
            names.join(", ")
        };
        if let Some(name) = only.iter().find(|only| SERVERS.iter().all(|known| known.name != *only))
        {
            return Err(Error::UnknownServer { name: name.clone(), known: known() });
        }
        let program = std::env::current_exe().doing("find this program's own directory")?;
        let binaries = program.parent().unwrap_or(Path::new(".")).to_owned();
        let mut servers = Self { present: Vec::new(), binaries, nginx: nginx::on_the_path(), cpus };
        for server in SERVERS {
            let wanted = only.is_empty() || only.iter().any(|only| only == server.name);
            if !wanted && server.name != BASELINE {
                continue;
            }
            if servers.has(&server) {
                servers.present.push(server);
            } else {
                eprintln!("SKIPPED: {} is not there: its row will be missing", server.name);
            }
        }
        Ok(servers)
    }

    fn has(&self, server: &Server) -> bool {
        match server.start {
            Start::Binary(binary, _) => self.binaries.join(binary).exists(),
            Start::Nginx => self.nginx.is_some(),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Server> {
        self.present.iter()
    }

    /// Starts a server on the server's core. `wrapper` is a program, with its arguments, that runs
    /// it: valgrind; `download` is the size of the file that nginx is to hold ready.
    pub(crate) fn start(
        &self,
        server: &Server,
        wrapper: &[&str],
        download: u64,
    ) -> Result<Running, Error> {
        match (server.start, &self.nginx) {
            (Start::Binary(binary, arguments), _) => {
                let program = self.binaries.join(binary);
                let mut command = wrapped(wrapper, &program);
                command.args(arguments);
                self.listening(command, server.name, program)
            }
            (Start::Nginx, Some(program)) => {
                let site = nginx::Site::new(download)?;
                let mut command = wrapped(wrapper, program);
                site.configure(&mut command);
                let child = self.spawn(&mut command)?;
                let mut running = Running { child, address: site.address(), site: None };
                site.wait_for(&mut running.child).doing("connect to nginx")?;
                running.site = Some(site);
                Ok(running)
            }
            (Start::Nginx, None) => Err(Error::MissingTool { program: "nginx" }),
        }
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
    /// Kept as long as nginx uses it.
    site: Option<nginx::Site>,
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
