//! The peers of other people's making, found on this machine or skipped loudly.
//!
//! With `BAREWIRE_REQUIRE_PEERS=1` a missing peer fails the test instead.

use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{PATIENCE, Process, Server, without_proxy};
use crate::port::Port;

/// curl, silent but for errors, without the user's own configuration.
pub fn curl() -> Option<Command> {
    let mut command = tool("curl", "--version", "install curl")?;
    command.args(["-q", "--silent", "--show-error", "--max-time", "100"]);
    Some(command)
}

/// wrk, the load generator.
pub fn wrk() -> Option<Command> {
    tool("wrk", "-v", "install wrk")
}

/// nghttp, nghttp2's client.
pub fn nghttp() -> Option<Command> {
    tool("nghttp", "--version", "install nghttp2-client")
}

/// Chromium without a window, which prints the page once it is loaded and trusts any certificate.
pub fn chromium() -> Option<Command> {
    let mut command =
        tool("chromium-headless-shell", "--version", "install chromium-headless-shell")?;
    // Root, as in a container, has no sandbox, and a container little shared memory; loopback only.
    command.args(["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]);
    command.arg("--disable-background-networking");
    command.args(["--ignore-certificate-errors", "--no-proxy-server", "--dump-dom"]);
    Some(command)
}

/// h2load, nghttp2's load generator.
pub fn h2load() -> Option<Command> {
    tool("h2load", "--version", "install nghttp2-client")
}

/// nghttpd, nghttp2's server, on the files of `root`; it sends back what is uploaded.
pub fn nghttpd(root: &Path, arguments: &[&str]) -> Option<Server> {
    tool("nghttpd", "--version", "install nghttp2-server")?;
    // What it is told to begin with are options, and what comes behind the port is key and certificate.
    let at = arguments.iter().position(|argument| !argument.starts_with('-'));
    let (options, files) = arguments.split_at(at.unwrap_or(arguments.len()));
    let server = (0..5).find_map(|_| {
        let port = Port::reserve();
        let mut command = Command::new("nghttpd");
        command.args(["-a", "127.0.0.1", "--echo-upload", "-d"]).arg(root).args(options);
        command.arg(port.addr().port().to_string()).args(files);
        let mut process = Process::spawn(&mut command);
        // It says nothing when it listens.
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(port.addr()).is_err() {
            if process.has_ended() {
                return None;
            }
            assert!(Instant::now() < deadline, "nghttpd does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(Server::on_port(process, port))
    });
    Some(server.expect("one of five free ports stays free"))
}

/// A script of `tests/interop` that needs the given modules of `tests/interop/requirements.txt`.
pub fn python(script: &str, modules: &[&str]) -> Option<Command> {
    let interpreter = std::env::var_os("BAREWIRE_PYTHON").unwrap_or_else(|| "python3".into());
    let mut imports = Command::new(&interpreter);
    imports
        .arg("-c")
        .arg(modules.iter().map(|module| format!("import {module}\n")).collect::<String>());
    if !succeeds(&mut imports) {
        return missing(
            &format!("{} with modules {modules:?}", interpreter.to_string_lossy()),
            "install Python 3 and `pip install -r tests/interop/requirements.txt`, and name the \
             interpreter in BAREWIRE_PYTHON",
        );
    }
    let mut command = Command::new(interpreter);
    // -B: a test leaves no byte code in the source tree. -u: a server's first line must not wait in
    // a buffer.
    command.args(["-B", "-u"]).arg(interop_dir().join(script));
    without_proxy(&mut command);
    Some(command)
}

/// nginx serving the files of `root`, with its own files in the (existing) directory `state`.
pub fn nginx(root: &Path, state: &Path) -> Option<Server> {
    nginx_with("nginx.conf", &[("@ROOT@", &root.to_string_lossy())], state)
}

/// nginx with a configuration of `tests/interop`, in which each name is replaced by what stands beside it,
/// and its own files in the (existing) directory `state`.
pub fn nginx_with(template: &str, filled_in: &[(&str, &str)], state: &Path) -> Option<Server> {
    tool("nginx", "-v", "install nginx-light")?;
    let server = (0..5).find_map(|_| start_nginx(Port::reserve(), template, filled_in, state));
    Some(server.expect("one of five free ports stays free"))
}

/// As [`nginx_with`], on a port that it had before; `None` when somebody else has it now.
pub fn start_nginx(
    port: Port,
    template: &str,
    filled_in: &[(&str, &str)],
    state: &Path,
) -> Option<Server> {
    let template =
        std::fs::read_to_string(interop_dir().join(template)).expect("the template is there");
    let config = template
        .replace("@ADDR@", &port.addr().to_string())
        .replace("@STATE@", &state.to_string_lossy());
    let config = filled_in.iter().fold(config, |config, (name, value)| config.replace(name, value));
    let path = state.join("nginx.conf");
    std::fs::write(&path, config).expect("the state directory is writable");

    let mut command = Command::new("nginx");
    command.args(["-e", "stderr", "-p"]).arg(state).arg("-c").arg(&path);
    let mut process = Process::spawn(&mut command);
    while let Some(line) = process.next_error_line() {
        // Logged once its sockets listen.
        if line.contains("event method") {
            return Some(Server::on_port(process, port));
        }
        if line.contains("Address already in use") {
            return None;
        }
        assert!(!line.contains("[emerg]"), "nginx refuses its configuration: {line}");
    }
    panic!("nginx ended without a word: {}", process.finish());
}

/// Where the peers' scripts lie.
pub fn interop_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("interop")
}

fn tool(name: &str, version_flag: &str, remedy: &str) -> Option<Command> {
    // wrk ends with status 1 after printing its version, so that it starts at all is what counts.
    let mut probe = Command::new(name);
    if quiet(probe.arg(version_flag)).status().is_err() {
        return missing(name, remedy);
    }
    let mut command = Command::new(name);
    without_proxy(&mut command);
    Some(command)
}

fn succeeds(command: &mut Command) -> bool {
    quiet(command).status().is_ok_and(|status| status.success())
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

fn missing<T>(peer: &str, remedy: &str) -> Option<T> {
    let required = std::env::var_os("BAREWIRE_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "{peer} is missing and BAREWIRE_REQUIRE_PEERS=1: {remedy}");
    // Not `eprintln!`, which the test harness hides when a test passes.
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {test}: {peer} is missing: {remedy}");
    None
}
