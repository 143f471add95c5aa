//! Child processes of the tests: the `barewire` binary and the peers it meets.
//!
//! Every child is bounded in time, has its output collected, and is killed by its own handle when
//! the test ends, however it ends.

pub mod peer;

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

pub use rustix::process::Signal;

use crate::port::Port;

/// The longest that a child may take to say that it listens, or to end, on a machine that is busy with others.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Declares, for each function `fn name(runtime: &str)`, the tests `name::smol`, `name::async_std`
/// and `name::std`.
#[macro_export]
macro_rules! on_each_runtime {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn smol() {
                super::$name("smol");
            }
            #[test]
            fn async_std() {
                super::$name("async-std");
            }
            #[test]
            fn std() {
                super::$name("std");
            }
        }
    )+};
}

/// The command `barewire` with `arguments`, not yet started.
///
/// The binary is `BAREWIRE_BIN`, or the one in the target directory that this test was built into.
/// Where there is none it is built, once.
pub fn barewire<A: AsRef<OsStr>>(arguments: &[A]) -> Command {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    let mut command = Command::new(BINARY.get_or_init(find_barewire));
    command.args(arguments);
    without_proxy(&mut command);
    command
}

/// A child with both of its output streams collected.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: Stream,
    stderr: Stream,
}

impl Process {
    /// Starts `command` with nothing to read on its standard input.
    pub fn spawn(command: &mut Command) -> Self {
        Self::start(command.stdin(Stdio::null()))
    }

    /// Starts `command` with `input` as its standard input.
    pub fn spawn_with_input(command: &mut Command, input: Vec<u8>) -> Self {
        let mut process = Self::start(command.stdin(Stdio::piped()));
        let mut stdin = process.child.stdin.take().expect("stdin is piped");
        // A child that ends before it has read everything is for the test to judge, by its exit
        // status.
        thread::spawn(move || drop(stdin.write_all(&input)));
        process
    }

    fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let stdout = Stream::collect(child.stdout.take().expect("stdout is piped"));
        let stderr = Stream::collect(child.stderr.take().expect("stderr is piped"));
        Self { name, child, stdout, stderr }
    }

    /// The next line of the child's standard output, without its end; `None` when it has closed it.
    pub fn next_line(&mut self) -> Option<String> {
        self.stdout.next_line(Instant::now() + PATIENCE)
    }

    /// The next line of the child's standard error, without its end; `None` when it has closed it.
    pub fn next_error_line(&mut self) -> Option<String> {
        self.stderr.next_line(Instant::now() + PATIENCE)
    }

    /// Whether it is gone by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends the child a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("the child has not been waited for");
    }

    /// Waits for the child's end. The test fails when it takes longer than [`PATIENCE`].
    pub fn finish(mut self) -> Finished {
        let deadline = Instant::now() + PATIENCE;
        let in_time = self.stdout.read_to_end(deadline) && self.stderr.read_to_end(deadline);
        if !in_time {
            let _ = self.child.kill();
        }
        let finished = Finished {
            name: self.name.clone(),
            status: self.child.wait().expect("a child can be waited for"),
            stdout: std::mem::take(&mut self.stdout.pending),
            stderr: String::from_utf8_lossy(&self.stderr.pending).into_owned(),
        };
        assert!(in_time, "still running after {PATIENCE:?}: {finished}");
        finished
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when the child has ended and was waited for, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a child left behind.
#[derive(Debug)]
pub struct Finished {
    name: String,
    /// How it ended.
    pub status: ExitStatus,
    /// All of its standard output that the test had not read before.
    pub stdout: Vec<u8>,
    /// All of its standard error that the test had not read before.
    pub stderr: String,
}

impl Finished {
    /// Fails the test, showing all that the child said, unless it ended with exit status 0.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert!(self.status.success(), "{self}");
        self
    }

    /// The standard output as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap_or_else(|_| panic!("not UTF-8: {self}"))
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN: usize = 4096;
        let shown = &self.stdout[..self.stdout.len().min(SHOWN)];
        write!(
            f,
            "{} ended with {}\n--- stdout, {} bytes\n{}\n--- stderr\n{}",
            self.name,
            self.status,
            self.stdout.len(),
            String::from_utf8_lossy(shown),
            self.stderr
        )
    }
}

/// A child that serves HTTP and has said where.
#[derive(Debug)]
pub struct Server {
    process: Process,
    addr: SocketAddr,
    scheme: &'static str,
    /// Of one that cannot have the system pick it.
    port: Option<Port>,
}

impl Server {
    /// Starts `barewire` as a server on a port that the system picks; `arguments` begin with the
    /// subcommand.
    pub fn barewire<A: AsRef<OsStr>>(runtime: &str, arguments: &[A]) -> Self {
        let mut command = barewire(arguments);
        Self::start(command.args(["--runtime", runtime, "--bind", "127.0.0.1:0"]))
    }

    /// Starts any command whose first line is `listening on http://ADDR`, or `https://`.
    pub fn start(command: &mut Command) -> Self {
        let mut process = Process::spawn(command);
        let line = process.next_line();
        let place = line.as_deref().and_then(|line| line.strip_prefix("listening on "));
        let found = ["http", "https"].into_iter().find_map(|scheme| {
            let addr = place?.strip_prefix(scheme)?.strip_prefix("://")?;
            Some((scheme, addr.trim_end_matches('/').parse().ok()?))
        });
        match found {
            Some((scheme, addr)) => Self { process, addr, scheme, port: None },
            None => {
                let _ = process.child.kill();
                panic!("expected `listening on http://ADDR`, got {line:?}: {}", process.finish());
            }
        }
    }

    /// Takes over a process that is known to listen on `addr`.
    pub fn from_process(process: Process, addr: SocketAddr) -> Self {
        Self { process, addr, scheme: "http", port: None }
    }

    /// Takes over a process that is known to listen on a port that was reserved for it.
    pub fn on_port(process: Process, port: Port) -> Self {
        Self { process, addr: port.addr(), scheme: "http", port: Some(port) }
    }

    /// The port that was reserved for it.
    pub fn port(&self) -> Option<&Port> {
        self.port.as_ref()
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL of a target that begins with a slash.
    pub fn url(&self, target: &str) -> String {
        format!("{}://{}{target}", self.scheme, self.addr)
    }

    /// The child itself, to signal it.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The child itself, to read what it says.
    pub fn process_mut(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Waits for its end, which somebody else has caused.
    pub fn finish(self) -> Finished {
        self.process.finish()
    }
}

/// One output stream of a child, read by a thread so that the child never blocks on it.
#[derive(Debug)]
struct Stream {
    chunks: Receiver<Vec<u8>>,
    pending: Vec<u8>,
}

impl Stream {
    fn collect(mut source: impl Read + Send + 'static) -> Self {
        let (sender, chunks) = channel();
        thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(n) = source.read(&mut buffer) {
                if n == 0 || sender.send(buffer[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { chunks, pending: Vec::new() }
    }

    fn next_line(&mut self, deadline: Instant) -> Option<String> {
        loop {
            if let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
                let rest = self.pending.split_off(end + 1);
                let line = std::mem::replace(&mut self.pending, rest);
                return Some(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            match self.chunks.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(chunk) => self.pending.extend(chunk),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => panic!("no line within {PATIENCE:?}"),
            }
        }
    }

    /// False when the deadline came first.
    fn read_to_end(&mut self, deadline: Instant) -> bool {
        loop {
            match self.chunks.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(chunk) => self.pending.extend(chunk),
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }
}

/// A proxy of the environment would stand between the two that are to meet.
fn without_proxy(command: &mut Command) {
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    {
        command.env_remove(name);
    }
}

fn find_barewire() -> PathBuf {
    if let Some(path) = std::env::var_os("BAREWIRE_BIN") {
        let path = PathBuf::from(path);
        assert!(path.is_file(), "BAREWIRE_BIN names no file: {}", path.display());
        return path;
    }
    let test = std::env::current_exe().expect("the test knows where it is");
    let profile_dir = test.ancestors().nth(2).expect("a test lies in <target>/<profile>/deps");
    let path = profile_dir.join(format!("barewire{}", std::env::consts::EXE_SUFFIX));
    if !path.is_file() {
        build_barewire(profile_dir);
        assert!(path.is_file(), "cargo built no {}", path.display());
    }
    path
}

fn build_barewire(profile_dir: &Path) {
    let profile = match profile_dir.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let target_dir =
        profile_dir.parent().expect("a profile's directory lies in the target directory");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--package",
            "barewire-cli",
            "--profile",
            profile,
            "--target-dir",
        ])
        .arg(target_dir)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo starts");
    assert!(status.success(), "`cargo build --package barewire-cli` failed: {status}");
}
