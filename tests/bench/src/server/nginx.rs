//! nginx, configured to answer what the other servers answer.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket, sockopt};
use tempfile::TempDir;

use crate::error::{Doing, Error};

/// The one process is master and worker at once; requests on a connection are not limited, since
/// reconnecting is not what is measured.
const CONFIGURATION: &str = "
daemon off;
master_process off;
error_log stderr error;
pid nginx.pid;
events { worker_connections 16384; }
http {
    access_log off;
    client_body_temp_path client_body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    default_type text/plain;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    sendfile on;
    tcp_nodelay on;
    server {
        listen LISTEN reuseport;
        location = / { return 200 \"Hello, World!\"; }
        location /download/ { root .; }
    }
}
";

const PATIENCE: Duration = Duration::from_secs(5);

/// A directory with a configuration, and a port that nobody else gets.
pub(super) struct Site {
    directory: TempDir,
    address: SocketAddr,
    /// Bound to the port and never listening: nginx, which cannot ask for a free port and tell
    /// which it got, shares it by `reuseport`.
    _reservation: OwnedFd,
}

impl Site {
    pub(super) fn new(download: u64) -> Result<Self, Error> {
        let (reservation, address) = reserve().doing("bind a port for nginx")?;
        let directory = TempDir::with_prefix("bench-nginx-").doing("make nginx's directory")?;
        let site = Self { directory, address, _reservation: reservation };
        site.fill(download).doing("write nginx's configuration")?;
        Ok(site)
    }

    fn fill(&self, download: u64) -> io::Result<()> {
        let root = self.directory.path();
        let configuration = CONFIGURATION.replace("LISTEN", &self.address.to_string());
        fs::write(root.join("nginx.conf"), configuration)?;
        fs::create_dir(root.join("download"))?;
        File::create(root.join("download").join(download.to_string()))?.set_len(download)
    }

    pub(super) fn configure(&self, command: &mut Command) {
        let root = self.directory.path();
        command.arg("-p").arg(root).arg("-c").arg(root.join("nginx.conf"));
    }

    /// nginx does not say when it listens: so it is asked until it answers, or has ended.
    pub(super) fn wait_for(&self, nginx: &mut Child) -> io::Result<()> {
        let started = Instant::now();
        loop {
            match TcpStream::connect(self.address) {
                Ok(_) => return Ok(()),
                Err(error) if started.elapsed() > PATIENCE => return Err(error),
                Err(error) if nginx.try_wait()?.is_some() => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn reserve() -> io::Result<(OwnedFd, SocketAddr)> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
    let address = getsockname(&socket)?.try_into()?;
    Ok((socket, address))
}

/// Where nginx is; distributions keep it where only the administrator's `PATH` leads.
pub(super) fn on_the_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let administrators = ["/usr/local/sbin", "/usr/sbin"].map(PathBuf::from);
    let mut directories = std::env::split_paths(&path).chain(administrators);
    directories.find_map(|directory| {
        let program = directory.join("nginx");
        program.is_file().then_some(program)
    })
}
