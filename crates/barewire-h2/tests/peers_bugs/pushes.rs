//! Promises.

use barewire_h2::frame::Frame;
use barewire_h2::{
    BodyLength, ClientEvent, Config, ErrorKind, Reason, ServerEvent, StreamId, UsageError,
};
use barewire_proto::Protocol;
use bytes::Bytes;
use http::Response;

use crate::support::Talk;
use crate::support::wire::{self, block, frame, raw};
use crate::{GET, client, feed, get, output, server};

#[test]
fn a_pushed_stream_with_informational_responses_counts_once() {
    let mut config = Config::default();
    config.settings.enable_push = true;
    config.settings.max_concurrent_streams = 1;
    let mut client = client(config, 1, BodyLength::Empty);
    for promised in [2u8, 4, 6] {
        let id = u32::from(promised);
        let promise = [&[0, 0, 0, promised], &block(GET)[..]].concat();
        feed(&mut client, &raw(5, 4, 1, &promise));
        assert_eq!(client.active_streams(), 1, "what is reserved does not count");
        for _ in 0..2 {
            feed(&mut client, &frame(&format!("HEADERS 4 {id} @:status=103")));
        }
        feed(&mut client, &frame(&format!("HEADERS 4 {id} @:status=200")));
        assert_eq!(client.active_streams(), 2);
        let events = feed(&mut client, &raw(0, 1, id, &[]));
        assert!(matches!(events[..], [ClientEvent::End(_)]), "{events:?}");
        assert_eq!(client.active_streams(), 1);
    }
    wire::read(&output(&mut client), |frame| assert!(!matches!(frame, Frame::Reset { .. })));
}

#[test]
fn a_server_may_only_say_that_it_takes_no_pushes() {
    let mut client = client(Config::default(), 1, BodyLength::Empty);
    feed(&mut client, &frame("SETTINGS 0 0 \\0\\x02\\0\\0\\0\\0"));
    let rest = client.input().push(frame("SETTINGS 0 0 \\0\\x02\\0\\0\\0\\x01").into());
    assert!(rest.is_empty());
    assert_eq!(client.poll_event().unwrap_err().kind(), ErrorKind::BadSetting);
}

/// Who was told of a promise waits for its response.
#[test]
fn a_promise_that_is_taken_back_is_told() {
    let mut pushed = Config::default();
    pushed.settings.enable_push = true;
    let mut talk = Talk::new(pushed, Config::default());
    let id = talk.client().send_request(&get(), BodyLength::Empty).unwrap();
    talk.run();
    let [first, second] = [(); 2].map(|()| talk.server().push_promise(id, &get()).unwrap());
    talk.run();
    talk.client_events();
    talk.server_events();
    talk.server().reset_stream(first, Reason::CANCEL);
    talk.client().reset_stream(second, Reason::CANCEL);
    talk.run();
    let (client, server) = (talk.client_events(), talk.server_events());
    let is_reset = matches!(client[..], [ClientEvent::StreamReset { id, .. }] if id == first);
    assert!(is_reset, "{client:?}");
    let is_reset = matches!(server[..], [ServerEvent::StreamReset { id, .. }] if id == second);
    assert!(is_reset, "{server:?}");
    assert_eq!(talk.server().active_streams(), 1);
    assert_eq!(talk.client().active_streams(), 1);
}

/// RFC 9113, section 5.1: of a stream that is promised to it, a client sends nothing but windows and resets.
#[test]
fn a_client_does_not_use_what_was_promised_to_it() {
    for wrong in ["DATA 0 2 x", "HEADERS 5 2 @a=b"] {
        let mut server = server(Config::default());
        feed(&mut server, &raw(1, 5, 1, &block(GET)));
        server.push_promise(StreamId::new(1), &get()).unwrap();
        feed(&mut server, &frame("WINDOW_UPDATE 0 2 \\0\\0\\0\\x01"));
        assert!(server.input().push(frame(wrong).into()).is_empty());
        assert_eq!(server.poll_event().unwrap_err().kind(), ErrorKind::UnexpectedFrame);
    }
}

#[test]
fn what_was_promised_is_answered_within_the_clients_limit() {
    let mut server = server(Config::default());
    feed(&mut server, &frame("SETTINGS 0 0 \\0\\x03\\0\\0\\0\\x02"));
    feed(&mut server, &raw(1, 5, 1, &block(GET)));
    let mut promise = || server.push_promise(StreamId::new(1), &get());
    let [first, second] = [promise().unwrap(), promise().unwrap()];
    assert_eq!(promise(), Err(UsageError::TooManyStreams));
    feed(&mut server, &frame("SETTINGS 0 0 \\0\\x03\\0\\0\\0\\x01"));
    server.send_response(first, &Response::new(()), BodyLength::Unknown).unwrap();
    let refused = server.respond(second, &Response::new(()), Bytes::new());
    assert_eq!(refused, Err(UsageError::TooManyStreams));
    server.send_data(first, &mut Bytes::new(), true).unwrap();
    server.respond(second, &Response::new(()), Bytes::new()).unwrap();
    server.push_promise(StreamId::new(1), &get()).unwrap();
}
