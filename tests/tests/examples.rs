//! Every example runs to its end and says what it should.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use barewire_tests::exchange::exchange;
use barewire_tests::process::{Process, Server, peer};

/// Each example, and what its output has to contain, in this order.
const EXAMPLES: [(&str, &[&str]); 16] = [
    (
        "client_blocking",
        &["1000 bytes\n2000 bytes\n3000 bytes\n4000 bytes\n", "8000 bytes\n5 bytes\n"],
    ),
    (
        "client_get",
        &["Hallo, Ada!", "400 Bad Request", "Who is there?", "Grace! Hello, Barbara!", "refused"],
    ),
    (
        "client_http2",
        &["100 answers, the last one: Some(\"/100 over HTTP/2.0\")", "connections: 1"],
    ),
    ("client_json", &["2 words, the longest is Some(\"three\")", "400 Bad Request: {\"error\":"]),
    ("h2_async_std", &["1000000 bytes, at most ", "of them held", "the client had to wait: true"]),
    (
        "h2_smol",
        &["/two on stream 3", "\"server\": \"barewire\"", "/one on stream 1", "/three on stream 5"],
    ),
    ("h2_std", &["/ONE\n/TWO\n/THREE\n"]),
    ("hello_async_std", &["listening on http://127.0.0.1:", "Hello from /async-std"]),
    ("hello_smol", &["listening on http://127.0.0.1:", "Hello from /smol"]),
    ("hello_std", &["listening on http://127.0.0.1:", "Hello from /std"]),
    ("https_server", &["listening on https://127.0.0.1:", "Hello over HTTP/2.0"]),
    ("line_reader", &["ONE", "TWO", "lines=2;", "bye"]),
    ("sans_io_server", &["GET /hello: 0 bytes", "POST /upload: 5 bytes"]),
    ("tcp_echo", &["smol: hello", "async-std: hello", "std: hello"]),
    ("udp_echo", &["hello came back"]),
    ("upload_stream", &["1200000 bytes came, in parts: true", "12000 bytes came"]),
];

/// Examples that need one another: they have a test of their own.
const PAIR: [&str; 2] = ["h2_client", "h2_server"];

/// The command that runs an example. Examples that were not built along with this test are built, once.
fn example(name: &str) -> Command {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        let test = std::env::current_exe().expect("the test knows where it is");
        let profile_dir = test.ancestors().nth(2).expect("a test lies in <target>/<profile>/deps");
        let directory = profile_dir.join("examples");
        let mut names = EXAMPLES.iter().map(|(name, _)| name).chain(&PAIR);
        if names.any(|name| !directory.join(file_name(name)).is_file()) {
            build(profile_dir);
        }
        directory
    });
    Command::new(directory.join(file_name(name)))
}

fn file_name(example: &str) -> String {
    format!("{example}{}", std::env::consts::EXE_SUFFIX)
}

fn build(profile_dir: &Path) {
    let profile = match profile_dir.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let target_dir = profile_dir.parent().expect("a profile's directory lies in the target one");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["build", "--quiet", "--package", "barewire-examples", "--examples"];
    let mut command = Command::new(cargo);
    command.args(arguments).args(["--profile", profile, "--target-dir"]).arg(target_dir);
    let status = command.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo starts");
    assert!(status.success(), "`cargo build --package barewire-examples` failed: {status}");
}

#[test]
fn each_says_what_it_should() {
    for (name, expected) in EXAMPLES {
        let finished = Process::spawn(&mut example(name)).finish().expect_success();
        let mut rest = finished.text();
        for &words in expected {
            let (_, after) = rest
                .split_once(words)
                .unwrap_or_else(|| panic!("{name}: expected {words:?} in {finished}"));
            rest = after;
        }
        assert_eq!(finished.stderr, "", "{name}");
    }
}

#[test]
fn none_is_left_out() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let entries = std::fs::read_dir(directory).expect("the examples lie beside the tests");
    let there: BTreeSet<String> = entries
        .filter_map(|entry| entry.expect("a readable entry").path().to_str().map(str::to_owned))
        .filter_map(|path| path.rsplit('/').next()?.strip_suffix(".rs").map(str::to_owned))
        .collect();
    let names = EXAMPLES.iter().map(|(name, _)| name).chain(&PAIR);
    let tested = names.map(|name| (*name).to_owned()).collect();
    assert_eq!(there, tested, "in examples/, and in this test's table");
}

#[test]
fn servers_stay_when_they_are_told_to() {
    for (name, path) in
        [("hello_smol", "/smol"), ("hello_async_std", "/async-std"), ("hello_std", "/std")]
    {
        let server = listening(example(name).arg("--stay"), path);
        assert_eq!(exchange(server.addr(), "GET /you HTTP/1.1").text(), "Hello from /you");
    }
}

/// A server that has said where it listens.
fn listening(command: &mut Command, path: &str) -> Server {
    let mut process = Process::spawn(command);
    let line = process.next_line().expect("it says where it listens");
    let addr = line
        .strip_prefix("listening on http://")
        .and_then(|rest| rest.strip_suffix(path)?.parse().ok())
        .unwrap_or_else(|| panic!("{line:?}"));
    Server::from_process(process, addr)
}

#[test]
fn http2_on_plain_sockets() {
    let server = listening(&mut example("h2_server"), "");
    let mut client = example("h2_client");
    let client = Process::spawn(client.arg(server.addr().to_string())).finish().expect_success();
    for words in ["GET /one: 0 bytes", "GET /two: 0 bytes", "POST /upload: 3000000 bytes"] {
        assert!(client.text().contains(words), "{client}");
    }
    // It served one connection, and has nothing to say about it.
    let server = server.finish().expect_success();
    assert_eq!((server.text(), server.stderr.as_str()), ("", ""));
}

#[test]
fn http2_on_plain_sockets_for_others() {
    let server = listening(example("h2_server").arg("--stay"), "");
    if let Some(mut curl) = peer::curl() {
        curl.args(["-sS", "--http2-prior-knowledge", "--data", "hello", &server.url("/curl")]);
        let curl = Process::spawn(&mut curl).finish().expect_success();
        assert_eq!(curl.text(), "POST /curl: 5 bytes\n");
    }
    if let Some(mut nghttp) = peer::nghttp() {
        nghttp.args([server.url("/first"), server.url("/second")]);
        let nghttp = Process::spawn(&mut nghttp).finish().expect_success();
        assert!(nghttp.text().contains("GET /first: 0 bytes\n"), "{nghttp}");
        assert!(nghttp.text().contains("GET /second: 0 bytes\n"), "{nghttp}");
    }
}
