//! Bytes that are not what they should be: the contract where no randomness comes in, and no panic anywhere.

mod support;

use std::sync::OnceLock;

use barewire_proto::Protocol;
use barewire_testkit::contract::{self, Sample};
use barewire_testkit::{Subject, Transcript};
use barewire_tls::{ClientConfig, Error, Event, ServerConfig, Tls};
use support::{Authority, Raw, RawError, RawEvent, drain, give, pair, settle};

fn configs() -> &'static (ClientConfig, ServerConfig) {
    static CONFIGS: OnceLock<(ClientConfig, ServerConfig)> = OnceLock::new();
    CONFIGS.get_or_init(|| {
        let authority = Authority::new();
        let server = authority.server(&["localhost"]).build().unwrap();
        (authority.client().build().unwrap(), server)
    })
}

struct Server(Tls<Raw>);

impl Subject for Server {
    type Protocol = Tls<Raw>;

    fn protocol(&mut self) -> &mut Tls<Raw> {
        &mut self.0
    }

    fn on_event(&mut self, event: Event<RawEvent>, transcript: &mut Transcript) {
        transcript.line(format!("{event:?}"));
    }

    fn on_error(&mut self, error: &Error<RawError>, transcript: &mut Transcript) {
        transcript.line(format!("error {error}"));
    }
}

#[test]
fn the_contract_holds_for_what_never_gets_to_a_handshake() {
    for (input, eof) in [
        (&b""[..], true),
        (b"", false),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", false),
        (b"OPTI", true),
        (b"OPTI", false),
        (b"SSH-2.0-OpenSSH\r\n", false),
        (b"\x16\x03\x01\0\x10\x01\0", true),
        (b"\x16\x03\x01\0\x10\x01\0", false),
        (b"\x16\x03\x01\0\x04\x01\0\0\0", false),
        (b"\x16\x03\x01\0\x05\x02\0\0\x01\0", false),
        (b"\x17\x03\x03\0\x05hello", false),
        (b"\x15\x03\x03\0\x02\x02\x28", false),
        (b"\x14\x03\x03\0\x01\x01", true),
    ] {
        let name = input.escape_ascii().to_string();
        let sample = Sample { name, input: input.to_vec(), eof };
        contract::check(|| Server(Tls::server(&configs().1, |_| Raw::default())), &sample);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    /// Records of the right form and any content, before, within and after the handshake, to both roles.
    #[test]
    fn any_bytes_at_any_time_end_in_an_error_or_nothing(
        when in 0usize..5,
        client_side in proptest::bool::ANY,
        records in proptest::collection::vec(
            (20u8..25, proptest::collection::vec(proptest::num::u8::ANY, 0..60)), 1..6),
        flip in 0usize..400,
    ) {
        let (client, server) = configs();
        let mut pair = pair(client, server, "localhost");
        for _ in 0..when {
            let _ = pair.client.poll_event();
            let mut wire = drain(&mut pair.client);
            if let Some(byte) = wire.get_mut(flip.wrapping_sub(when * 40)) {
                *byte ^= 0x10;
            }
            give(&mut pair.server, &wire);
            let _ = pair.server.poll_event();
            give(&mut pair.client, &drain(&mut pair.server));
        }
        let end = if client_side { &mut pair.client } else { &mut pair.server };
        for (kind, payload) in &records {
            let head = [*kind, 3, 3, 0, payload.len() as u8];
            give(end, &[&head[..], payload].concat());
            while let Ok(Some(_)) = end.poll_event() {}
            if let Some(inner) = end.inner_mut() {
                inner.output.put(b"answer");
            }
            let _ = end.output();
        }
        end.input().close();
        let _ = settle(&mut pair);
        proptest::prop_assert!(pair.client.poll_event().is_err() || pair.server.poll_event().is_err());
    }
}
