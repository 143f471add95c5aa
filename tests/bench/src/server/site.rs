//! nginx and nghttpd, which answer from files, made to answer what the other servers answer.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket, sockopt};
use tempfile::TempDir;

use super::Protocol;
use crate::error::{Doing, Error};
use crate::http1::HELLO;

/// nginx's one process is master and worker at once; requests on a connection are not limited, since
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
        location = /64k { root .; }
        location /download/ { root .; }
    }
}
";

const PATIENCE: Duration = Duration::from_secs(5);

/// A directory with files to answer from, and a port that nobody else gets.
pub(super) struct Site {
    directory: TempDir,
    address: SocketAddr,
    /// Bound to the port and never listening: these servers cannot ask for a free port and tell which they got.
    /// nginx shares it by `SO_REUSEPORT`, nghttpd by `SO_REUSEADDR`.
    _reservation: OwnedFd,
}

impl Site {
    pub(super) fn new(download: u64) -> Result<Self, Error> {
        let (reservation, address) = reserve().doing("bind a port for a server")?;
        let directory = TempDir::with_prefix("bench-site-").doing("make a server's directory")?;
        let site = Self { directory, address, _reservation: reservation };
        site.fill(download).doing("write a server's files")?;
        Ok(site)
    }

    fn fill(&self, download: u64) -> io::Result<()> {
        let root = self.directory.path();
        fs::write(root.join("index.html"), HELLO)?;
        fs::write(root.join("64k"), [0; 64 * 1024])?;
        fs::create_dir(root.join("download"))?;
        File::create(root.join("download").join(download.to_string()))?.set_len(download)
    }

    pub(super) fn nginx(&self, command: &mut Command, protocol: Protocol) -> Result<(), Error> {
        let listen = match protocol {
            Protocol::Http1 => self.address.to_string(),
            Protocol::Http2 => format!("{} http2", self.address),
        };
        let root = self.directory.path();
        let configuration = root.join("nginx.conf");
        fs::write(&configuration, CONFIGURATION.replace("LISTEN", &listen))
            .doing("write nginx's configuration")?;
        command.arg("-p").arg(root).arg("-c").arg(configuration);
        Ok(())
    }

    pub(super) fn nghttpd(&self, command: &mut Command) {
        let (ip, port) = (self.address.ip().to_string(), self.address.port().to_string());
        command.args(["--no-tls", "--workers=1", "--address", &ip, "--htdocs"]);
        command.arg(self.directory.path()).arg(port).stdout(Stdio::null());
    }

    /// They do not say when they listen: so they are asked until they answer, or have ended.
    pub(super) fn wait_for(&self, server: &mut Child) -> io::Result<()> {
        let started = Instant::now();
        loop {
            match TcpStream::connect(self.address) {
                Ok(_) => return Ok(()),
                Err(error) if started.elapsed() > PATIENCE => return Err(error),
                Err(error) if server.try_wait()?.is_some() => return Err(error),
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
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
    let address = getsockname(&socket)?.try_into()?;
    Ok((socket, address))
}

/// Where a program is; distributions keep servers where only the administrator's `PATH` leads.
pub(super) fn on_the_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let administrators = ["/usr/local/sbin", "/usr/sbin"].map(PathBuf::from);
    let mut directories = std::env::split_paths(&path).chain(administrators);
    directories.find_map(|directory| {
        let program = directory.join(name);
        program.is_file().then_some(program)
    })
}
