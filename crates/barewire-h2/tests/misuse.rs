//! Commands that do not fit: each is refused with a reason, nothing is queued, and the connection stands as it was.

mod support;

use barewire_h2::{
    BodyLength, ClientConnection, Config, ConnectProtocol, Reason, StreamId, UsageError,
};
use barewire_proto::{Buf, Protocol};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use support::Talk;

fn get() -> Request<()> {
    Request::get("http://a/").body(()).unwrap()
}

fn status(code: u16) -> Response<()> {
    Response::builder().status(code).body(()).unwrap()
}

/// A request that the server knows of, without its answer.
fn asked(request: &Request<()>, length: BodyLength) -> (Talk, StreamId) {
    let mut talk = Talk::new(Config::default(), Config::default());
    let id = talk.client().send_request(request, length).unwrap();
    talk.run();
    talk.server_request();
    (talk, id)
}

/// A command of the server's is refused, and the answer can still be given.
#[track_caller]
fn refused(
    request: &Request<()>,
    expected: UsageError,
    command: impl FnOnce(&mut Talk, StreamId) -> Result<(), UsageError>,
) {
    let (mut talk, id) = asked(request, BodyLength::Empty);
    assert_eq!(command(&mut talk, id), Err(expected));
    assert!(!talk.server().output().has_remaining(), "something was queued");
    talk.server().respond(id, &status(200), Bytes::new()).unwrap();
    talk.run();
    assert!(talk.client().is_idle() && talk.server().is_idle());
}

#[test]
fn answers_that_do_not_fit() {
    use UsageError::*;
    let known = BodyLength::Known;
    refused(&get(), WrongStatus, |talk, id| {
        talk.server().send_response(id, &status(103), BodyLength::Empty)
    });
    for code in [101, 200, 404] {
        refused(&get(), WrongStatus, |talk, id| {
            talk.server().send_informational(id, &status(code))
        });
    }
    refused(&get(), BodyNotAllowed, |talk, id| {
        talk.server().respond(id, &status(204), Bytes::from_static(b"x"))
    });
    let connect = Request::connect("a:443").body(()).unwrap();
    refused(&connect, BodyNotAllowed, |talk, id| {
        talk.server().send_response(id, &status(200), known(5))
    });
    let mut declared = status(200);
    declared.headers_mut().insert("content-length", HeaderValue::from_static("5"));
    for length in [known(4), BodyLength::Empty, BodyLength::Unknown] {
        let declared = declared.clone();
        refused(&get(), LengthMismatch, move |talk, id| {
            talk.server().send_response(id, &declared, length)
        });
    }
    refused(&get(), NoHead, |talk, id| {
        talk.server().send_data(id, &mut Bytes::from_static(b"x"), true)
    });
    refused(&get(), NoHead, |talk, id| talk.server().send_trailers(id, &HeaderMap::new()));
    refused(&get(), StreamClosed, |talk, _| {
        talk.server().respond(StreamId::new(99), &status(200), Bytes::new())
    });
    // The client does not take pushes.
    refused(&get(), PushDisabled, |talk, id| talk.server().push_promise(id, &get()).map(drop));
}

#[test]
fn bodies_that_do_not_fit() {
    let (mut talk, id) = asked(&get(), BodyLength::Empty);
    talk.server().send_response(id, &status(200), BodyLength::Known(5)).unwrap();
    talk.run();
    let mut longer = Bytes::from_static(b"longer");
    let mut shorter = Bytes::from_static(b"shrt");
    let server = talk.server();
    assert_eq!(server.send_data(id, &mut longer, false), Err(UsageError::LengthMismatch));
    assert_eq!(server.send_data(id, &mut shorter, true), Err(UsageError::LengthMismatch));
    assert_eq!(server.send_trailers(id, &HeaderMap::new()), Err(UsageError::LengthMismatch));
    assert_eq!((&longer[..], &shorter[..]), (&b"longer"[..], &b"shrt"[..]));
    assert!(!server.output().has_remaining(), "something was queued");
    server.send_data(id, &mut Bytes::from_static(b"right"), false).unwrap();
    for (name, value) in [("connection", "close"), ("te", "trailers")] {
        let mut trailers = HeaderMap::new();
        trailers.insert(name, HeaderValue::from_static(value));
        assert_eq!(server.send_trailers(id, &trailers), Err(UsageError::BadField));
    }
    server.send_trailers(id, &HeaderMap::new()).unwrap();
    assert_eq!(server.send_data(id, &mut Bytes::new(), true), Err(UsageError::StreamClosed));
    talk.run();
    assert_eq!(talk.client_consume(id), 5);
    assert!(talk.client().is_idle() && talk.server().is_idle());
}

#[test]
fn requests_that_do_not_fit() {
    use UsageError::*;
    let extended = |uri: &str, method: &str| {
        let mut request = Request::builder().method(method).uri(uri).body(()).unwrap();
        request.extensions_mut().insert(ConnectProtocol::new("websocket").unwrap());
        request
    };
    let mut declared = get();
    declared.headers_mut().insert("content-length", HeaderValue::from_static("5"));
    let mut config = Config::default();
    config.settings.enable_connect_protocol = true;
    let mut talk = Talk::new(Config::default(), config);
    let of = |uri: &str| Request::get(uri).body(()).unwrap();
    for (request, length, expected) in [
        (extended("http://a/chat", "GET"), BodyLength::Unknown, BadTarget),
        (extended("/chat", "CONNECT"), BodyLength::Unknown, BadTarget),
        // `http` takes all of these.
        (of("http://a/\u{e9}"), BodyLength::Empty, BadTarget),
        (of("http://a:8o/"), BodyLength::Empty, BadTarget),
        (of("1http://a/"), BodyLength::Empty, BadTarget),
        (Request::connect("a:443").body(()).unwrap(), BodyLength::Known(5), BodyNotAllowed),
        (declared.clone(), BodyLength::Empty, LengthMismatch),
        (declared, BodyLength::Known(4), LengthMismatch),
    ] {
        assert_eq!(talk.client().send_request(&request, length), Err(expected), "{request:?}");
    }
    assert!(!talk.client().output().has_remaining(), "something was queued");
    assert_eq!(talk.client().send_request(&get(), BodyLength::Empty).unwrap().value(), 1);
}

#[test]
fn requests_that_come_too_early_or_too_late() {
    let mut config = Config::default();
    config.settings.max_concurrent_streams = 2;
    let mut talk = Talk::new(Config::default(), config);
    let ids = [(); 2].map(|()| talk.client().send_request(&get(), BodyLength::Empty).unwrap());
    assert!(!talk.client().can_send_request() && talk.client().is_reusable());
    let third = talk.client().send_request(&get(), BodyLength::Empty);
    assert_eq!(third, Err(UsageError::TooManyStreams));
    talk.run();
    talk.server().respond(ids[0], &status(200), Bytes::new()).unwrap();
    talk.run();
    assert!(talk.client().can_send_request());
    talk.server().go_away(Reason::NO_ERROR);
    talk.run();
    assert!(!talk.client().is_reusable());
    let late = talk.client().send_request(&get(), BodyLength::Empty);
    assert_eq!(late, Err(UsageError::Closed));
    // Before the server has said so, nobody knows that it takes extended CONNECT.
    let mut client = ClientConnection::new(Config::default());
    let mut chat = Request::connect("http://a/chat").body(()).unwrap();
    chat.extensions_mut().insert(ConnectProtocol::new("websocket").unwrap());
    let early = client.send_request(&chat, BodyLength::Unknown);
    assert_eq!(early, Err(UsageError::ConnectProtocolDisabled));
}

#[test]
fn commands_for_streams_that_never_were_do_nothing() {
    let mut talk = Talk::new(Config::default(), Config::default());
    for id in [StreamId::CONNECTION, StreamId::new(1), StreamId::new(2), StreamId::MAX] {
        let server = talk.server();
        server.reset_stream(id, Reason::CANCEL);
        server.release_capacity(id, usize::MAX);
        server.discard(id);
        server.set_priority(id, barewire_h2::Priority::default());
        assert_eq!((server.capacity(id), server.is_open(id)), (0, false));
        let client = talk.client();
        client.reset_stream(id, Reason::CANCEL);
        client.release_capacity(id, usize::MAX);
        client.discard(id);
        client.send_priority_update(id, barewire_h2::Priority::default());
        let late = client.send_data(id, &mut Bytes::from_static(b"x"), true);
        assert_eq!(late, Err(UsageError::StreamClosed));
    }
    assert!(!talk.server().output().has_remaining() && !talk.client().output().has_remaining());
}

/// Behind the last word nothing is queued, whoever has not heard of the end yet: a driver has shut the write side down.
#[test]
fn commands_after_the_end_queue_nothing() {
    let post = Request::post("http://a/").body(()).unwrap();
    let (mut talk, id) = asked(&post, BodyLength::Unknown);
    let mut body = Bytes::from(vec![b'x'; 60_000]);
    talk.client().send_data(id, &mut body, false).unwrap();
    talk.server().send_response(id, &status(200), BodyLength::Unknown).unwrap();
    let mut body = Bytes::from(vec![b'x'; 60_000]);
    talk.server().send_data(id, &mut body, false).unwrap();
    let waits = talk.client().send_request(&get(), BodyLength::Empty).unwrap();
    talk.run();
    // PING on a stream.
    let bad = Bytes::from_static(&[0, 0, 8, 6, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    let (client, server) = (&mut talk.pair.client, &mut talk.pair.server);
    assert!(client.input().push(bad.clone()).is_empty() && server.input().push(bad).is_empty());
    assert!(client.poll_event().is_err() && server.poll_event().is_err());
    for output in [client.output(), server.output()] {
        let farewell = output.remaining();
        output.advance(farewell);
        assert!(output.is_finished());
    }
    let data = || Bytes::from_static(b"late");
    assert_eq!(server.respond(waits, &status(200), data()), Err(UsageError::StreamClosed));
    assert_eq!(server.send_informational(waits, &status(103)), Err(UsageError::StreamClosed));
    assert_eq!(server.push_promise(waits, &get()), Err(UsageError::StreamClosed));
    assert_eq!(server.send_data(id, &mut data(), true), Err(UsageError::StreamClosed));
    server.release_capacity(id, 60_000);
    server.discard(id);
    server.reset_stream(waits, Reason::CANCEL);
    server.ping();
    server.graceful_shutdown();
    server.go_away(Reason::NO_ERROR);
    assert!(!server.is_open(id) && server.is_idle());
    assert_eq!(client.send_request(&get(), BodyLength::Empty), Err(UsageError::Closed));
    assert_eq!(client.send_data(id, &mut data(), true), Err(UsageError::StreamClosed));
    client.send_priority_update(id, barewire_h2::Priority::default());
    client.release_capacity(id, 60_000);
    client.reset_stream(waits, Reason::CANCEL);
    assert!(client.output().is_finished() && server.output().is_finished());
}
