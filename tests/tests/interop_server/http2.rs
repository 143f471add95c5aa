//! Clients that speak HTTP/2: in clear text by prior knowledge, and over TLS where ALPN picks it.

use barewire_tests::on_each_runtime;
use barewire_tests::process::{Finished, Process, Server, barewire, peer};
use barewire_tests::scratch::{Scratch, noise};

const SIXTEEN_MIB: usize = 16 << 20;

/// `barewire` with a certificate of its own, and its URL.
fn tls(runtime: &str, command: &[&str]) -> (Process, String) {
    let options = ["--tls-self-signed", "--runtime", runtime, "--bind", "127.0.0.1:0"];
    let arguments = [command, &options].concat();
    let mut process = Process::spawn(&mut barewire(&arguments));
    let line = process.next_line().expect("it says where it listens");
    let url = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}"));
    let url = url.trim_end_matches('/').to_owned();
    assert!(url.starts_with("https://"), "{url}");
    (process, url)
}

fn nghttp(server: &Server, options: &[&str], targets: &[&str]) -> Option<Finished> {
    let mut command = peer::nghttp()?;
    command.args(["--timeout", "100"]).args(options);
    command.args(targets.iter().map(|target| server.url(target)));
    Some(Process::spawn(&mut command).finish().expect_success())
}

fn nghttp_gets_many(runtime: &str) {
    let server = Server::barewire(runtime, &["echo"]);
    let targets = ["/hello", "/status/404", "/bytes/100000", "/drip?bytes=10&seconds=0.2"];
    let Some(finished) = nghttp(&server, &["--verbose", "--null-out"], &targets) else { return };
    let text = String::from_utf8_lossy(&finished.stdout).into_owned();
    for status in [":status: 200", ":status: 404"] {
        assert!(text.contains(status), "{finished}");
    }
    assert!(!text.contains("RST_STREAM"), "{finished}");
}

fn nghttp_uploads(runtime: &str) {
    let server = Server::barewire(runtime, &["echo"]);
    let scratch = Scratch::new();
    let content = noise(1 << 20);
    let file = scratch.write("upload", &content);
    let file = file.to_str().expect("the scratch directory's path is UTF-8");
    let Some(finished) =
        nghttp(&server, &["--data", file, "--trailer", "x-checksum: 1"], &["/echo"])
    else {
        return;
    };
    assert!(finished.stdout == content, "{} bytes came back", finished.stdout.len());
}

fn nghttp_asks_with_head_and_priorities(runtime: &str) {
    let server = Server::barewire(runtime, &["echo"]);
    let options = ["--verbose", "--header", ":method: HEAD", "--weight", "200"];
    let Some(finished) = nghttp(&server, &options, &["/bytes/1000"]) else { return };
    assert!(finished.text().contains("content-length: 1000"), "{finished}");
}

fn load(runtime: &str, connections: &str, streams: &str) {
    let Some(mut command) = peer::h2load() else { return };
    let server = Server::barewire(runtime, &["echo"]);
    command.args(["--requests", "5000", "--clients", connections]);
    command.args(["--max-concurrent-streams", streams]).arg(server.url("/hello"));
    let finished = Process::spawn(&mut command).finish().expect_success();
    let all = "5000 total, 5000 started, 5000 done, 5000 succeeded, 0 failed, 0 errored, 0 timeout";
    assert!(finished.text().contains(all), "{finished}");
    assert!(finished.text().contains("status codes: 5000 2xx"), "{finished}");
}

fn h2load_with_100_streams(runtime: &str) {
    load(runtime, "1", "100");
}

fn h2load_with_16_connections_of_32_streams(runtime: &str) {
    load(runtime, "16", "32");
}

/// Downloads and an upload. curl 7.88 cannot use a connection by prior knowledge twice, whoever the server is.
fn curl(options: &[&str], reuses: bool, url: &str) {
    if peer::curl().is_none() {
        return;
    }
    let targets =
        [("/hello", "200", 13), ("/bytes/16777216", "200", SIXTEEN_MIB), ("/status/204", "204", 0)];
    for some in targets.chunks(if reuses { targets.len() } else { 1 }) {
        let mut command = peer::curl().expect("found before");
        command.args(options).arg("--write-out");
        command.arg("%{http_version} %{http_code} %{num_connects} %{size_download}\n");
        let mut expected = String::new();
        for (at, (target, status, length)) in some.iter().enumerate() {
            command.args(["--output", "/dev/null"]).arg(format!("{url}{target}"));
            expected += &format!("2 {status} {} {length}\n", u8::from(at == 0));
        }
        let finished = Process::spawn(&mut command).finish().expect_success();
        assert_eq!(finished.text(), expected, "{finished}");
    }

    let body = noise(SIXTEEN_MIB);
    let mut command = peer::curl().expect("found before");
    command.args(options).args(["--data-binary", "@-"]).arg(format!("{url}/echo"));
    let finished = Process::spawn_with_input(&mut command, body.clone()).finish().expect_success();
    assert!(finished.stdout == body, "{} bytes came back, not the same", finished.stdout.len());
}

fn curl_by_prior_knowledge(runtime: &str) {
    let server = Server::barewire(runtime, &["echo"]);
    curl(&["--http2-prior-knowledge"], false, &server.url(""));
}

fn curl_over_tls(runtime: &str) {
    let (_server, url) = tls(runtime, &["echo"]);
    curl(&["--http2", "--insecure"], true, &url);
}

fn curl_over_tls_without_http2(runtime: &str) {
    let Some(mut command) = peer::curl() else { return };
    let (_server, url) = tls(runtime, &["echo"]);
    command.args(["--http1.1", "--insecure", "--write-out", " %{http_version}"]);
    let finished = Process::spawn(command.arg(format!("{url}/hello"))).finish().expect_success();
    assert_eq!(finished.text(), "Hello, World! 1.1");
}

/// A page and what it loads, all of it by HTTP/2 as the browser itself tells.
fn chromium_loads_a_page(runtime: &str) {
    let Some(mut command) = peer::chromium() else { return };
    let root = Scratch::new();
    let scripts: String = (0..20)
        .map(|n| {
            root.write(&format!("{n}.js"), format!("window.sum = (window.sum || 0) + {n};"));
            format!("<script src='/{n}.js'></script>")
        })
        .collect();
    let tell = "document.body.textContent = 'sum ' + window.sum + ' by ' + performance
        .getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
        .map(entry => entry.nextHopProtocol).join()";
    root.write("index.html", format!("<body>{scripts}<script>{tell}</script></body>"));
    let path = root.path().to_str().expect("the scratch directory's path is UTF-8");
    let (_server, url) = tls(runtime, &["serve", path]);
    let profile = Scratch::new();
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    let finished = Process::spawn(command.arg(format!("{url}/"))).finish().expect_success();
    let expected = format!("sum 190 by {}", vec!["h2"; 21].join(","));
    assert!(finished.text().contains(&expected), "{finished}");
}

fn python_httpx(runtime: &str) {
    let Some(mut command) = peer::python("client_httpx_http2.py", &["httpx", "h2"]) else { return };
    let (_server, url) = tls(runtime, &["echo"]);
    Process::spawn(command.arg(url)).finish().expect_success();
}

fn python_h2(runtime: &str) {
    let Some(mut command) = peer::python("client_h2.py", &["h2"]) else { return };
    let server = Server::barewire(runtime, &["echo"]);
    Process::spawn(command.arg(server.url(""))).finish().expect_success();
}

on_each_runtime!(
    chromium_loads_a_page,
    curl_by_prior_knowledge,
    curl_over_tls,
    curl_over_tls_without_http2,
    h2load_with_100_streams,
    h2load_with_16_connections_of_32_streams,
    nghttp_asks_with_head_and_priorities,
    nghttp_gets_many,
    nghttp_uploads,
    python_h2,
    python_httpx,
);
