//! The options for TLS, right and wrong, and which version of HTTP they lead to.

use std::path::{Path, PathBuf};

use barewire_tests::on_each_runtime;
use barewire_tests::process::{Finished, Process, Server, Signal, barewire};
use barewire_tests::scratch::Scratch;

use crate::bad_input::fails;

/// Certificates and keys in files, good and bad ones.
struct Files {
    scratch: Scratch,
}

impl Files {
    fn new() -> Self {
        let files = Self { scratch: Scratch::new() };
        files.issue("good", "127.0.0.1", |_| {});
        files.issue("other", "127.0.0.1", |_| {});
        files.issue("named", "other.example", |_| {});
        files.issue("expired", "127.0.0.1", |params| {
            params.not_before = rcgen::date_time_ymd(2000, 1, 1);
            params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        });
        files.scratch.write("text", "neither a certificate nor a key");
        files.scratch.write("cut", "-----BEGIN CERTIFICATE-----\nAAAA\n");
        let junk = |what| format!("-----BEGIN {what}-----\nAAAA\n-----END {what}-----\n");
        files.scratch.write("junk.pem", junk("CERTIFICATE"));
        files.scratch.write("junk.key", junk("PRIVATE KEY"));
        files.scratch.write("locked.key", junk("ENCRYPTED PRIVATE KEY"));
        files
    }

    /// Writes `NAME.pem` and `NAME.key`. Each is an issuer of its own, whose name is the file's.
    fn issue(&self, name: &str, host: &str, change: impl FnOnce(&mut rcgen::CertificateParams)) {
        let mut params = rcgen::CertificateParams::new([host.to_owned()]).expect("a name");
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        change(&mut params);
        let key = rcgen::KeyPair::generate().expect("a key");
        let made = params.self_signed(&key).expect("a certificate");
        self.scratch.write(&format!("{name}.pem"), made.pem());
        self.scratch.write(&format!("{name}.key"), key.serialize_pem());
    }

    fn path(&self, name: &str) -> String {
        utf8(&self.scratch.path().join(name))
    }

    /// A server with the certificate of this name.
    fn serve(&self, runtime: &str, name: &str, more: &[&str]) -> Server {
        let [pem, key] = ["pem", "key"].map(|kind| self.path(&format!("{name}.{kind}")));
        let arguments = [&["echo", "--tls-cert", &pem, "--tls-key", &key], more].concat();
        Server::barewire(runtime, &arguments)
    }
}

fn utf8(path: &Path) -> String {
    path.to_str().expect("the scratch directory's path is UTF-8").to_owned()
}

fn get(runtime: &str, arguments: &[&str]) -> Finished {
    let mut command = barewire(&[&["get", "--runtime", runtime], arguments].concat());
    Process::spawn(&mut command).finish()
}

/// What is wrong with a server's files is told before it says that it listens.
fn servers_say_what_is_wrong_with_files(runtime: &str) {
    let files = Files::new();
    let root = utf8(files.scratch.path());
    for (cert, key, culprit, words) in [
        ("missing.pem", "good.key", "missing.pem", "there is no such file"),
        ("good.pem", "missing.key", "missing.key", "there is no such file"),
        (".", "good.key", ".", "cannot be read: is a directory"),
        ("good.pem", "other.key", "other.key", "the key is not the certificate's"),
        ("text", "good.key", "text", "holds no certificate"),
        ("good.key", "good.pem", "good.key", "holds no certificate"),
        ("good.pem", "good.pem", "good.pem", "holds no private key that is not encrypted"),
        ("good.pem", "text", "text", "holds no private key that is not encrypted"),
        ("good.pem", "locked.key", "locked.key", "holds no private key that is not encrypted"),
        ("cut", "good.key", "cut", "is not PEM"),
        ("good.pem", "cut", "cut", "is not PEM"),
        ("junk.pem", "good.key", "junk.pem", "holds a malformed certificate"),
        ("good.pem", "junk.key", "junk.key", "holds a private key of an unknown kind"),
    ] {
        let (cert, key) = (files.path(cert), files.path(key));
        let told = format!("barewire: cannot speak TLS: {}: {words}\n", files.path(culprit));
        for command in [&["echo"][..], &["serve", &root]] {
            let options = ["--bind", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &key];
            let finished = fails(runtime, &[command, &options].concat(), &[]);
            assert_eq!(finished.status.code(), Some(1), "{finished}");
            assert_eq!(finished.stderr, told);
            assert!(finished.stdout.is_empty(), "it does not listen: {finished}");
        }
    }
}

fn clients_say_what_is_wrong_with_files(runtime: &str) {
    let files = Files::new();
    for (cacert, words) in [
        ("missing.pem", "there is no such file"),
        (".", "cannot be read: is a directory"),
        ("text", "holds no certificate"),
        ("good.key", "holds no certificate"),
        ("cut", "is not PEM"),
        ("junk.pem", "holds a malformed certificate"),
    ] {
        let path = files.path(cacert);
        // Nothing may be sent, so nobody has to listen.
        let finished = fails(runtime, &["get", "https://127.0.0.1:1/", "--cacert", &path], &[]);
        assert_eq!(finished.status.code(), Some(1), "{finished}");
        assert_eq!(finished.stderr, format!("barewire: cannot use --cacert: {path}: {words}\n"));
    }
}

fn clients_trust_whom_they_are_told_to(runtime: &str) {
    let files = Files::new();
    let server = files.serve(runtime, "good", &[]);
    let (url, addr) = (server.url("/hello"), server.addr().to_string());
    let (good, other) = (files.path("good.pem"), files.path("other.pem"));
    for trust in [&["--cacert", &good][..], &["--insecure"], &["-k"]] {
        get(runtime, &[&[&*url], trust].concat()).expect_success();
    }
    // What others trust, and what the system does.
    for trust in [&["--cacert", &other][..], &[]] {
        let words = [
            &*addr,
            "certificate of an unknown issuer",
            "(--cacert FILE names the roots, --insecure trusts anybody)",
        ];
        let finished = fails(runtime, &[&["get", &url], trust].concat(), &words);
        assert_eq!(finished.status.code(), Some(1), "{finished}");
        assert!(finished.stdout.is_empty(), "{finished}");
    }
}

/// Certificates that are no good although they are trusted.
fn clients_look_at_dates_and_names(runtime: &str) {
    let files = Files::new();
    for (name, what, remedy) in [
        ("expired", "certificate expired", "has to be renewed"),
        ("named", "the certificate is for another name", "use a name that is in the certificate"),
    ] {
        let server = files.serve(runtime, name, &[]);
        let (url, addr) = (server.url("/hello"), server.addr().to_string());
        let cacert = files.path(&format!("{name}.pem"));
        let arguments = ["get", &url, "--cacert", &cacert];
        let finished = fails(runtime, &arguments, &[&addr, what, remedy]);
        assert_eq!(finished.status.code(), Some(1), "{finished}");
        assert!(finished.stdout.is_empty(), "{finished}");
        get(runtime, &[&url, "--insecure"]).expect_success();
    }
}

fn a_certificate_made_on_the_spot(runtime: &str) {
    let scratch = Scratch::new();
    scratch.write("index.html", "hello");
    let root = utf8(scratch.path());
    let server = Server::barewire(runtime, &["serve", &root, "--tls-self-signed"]);
    let url = server.url("/");
    assert!(url.starts_with("https://"), "{url}");
    assert_eq!(get(runtime, &[&url, "-k"]).expect_success().text(), "hello");
    fails(runtime, &["get", &url], &["certificate of an unknown issuer", "--insecure"]);
}

/// Each end says which scheme the other one speaks.
fn one_end_speaks_tls(runtime: &str) {
    let files = Files::new();
    let secure = files.serve(runtime, "good", &[]);
    let url = secure.url("/").replace("https://", "http://");
    let finished = fails(runtime, &["get", &url], &["400"]);
    assert!(finished.text().contains("https://"), "{finished}");
    fails(runtime, &["get", &url, "--http2"], &["HTTP/2"]);
    let clear = Server::barewire(runtime, &["echo"]);
    let url = clear.url("/").replace("http://", "https://");
    for trust in [&["-k"][..], &["--cacert", &files.path("good.pem")]] {
        fails(runtime, &[&["get", &url], trust].concat(), &["use http:// with this port"]);
    }
}

/// A server that speaks another version than the only one that is asked for.
fn no_version_in_common(runtime: &str) {
    use barewire::server::{Server, blocking};
    use barewire::std::Std;
    use barewire::tls::ServerConfig;

    let files = Files::new();
    let [pem, key] = ["good.pem", "good.key"].map(|name| files.path(name));
    for (spoken, asked) in [("http/1.1", "--http2"), ("h2", "--http1")] {
        let tls = ServerConfig::builder().certificate_files(&pem, &key).alpn([spoken]);
        let std = Std::default();
        let server = Server::bind(std, ([127, 0, 0, 1], 0).into()).expect("it listens");
        let server = server.tls(tls.build().expect("the files are good"));
        let url = format!("https://{}/", server.local_addr().expect("it listens"));
        let handle = server.handle();
        let serving = std::thread::spawn(move || std.block_on(server.serve(blocking(|_| "hello"))));
        get(runtime, &[&url, "--cacert", &pem]).expect_success();
        let finished = fails(
            runtime,
            &["get", &url, "--cacert", &pem, asked],
            &["no application protocol in common", "(leave --http1 or --http2 out)"],
        );
        assert_eq!(finished.status.code(), Some(1), "{finished}");
        handle.shutdown();
        serving.join().expect("it does not panic").expect("it ends in order");
    }
}

/// Which version is spoken, as `-v` of the client and the access log of the server have it.
fn both_ends_tell_the_version(runtime: &str) {
    let files = Files::new();
    let secure = files.serve(runtime, "good", &["-v"]);
    let clear = Server::barewire(runtime, &["echo", "-v"]);
    let cacert = files.path("good.pem");
    let trust = ["--cacert", &cacert];
    for (mut server, options) in [
        (clear, [("HTTP/1.1", &[][..]), ("HTTP/1.1", &["--http1"]), ("HTTP/2.0", &["--http2"])]),
        (secure, [("HTTP/2.0", &[][..]), ("HTTP/1.1", &["--http1"]), ("HTTP/2.0", &["--http2"])]),
    ] {
        for (n, (version, options)) in options.into_iter().enumerate() {
            let url = server.url(&format!("/hello?n={n}"));
            let finished = get(runtime, &[&["-v", &url], options, &trust].concat());
            let shown = finished.expect_success();
            for line in [format!("> GET /hello?n={n} {version}"), format!("< {version} 200 OK")] {
                assert!(shown.stderr.lines().any(|shown| shown == line), "{line}: {shown}");
            }
            let line = server.process_mut().next_error_line().expect("a line for each request");
            let target = format!("/hello?n={n}");
            for word in ["method=GET", &target, &format!("version={version}"), "status=200"] {
                assert!(line.contains(word), "{word}: {line}");
            }
        }
    }
}

/// SIGHUP exchanges the certificate; what cannot be used leaves the one that was there.
fn takes_new_certificates_on_sighup(runtime: &str) {
    let files = Files::new();
    files.issue("used", "127.0.0.1", |_| {});
    let mut server = files.serve(runtime, "used", &["-v"]);
    let url = server.url("/hello");
    let put = |name: &str| {
        for kind in ["pem", "key"] {
            let from = PathBuf::from(files.path(&format!("{name}.{kind}")));
            std::fs::copy(from, files.path(&format!("used.{kind}"))).expect("it is there");
        }
    };
    let mut reload = |said: &str| {
        server.process().signal(Signal::HUP);
        loop {
            let line = server.process_mut().next_error_line().expect("it runs");
            if line.contains("certificates") {
                assert!(line.contains(said), "{line}");
                return;
            }
        }
    };
    let shows = |name: &str| {
        let cacert = files.path(&format!("{name}.pem"));
        get(runtime, &[&url, "--cacert", &cacert]).expect_success();
    };
    shows("used");
    put("good");
    reload("certificates read again");
    shows("good");
    std::fs::write(files.path("used.key"), "no key").expect("it is ours");
    reload("certificates kept as they were");
    shows("good");
    put("other");
    reload("certificates read again");
    shows("other");
    fails(runtime, &["get", &url, "--cacert", &files.path("good.pem")], &["unknown issuer"]);
}

on_each_runtime!(
    a_certificate_made_on_the_spot,
    both_ends_tell_the_version,
    clients_look_at_dates_and_names,
    clients_say_what_is_wrong_with_files,
    clients_trust_whom_they_are_told_to,
    no_version_in_common,
    one_end_speaks_tls,
    servers_say_what_is_wrong_with_files,
    takes_new_certificates_on_sighup,
);

#[test]
fn options_that_do_not_go_together() {
    for (arguments, words) in [
        (&["echo", "--tls-cert", "a.pem"][..], ["--tls-key"]),
        (&["echo", "--tls-key", "a.key"], ["--tls-cert"]),
        (
            &["echo", "--tls-self-signed", "--tls-cert", "a", "--tls-key", "b"],
            ["--tls-self-signed"],
        ),
        (&["get", "https://127.0.0.1:1/", "--cacert", "a", "--insecure"], ["--insecure"]),
        (&["get", "https://127.0.0.1:1/", "--http1", "--http2"], ["--http2"]),
    ] {
        let finished = Process::spawn(&mut barewire(arguments)).finish();
        assert_eq!(finished.status.code(), Some(2), "{finished}");
        assert!(finished.stdout.is_empty(), "{finished}");
        for word in words {
            assert!(finished.stderr.contains(word), "{word}: {finished}");
        }
    }
}
