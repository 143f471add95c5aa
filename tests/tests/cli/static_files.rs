//! The rules of `barewire serve`, asked for by hand, so that no client tidies the paths up.

use std::fs::File;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, SystemTime};

use barewire_tests::exchange::{Answer, Connection, exchange};
use barewire_tests::on_each_runtime;
use barewire_tests::process::Server;
use barewire_tests::scratch::Scratch;

const SECRET: &str = "secret: must never be seen";
const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz";

/// A directory `site` to serve, with things beside it that must not be served.
struct Site {
    server: Server,
    scratch: Scratch,
}

impl Site {
    fn start(runtime: &str) -> Self {
        let scratch = Scratch::new();
        scratch.write("secret.txt", SECRET);
        scratch.write("site-secret/secret.txt", SECRET);
        scratch.write("site/index.html", "<p>home</p>");
        scratch.write("site/alphabet.txt", ALPHABET);
        scratch.write("site/empty.txt", "");
        scratch.write("site/sub/index.html", "<p>sub</p>");
        scratch.write("site/evil.example/file.txt", "");
        scratch.write("site/with space & ü.txt", "found");
        let outside = scratch.path();
        let site = outside.join("site");
        symlink(outside.join("secret.txt"), site.join("link-out.txt")).expect("links can be made");
        symlink("../secret.txt", site.join("link-out-relative.txt")).expect("links can be made");
        symlink(outside, site.join("dir-out")).expect("links can be made");
        symlink("/etc", site.join("etc")).expect("links can be made");
        symlink("nowhere", site.join("link-broken")).expect("links can be made");
        symlink("link-loop", site.join("link-loop")).expect("links can be made");
        symlink("alphabet.txt", site.join("link-in.txt")).expect("links can be made");
        // Long settled: its validators are strong and stay as they are.
        let file = File::options().write(true).open(site.join("alphabet.txt"));
        let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
        file.and_then(|file| file.set_modified(an_hour_ago)).expect("it is ours");
        let mkfifo = Command::new("mkfifo").arg(site.join("fifo")).status();
        assert!(mkfifo.expect("mkfifo is part of every Unix").success());
        Self { server: Server::barewire(runtime, &["serve".as_ref(), site.as_os_str()]), scratch }
    }

    #[track_caller]
    fn ask(&self, head: &str) -> Answer {
        exchange(self.server.addr(), head)
    }

    #[track_caller]
    fn get(&self, target: &str) -> Answer {
        self.ask(&format!("GET {target} HTTP/1.1"))
    }
}

fn types_and_lengths(runtime: &str) {
    let scratch = Scratch::new();
    let types = [
        ("page.html", "text/html"),
        ("style.css", "text/css"),
        ("script.js", "javascript"),
        ("module.mjs", "javascript"),
        ("data.json", "application/json"),
        ("note.txt", "text/plain"),
        ("image.png", "image/png"),
        ("photo.JPG", "image/jpeg"),
        ("drawing.svg", "image/svg+xml"),
        ("code.wasm", "application/wasm"),
        ("paper.pdf", "application/pdf"),
        ("unknown.zzz", "application/octet-stream"),
        ("no-extension", "application/octet-stream"),
    ];
    for (name, _) in types {
        scratch.write(name, name);
    }
    let server = Server::barewire(runtime, &["serve".as_ref(), scratch.path().as_os_str()]);
    for (name, expected) in types {
        let answer = exchange(server.addr(), &format!("GET /{name} HTTP/1.1"));
        let content_type = answer.header("content-type").unwrap_or_default();
        assert!(content_type.contains(expected), "{name}: {content_type}");
        assert_eq!(answer.text(), name);
        assert_eq!(
            answer.header("content-length"),
            Some(name.len().to_string().as_str()),
            "{answer:?}"
        );
        for name in ["date", "etag", "last-modified", "accept-ranges"] {
            assert!(answer.header(name).is_some(), "{name}: {answer:?}");
        }
    }
}

fn hidden_files(runtime: &str) {
    let scratch = Scratch::new();
    for name in [".git/config", ".env", ".well-known/security.txt", "shown.txt"] {
        scratch.write(name, name);
    }
    let directory = scratch.path().as_os_str();
    let server = Server::barewire(runtime, &["serve".as_ref(), directory]);
    let get = |target: &str| exchange(server.addr(), &format!("GET {target} HTTP/1.1"));
    for target in ["/.git/config", "/.git/", "/.git", "/%2egit/config", "/.env"] {
        assert_eq!(get(target).status, 404, "{target}");
    }
    assert_eq!(get("/.well-known/security.txt").text(), ".well-known/security.txt");
    let listing = get("/").text();
    assert!(listing.contains("shown.txt"), "{listing}");
    assert!(!listing.contains(".git") && !listing.contains(".env"), "{listing}");

    let server = Server::barewire(runtime, &["serve".as_ref(), directory, "--hidden".as_ref()]);
    let get = |target: &str| exchange(server.addr(), &format!("GET {target} HTTP/1.1"));
    assert_eq!(get("/.git/config").text(), ".git/config");
    let listing = get("/").text();
    assert!(listing.contains(".git/") && listing.contains(".env"), "{listing}");
}

fn names_and_directories(runtime: &str) {
    let site = Site::start(runtime);
    assert_eq!(site.get("/").text(), "<p>home</p>");
    assert_eq!(site.get("/index.html").text(), "<p>home</p>");
    assert_eq!(site.get("/sub/").text(), "<p>sub</p>");
    assert_eq!(site.get("/alphabet.txt?v=1").text(), ALPHABET);
    assert_eq!(site.get("/empty.txt").header("content-length"), Some("0"));
    assert_eq!(site.get("/with%20space%20%26%20%C3%BC.txt").text(), "found");
    assert_eq!(site.get("/%61lphabet.txt").text(), ALPHABET);
    assert_eq!(site.get("/link-in.txt").text(), ALPHABET);
    assert_eq!(site.get(&format!("http://{}/alphabet.txt", site.server.addr())).text(), ALPHABET);

    let answer = site.get("/sub");
    assert!(matches!(answer.status, 301 | 302 | 307 | 308), "{answer:?}");
    let location = answer.header("location").unwrap_or_default();
    assert!(location.ends_with("/sub/"), "{answer:?}");

    for target in [
        "/missing",
        "/missing/",
        "/alphabet.txt/",
        "/alphabet.txt/x",
        "/sub/missing",
        "/%zz",
        "/a%00b",
        "/fifo",
    ] {
        let answer = site.get(target);
        assert!(matches!(answer.status, 400 | 404), "{target}: {answer:?}");
    }
    let long = format!("/{}", "a".repeat(300));
    assert_eq!(site.get(&long).status, 404, "a name too long for any file");
}

fn no_way_out(runtime: &str) {
    let site = Site::start(runtime);
    for target in [
        "/../secret.txt",
        "/sub/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2E%2E/secret.txt",
        "/.%2e/secret.txt",
        "/..%2fsecret.txt",
        "/..%2Fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/%252e%252e%252fsecret.txt",
        "/..%5csecret.txt",
        "/..\\secret.txt",
        "/....//secret.txt",
        "/..;/secret.txt",
        "/../site-secret/secret.txt",
        "//../secret.txt",
        "/./../secret.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/%2Fetc%2Fpasswd",
        "/../../../../../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    ] {
        let answer = site.get(target);
        assert!(matches!(answer.status, 400 | 404), "{target}: {answer:?}");
        assert!(
            !answer.text().contains(SECRET) && !answer.text().contains("root:"),
            "{target}: {answer:?}"
        );
    }
    for target in [
        "/link-out.txt",
        "/link-out-relative.txt",
        "/dir-out",
        "/dir-out/",
        "/dir-out/secret.txt",
        "/etc",
        "/etc/passwd",
        "/link-broken",
        "/link-loop",
    ] {
        let answer = site.get(target);
        assert_eq!(answer.status, 404, "{target}: {answer:?}");
    }
    // A redirect to `//host/` would lead to another host.
    let location = site.get("//evil.example").header("location").unwrap_or_default().to_owned();
    assert!(!location.starts_with("//"), "{location}");
}

fn methods(runtime: &str) {
    let site = Site::start(runtime);
    let get = site.get("/alphabet.txt");
    let head = site.ask("HEAD /alphabet.txt HTTP/1.1");
    assert_eq!(head.status, 200);
    for name in ["content-length", "content-type", "etag", "last-modified"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    assert_eq!(site.ask("HEAD /missing HTTP/1.1").status, 404);
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let answer = site.ask(&format!("{method} /alphabet.txt HTTP/1.1\nContent-Length: 0"));
        assert_eq!(answer.status, 405, "{method}: {answer:?}");
        let allow = answer.header("allow").unwrap_or_default();
        assert!(allow.contains("GET") && allow.contains("HEAD"), "{method}: {answer:?}");
    }
}

fn ranges(runtime: &str) {
    let site = Site::start(runtime);
    let ask = |range: &str| site.ask(&format!("GET /alphabet.txt HTTP/1.1\nRange: {range}"));
    for (range, body, content_range) in [
        ("bytes=0-4", "abcde", "bytes 0-4/26"),
        ("bytes=24-", "yz", "bytes 24-25/26"),
        ("bytes=-3", "xyz", "bytes 23-25/26"),
        ("bytes=20-1000", "uvwxyz", "bytes 20-25/26"),
        ("bytes=-1000", ALPHABET, "bytes 0-25/26"),
        ("bytes=25-25", "z", "bytes 25-25/26"),
        ("Bytes=0-0", "a", "bytes 0-0/26"),
    ] {
        let answer = ask(range);
        assert_eq!((answer.status, answer.text().as_str()), (206, body), "{range}: {answer:?}");
        assert_eq!(answer.header("content-range"), Some(content_range), "{range}: {answer:?}");
    }
    for range in ["bytes=26-", "bytes=1000-2000", "bytes=-0"] {
        let answer = ask(range);
        assert_eq!(answer.status, 416, "{range}: {answer:?}");
        assert_eq!(answer.header("content-range"), Some("bytes */26"), "{range}: {answer:?}");
    }
    // RFC 9110 14.2: what is not understood is ignored; what is invalid may be refused, too.
    assert_eq!(ask("lines=0-4").text(), ALPHABET);
    for range in ["bytes=5-2", "bytes=a-b", "bytes=", "bytes=-", "bytes=99999999999999999999-"] {
        let answer = ask(range);
        assert!(matches!(answer.status, 200 | 400 | 416), "{range}: {answer:?}");
    }
    let several = ask("bytes=0-1,5-6");
    assert!(matches!(several.status, 200 | 206), "{several:?}");
    assert!(several.text().contains("ab"), "{several:?}");

    let head = site.ask("HEAD /alphabet.txt HTTP/1.1\nRange: bytes=0-4");
    assert_eq!(head.status, 200, "RFC 9110 14.2: Range is for GET alone: {head:?}");
}

fn conditions(runtime: &str) {
    let site = Site::start(runtime);
    let plain = site.get("/alphabet.txt");
    let etag = plain.header("etag").expect("an ETag");
    let modified = plain.header("last-modified").expect("Last-Modified");
    let past = "Sun, 06 Nov 1994 08:49:37 GMT";
    let weak = format!("W/{}", etag.trim_start_matches("W/"));
    for (condition, status) in [
        (format!("If-None-Match: {etag}"), 304),
        (format!("If-None-Match: \"other\", {etag}"), 304),
        (format!("If-None-Match: {weak}"), 304),
        ("If-None-Match: *".into(), 304),
        ("If-None-Match: \"other\"".into(), 200),
        (format!("If-Modified-Since: {modified}"), 304),
        (format!("If-Modified-Since: {past}"), 200),
        ("If-Modified-Since: no date".into(), 200),
        // RFC 9110 13.1.3: the date is ignored where there is an If-None-Match.
        (format!("If-None-Match: \"other\"\nIf-Modified-Since: {modified}"), 200),
        ("If-Match: *".into(), 200),
        ("If-Match: \"other\"".into(), 412),
        (format!("If-Unmodified-Since: {modified}"), 200),
        (format!("If-Unmodified-Since: {past}"), 412),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = site.ask(&format!("{method} /alphabet.txt HTTP/1.1\n{condition}"));
            assert_eq!(answer.status, status, "{method}, {condition}: {answer:?}");
            if status == 304 {
                assert_eq!(answer.header("etag"), Some(etag), "{method}, {condition}: {answer:?}");
                assert!(answer.body.is_empty(), "{method}, {condition}: {answer:?}");
            }
        }
    }

    let range = |condition: &str| {
        site.ask(&format!("GET /alphabet.txt HTTP/1.1\nRange: bytes=0-4\n{condition}"))
    };
    assert_eq!(range("If-Range: \"other\"").text(), ALPHABET);
    assert_eq!(range(&format!("If-Range: {past}")).text(), ALPHABET);
    assert_eq!(range(&format!("If-None-Match: {etag}")).status, 304);
    // RFC 9110 13.1.5: only a strong validator lets a range through.
    assert_eq!(range(&format!("If-Range: {etag}")).text(), "abcde");
    assert_eq!(range(&format!("If-Range: {modified}")).text(), "abcde");
    assert_eq!(range(&format!("If-Range: {weak}")).text(), ALPHABET);
}

fn validators_of_a_file_just_written_are_weak(runtime: &str) {
    let scratch = Scratch::new();
    // However slow this machine is, it is in the future still.
    let soon = SystemTime::now() + Duration::from_secs(3600);
    let path = scratch.write("new.txt", ALPHABET);
    let file = File::options().write(true).open(path);
    file.and_then(|file| file.set_modified(soon)).expect("it is ours");
    let server = Server::barewire(runtime, &["serve".as_ref(), scratch.path().as_os_str()]);
    let ask = |fields: &str| exchange(server.addr(), &format!("GET /new.txt HTTP/1.1\n{fields}"));

    let plain = ask("X: y");
    let etag = plain.header("etag").expect("an ETag");
    assert!(etag.starts_with("W/\""), "another change might not show: {plain:?}");
    assert_eq!(ask(&format!("If-None-Match: {etag}")).status, 304);
    for validator in [etag, plain.header("last-modified").expect("Last-Modified")] {
        let answer = ask(&format!("Range: bytes=0-4\nIf-Range: {validator}"));
        assert_eq!(answer.text(), ALPHABET, "{validator}");
    }
    // RFC 9110 8.8.2.1: never later than the answer itself. A new second may begin in between.
    let is_of_now = |answer: &Answer| answer.header("last-modified") == answer.header("date");
    assert!((0..5).any(|_| is_of_now(&ask("X: y"))), "{plain:?}");
}

fn keep_alive_through_all_of_it(runtime: &str) {
    let site = Site::start(runtime);
    let etag = site.get("/").header("etag").expect("an ETag").to_owned();
    let mut connection = Connection::open(site.server.addr());
    for (head, status) in [
        ("GET / HTTP/1.1", 200),
        ("HEAD / HTTP/1.1", 200),
        ("GET /missing HTTP/1.1", 404),
        (&format!("GET / HTTP/1.1\r\nIf-None-Match: {etag}"), 304),
        ("GET /sub HTTP/1.1", 301),
        ("GET /alphabet.txt HTTP/1.1\r\nRange: bytes=99-", 416),
        ("DELETE / HTTP/1.1", 405),
        ("GET /alphabet.txt HTTP/1.1", 200),
    ] {
        connection.send(format!("{head}\r\nHost: x\r\n\r\n"));
        let answer = if head.starts_with("HEAD") {
            connection.answer_to_head()
        } else {
            connection.answer()
        };
        let redirect = answer.status / 100 == 3 && status == 301;
        assert!(answer.status == status || redirect, "{head}: {answer:?}");
    }
}

fn listings(runtime: &str) {
    let site = Site::start(runtime);
    site.scratch.write("site/bare/b & <b>.txt", "");
    site.scratch.write("site/bare/below/c.txt", "");
    let bare = site.scratch.path().join("site/bare");
    symlink("b & <b>.txt", bare.join("link-in")).expect("links can be made");
    symlink("/etc", bare.join("link-out")).expect("links can be made");
    let mkfifo = Command::new("mkfifo").arg(bare.join("fifo")).status();
    assert!(mkfifo.expect("mkfifo is part of every Unix").success());

    let answer = site.get("/bare/");
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap_or_default().starts_with("text/html"));
    let page = answer.text();
    let links: Vec<_> =
        page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(links, ["../", "./below/", "./b%20%26%20%3Cb%3E.txt", "./link-in"], "{page}");
    assert!(!page.contains("<b>"), "{page}");
    assert_eq!(site.get("/bare/b%20%26%20%3Cb%3E.txt").status, 200);
}

on_each_runtime!(
    conditions,
    hidden_files,
    keep_alive_through_all_of_it,
    listings,
    methods,
    names_and_directories,
    no_way_out,
    ranges,
    types_and_lengths,
    validators_of_a_file_just_written_are_weak,
);
