//! Python's `ssl` (OpenSSL) as the peer, both ways, over loopback sockets. Skipped loudly without Python.
//!
//! `BAREWIRE_PYTHON` names the interpreter; with `BAREWIRE_REQUIRE_PEERS=1` a missing one is a failure.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a driver needs sockets")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use barewire_proto::{Buf, Bytes, Protocol};
use barewire_tls::{Event, Tls, Version};
use support::{Authority, Raw, RawEvent};

const TOTAL: usize = 300_000;

const SERVER: &str = r#"
import socket, ssl, sys
cert, key, version = sys.argv[1:4]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(cert, key)
context.set_alpn_protocols(["echo"])
context.maximum_version = getattr(ssl.TLSVersion, version)
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    raw, _ = listener.accept()
    raw.settimeout(20)
    with context.wrap_socket(raw, server_side=True) as stream:
        assert stream.selected_alpn_protocol() == "echo"
        while data := stream.recv(65536):
            stream.sendall(data)
        stream.unwrap()
"#;

const CLIENT: &str = r#"
import socket, ssl, sys, threading
ca, port, version, total = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
context = ssl.create_default_context(cafile=ca)
context.set_alpn_protocols(["echo"])
context.maximum_version = getattr(ssl.TLSVersion, version)
with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
    with context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False) as stream:
        assert stream.selected_alpn_protocol() == "echo"
        sent = bytes(1 + i % 255 for i in range(total))
        got = b""
        for at in range(0, total, 30000):
            part = sent[at:at + 30000]
            stream.sendall(part)
            while len(got) < at + len(part):
                got += stream.recv(65536)
        assert got == sent
        stream.unwrap()
"#;

fn python(script: &str, arguments: &[String]) -> Option<Child> {
    let interpreter = std::env::var_os("BAREWIRE_PYTHON").unwrap_or_else(|| "python3".into());
    let child = Command::new(&interpreter)
        .args(["-B", "-u", "-c", script])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn();
    match child {
        Ok(child) => Some(child),
        Err(error) => {
            let text =
                format!("{}: {error}: name one in BAREWIRE_PYTHON", interpreter.to_string_lossy());
            assert!(std::env::var_os("BAREWIRE_REQUIRE_PEERS").is_none(), "{text}");
            eprintln!("SKIPPED: {text}");
            None
        }
    }
}

/// The blocking driver of barewire-proto's documentation. Ends when the protocol does.
fn drive(
    tls: &mut Tls<Raw>,
    stream: &mut TcpStream,
    mut on_event: impl FnMut(&mut Tls<Raw>, Event<RawEvent>),
) {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    while !tls.is_closed() {
        while let Some(event) = tls.poll_event().unwrap() {
            on_event(tls, event);
        }
        while tls.output().has_remaining() {
            let n = stream.write(tls.output().chunk()).unwrap();
            tls.output().advance(n);
        }
        if tls.output().is_finished() && tls.is_closed() {
            return;
        }
        if tls.wants_read() {
            let n = stream.read(tls.input().spare(16 * 1024)).unwrap();
            if n == 0 { tls.input().close() } else { tls.input().commit(n) }
        }
    }
}

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("barewire-tls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _left_behind = std::fs::remove_dir_all(&self.0);
    }
}

fn client_against(version: &str, expected: Version) {
    let scratch = Scratch::new(&format!("server-{version}"));
    let authority = Authority::new();
    let made = authority.issue(&["localhost"]);
    let arguments = [
        scratch.file("cert.pem", &made.cert),
        scratch.file("key.pem", &made.key),
        version.to_owned(),
    ];
    let Some(mut child) = python(SERVER, &arguments) else { return };
    let mut port = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port.trim().parse().unwrap())).unwrap();
    let config = authority.client().alpn(["echo"]).build().unwrap();
    let mut tls = Tls::client(&config, "localhost", |_| Raw::default()).unwrap();
    let data: Vec<u8> = (0..TOTAL).map(|i| (i % 255) as u8 + 1).collect();
    let (mut sent, mut got) = (0, Vec::new());
    let mut ended = false;
    drive(&mut tls, &mut stream, |tls, event| {
        match event {
            Event::Established => {}
            Event::Inner(RawEvent::Bytes(bytes)) => got.extend_from_slice(&bytes),
            Event::Inner(RawEvent::End) => ended = true,
        }
        let inner = tls.inner_mut().unwrap();
        // One part at a time: the peer writes only after it has read.
        if got.len() == sent && sent < TOTAL {
            let n = (TOTAL - sent).min(30_000);
            inner.output.push(Bytes::copy_from_slice(&data[sent..sent + n]));
            sent += n;
        } else if got.len() == TOTAL {
            inner.output.finish();
        }
    });
    assert!(got == data && ended);
    assert_eq!(tls.negotiated().unwrap().version(), expected);
    assert!(child.wait().unwrap().success());
}

fn server_against(version: &str, expected: Version) {
    let scratch = Scratch::new(&format!("client-{version}"));
    let authority = Authority::new();
    let config = authority.server(&["localhost"]).alpn(["echo"]).build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let arguments = [
        scratch.file("ca.pem", &authority.pem()),
        listener.local_addr().unwrap().port().to_string(),
        version.to_owned(),
        TOTAL.to_string(),
    ];
    let Some(mut child) = python(CLIENT, &arguments) else { return };
    let mut stream = listener.accept().unwrap().0;
    let mut tls = Tls::server(&config, |_| Raw::default());
    let mut echoed = 0;
    drive(&mut tls, &mut stream, |tls, event| {
        let inner = tls.inner_mut().unwrap();
        match event {
            Event::Established => {}
            Event::Inner(RawEvent::Bytes(bytes)) => {
                echoed += bytes.len();
                inner.output.push(bytes);
            }
            Event::Inner(RawEvent::End) => inner.output.finish(),
        }
    });
    drop(stream);
    assert!(child.wait().unwrap().success());
    assert_eq!(echoed, TOTAL);
    assert_eq!(tls.negotiated().unwrap().version(), expected);
    assert_eq!(tls.negotiated().unwrap().server_name(), Some("localhost"));
}

#[test]
fn our_client_against_pythons_server() {
    client_against("TLSv1_3", Version::Tls13);
    client_against("TLSv1_2", Version::Tls12);
}

#[test]
fn pythons_client_against_our_server() {
    server_against("TLSv1_3", Version::Tls13);
    server_against("TLSv1_2", Version::Tls12);
}
