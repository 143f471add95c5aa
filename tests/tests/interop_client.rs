//! `barewire get` against real servers, over loopback, on each runtime.
//!
//! Test names end in the runtime: `nginx_keep_alive::smol`. A server that is not installed is
//! skipped loudly, or fails the test when `BAREWIRE_REQUIRE_PEERS=1`.

use std::time::{Duration, Instant};

use barewire_tests::on_each_runtime;
use barewire_tests::process::{Finished, Process, Server, barewire, peer};
use barewire_tests::scratch::{Scratch, noise};

fn get(runtime: &str, url: &str, more: &[&str]) -> Finished {
    Process::spawn(barewire(&["get", url, "--runtime", runtime]).args(more)).finish()
}

/// The head of the answer that `-v` shows, in lower case.
fn head_of(finished: &Finished) -> String {
    let lines = finished.stderr.lines().filter_map(|line| line.strip_prefix("< "));
    lines.collect::<Vec<_>>().join("\n").to_ascii_lowercase()
}

/// Python's http.server on the files of `root`.
fn http_server(root: &Scratch) -> Option<Server> {
    let mut command = peer::python("server_http_server.py", &[])?;
    Some(Server::start(command.arg(root.path())))
}

fn aiohttp() -> Option<Server> {
    Some(Server::start(&mut peer::python("server_aiohttp.py", &["aiohttp"])?))
}

/// A site of two files and the nginx that serves it. The second directory is nginx's own.
fn nginx() -> Option<(Server, Scratch, Scratch)> {
    let (root, state) = (Scratch::new(), Scratch::new());
    root.write("index.html", "<p>hello</p>");
    root.write("large.bin", noise(LARGE));
    Some((peer::nginx(root.path(), state.path())?, root, state))
}

const LARGE: usize = 32 * 1024 * 1024;

fn http_server_files(runtime: &str) {
    let root = Scratch::new();
    root.write("hello.txt", "Hello, World!");
    root.write("large.bin", noise(LARGE));
    let Some(server) = http_server(&root) else { return };

    let finished = get(runtime, &server.url("/hello.txt"), &["-v"]).expect_success();
    assert_eq!(finished.text(), "Hello, World!");
    assert!(finished.stderr.contains("> GET /hello.txt HTTP/1.1\n"), "{finished}");
    assert!(head_of(&finished).starts_with("http/1.0 200"), "{finished}");
    assert!(head_of(&finished).contains("\ncontent-type: text/plain"), "{finished}");

    let finished = get(runtime, &server.url("/large.bin"), &[]).expect_success();
    assert!(finished.stdout == noise(LARGE), "{} bytes, not the file's", finished.stdout.len());

    let finished = get(runtime, &server.url("/hello.txt"), &["-v", "-X", "HEAD"]).expect_success();
    assert!(head_of(&finished).contains("\ncontent-length: 13"), "{finished}");
    assert!(finished.stdout.is_empty(), "{finished}");
}

fn http_server_close_delimited(runtime: &str) {
    let root = Scratch::new();
    let Some(server) = http_server(&root) else { return };
    assert_eq!(
        get(runtime, &server.url("/close-delimited"), &[]).expect_success().text(),
        "0\n1\n2\n3\n4\n"
    );
    assert_eq!(get(runtime, &server.url("/empty"), &[]).expect_success().text(), "");
    let finished = get(runtime, &server.url("/"), &["-d", "some data", "-v"]).expect_success();
    assert_eq!(finished.text(), "got some data");
    assert!(head_of(&finished).starts_with("http/1.0 201"), "{finished}");
}

fn http_server_without_a_head(runtime: &str) {
    let root = Scratch::new();
    let Some(server) = http_server(&root) else { return };
    let finished = get(runtime, &server.url("/http-0.9"), &[]);
    assert!(!finished.status.success(), "what is no HTTP/1 must not pass for it: {finished}");
    assert!(finished.stdout.is_empty(), "{finished}");
}

fn aiohttp_requests(runtime: &str) {
    let Some(server) = aiohttp() else { return };
    assert_eq!(get(runtime, &server.url("/hello"), &[]).expect_success().text(), "Hello, World!");

    let url = server.url("/anything?a=%20&b=%C3%BC");
    let finished =
        get(runtime, &url, &["-H", "X-Probe: one", "-H", "X-Probe: two"]).expect_success();
    let seen: serde_json::Value = serde_json::from_str(finished.text()).expect("JSON");
    assert_eq!(seen["method"], "GET");
    assert_eq!(seen["target"], "/anything?a=%20&b=%C3%BC");
    assert_eq!(seen["headers"]["x-probe"], serde_json::json!(["one", "two"]));
    assert_eq!(seen["headers"]["host"], serde_json::json!([server.addr().to_string()]));

    // As long as one argument may be, and of characters of two bytes.
    let data = "ü".repeat(60_000);
    for method in ["POST", "PUT", "DELETE"] {
        let finished =
            get(runtime, &server.url("/anything"), &["-X", method, "-d", &data]).expect_success();
        let seen: serde_json::Value = serde_json::from_str(finished.text()).expect("JSON");
        assert_eq!(seen["method"], method);
        assert!(
            seen["data"] == data,
            "{method}: {} bytes arrived",
            seen["data"].as_str().map_or(0, str::len)
        );
    }
}

fn aiohttp_answers(runtime: &str) {
    let Some(server) = aiohttp() else { return };
    let expected: String = (0..2000).map(|n| (n % 10).to_string().repeat(n + 1)).collect();
    let finished = get(runtime, &server.url("/chunked/2000"), &["-v"]).expect_success();
    assert!(finished.text() == expected, "{} bytes, not the ones sent", finished.stdout.len());
    assert!(head_of(&finished).contains("\ntransfer-encoding: chunked"), "{}", finished.stderr);
    assert_eq!(get(runtime, &server.url("/chunked/0"), &[]).expect_success().text(), "");
    assert_eq!(get(runtime, &server.url("/slowly"), &[]).expect_success().text(), "01234");

    for status in ["204", "304"] {
        let finished =
            get(runtime, &server.url(&format!("/status/{status}")), &["-v"]).expect_success();
        assert!(head_of(&finished).starts_with(&format!("http/1.1 {status}")), "{finished}");
        assert!(finished.stdout.is_empty(), "{finished}");
    }
}

fn aiohttp_drops_the_answer_halfway(runtime: &str) {
    let Some(server) = aiohttp() else { return };
    for target in ["/cut-chunked", "/cut-length"] {
        let finished = get(runtime, &server.url(target), &[]);
        assert!(
            !finished.status.success(),
            "half a body must not pass for a whole one: {finished}"
        );
        assert_eq!(finished.stderr.lines().count(), 1, "one line says what happened: {finished}");
    }
}

fn nginx_static(runtime: &str) {
    let Some((server, _root, _state)) = nginx() else { return };
    let finished = get(runtime, &server.url("/"), &["-v"]).expect_success();
    assert_eq!(finished.text(), "<p>hello</p>");
    assert!(head_of(&finished).contains("\ncontent-type: text/html"), "{finished}");
    let etag = head_of(&finished)
        .lines()
        .find_map(|line| line.strip_prefix("etag: ").map(str::to_owned))
        .unwrap_or_else(|| panic!("nginx sends an ETag: {finished}"));

    let here = Scratch::new();
    let file = here.path().join("large.bin");
    let file_name = file.to_str().expect("the scratch directory's path is UTF-8");
    let finished = get(runtime, &server.url("/large.bin"), &["-o", file_name]).expect_success();
    assert!(finished.stdout.is_empty(), "{finished}");
    assert!(
        std::fs::read(&file).expect("get wrote it") == noise(LARGE),
        "the file is not the same"
    );

    let finished =
        get(runtime, &server.url("/large.bin"), &["-v", "-H", "Range: bytes=5-9"]).expect_success();
    assert_eq!(finished.stdout, noise(10)[5..]);
    assert!(head_of(&finished).starts_with("http/1.1 206"), "{finished}");
    let finished = get(runtime, &server.url("/"), &["-v", "-H", &format!("If-None-Match: {etag}")])
        .expect_success();
    assert!(head_of(&finished).starts_with("http/1.1 304"), "{finished}");
    let finished = get(runtime, &server.url("/large.bin"), &["-v", "-X", "HEAD"]).expect_success();
    assert!(head_of(&finished).contains(&format!("\ncontent-length: {LARGE}")), "{finished}");
    assert!(finished.stdout.is_empty(), "{} bytes after HEAD", finished.stdout.len());
}

fn nginx_keep_alive(runtime: &str) {
    let Some((server, _root, _state)) = nginx() else { return };
    let start = Instant::now();
    let finished = get(runtime, &server.url("/no-content"), &["-v"]).expect_success();
    assert!(head_of(&finished).starts_with("http/1.1 204"), "{finished}");
    assert!(
        head_of(&finished).contains("\nconnection: keep-alive"),
        "get offers to stay: {finished}"
    );
    let finished = get(runtime, &server.url("/request"), &["-H", "X-Probe: yes"]).expect_success();
    assert_eq!(finished.text(), format!("GET yes {}\n", server.addr()));
    // nginx would keep the connections for 75 s.
    assert!(
        start.elapsed() < Duration::from_secs(60),
        "get ends with the answer, not with the connection"
    );
}

on_each_runtime!(
    aiohttp_answers,
    aiohttp_drops_the_answer_halfway,
    aiohttp_requests,
    http_server_close_delimited,
    http_server_files,
    http_server_without_a_head,
    nginx_keep_alive,
    nginx_static,
);
