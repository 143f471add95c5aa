//! curl, the client that most people test a server with.

use std::time::Duration;

use barewire_tests::exchange::exchange;
use barewire_tests::on_each_runtime;
use barewire_tests::process::{Finished, Process, Server, peer};
use barewire_tests::scratch::{Scratch, noise};

struct Session {
    server: Server,
}

impl Session {
    fn echo(runtime: &str) -> Option<Self> {
        peer::curl()?;
        Some(Self { server: Server::barewire(runtime, &["echo"]) })
    }

    fn serve(runtime: &str, root: &Scratch) -> Option<Self> {
        peer::curl()?;
        let root = root.path().to_str().expect("the scratch directory's path is UTF-8");
        Some(Self { server: Server::barewire(runtime, &["serve", root]) })
    }

    /// Runs curl; `URL/target` among the arguments becomes that target's URL on the server.
    fn curl(&self, arguments: &[&str]) -> Finished {
        Process::spawn(&mut self.command(arguments)).finish()
    }

    fn curl_with_input(&self, arguments: &[&str], input: Vec<u8>) -> Finished {
        Process::spawn_with_input(&mut self.command(arguments), input).finish()
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = peer::curl().expect("found before");
        for argument in arguments {
            match argument.strip_prefix("URL") {
                Some(target) => command.arg(self.server.url(target)),
                None => command.arg(argument),
            };
        }
        command
    }
}

/// Prints the status and the number of new connections of each transfer.
const SUMMARY: &str = "%{http_code} %{num_connects}\n";

fn hello(runtime: &str) {
    let Some(session) = Session::echo(runtime) else { return };
    let finished = session.curl(&["--include", "URL/hello"]).expect_success();
    let text = finished.text().to_ascii_lowercase();
    assert!(text.starts_with("http/1.1 200 "), "{finished}");
    assert!(text.contains("\r\ncontent-type: text/plain"), "{finished}");
    assert!(text.contains("\r\ndate: "), "{finished}");
    assert!(text.ends_with("\r\n\r\nhello, world!"), "{finished}");
}

fn keep_alive(runtime: &str) {
    let Some(session) = Session::echo(runtime) else { return };
    let out = ["--output", "/dev/null"].repeat(5);
    let urls = [
        "URL/hello",
        "URL/status/204",
        "URL/status/304",
        "URL/drip?bytes=10&seconds=0.1",
        "URL/bytes/100",
    ];
    let finished =
        session.curl(&[&out[..], &urls, &["--write-out", SUMMARY]].concat()).expect_success();
    assert_eq!(finished.text(), "200 1\n204 0\n304 0\n200 0\n200 0\n", "{finished}");
}

fn http_1_0(runtime: &str) {
    let Some(session) = Session::echo(runtime) else { return };
    let finished = session.curl(&["--http1.0", "URL/drip?bytes=10&seconds=0.2"]).expect_success();
    assert_eq!(finished.stdout.len(), 10, "{finished}");
}

fn head(runtime: &str) {
    let Some(session) = Session::echo(runtime) else { return };
    let finished = session.curl(&["--head", "URL/bytes/1000", "URL/hello"]).expect_success();
    let text = finished.text().to_ascii_lowercase();
    assert!(text.contains("content-length: 1000\r\n"), "{finished}");
    assert!(text.contains("content-length: 13\r\n"), "{finished}");
    assert!(!text.contains("hello, world"), "{finished}");
}

fn methods(runtime: &str) {
    let Some(session) = Session::echo(runtime) else { return };
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
        let finished = session
            .curl(&["--request", method, "--header", "X-Probe: 1", "URL/anything?a=1&a=2&b="])
            .expect_success();
        let json: serde_json::Value =
            serde_json::from_str(finished.text()).unwrap_or_else(|_| panic!("{finished}"));
        assert_eq!(json["method"], method, "{finished}");
        assert_eq!(json["path"], "/anything", "{finished}");
        assert_eq!(json["args"], serde_json::json!({"a": ["1", "2"], "b": ""}), "{finished}");
        assert_eq!(json["headers"]["x-probe"], "1", "{finished}");
    }
}

fn uploads_with_content_length(runtime: &str) {
    let Some(session) = Session::echo(runtime) else { return };
    let body = noise(16 * 1024 * 1024);
    // Without `Expect`, which is a test of its own.
    let arguments = ["--header", "Expect:", "--data-binary", "@-", "URL/echo"];
    let finished = session.curl_with_input(&arguments, body.clone()).expect_success();
    assert!(finished.stdout == body, "{} bytes came back, not the same", finished.stdout.len());
}

fn uploads_in_chunks(runtime: &str) {
    let Some(session) = Session::echo(runtime) else { return };
    let body = noise(16 * 1024 * 1024);
    // curl does not know the length of its standard input and sends it in chunks.
    let arguments = ["--request", "POST", "--header", "Expect:", "--upload-file", "-", "URL/echo"];
    let finished = session.curl_with_input(&arguments, body.clone()).expect_success();
    assert!(finished.stdout == body, "{} bytes came back, not the same", finished.stdout.len());
}

fn expect_continue(runtime: &str) {
    let Some(session) = Session::echo(runtime) else { return };
    let body = noise(2 * 1024 * 1024);
    // curl waits for the 100 as long as the whole transfer may take: without one the test fails.
    let arguments = [
        "--verbose",
        "--header",
        "Expect: 100-continue",
        "--expect100-timeout",
        "60",
        "--max-time",
        "20",
        "--data-binary",
        "@-",
        "URL/echo",
    ];
    let finished = session.curl_with_input(&arguments, body.clone()).expect_success();
    assert!(finished.stderr.contains("< HTTP/1.1 100 Continue"), "{finished}");
    assert!(finished.stdout == body, "{} bytes came back, not the same", finished.stdout.len());
}

fn downloads_large_bodies(runtime: &str) {
    let Some(session) = Session::echo(runtime) else { return };
    let target = "URL/bytes/33554432";
    let first = session.curl(&[target]).expect_success();
    assert_eq!(first.stdout.len(), 32 * 1024 * 1024);
    let second = session.curl(&["--http1.0", target]).expect_success();
    assert!(first.stdout == second.stdout, "the same number has the same bytes");
}

fn streams_downloads(runtime: &str) {
    let Some(session) = Session::echo(runtime) else { return };
    let times = "%{time_starttransfer} %{time_total}";
    let finished = session
        .curl(&[
            "--no-buffer",
            "--output",
            "/dev/null",
            "--write-out",
            times,
            "URL/drip?bytes=10&seconds=1",
        ])
        .expect_success();
    let (first, last) = finished.text().split_once(' ').expect("two times");
    let (first, last): (f64, f64) =
        (first.parse().expect("seconds"), last.parse().expect("seconds"));
    assert!(
        last - first > 0.4,
        "the first byte comes long before the last: {first} s and {last} s"
    );
}

fn trailers(runtime: &str) {
    let Some(session) = Session::echo(runtime) else { return };
    let ask = ["--header", "TE: trailers", "--header", "Connection: TE"];
    let finished = session
        .curl(&[&ask[..], &["--raw", "--include", "URL/trailers"]].concat())
        .expect_success();
    let text = finished.text();
    let declared = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("trailer").then(|| value.trim().to_ascii_lowercase())
    });
    let declared = declared.unwrap_or_else(|| panic!("the head names the trailer: {finished}"));
    let (_, after) =
        text.rsplit_once("\r\n0\r\n").unwrap_or_else(|| panic!("a last chunk: {finished}"));
    assert!(after.to_ascii_lowercase().starts_with(&format!("{declared}:")), "{finished}");
    assert!(after.ends_with("\r\n\r\n"), "{finished}");
}

fn follows_redirects(runtime: &str) {
    let Some(session) = Session::echo(runtime) else { return };
    let summary = "\n%{num_redirects} %{num_connects}";
    let finished =
        session.curl(&["--location", "--write-out", summary, "URL/redirect/3"]).expect_success();
    assert!(finished.text().ends_with("Hello, World!\n3 1"), "{finished}");
}

fn errors_are_statuses(runtime: &str) {
    let Some(session) = Session::echo(runtime) else { return };
    for (target, status) in [
        ("URL/status/404", "404"),
        ("URL/status/503", "503"),
        ("URL/no-such-route", "404"),
        ("URL/status/teapot", "4"),
        ("URL/bytes/-1", "4"),
        ("URL/redirect/0x1", "4"),
    ] {
        let finished = session
            .curl(&["--output", "/dev/null", "--write-out", "%{http_code}", target])
            .expect_success();
        assert!(finished.text().starts_with(status), "{target}: {finished}");
    }
}

fn many_at_once(runtime: &str) {
    let Some(session) = Session::echo(runtime) else { return };
    let urls = ["URL/bytes/100000"; 40];
    let finished = session
        .curl(&[&["--parallel", "--parallel-max", "20"], &urls[..]].concat())
        .expect_success();
    assert_eq!(finished.stdout.len(), 40 * 100_000, "{}", finished.stderr);
}

fn leaving_early_harms_nobody(runtime: &str) {
    const TIMED_OUT: i32 = 28;
    let Some(session) = Session::echo(runtime) else { return };
    for target in ["URL/drip?bytes=100&seconds=30", "URL/delay/30"] {
        let finished = session.curl(&["--max-time", "0.3", target]);
        assert_eq!(finished.status.code(), Some(TIMED_OUT), "{finished}");
    }
    assert_eq!(exchange(session.server.addr(), "GET /hello HTTP/1.1").text(), "Hello, World!");
}

fn resumes_a_download(runtime: &str) {
    let root = Scratch::new();
    let Some(session) = Session::serve(runtime, &root) else { return };
    let content = noise(1_000_000);
    root.write("file.bin", &content);
    let here = Scratch::new();
    let half = here.write("half.bin", &content[..400_000]);
    let half_name = half.to_str().expect("the scratch directory's path is UTF-8");
    session.curl(&["--continue-at", "-", "--output", half_name, "URL/file.bin"]).expect_success();
    assert!(std::fs::read(&half).expect("it was there before") == content);

    let finished = session.curl(&["--range", "0-9,999990-999999", "URL/file.bin"]).expect_success();
    assert!(finished.stdout.windows(10).any(|window| window == &content[999_990..]), "{finished}");
}

fn revalidates_what_it_has(runtime: &str) {
    let root = Scratch::new();
    let Some(session) = Session::serve(runtime, &root) else { return };
    let file = root.write("index.html", "<p>old</p>");
    let here = Scratch::new();
    let etag = here.path().join("etag");
    let etag = etag.to_str().expect("the scratch directory's path is UTF-8");
    let code = ["--write-out", " %{http_code}"];

    let save =
        session.curl(&[&["--etag-save", etag], &code[..], &["URL/"]].concat()).expect_success();
    assert_eq!(save.text(), "<p>old</p> 200");
    let compare = ["--etag-compare", etag];
    let same = session.curl(&[&compare[..], &code, &["URL/"]].concat()).expect_success();
    assert_eq!(same.text(), " 304");
    let file_name = file.to_str().expect("the scratch directory's path is UTF-8");
    let same = session
        .curl(&[&["--time-cond", file_name], &code[..], &["URL/"]].concat())
        .expect_success();
    assert_eq!(same.text(), " 304");

    let past = std::time::SystemTime::now() - Duration::from_secs(3600);
    root.write("index.html", "<p>newer</p>");
    std::fs::File::options()
        .write(true)
        .open(&file)
        .expect("it is ours")
        .set_modified(past)
        .expect("it is ours");
    let changed = session.curl(&[&compare[..], &code, &["URL/"]].concat()).expect_success();
    assert_eq!(changed.text(), "<p>newer</p> 200");
}

on_each_runtime!(
    downloads_large_bodies,
    errors_are_statuses,
    expect_continue,
    follows_redirects,
    head,
    hello,
    http_1_0,
    keep_alive,
    leaving_early_harms_nobody,
    many_at_once,
    methods,
    resumes_a_download,
    revalidates_what_it_has,
    streams_downloads,
    trailers,
    uploads_in_chunks,
    uploads_with_content_length,
);
