//! The client against other people's servers of HTTP/2, in clear text and over TLS, on each runtime.
//!
//! A server that is not installed is skipped loudly, or fails the test when `BAREWIRE_REQUIRE_PEERS=1`.

use std::process::Command;

use barewire_client::{Client, Error, blocking};
use barewire_rt::Spawn;
use barewire_tests::process::{Process, Server, barewire, peer};
use barewire_tests::scratch::{Scratch, noise};
use barewire_tls::{ClientConfig, SelfSigned};
use http::Version;

/// Runs a test that is generic over the runtime on each of them.
macro_rules! on_each_runtime {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[test]
            fn smol() {
                super::$name(barewire_smol::Smol::default());
            }
            #[test]
            fn async_std() {
                super::$name(barewire_async_std::AsyncStd::default());
            }
            #[test]
            fn std() {
                super::$name(barewire_std::Std::default());
            }
        }
    )*};
}

on_each_runtime!(
    nghttpd_files_and_uploads,
    nghttpd_allows_few_streams,
    nghttpd_over_tls,
    nginx_closes_after_some_requests,
    nginx_over_tls,
);

const LARGE: usize = 8 * 1024 * 1024;

fn site() -> Scratch {
    let root = Scratch::new();
    root.write("hello.txt", "Hello, World!");
    root.write("large.bin", noise(LARGE));
    root
}

fn client<R: Spawn>(runtime: R) -> Client<R> {
    Client::builder(runtime).http2_prior_knowledge().build()
}

/// A certificate for 127.0.0.1, in files that servers read, and a client that trusts it.
fn trusted<R: Spawn>(runtime: R, state: &Scratch) -> Client<R> {
    let made = SelfSigned::new(["127.0.0.1"]).unwrap();
    state.write("cert.pem", made.certificate_pem());
    state.write("key.pem", made.key_pem());
    let roots = ClientConfig::builder().roots_pem(made.certificate_pem()).build().unwrap();
    Client::builder(runtime).tls(roots).build()
}

async fn text<R: Spawn>(client: Client<R>, url: String) -> Result<String, Error> {
    let response = client.get(url).send().await?.error_for_status()?;
    assert_eq!(response.version(), Version::HTTP_2);
    response.text().await
}

/// Fetches the same thing many times at once.
async fn many<R: Spawn>(client: &Client<R>, url: &str, times: usize, wanted: &str) {
    let fetch = || client.runtime().spawn(text(client.clone(), url.to_owned()));
    let tasks: Vec<_> = (0..times).map(|_| fetch()).collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), wanted);
    }
}

/// What every server has to get right.
async fn files<R: Spawn>(client: &Client<R>, url: &str) {
    many(client, &format!("{url}/hello.txt"), 50, "Hello, World!").await;
    let large = client.get(format!("{url}/large.bin")).send().await.unwrap();
    assert_eq!((large.version(), large.content_length()), (Version::HTTP_2, Some(LARGE as u64)));
    assert!(large.bytes().await.unwrap() == noise(LARGE));
    let head = client.head(format!("{url}/hello.txt")).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], "13");
    assert_eq!(head.bytes().await.unwrap(), "");
    let missing = client.get(format!("{url}/missing")).send().await.unwrap();
    assert_eq!(missing.status(), 404);
    // Left unread: its stream is cancelled, and the connection goes on.
    for _ in 0..3 {
        drop(client.get(format!("{url}/large.bin")).send().await.unwrap());
    }
    many(client, &format!("{url}/hello.txt"), 3, "Hello, World!").await;
}

fn nghttpd_files_and_uploads<R: Spawn>(runtime: R) {
    let root = site();
    let Some(server) = peer::nghttpd(root.path(), &["--no-tls"]) else { return };
    let client = client(runtime.clone());
    runtime.block_on(async {
        files(&client, &server.url("")).await;
        let body = noise(1_500_000);
        let response = client.post(server.url("/echo")).body(body.clone()).send().await.unwrap();
        assert!(response.bytes().await.unwrap() == body);
        let counted = client.connections(server.url("/")).unwrap();
        assert_eq!((counted.idle, counted.in_use), (1, 0));
    });
}

fn nghttpd_allows_few_streams<R: Spawn>(runtime: R) {
    let root = site();
    let Some(server) = peer::nghttpd(root.path(), &["--no-tls", "-m5"]) else { return };
    let client = client(runtime.clone());
    runtime.block_on(async {
        files(&client, &server.url("")).await;
    });
}

fn nghttpd_over_tls<R: Spawn>(runtime: R) {
    let (root, state) = (site(), Scratch::new());
    let client = trusted(runtime.clone(), &state);
    let (key, cert) = (state.path().join("key.pem"), state.path().join("cert.pem"));
    let arguments = [key.to_str().unwrap(), cert.to_str().unwrap()];
    let Some(server) = peer::nghttpd(root.path(), &arguments) else { return };
    runtime.block_on(files(&client, &format!("https://{}", server.addr())));
}

fn nginx(root: &Scratch, state: &Scratch, tls: bool) -> Option<Server> {
    let key = state.path().join("key.pem");
    let cert = state.path().join("cert.pem");
    let files =
        format!("ssl_certificate {}; ssl_certificate_key {};", cert.display(), key.display());
    let filled_in = [
        ("@ROOT@", &*root.path().to_string_lossy()),
        ("@LISTEN@", if tls { "ssl http2" } else { "http2" }),
        ("@TLS@", if tls { &files } else { "" }),
    ];
    peer::nginx_with("nginx_http2.conf", &filled_in, state.path())
}

/// 50 requests at once, with 8 streams to a connection and 20 requests before it goes away.
fn nginx_closes_after_some_requests<R: Spawn>(runtime: R) {
    let (root, state) = (site(), Scratch::new());
    let Some(server) = nginx(&root, &state, false) else { return };
    let client = client(runtime.clone());
    runtime.block_on(async {
        files(&client, &server.url("")).await;
        for _ in 0..45 {
            let wanted = format!("GET HTTP/2.0 {}\n", server.addr());
            assert_eq!(text(client.clone(), server.url("/request")).await.unwrap(), wanted);
        }
    });
}

fn nginx_over_tls<R: Spawn>(runtime: R) {
    let (root, state) = (site(), Scratch::new());
    let client = trusted(runtime.clone(), &state);
    let Some(server) = nginx(&root, &state, true) else { return };
    runtime.block_on(async {
        let url = format!("https://{}", server.addr());
        files(&client, &url).await;
        // The same server, asked for the other protocol.
        let http1 = Client::builder(client.runtime().clone());
        let http1 = http1.tls(client.config().tls.clone().unwrap()).http1_only().build();
        let response = http1.get(format!("{url}/hello.txt")).send().await.unwrap();
        assert_eq!(response.version(), Version::HTTP_11);
        assert_eq!(response.text().await.unwrap(), "Hello, World!");
    });
}

#[test]
fn eight_threads_on_one_connection_to_nghttpd() {
    let root = site();
    let Some(server) = peer::nghttpd(root.path(), &["--no-tls"]) else { return };
    let client = blocking::Client::from(client(barewire_std::Std::default()));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (client, url) = (client.clone(), server.url("/hello.txt"));
            std::thread::spawn(move || {
                for _ in 0..50 {
                    assert_eq!(client.get(&url).send().unwrap().text().unwrap(), "Hello, World!");
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let counted = client.connections(server.url("/")).unwrap();
    assert_eq!((counted.idle, counted.in_use), (1, 0));
}

#[test]
fn the_command_shows_the_version() {
    let (root, state) = (site(), Scratch::new());
    let _client = trusted(barewire_smol::Smol::default(), &state);
    let Some(server) = nginx(&root, &state, true) else { return };
    let url = format!("https://{}/hello.txt", server.addr());
    let cacert = state.path().join("cert.pem");
    let get = |more: &[&str]| {
        let mut command: Command = barewire(&["get", "-v", &url]);
        Process::spawn(command.args(more)).finish()
    };
    let cacert = cacert.to_str().unwrap();
    for (more, version) in [
        (&["--cacert", cacert][..], "HTTP/2.0"),
        (&["--cacert", cacert, "--http2"], "HTTP/2.0"),
        (&["--cacert", cacert, "--http1"], "HTTP/1.1"),
        (&["--insecure"], "HTTP/2.0"),
    ] {
        let finished = get(more).expect_success();
        assert_eq!(finished.text(), "Hello, World!");
        let (asked, answered) =
            (format!("> GET /hello.txt {version}\n"), format!("< {version} 200 OK\n"));
        assert!(
            finished.stderr.contains(&asked) && finished.stderr.contains(&answered),
            "{finished}"
        );
    }
    let finished = get(&[]);
    assert!(!finished.status.success() && finished.stdout.is_empty(), "{finished}");
    assert!(finished.stderr.contains("TLS handshake with https://127.0.0.1:"), "{finished}");
}
