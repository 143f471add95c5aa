//! Header blocks, and the table that they share.

use barewire_h2::frame::Frame;
use barewire_h2::{
    BodyLength, ClientConnection, Config, ConnectProtocol, ErrorKind, ServerEvent, StreamId,
};
use barewire_hpack::{Decoder, HeaderField};
use barewire_proto::Protocol;
use bytes::Bytes;
use http::{Request, Response};

use crate::support::wire::{self, block, frame, raw};
use crate::{GET, feed, output, server};

/// A decoder of 4,096 bytes follows, although the peer said that its own has 4 GiB.
#[test]
fn the_encoders_table_stays_at_its_own_cap() {
    let mut server = server(Config::default());
    feed(&mut server, &frame("SETTINGS 0 0 \\0\\x01\\xff\\xff\\xff\\xff"));
    output(&mut server);
    let mut decoder = Decoder::<HeaderField>::new(4096);
    for turn in 0..400u32 {
        let id = turn * 2 + 1;
        feed(&mut server, &raw(1, 5, id, &block(GET)));
        // The same again after more than 4,096 bytes of others.
        let value = format!("{:0>200}", turn % 50);
        let response = Response::builder().header("x-check", &value).body(()).unwrap();
        server.respond(StreamId::new(id), &response, Bytes::new()).unwrap();
        let mut seen = false;
        wire::read(&output(&mut server), |frame| {
            if let Frame::Headers { fragment, .. } = frame {
                let visit = |field: std::borrow::Cow<'_, HeaderField>| {
                    seen |= field.value == value.as_bytes();
                };
                decoder.decode(fragment, 1 << 16, visit).unwrap();
            }
        });
        assert!(seen, "response {turn} was decoded to something else");
        assert!(decoder.table_size() <= 4096);
    }
    assert!(decoder.table_size() > 3500, "the table was not put to use");
}

/// More names than a map can hold are refused, whatever was configured.
#[test]
fn absurd_numbers_of_fields_are_refused_without_a_limit() {
    let mut config = Config::default();
    config.settings.max_header_list_size = u32::MAX;
    config.limits.max_fields = usize::MAX;
    config.limits.max_header_block = usize::MAX;
    config.limits.max_continuations = u32::MAX;
    let mut server = server(config);
    for (turn, fields) in [20_000, 40_000, 20_000, 1].into_iter().enumerate() {
        let id = turn as u32 * 2 + 1;
        let mut whole = block(GET);
        for number in 0..fields {
            whole.extend([0, 6]);
            whole.extend(format!("x{number:05}").as_bytes());
            whole.push(0);
        }
        let mut bytes = raw(1, 1, id, &[]);
        for part in whole.chunks(16_384) {
            bytes.extend(raw(9, 0, id, part));
        }
        bytes.extend(raw(9, 4, id, &[]));
        let events = feed(&mut server, &bytes);
        match &events[..] {
            [ServerEvent::Request(_, request, _)] => {
                assert_eq!(request.headers().len(), fields);
                server.respond(StreamId::new(id), &Response::new(()), Bytes::new()).unwrap();
            }
            [ServerEvent::Refused { error, .. }] => {
                assert_eq!((fields, error.kind()), (40_000, ErrorKind::HeaderListTooLarge));
            }
            _ => panic!("{events:?}"),
        }
        assert!(!output(&mut server).is_empty());
    }
}

#[test]
fn a_header_block_in_one_frame_has_a_limit_too() {
    let mut config = Config::default();
    config.limits.max_header_block = block(GET).len();
    let mut server = server(config);
    assert_eq!(feed(&mut server, &raw(1, 5, 1, &block(GET))).len(), 1);
    let longer = raw(1, 5, 3, &block(&format!("{GET}|x=y")));
    assert!(server.input().push(Bytes::from(longer)).is_empty());
    assert_eq!(server.poll_event().unwrap_err().kind(), ErrorKind::HeaderBlockTooLarge);
}

#[test]
fn the_two_connects_differ_in_their_pseudo_headers() {
    let mut client = ClientConnection::new(Config::default());
    feed(&mut client, &frame("SETTINGS 0 0 \\0\\x08\\0\\0\\0\\x01"));
    let ordinary = Request::connect("a:443").body(()).unwrap();
    let mut extended = Request::connect("http://a/chat").body(()).unwrap();
    extended.extensions_mut().insert(ConnectProtocol::new("websocket").unwrap());
    let mut names = Vec::new();
    let mut decoder = Decoder::<HeaderField>::new(4096);
    for request in [&ordinary, &extended] {
        client.send_request(request, BodyLength::Unknown).unwrap();
    }
    wire::read(&output(&mut client), |frame| {
        if let Frame::Headers { fragment, .. } = frame {
            let mut of_one = Vec::new();
            let visit = |field: std::borrow::Cow<'_, HeaderField>| {
                of_one.push(String::from_utf8_lossy(&field.name).into_owned());
            };
            decoder.decode(fragment, 1 << 16, visit).unwrap();
            of_one.sort();
            names.push(of_one);
        }
    });
    assert_eq!(names[0], [":authority", ":method"]);
    assert_eq!(names[1], [":authority", ":method", ":path", ":protocol", ":scheme"]);
}
