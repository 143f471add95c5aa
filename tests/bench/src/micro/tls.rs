//! TLS 1.3 with keys that are agreed on: barewire-tls around a protocol that only holds bytes, beside rustls' own
//! buffered connection. The peer is rustls in both.

use std::hint::black_box;
use std::io::{self, IoSlice, Read, Write};
use std::time::Instant;

use barewire_proto::{Buf, Bytes, Input, Output, Protocol};
use barewire_tls::rustls::pki_types::ServerName;
use barewire_tls::rustls::{ClientConnection, ServerConnection};
use barewire_tls::{SelfSigned, Tls};

use super::barewire::send;
use super::case::{Case, TLS_FRAMES, TLS_RECEIVED, TLS_SENT, TLS_SMALL, Work, repeat};

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
const BLOCK: &[&[u8]] = &[&ZEROS];
const SMALL: &[&[u8]] = &[ZEROS.split_at(200).0];
/// As HTTP/2 sends it: heads and DATA frames of 16 KiB.
const FRAMES: &[&[u8]] = &[HEAD, FRAME, HEAD, FRAME, HEAD, FRAME, HEAD, FRAME];
const HEAD: &[u8] = ZEROS.split_at(9).0;
const FRAME: &[u8] = ZEROS.split_at(16 * 1024).0;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(TLS_SMALL, "rustls", || rustls_sends(SMALL)),
        Case::new(TLS_SMALL, "barewire", || ours_sends(SMALL)),
        Case::new(TLS_SENT, "rustls", || rustls_sends(BLOCK)),
        Case::new(TLS_SENT, "barewire", || ours_sends(BLOCK)),
        Case::new(TLS_FRAMES, "rustls", || rustls_sends(FRAMES)),
        Case::new(TLS_FRAMES, "barewire", || ours_sends(FRAMES)),
        Case::new(TLS_RECEIVED, "the peer, who sends it", || {
            let (mut client, _) = rustls_pair();
            let mut wire = Vec::new();
            repeat(move || client_sends(&mut client, &mut wire))
        }),
        Case::new(TLS_RECEIVED, "the peer and rustls", rustls_receives),
        Case::new(TLS_RECEIVED, "the peer and barewire", ours_receives),
    ]
}

/// Puts out what it is given, and keeps what comes.
struct Inside(Input, Output);

impl Protocol for Inside {
    type Event = ();
    type Error = std::convert::Infallible;

    fn input(&mut self) -> &mut Input {
        &mut self.0
    }

    fn output(&mut self) -> &mut Output {
        &mut self.1
    }

    fn wants_read(&self) -> bool {
        true
    }

    fn is_closed(&self) -> bool {
        false
    }

    fn poll_event(&mut self) -> Result<Option<()>, Self::Error> {
        Ok(None)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn handle_timeout(&mut self, _: Instant) {}
}

/// Takes everything, and every slice at once, as a socket with room does.
struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(black_box(bytes).len())
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(black_box(slices).iter().map(|slice| slice.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn client(certificate: &SelfSigned) -> ClientConnection {
    let config = certificate.client().build().expect("the certificate is good");
    let name = ServerName::try_from("localhost").expect("it is a name");
    ClientConnection::new(config.current(), name).expect("the configuration is good")
}

fn rustls_pair() -> (ClientConnection, ServerConnection) {
    let certificate = SelfSigned::new(["localhost"]).expect("it is a name");
    let mut client = client(&certificate);
    let config = certificate.server().build().expect("the certificate is good");
    let mut server = ServerConnection::new(config.current()).expect("the configuration is good");
    let mut wire = Vec::new();
    while client.is_handshaking() || server.is_handshaking() || client.wants_write() {
        wire.clear();
        client.write_tls(&mut wire).expect("memory takes everything");
        server.read_tls(&mut &wire[..]).expect("memory gives everything");
        server.process_new_packets().expect("the client is as good");
        wire.clear();
        while server.wants_write() {
            server.write_tls(&mut wire).expect("memory takes everything");
        }
        client_reads(&mut client, &wire);
    }
    (client, server)
}

fn our_pair() -> (ClientConnection, Tls<Inside>) {
    let certificate = SelfSigned::new(["localhost"]).expect("it is a name");
    let mut client = client(&certificate);
    let config = certificate.server().build().expect("the certificate is good");
    let mut server = Tls::server(&config, |_| Inside(Input::new(256 * 1024), Output::default()));
    server.handle_timeout(Instant::now());
    let mut wire = Vec::new();
    while client.is_handshaking() || server.inner().is_none() || client.wants_write() {
        wire.clear();
        client.write_tls(&mut wire).expect("memory takes everything");
        feed(&mut server, &wire);
        let said = server.output().chunk().to_vec();
        server.output().advance(said.len());
        client_reads(&mut client, &said);
    }
    (client, server)
}

fn client_reads(client: &mut ClientConnection, mut wire: &[u8]) {
    while !wire.is_empty() {
        client.read_tls(&mut wire).expect("memory gives everything");
        client.process_new_packets().expect("the server is as good");
    }
}

/// As a driver reads that knows how much comes at once.
fn feed(server: &mut Tls<Inside>, mut wire: &[u8]) {
    while !wire.is_empty() {
        let spare = server.input().spare(wire.len());
        let (now, rest) = wire.split_at(spare.len());
        spare.copy_from_slice(now);
        server.input().commit(now.len());
        wire = rest;
        while server.poll_event().expect("the client is as good").is_some() {}
    }
}

fn client_sends(client: &mut ClientConnection, wire: &mut Vec<u8>) {
    wire.clear();
    client.writer().write_all(&ZEROS).expect("it is within its limit");
    while client.wants_write() {
        client.write_tls(wire).expect("memory takes everything");
    }
}

fn rustls_sends(parts: &'static [&[u8]]) -> Work {
    let (_, mut server) = rustls_pair();
    let slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let length: usize = parts.iter().map(|part| part.len()).sum();
    server.set_buffer_limit(None);
    repeat(move || {
        let taken = server.writer().write_vectored(black_box(&slices));
        assert_eq!(taken.expect("there is no limit"), length);
        while server.wants_write() {
            server.write_tls(&mut Sink).expect("it takes everything");
        }
    })
}

fn ours_sends(parts: &'static [&[u8]]) -> Work {
    let (_, mut server) = our_pair();
    repeat(move || {
        let inner = server.inner_mut().expect("the handshake is done");
        for part in black_box(parts) {
            inner.output().push(Bytes::from_static(part));
        }
        while send(server.output()) > 0 {}
    })
}

fn rustls_receives() -> Work {
    let (mut client, mut server) = rustls_pair();
    let mut wire = Vec::new();
    let mut buffer = vec![0; ZEROS.len()];
    repeat(move || {
        client_sends(&mut client, &mut wire);
        let (mut rest, mut received) = (&wire[..], 0);
        while received < ZEROS.len() {
            server.read_tls(&mut rest).expect("memory gives everything");
            server.process_new_packets().expect("the client is as good");
            while let Ok(n @ 1..) = server.reader().read(&mut buffer) {
                received += n;
            }
            black_box(&buffer);
        }
    })
}

fn ours_receives() -> Work {
    let (mut client, mut server) = our_pair();
    let mut wire = Vec::new();
    repeat(move || {
        client_sends(&mut client, &mut wire);
        feed(&mut server, &wire);
        let input = server.inner_mut().expect("the handshake is done").input();
        assert_eq!(black_box(&mut *input).len(), ZEROS.len());
        input.consume(ZEROS.len());
    })
}
