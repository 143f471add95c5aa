//! What one side encodes, the other decodes: two connections in memory, over links that split, delay and
//! hold back.

mod support;

use std::time::Duration;

use barewire_h1::{BodyLength, ClientConnection, Config, ServerConnection};
use barewire_testkit::{Link, Pair};
use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri};
use proptest::prelude::*;
use support::exchange::{Apps, Body, Exchange, Fields, Message};

fn name() -> impl Strategy<Value = HeaderName> {
    "x-[a-z0-9!#$%&'*+.^_`|~-]{0,12}".prop_map(|name| name.parse().expect("a token"))
}

/// Whatever `http` lets through, which is anything but control characters.
fn value() -> impl Strategy<Value = HeaderValue> {
    // Not filtered: a run with many cases would be refused for what it threw away.
    let byte = any::<u8>().prop_map(|byte| match byte {
        b'\t' | b' '..=b'~' | 0x80.. => byte,
        _ => b'x',
    });
    prop::collection::vec(byte, 0..20)
        .prop_map(|bytes| HeaderValue::from_bytes(&bytes).expect("no control character"))
}

fn fields() -> impl Strategy<Value = Fields> {
    prop::collection::vec((name(), value()), 0..8)
}

fn parts() -> impl Strategy<Value = Vec<Bytes>> {
    let part = prop_oneof![3 => 0usize..50, 1 => 3000usize..30_000];
    let part = (part, any::<u8>()).prop_map(|(len, byte)| Bytes::from(vec![byte; len]));
    prop::collection::vec(part, 0..6)
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        Just(Body::Empty),
        parts().prop_map(Body::Known),
        (parts(), fields()).prop_map(|(parts, trailers)| Body::Chunked(parts, trailers)),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    (fields(), body()).prop_map(|(fields, body)| Message { fields, body })
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let method = prop::sample::select(vec![
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
        Method::from_bytes(b"X!").expect("a token"),
    ]);
    let status = prop::sample::select(vec![200u16, 201, 204, 206, 299, 304, 404, 418, 500, 599]);
    let path = "/[a-zA-Z0-9._~!$&'()*+,;=:@/-]{0,20}(\\?[a-zA-Z0-9=&/?-]{0,10})?";
    (method, path, message(), 0usize..3, status, message()).prop_map(
        |(method, path, request, hints, status, response)| Exchange {
            method,
            target: path.parse().expect("a target"),
            request,
            hints,
            status: StatusCode::from_u16(status).expect("a status"),
            response,
        },
    )
}

fn link(seed: u64, kind: u8) -> Link {
    match kind % 4 {
        0 => Link::default(),
        1 => Link::seeded(seed).max_piece(7),
        2 => Link::seeded(seed).max_piece(4000).capacity(3000),
        _ => Link::seeded(seed).max_piece(1500).capacity(9000).delay(Duration::from_millis(50)),
    }
}

/// What fails is to become a vector, not a file of seeds.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn everything_arrives(
        exchanges in prop::collection::vec(exchange(), 1..5),
        pipelined in 1usize..4,
        seed: u64,
        kinds: (u8, u8),
    ) {
        let mut config = Config::default();
        config.limits.max_pipelined = pipelined;
        let mut pair = Pair::over(
            ClientConnection::new(config.clone()),
            ServerConnection::new(config),
            link(seed, kinds.0),
            link(!seed, kinds.1),
        );
        let apps = Apps::new(exchanges);
        apps.run(&mut pair);
        apps.check();
        assert!(pair.client.is_idle() && pair.client.is_reusable());
        assert!(pair.server.is_idle());
    }

    /// The target may be anything that `http` takes for one: it is refused here, or means the same there.
    #[test]
    fn a_target_arrives_or_is_refused(
        target in "(http://[a-z]{0,2})?[/*a-z:?]{0,4}[!-~\\u{80}-\\u{ff}]{0,12}",
    ) {
        let Ok(uri) = target.parse::<Uri>() else { return Ok(()) };
        let mut client = ClientConnection::new(Config::default());
        let mut request = http::Request::new(());
        *request.uri_mut() = uri.clone();
        request.headers_mut().insert("host", HeaderValue::from_static("a"));
        if client.send_request(&request, BodyLength::Empty).is_err() {
            return Ok(());
        }
        let mut pair = Pair::new(client, ServerConnection::new(Config::default()));
        let mut seen = None;
        pair.settle(|_, _| {}, |_, event| seen = Some(event));
        match seen {
            Some(Ok(barewire_h1::ServerEvent::Request(got, _))) => {
                let sent = uri.path_and_query().map_or("/", |path| path.as_str());
                // An empty path is sent as a slash (RFC 9112, section 3.2.1).
                let slash = if sent.starts_with(['/', '*']) { "" } else { "/" };
                let got = got.uri().path_and_query().map(|path| path.as_str().to_owned());
                assert_eq!(got, Some(format!("{slash}{sent}")), "{uri}");
            }
            other => panic!("{uri}: {other:?}"),
        }
    }
}

/// The types of `http` are what keeps a head in one piece; this is what we rely on.
#[test]
fn no_value_holds_the_end_of_a_line() {
    for byte in (0..=0x1f).chain([0x7f]).filter(|&byte| byte != b'\t') {
        assert!(HeaderValue::from_bytes(&[b'a', byte, b'b']).is_err(), "{byte:#x} in a value");
        assert!(HeaderName::from_bytes(&[b'a', byte, b'b']).is_err(), "{byte:#x} in a name");
        assert!(Method::from_bytes(&[b'a', byte, b'b']).is_err(), "{byte:#x} in a method");
        assert!(Uri::try_from(&[b'/', byte, b'b'][..]).is_err(), "{byte:#x} in a target");
    }
}
