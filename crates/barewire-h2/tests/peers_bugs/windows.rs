//! Windows, and DATA that needs none.

use barewire_h2::{BodyLength, Config, Reason, ServerConnection, ServerEvent, StreamId};
use bytes::Bytes;
use http::Response;

use crate::support::Talk;
use crate::support::wire::{block, frame, preface, raw};
use crate::{CANCEL, GET, POST, feed, get, given_back, output, sent, server};

#[test]
fn data_after_goaway_is_given_back() {
    let mut server = server(Config::default());
    feed(&mut server, &raw(1, 4, 1, &block(POST)));
    server.go_away(Reason::NO_ERROR);
    output(&mut server);
    let mut back = 0;
    let mut came = 0;
    // Far more than the connection's window, on a stream that was not taken any more.
    for turn in 0..300 {
        if turn == 0 {
            feed(&mut server, &raw(1, 4, 3, &block(POST)));
        }
        let events = feed(&mut server, &raw(0, 0, 3, &[b'x'; 16_384]));
        assert!(events.is_empty(), "{events:?}");
        came += 16_384;
        back += given_back(&output(&mut server));
    }
    assert!(came - back < 1 << 20, "{back} of {came}");
}

/// What the application held when it lost interest, and what comes after that.
#[test]
fn a_body_that_a_server_drops_is_given_back() {
    let mut server = server(Config::default());
    feed(&mut server, &raw(1, 4, 1, &block(POST)));
    let part = raw(0, 0, 1, &[b'x'; 16_384]);
    assert_eq!(feed(&mut server, &part.repeat(3)).len(), 3);
    server.discard(StreamId::new(1));
    let (mut came, mut back) = (3 * 16_384, given_back(&output(&mut server)));
    for _ in 0..300 {
        assert!(feed(&mut server, &part).is_empty());
        came += 16_384;
        back += given_back(&output(&mut server));
    }
    assert!(came - back < 1 << 20, "{back} of {came}");
}

#[test]
fn padding_of_255_bytes_is_counted_and_given_back() {
    let mut server = server(Config::default());
    let padded = |text: &[u8]| [&[255][..], text, &[0; 255]].concat();
    let head = feed(&mut server, &raw(1, 0xc, 1, &padded(&block(POST))));
    assert!(matches!(head[..], [ServerEvent::Request(..)]), "{head:?}");
    let (mut came, mut back) = (0, 0);
    // 256 of 257 bytes are padding; in all more than any window has.
    for _ in 0..5000 {
        let events = feed(&mut server, &raw(0, 8, 1, &padded(b"x")));
        let [ServerEvent::Data(id, data)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(data, "x");
        server.release_capacity(*id, 1);
        came += 257;
        back += given_back(&output(&mut server));
    }
    assert!(came > 1 << 20 && came - back < 1 << 20, "{back} of {came}");
}

/// Who is told that there is room finds room.
#[test]
fn writable_is_never_said_without_capacity() {
    let mut config = Config::default();
    config.settings.initial_window_size = 1000;
    let mut small = Config::default();
    small.limits.send_buffer = 100;
    let mut talk = Talk::new(config, small);
    let id = talk.client().send_request(&get(), BodyLength::Empty).unwrap();
    talk.run();
    talk.server_request();
    talk.server().send_response(id, &Response::new(()), BodyLength::Unknown).unwrap();
    let mut rest = Bytes::from(vec![b'x'; 20_000]);
    talk.server().send_data(id, &mut rest, true).unwrap();
    let mut received = 0;
    for _ in 0..2000 {
        talk.run();
        for event in talk.server_events() {
            if matches!(event, ServerEvent::Writable(_)) {
                assert!(talk.server().capacity(id) > 0);
                let before = rest.len();
                talk.server().send_data(id, &mut rest, true).unwrap();
                assert!(rest.len() < before);
            }
        }
        received += talk.client_consume(id);
    }
    assert_eq!(received, 20_000);
}

/// The connection's window goes to the stream that can use it: not to one whose own window is closed, nor to one
/// that is over.
#[test]
fn the_connections_window_goes_to_who_can_use_it() {
    let mut server = server(Config::default());
    feed(&mut server, &frame("SETTINGS 0 0 \\0\\x04\\0\\0\\0\\0"));
    feed(&mut server, &[1, 3, 5].map(|id| raw(1, 5, id, &block(GET))).concat());
    for id in [1, 3, 5] {
        let body = Bytes::from(vec![b'x'; 65_535]);
        server.respond(StreamId::new(id), &Response::new(()), body).unwrap();
    }
    let all = 65_535u32.to_be_bytes();
    assert_eq!(given_back(&output(&mut server)), 0);
    feed(&mut server, &raw(3, 0, 3, &CANCEL));
    feed(&mut server, &raw(8, 0, 3, &all));
    feed(&mut server, &raw(8, 0, 5, &all));
    let bytes = output(&mut server);
    assert_eq!([1, 3, 5].map(|id| sent(&bytes, id)), [(0, false), (0, false), (65_535, true)]);
    // What one that is reset waited for goes to the next.
    feed(&mut server, &raw(8, 0, 1, &all));
    assert_eq!(sent(&output(&mut server), 1), (0, false));
    feed(&mut server, &raw(1, 5, 7, &block(GET)));
    server.respond(StreamId::new(7), &Response::new(()), Bytes::from(vec![b'y'; 500])).unwrap();
    feed(&mut server, &raw(8, 0, 7, &all));
    feed(&mut server, &raw(3, 0, 1, &CANCEL));
    feed(&mut server, &raw(8, 0, 0, &500u32.to_be_bytes()));
    assert_eq!(sent(&output(&mut server), 7), (500, true));
}

/// DATA without bytes needs no window: neither a negative one of its stream, nor one of the connection for which
/// others wait.
#[test]
fn data_of_no_bytes_needs_no_window() {
    let mut server = server(Config::default());
    let ids = [1, 3].map(StreamId::new);
    feed(&mut server, &ids.map(|id| raw(1, 5, id.value(), &block(GET))).concat());
    for id in ids {
        server.send_response(id, &Response::new(()), BodyLength::Unknown).unwrap();
    }
    server.send_data(ids[0], &mut Bytes::from(vec![b'x'; 20_000]), false).unwrap();
    output(&mut server);
    feed(&mut server, &frame("SETTINGS 0 0 \\0\\x04\\0\\0\\0\\x05"));
    server.send_data(ids[0], &mut Bytes::new(), true).unwrap();
    feed(&mut server, &[]);
    assert_eq!(sent(&output(&mut server), 1), (0, true));

    // The connection's window is used up, and another stream waits for it.
    feed(&mut server, &frame("SETTINGS 0 0 \\0\\x04\\0\\x02\\0\\0"));
    server.send_data(ids[1], &mut Bytes::from(vec![b'x'; 45_535]), false).unwrap();
    feed(&mut server, &raw(1, 5, 5, &block(GET)));
    server.respond(StreamId::new(5), &Response::new(()), Bytes::from_static(b"waits")).unwrap();
    output(&mut server);
    server.send_data(ids[1], &mut Bytes::new(), true).unwrap();
    feed(&mut server, &[]);
    let bytes = output(&mut server);
    assert_eq!((sent(&bytes, 3), sent(&bytes, 5)), ((0, true), (0, false)));
}

/// The window that we announced is smaller than what came before the peer knew it.
#[test]
fn data_of_no_bytes_is_taken_with_a_negative_window() {
    let mut config = Config::default();
    config.settings.initial_window_size = 10;
    let mut server = ServerConnection::new(config);
    let early = [&preface()[..24], &raw(4, 0, 0, &[]), &raw(1, 4, 1, &block(POST))].concat();
    feed(&mut server, &early);
    feed(&mut server, &raw(0, 0, 1, &[b'x'; 1000]));
    feed(&mut server, &raw(4, 1, 0, &[]));
    let events = feed(&mut server, &raw(0, 1, 1, &[]));
    assert!(matches!(events[..], [ServerEvent::End(_)]), "{events:?}");
}
