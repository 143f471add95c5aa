//! What other implementations got wrong and fixed, as behaviours that hold here.

mod support;

use barewire_h2::frame::Frame;
use barewire_h2::{
    BodyLength, ClientConnection, ClientEvent, Config, ConnectProtocol, ErrorKind, Reason,
    ServerConnection, ServerEvent, StreamId, UsageError,
};
use barewire_hpack::{Decoder, HeaderField};
use barewire_proto::{Buf, Protocol};
use bytes::Bytes;
use http::{Request, Response};
use support::Talk;
use support::wire::{self, block, frame, preface, raw};

const GET: &str = ":method=GET|:scheme=http|:path=/|:authority=a";
const POST: &str = ":method=POST|:scheme=http|:path=/|:authority=a";
const CANCEL: [u8; 4] = [0, 0, 0, 8];

fn get() -> Request<()> {
    Request::get("http://a/").body(()).unwrap()
}

fn feed<P: Protocol>(connection: &mut P, bytes: &[u8]) -> Vec<P::Event>
where
    P::Error: std::fmt::Debug,
{
    let mut events = Vec::new();
    let mut rest = Bytes::copy_from_slice(bytes);
    loop {
        let before = rest.len();
        rest = connection.input().push(rest);
        while let Some(event) = connection.poll_event().unwrap() {
            events.push(event);
        }
        if rest.is_empty() {
            return events;
        }
        assert!(rest.len() < before, "nothing is read any more");
    }
}

fn output<P: Protocol>(connection: &mut P) -> Bytes {
    let n = connection.output().remaining();
    connection.output().copy_to_bytes(n)
}

fn server(config: Config) -> ServerConnection {
    let mut server = ServerConnection::new(config);
    feed(&mut server, &preface());
    output(&mut server);
    server
}

/// A client whose requests are known to a server that the test plays.
fn client(config: Config, requests: usize, length: BodyLength) -> ClientConnection {
    let mut client = ClientConnection::new(config);
    feed(&mut client, &[raw(4, 0, 0, &[]), raw(4, 1, 0, &[])].concat());
    for _ in 0..requests {
        client.send_request(&get(), length).unwrap();
    }
    output(&mut client);
    client
}

/// Bytes of body and ends of streams in an output, for one stream.
fn sent(bytes: &[u8], id: u32) -> (usize, bool) {
    let (mut length, mut ended) = (0, false);
    wire::read(bytes, |frame| {
        if let Frame::Data { stream, data, end_stream, .. } = frame {
            if stream.value() == id {
                length += data.len();
                ended |= end_stream;
            }
        }
    });
    (length, ended)
}

/// What the peer was given back of the connection's window.
fn given_back(bytes: &[u8]) -> u32 {
    let mut sum = 0;
    wire::read(bytes, |frame| {
        if let Frame::WindowUpdate { stream, increment } = frame {
            if stream.is_connection() {
                sum += increment;
            }
        }
    });
    sum
}

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
            [] => assert_eq!(fields, 40_000),
            _ => panic!("{events:?}"),
        }
        assert!(!output(&mut server).is_empty());
    }
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

#[test]
fn a_server_may_only_say_that_it_takes_no_pushes() {
    let mut client = client(Config::default(), 1, BodyLength::Empty);
    feed(&mut client, &frame("SETTINGS 0 0 \\0\\x02\\0\\0\\0\\0"));
    let rest = client.input().push(frame("SETTINGS 0 0 \\0\\x02\\0\\0\\0\\x01").into());
    assert!(rest.is_empty());
    assert_eq!(client.poll_event().unwrap_err().kind(), ErrorKind::BadSetting);
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
