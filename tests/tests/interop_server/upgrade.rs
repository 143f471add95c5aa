//! Clients that do not know that a server speaks HTTP/2, and offer it in HTTP/1.1.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use barewire_rt::{PeerAddr, Spawn};
use barewire_server::{Body, Config, Handle, Server};
use barewire_tests::on_each_runtime;
use barewire_tests::process::{Finished, Process, peer};
use barewire_tests::scratch::{Scratch, noise};
use http::{Request, Response};

const LARGE: usize = 1 << 20;

/// A server in this process: the command does not take offers.
struct Running {
    addr: SocketAddr,
    handle: Handle,
    ended: mpsc::Receiver<bool>,
}

impl Running {
    fn start(runtime: &str) -> Self {
        match runtime {
            "smol" => Self::on(barewire_smol::Smol::default()),
            "async-std" => Self::on(barewire_async_std::AsyncStd),
            _ => Self::on(barewire_std::Std::default()),
        }
    }

    fn on<R: Spawn>(runtime: R) -> Self {
        let addr = SocketAddr::from(([127, 0, 0, 1], 0));
        let config = Config { h2c_upgrade: true, ..Config::default() };
        let server = Server::bind(runtime.clone(), addr).expect("loopback has a free port");
        let server = server.config(config);
        let Ok(PeerAddr::Tcp(addr)) = server.local_addr() else { panic!("it listens on TCP") };
        let handle = server.handle();
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || sender.send(runtime.block_on(server.serve(answer)).is_ok()));
        Self { addr, handle, ended }
    }

    fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.addr)
    }

    /// Every connection ends by itself, since the client is gone.
    fn stop(self) {
        self.handle.shutdown();
        assert!(self.ended.recv().expect("it ends"));
    }
}

async fn answer(request: Request<Body>) -> Response<Body> {
    match request.uri().path() {
        "/large" => Response::new(noise(LARGE).into()),
        "/echo" => Response::new(request.into_body()),
        _ => Response::new(format!("{:?}", request.version()).into()),
    }
}

/// `version status connections length` of each transfer.
fn curl(server: &Running, arguments: &[&str]) -> Option<Finished> {
    let mut command = peer::curl()?;
    command.args(["--http2", "--write-out"]);
    command.arg("%{stderr}%{http_version} %{http_code} %{num_connects} %{size_download}\n");
    for argument in arguments {
        match argument.strip_prefix("URL") {
            Some(target) => command.arg(server.url(target)),
            None => command.arg(argument),
        };
    }
    Some(Process::spawn(&mut command).finish().expect_success())
}

fn curl_gets(runtime: &str) {
    let server = Running::start(runtime);
    let Some(finished) = curl(&server, &["URL/"]) else { return };
    assert_eq!(finished.text(), "HTTP/2.0", "{finished}");
    for (target, options, expected) in [
        ("URL/large", &[][..], "2 200 1 1048576\n"),
        ("URL/", &["--head"], "2 200 1 0\n"),
        // A body is left with HTTP/1.1.
        ("URL/echo", &["--data", "hello"], "1.1 200 1 5\n"),
    ] {
        let arguments = [options, &["--output", "/dev/null", target]].concat();
        let Some(finished) = curl(&server, &arguments) else { return };
        assert_eq!(finished.stderr, expected, "{finished}");
    }
    server.stop();
}

fn curl_goes_on_over_one_connection(runtime: &str) {
    let server = Running::start(runtime);
    let out = ["--output", "/dev/null"].repeat(3);
    let urls = ["URL/", "URL/large", "URL/"];
    let Some(finished) = curl(&server, &[&out[..], &urls].concat()) else { return };
    let expected = "2 200 1 8\n2 200 0 1048576\n2 200 0 8\n";
    assert_eq!(finished.stderr, expected, "{finished}");
    server.stop();
}

fn nghttp_gets_many(runtime: &str) {
    let Some(mut command) = peer::nghttp() else { return };
    let server = Running::start(runtime);
    command.args(["--upgrade", "--verbose", "--null-out", "--timeout", "100"]);
    command.args(["/", "/large", "/"].map(|target| server.url(target)));
    let finished = Process::spawn(&mut command).finish().expect_success();
    let text = String::from_utf8_lossy(&finished.stdout).into_owned();
    assert!(text.contains("HTTP/1.1 101 Switching Protocols"), "{finished}");
    assert_eq!(text.matches(":status: 200").count(), 2, "{finished}");
    assert!(!text.contains("RST_STREAM"), "{finished}");
    server.stop();
}

/// nghttp makes an offer of OPTIONS before it uploads.
fn nghttp_uploads(runtime: &str) {
    let Some(mut command) = peer::nghttp() else { return };
    let server = Running::start(runtime);
    let scratch = Scratch::new();
    let content = noise(LARGE);
    command
        .args(["--upgrade", "--timeout", "100", "--data"])
        .arg(scratch.write("upload", &content));
    let finished = Process::spawn(command.arg(server.url("/echo"))).finish().expect_success();
    assert!(finished.stdout == content, "{} bytes came back", finished.stdout.len());
    server.stop();
}

on_each_runtime!(curl_gets, curl_goes_on_over_one_connection, nghttp_gets_many, nghttp_uploads,);
