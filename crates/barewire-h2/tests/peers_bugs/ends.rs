//! How streams end, and what that costs.

use barewire_h2::frame::Frame;
use barewire_h2::{BodyLength, ClientEvent, Config, Reason, ServerEvent, StreamId, UsageError};
use bytes::Bytes;
use http::Response;

use crate::support::wire::{self, block, frame, raw};
use crate::{CANCEL, GET, POST, client, feed, get, output, sent, server};

#[test]
fn empty_and_tiny_data_that_ends_a_stream_costs_no_budget() {
    let mut config = Config::default();
    config.limits.empty_frames.burst = 3;
    config.limits.tiny_data.burst = 3;
    let mut server = server(config);
    for turn in 0..100u32 {
        let id = turn * 2 + 1;
        let last: &[u8] = if turn % 2 == 0 { b"" } else { b"x" };
        let events =
            feed(&mut server, &[raw(1, 4, id, &block(POST)), raw(0, 1, id, last)].concat());
        assert!(matches!(events.last(), Some(ServerEvent::End(_))), "{events:?}");
        let id = StreamId::new(id);
        server.release_capacity(id, last.len());
        server.respond(id, &Response::new(()), Bytes::new()).unwrap();
        output(&mut server);
    }
}

#[test]
fn a_reset_after_the_end_takes_nothing_away() {
    for reason in [[0; 4], CANCEL] {
        let mut client = client(Config::default(), 1, BodyLength::Empty);
        let bytes =
            [frame("HEADERS 4 1 @:status=200"), raw(0, 1, 1, b"whole"), raw(3, 0, 1, &reason)];
        let events = feed(&mut client, &bytes.concat());
        let [ClientEvent::Response(..), ClientEvent::Data(_, data), ClientEvent::End(_)] =
            &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(data, "whole");
        assert!(client.is_idle());
    }
    // The request was not complete: NO_ERROR says that the rest of it is not needed.
    let mut client = client(Config::default(), 1, BodyLength::Unknown);
    let bytes = [frame("HEADERS 4 1 @:status=200"), raw(0, 1, 1, b"early"), raw(3, 0, 1, &[0; 4])];
    let events = feed(&mut client, &bytes.concat());
    assert!(
        matches!(
            events[..],
            [ClientEvent::Response(..), ClientEvent::Data(..), ClientEvent::End(_)]
        ),
        "{events:?}"
    );
    let refused = client.send_data(StreamId::new(1), &mut Bytes::from_static(b"more"), false);
    assert_eq!(refused, Err(UsageError::StreamClosed));
}

#[test]
fn nothing_is_sent_on_a_stream_that_was_reset() {
    for by_peer in [true, false] {
        let mut server = server(Config::default());
        feed(&mut server, &raw(1, 5, 1, &block(GET)));
        let id = StreamId::new(1);
        if by_peer {
            feed(&mut server, &raw(3, 0, 1, &CANCEL));
        } else {
            server.reset_stream(id, Reason::CANCEL);
        }
        output(&mut server);
        let early = Response::builder().status(103).body(()).unwrap();
        assert!(server.send_informational(id, &early).is_err());
        let refused = server.respond(id, &Response::new(()), Bytes::from_static(b"late"));
        assert_eq!(refused, Err(UsageError::StreamClosed));
        assert!(server.send_data(id, &mut Bytes::from_static(b"late"), true).is_err());
        assert!(server.send_trailers(id, &http::HeaderMap::new()).is_err());
        assert!(server.push_promise(id, &get()).is_err());
        assert!(output(&mut server).is_empty());
    }
}

/// The last stream of a GOAWAY is one of the receiver's: those of the sender go on, whatever their number.
#[test]
fn goaway_leaves_the_streams_of_its_sender_alone() {
    let mut server = server(Config::default());
    feed(&mut server, &[raw(1, 5, 1, &block(GET)), raw(1, 5, 3, &block(GET))].concat());
    feed(&mut server, &raw(7, 0, 0, &[0; 8]));
    for id in [1, 3] {
        server.respond(StreamId::new(id), &Response::new(()), Bytes::from_static(b"ok")).unwrap();
    }
    let bytes = output(&mut server);
    assert_eq!((sent(&bytes, 1), sent(&bytes, 3)), ((2, true), (2, true)));

    let mut config = Config::default();
    config.settings.enable_push = true;
    let mut client = client(config, 2, BodyLength::Empty);
    let promise = [&[0, 0, 0, 4], &block(GET)[..]].concat();
    let bytes = [
        raw(5, 4, 1, &promise),
        frame("HEADERS 4 4 @:status=200"),
        raw(7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]),
        raw(0, 1, 4, b"pushed"),
    ];
    let events = feed(&mut client, &bytes.concat());
    let reset = |event: &ClientEvent| match event {
        ClientEvent::StreamReset { id, .. } => Some(id.value()),
        _ => None,
    };
    assert_eq!(events.iter().filter_map(reset).collect::<Vec<_>>(), [3]);
    assert!(matches!(events.last(), Some(ClientEvent::End(id)) if id.value() == 4), "{events:?}");
}

#[test]
fn priorities_of_streams_that_never_came_make_room() {
    let mut config = Config::default();
    config.limits.max_early_priorities = 1;
    config.limits.write_buffer = 16_384;
    let mut server = server(config);
    let urgent = |id: u8| raw(16, 0, 0, &[&[0, 0, 0, id], &b"u=0"[..]].concat());
    let open = |id: u32| raw(1, 5, id, &block(GET));
    feed(&mut server, &[urgent(3), open(5), urgent(9), open(7), open(9)].concat());
    for (id, length) in [(5, 20_000), (7, 10_000), (9, 10_000)] {
        let body = Bytes::from(vec![b'x'; length]);
        server.respond(StreamId::new(id), &Response::new(()), body).unwrap();
    }
    let mut order = Vec::new();
    for _ in 0..4 {
        wire::read(&output(&mut server), |frame| {
            if let Frame::Data { stream, .. } = frame {
                order.push(stream.value());
            }
        });
        feed(&mut server, &raw(6, 1, 0, &[0; 8]));
    }
    order.dedup();
    assert_eq!(order, [5, 9, 5, 7]);
}
