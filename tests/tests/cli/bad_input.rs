//! Whatever goes wrong gets one line that says what happened and what to do, and an exit status
//! that is not 0.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::thread;

use barewire_tests::on_each_runtime;
use barewire_tests::port::Port;
use barewire_tests::process::{Finished, Process, barewire};
use barewire_tests::scratch::Scratch;

/// Runs `barewire` to its end and demands one line of error in which each of `words` is found,
/// whatever its case.
#[track_caller]
pub(crate) fn fails(runtime: &str, arguments: &[&str], words: &[&str]) -> Finished {
    let mut command = barewire(arguments);
    let finished = Process::spawn(command.args(["--runtime", runtime])).finish();
    let code = finished.status.code().unwrap_or_else(|| panic!("killed by a signal: {finished}"));
    assert_ne!(code, 0, "{arguments:?}: {finished}");
    assert_ne!(code, 101, "{arguments:?}: a panic is no error message: {finished}");
    assert_eq!(
        finished.stderr.trim_end().lines().count(),
        1,
        "{arguments:?}: one line: {finished}"
    );
    let line = finished.stderr.to_lowercase();
    for word in words {
        assert!(
            line.contains(&word.to_lowercase()),
            "{arguments:?}: expected {word:?} in {finished}"
        );
    }
    finished
}

/// The URL of a server that reads one request head, answers `answer`, and closes the connection.
fn one_answer(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let url = url(listener.local_addr().expect("a bound socket has an address"));
    thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            head.extend(byte);
        }
        stream.write_all(answer)
    });
    url
}

fn url(addr: SocketAddr) -> String {
    format!("http://{addr}/")
}

fn port_in_use(runtime: &str) {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let addr = taken.local_addr().expect("a bound socket has an address").to_string();
    let root = Scratch::new();
    let dir = root.path().to_str().expect("the scratch directory's path is UTF-8");
    for arguments in [&["echo", "--bind", &addr][..], &["serve", dir, "--bind", &addr]] {
        let finished = fails(runtime, arguments, &[&addr, "in use", "--bind"]);
        assert!(finished.stdout.is_empty(), "it does not listen and must not say so: {finished}");
    }
}

fn bad_bind_address(runtime: &str) {
    for addr in ["", "127.0.0.1", "127.0.0.1:99999", "nonsense", "8000"] {
        let finished = fails(runtime, &["echo", "--bind", addr], &[addr, "--bind localhost:8000"]);
        assert_eq!(finished.status.code(), Some(2), "{finished}");
    }
    fails(runtime, &["echo", "--bind", "nonexistent.invalid:0"], &["nonexistent.invalid"]);
    // A documentation address (RFC 5737), which this machine has not.
    fails(runtime, &["echo", "--bind", "192.0.2.1:0"], &["192.0.2.1"]);
}

fn bad_url(runtime: &str) {
    for url in [
        "",
        "nonsense",
        "http://",
        "http:///path",
        "http://a b/",
        "http://localhost:99999/",
        "http://[::1/",
    ] {
        fails(runtime, &["get", url], &["URL", "http://"]);
    }
    fails(runtime, &["get", "https://h:8000README.md"], &["write https://h:8000/README.md"]);
    fails(runtime, &["get", "localhost:8000"], &["write http://localhost:8000"]);
    for url in ["ftp://localhost/", "file:///etc/passwd", "mailto:a@localhost"] {
        let scheme = url.split(':').next().expect("a scheme");
        fails(runtime, &["get", url], &[scheme, "http://"]);
    }
}

fn bad_header(runtime: &str) {
    // Nothing may be sent, so nobody has to listen.
    for header in ["no colon", ": no name", "in valid: x", "X-Split: a\r\nX-Smuggled: b"] {
        fails(runtime, &["get", "http://127.0.0.1:1/", "-H", header], &["header"]);
    }
    fails(runtime, &["get", "http://127.0.0.1:1/", "-X", "GET /smuggled"], &["method"]);
}

fn refused(runtime: &str) {
    let port = Port::reserve();
    let addr = port.addr();
    fails(runtime, &["get", &url(addr)], &[&addr.to_string(), "refused"]);
}

fn unknown_host(runtime: &str) {
    // RFC 6761 promises that names under `invalid` never resolve.
    fails(runtime, &["get", "http://nonexistent.invalid/"], &["nonexistent.invalid"]);
}

fn directory_missing(runtime: &str) {
    let root = Scratch::new();
    let missing = root.path().join("missing");
    let missing = missing.to_str().expect("the scratch directory's path is UTF-8");
    fails(runtime, &["serve", missing, "--bind", "127.0.0.1:0"], &[missing]);
    let file = root.write("file", "not a directory");
    let file = file.to_str().expect("the scratch directory's path is UTF-8");
    fails(runtime, &["serve", file, "--bind", "127.0.0.1:0"], &[file, "director"]);
}

fn output_file_cannot_be_written(runtime: &str) {
    let root = Scratch::new();
    let file = root.path().join("missing").join("file");
    let file = file.to_str().expect("the scratch directory's path is UTF-8");
    let url = one_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody");
    fails(runtime, &["get", &url, "-o", file], &[file]);
}

fn answer_cut_in_its_head(runtime: &str) {
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"] {
        let finished = fails(runtime, &["get", &one_answer(answer)], &["closed"]);
        assert!(finished.stdout.is_empty(), "{finished}");
    }
}

fn answer_cut_in_its_body(runtime: &str) {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nTrai",
    ] {
        let finished = fails(runtime, &["get", &one_answer(answer)], &["body"]);
        assert!(
            b"half".starts_with(&finished.stdout),
            "what came is shown, and no more: {finished}"
        );
    }
}

fn answer_is_not_http(runtime: &str) {
    for answer in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/3.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x4\r\nbody\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
    ] {
        let finished = fails(runtime, &["get", &one_answer(answer)], &[]);
        assert!(finished.stdout.is_empty(), "{finished}");
    }
}

fn answer_is_not_http_2(runtime: &str) {
    // As a server does that knows HTTP/1.1 alone, and reads no more than the first line of the preface.
    let url = one_answer(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    fails(runtime, &["get", "--http2", &url], &["HTTP/2", "--http2"]);
}

fn more_than_the_declared_length_is_not_body(runtime: &str) {
    let url = one_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody and more");
    let finished = Process::spawn(&mut barewire(&["get", &url, "--runtime", runtime])).finish();
    assert_eq!(finished.text(), "body", "{finished}");
}

on_each_runtime!(
    answer_cut_in_its_body,
    answer_cut_in_its_head,
    answer_is_not_http,
    answer_is_not_http_2,
    bad_bind_address,
    bad_header,
    bad_url,
    directory_missing,
    more_than_the_declared_length_is_not_body,
    output_file_cannot_be_written,
    port_in_use,
    refused,
    unknown_host,
);

#[test]
fn unknown_runtime() {
    let finished = Process::spawn(&mut barewire(&["echo", "--runtime", "nonsense"])).finish();
    assert!(!finished.status.success(), "{finished}");
    for name in ["smol", "async-std", "std"] {
        assert!(finished.stderr.contains(name), "the runtimes there are: {finished}");
    }
}

#[test]
fn options_that_do_not_go_together() {
    let finished = Process::spawn(&mut barewire(&["echo", "--threads", "0"])).finish();
    assert!(finished.stderr.contains("1 or more"), "{finished}");
    let finished = fails("std", &["echo", "--threads", "2"], &["--threads", "--runtime"]);
    assert_eq!(finished.status.code(), Some(2), "{finished}");
    let extra = ["echo", "--max-extra-threads", "2"];
    let finished = fails("smol", &extra, &["--max-extra-threads", "--runtime std"]);
    assert_eq!(finished.status.code(), Some(2), "{finished}");
    let finished = Process::spawn(&mut barewire(&["echo", "--http1", "--h2c"])).finish();
    assert_eq!(finished.status.code(), Some(2), "{finished}");
    let mut command = barewire(&["echo", "--bind", "127.0.0.1:0"]);
    let finished = Process::spawn(command.env("RUST_LOG", "=nonsense=")).finish();
    assert_eq!(finished.status.code(), Some(2), "{finished}");
    assert!(finished.stderr.contains("RUST_LOG"), "{finished}");
}

#[test]
fn full_standard_output() {
    let mut command =
        barewire(&["get", &one_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody")]);
    fails_on_full_output(&mut command, "the body went nowhere");
    let mut command = barewire(&["echo", "--bind", "127.0.0.1:0"]);
    fails_on_full_output(&mut command, "nobody knows where it listens");
}

fn fails_on_full_output(command: &mut Command, because: &str) {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let output = command.stdout(full).output().expect("it starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{because}: {error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains("standard output"), "{error}");
}
