//! What `barewire get` does with an answer.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use barewire_tests::on_each_runtime;
use barewire_tests::process::{Finished, Process, Server, Signal, barewire};
use barewire_tests::scratch::{Scratch, noise};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A server for one request, whose answer the test gives out piece by piece.
struct Peer {
    addr: SocketAddr,
    pieces: Option<Sender<&'static [u8]>>,
    request: thread::JoinHandle<Vec<u8>>,
}

impl Peer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let (pieces, to_send) = channel();
        let request = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody connects");
            let head = head(&mut stream);
            for piece in to_send {
                // Who ends early is for the test to judge, by its exit status.
                let _ = stream.write_all(piece);
            }
            head
        });
        Self { addr, pieces: Some(pieces), request }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    fn send(&self, piece: &'static [u8]) {
        self.pieces.as_ref().expect("not closed").send(piece).expect("the peer lives");
    }

    /// Closes the connection and returns the request's head.
    fn close(mut self) -> String {
        self.pieces = None;
        String::from_utf8(self.request.join().expect("no panic")).expect("heads are text")
    }
}

fn head(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.extend(byte);
    }
    head
}

fn start(runtime: &str, arguments: &[&str]) -> Process {
    Process::spawn(barewire(&["get", "--runtime", runtime]).args(arguments))
}

fn get(runtime: &str, arguments: &[&str]) -> Finished {
    start(runtime, arguments).finish()
}

fn utf8(path: &std::path::Path) -> &str {
    path.to_str().expect("the scratch directory's path is UTF-8")
}

fn names_in(scratch: &Scratch) -> Vec<String> {
    let entries = std::fs::read_dir(scratch.path()).expect("it is there");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("readable").file_name();
    entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect()
}

fn shows_what_has_come(runtime: &str) {
    let peer = Peer::start();
    let mut process = start(runtime, &[&peer.url()]);
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnow\n");
    assert_eq!(process.next_line().as_deref(), Some("now"));
    peer.send(b"later");
    assert_eq!(process.finish().expect_success().text(), "later");
    peer.close();
}

fn shows_both_heads(runtime: &str) {
    let peer = Peer::start();
    peer.send(b"HTTP/1.1 299 \r\nX-A: 1\r\nX-A: \xFC\x9b2\r\nContent-Length: 0\r\n\r\n");
    let process = start(runtime, &["-v", "-H", "X-B: 3", "-d", "data", &peer.url()]);
    let finished = process.finish().expect_success();
    let sent = peer.close();
    for line in sent.trim_end().lines() {
        assert!(finished.stderr.contains(&format!("> {line}\n")), "{line}: {finished}");
    }
    assert_eq!(finished.stderr.matches("\n> ").count() + 1, sent.trim_end().lines().count());
    assert!(sent.starts_with("POST / HTTP/1.1\r\n"), "{sent}");
    for line in ["< HTTP/1.1 299 \n", "< x-a: 1\n", "< x-a: \u{fffd}\u{fffd}2\n"] {
        assert!(finished.stderr.contains(line), "{line:?}: {finished}");
    }
}

fn refusals_are_failures(runtime: &str) {
    let server = Server::barewire(runtime, &["echo"]);
    for (target, status) in [("/status/404", "404"), ("/status/500", "500")] {
        let finished = get(runtime, &[&server.url(target)]);
        assert_eq!(finished.status.code(), Some(1), "{finished}");
        assert!(finished.text().starts_with(status), "what the server says is shown: {finished}");
        assert_eq!(finished.stderr.lines().count(), 1, "{finished}");
        assert!(finished.stderr.contains(&server.url(target)), "{finished}");
        assert!(finished.stderr.contains(status), "{finished}");
    }
    get(runtime, &[&server.url("/redirect/1")]).expect_success();

    let here = Scratch::new();
    let file = here.write("file", "as it was");
    let finished = get(runtime, &[&server.url("/status/404"), "-o", utf8(&file)]);
    assert_eq!(finished.status.code(), Some(1), "{finished}");
    assert!(finished.stderr.contains(utf8(&file)), "{finished}");
    assert_eq!(std::fs::read(&file).expect("it is there"), b"as it was");
    assert_eq!(names_in(&here), ["file"]);
}

fn files_are_whole_or_not_there(runtime: &str) {
    let here = Scratch::new();
    let file = here.path().join("file");
    for old in [None, Some("as it was")] {
        if let Some(old) = old {
            here.write("file", old);
        }
        let peer = Peer::start();
        let process = start(runtime, &[&peer.url(), "-o", utf8(&file)]);
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        peer.close();
        let finished = process.finish();
        assert_eq!(finished.status.code(), Some(1), "{finished}");
        assert_eq!(finished.stderr.lines().count(), 1, "{finished}");
        assert_eq!(std::fs::read_to_string(&file).ok().as_deref(), old);
        assert_eq!(names_in(&here).len(), usize::from(old.is_some()));
    }

    let peer = Peer::start();
    let process = start(runtime, &[&peer.url(), "-o", utf8(&file)]);
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew");
    let finished = process.finish().expect_success();
    assert!(finished.stdout.is_empty() && finished.stderr.is_empty(), "{finished}");
    assert_eq!(std::fs::read(&file).expect("it is there"), b"new");
    assert_eq!(names_in(&here), ["file"]);
    peer.close();
}

fn a_signal_leaves_no_part(runtime: &str) {
    let here = Scratch::new();
    let file = here.path().join("file");
    for signal in [Signal::INT, Signal::TERM] {
        let peer = Peer::start();
        let mut process = start(runtime, &[&peer.url(), "-v", "-o", utf8(&file)]);
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        while process.next_error_line().expect("both heads are shown") != "< content-length: 100" {}
        process.signal(signal);
        let finished = process.finish();
        assert_eq!(finished.status.signal(), Some(signal.as_raw()), "{finished}");
        assert_eq!(names_in(&here), [""; 0]);
        peer.close();
    }
}

fn gives_up_in_time(runtime: &str) {
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"] {
        let peer = Peer::start();
        peer.send(answer);
        let start = Instant::now();
        let finished = get(runtime, &["--timeout", "0.3", &peer.url()]);
        assert!(start.elapsed() < Duration::from_secs(20), "{finished}");
        assert_eq!(finished.status.code(), Some(1), "{finished}");
        for words in ["timed out", "--timeout"] {
            assert!(finished.stderr.contains(words), "{finished}");
        }
        assert_eq!(finished.stderr.lines().count(), 1, "{finished}");
        // Not closed: on a machine that is busy the time may be over before there is a request.
        drop(peer);
    }
}

fn ends_when_nobody_reads(runtime: &str) {
    let server = Server::barewire(runtime, &["echo"]);
    let mut command = barewire(&["get", &server.url("/bytes/100000000"), "--runtime", runtime]);
    let (reader, writer) = std::io::pipe().expect("there are descriptors left");
    command.stdout(writer).stderr(std::process::Stdio::piped());
    let child = command.spawn().expect("it starts");
    // The command's own copy of the pipe's end must not keep it open.
    drop(command);
    let mut first = [0; 10];
    (&reader).read_exact(&mut first).expect("a body");
    drop(reader);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("standard output"), "{said}");
}

fn large_bodies_from_our_own_servers(runtime: &str) {
    let root = Scratch::new();
    let content = noise(8 * 1024 * 1024);
    root.write("large.bin", &content);
    let server = Server::barewire(runtime, &["serve", utf8(root.path())]);
    for client in ["smol", "async-std", "std"] {
        let finished = get(client, &[&server.url("/large.bin")]).expect_success();
        assert!(finished.stdout == content, "{client}: {} bytes", finished.stdout.len());
    }
}

/// A terminal of `columns`: its two ends, the program's last.
fn terminal(columns: u16) -> (File, File) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&controller).expect("it is ours");
    unlockpt(&controller).expect("it is ours");
    let path = ptsname(&controller, Vec::new()).expect("it has a name");
    let path = Path::new(OsStr::from_bytes(path.as_bytes()));
    // Whoever leads a session would be given it for good, and a signal when it is closed.
    let options = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let end = open(path, options, Mode::empty()).expect("it is ours");
    let size = Winsize { ws_row: 25, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&end, size).expect("it is a terminal");
    (controller.into(), end.into())
}

fn a_terminal_gets_a_progress_bar(runtime: &str) {
    let scratch = Scratch::new();
    let content = noise(3_000_000);
    scratch.write("large.bin", &content);
    let server = Server::barewire(runtime, &["serve".as_ref(), scratch.path().as_os_str()]);
    let target = scratch.path().join("copy.bin");
    let (mut controller, end) = terminal(100);
    let mut command = barewire(&["get", "--runtime", runtime, &server.url("/large.bin"), "-o"]);
    // One that knows what a terminal does, whatever the tests run in.
    command.env("TERM", "xterm").arg(&target).stderr(end);
    let mut child = command.spawn().expect("it starts");
    // The command has an end as well: reading goes on until the last one is closed.
    drop(command);
    let mut shown = Vec::new();
    // A terminal whose other ends are closed has no end of file, but an error.
    let _ = controller.read_to_end(&mut shown);
    assert!(child.wait().expect("it is a child of ours").success());
    assert!(std::fs::read(&target).expect("it was written") == content);
    let shown = String::from_utf8_lossy(&shown);
    assert!(shown.contains("of 2.86 MiB"), "{shown:?}");
}

on_each_runtime!(
    a_signal_leaves_no_part,
    a_terminal_gets_a_progress_bar,
    ends_when_nobody_reads,
    files_are_whole_or_not_there,
    gives_up_in_time,
    large_bodies_from_our_own_servers,
    refusals_are_failures,
    shows_both_heads,
    shows_what_has_come,
);
