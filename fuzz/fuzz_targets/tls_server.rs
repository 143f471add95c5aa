//! A server in TLS: any bytes, at any point of a handshake with a good client and after it, end in an error or
//! in nothing, and never in a panic or in more plaintext than was sent.

#![no_main]

use std::sync::OnceLock;

use barewire_h1::{Config, ServerConnection};
use barewire_proto::{Buf, Protocol};
use barewire_tls::{ClientConfig, SelfSigned, ServerConfig, Tls};
use libfuzzer_sys::fuzz_target;

fn configs() -> &'static (ClientConfig, ServerConfig) {
    static CONFIGS: OnceLock<(ClientConfig, ServerConfig)> = OnceLock::new();
    CONFIGS.get_or_init(|| {
        let made = SelfSigned::new(["localhost"]).expect("a name");
        (made.client().build().expect("roots"), made.server().build().expect("a certificate"))
    })
}

fn carry(from: &mut impl Protocol, to: &mut impl Protocol) {
    while from.output().has_remaining() {
        let output = from.output();
        let spare = to.input().spare(output.chunk().len());
        let n = spare.len().min(output.chunk().len());
        if n == 0 {
            return;
        }
        spare[..n].copy_from_slice(&output.chunk()[..n]);
        to.input().commit(n);
        output.advance(n);
        while let Ok(Some(_)) = to.poll_event() {}
    }
}

fuzz_target!(|data: &[u8]| {
    let [setup, wire @ ..] = data else { return };
    let (client, server) = configs();
    let inside = |_: &_| ServerConnection::new(Config::default());
    let mut client = Tls::client(client, "localhost", inside).expect("a good name");
    let mut server = Tls::server(server, inside);
    for _ in 0..setup % 4 {
        while let Ok(Some(_)) = client.poll_event() {}
        carry(&mut client, &mut server);
        carry(&mut server, &mut client);
    }
    let mut failed = false;
    for piece in wire.chunks(usize::from(setup / 4).max(1)) {
        let spare = server.input().spare(piece.len());
        let n = spare.len().min(piece.len());
        spare[..n].copy_from_slice(&piece[..n]);
        server.input().commit(n);
        loop {
            match server.poll_event() {
                Ok(Some(_)) => assert!(!failed, "an event after an error"),
                Ok(None) => break assert!(!failed, "the error went away"),
                Err(_) => break failed = true,
            }
        }
        let n = server.output().remaining();
        server.output().advance(n);
    }
    server.input().close();
    assert!(server.poll_event().is_err() || server.poll_event().is_err());
});
