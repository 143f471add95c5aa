//! Two state machines that talk to each other: whole exchanges.

mod support;

use std::time::Duration;

use barewire_h2::{
    BodyLength, ClientConnection, ClientEvent, Config, ConnectProtocol, Reason, ResetBy,
    ServerConnection, ServerEvent, UsageError,
};
use barewire_proto::{Buf, Protocol};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use support::Talk;

fn get(path: &str) -> Request<()> {
    Request::get(format!("http://example.com{path}")).header("user-agent", "x").body(()).unwrap()
}

#[test]
fn a_request_and_its_response() {
    let mut talk = Talk::new(Config::default(), Config::default());
    let id = talk.client().send_request(&get("/hello?a=b"), BodyLength::Empty).unwrap();
    talk.run();
    let (requested, request, length) = talk.server_request();
    assert_eq!((requested, length), (id, BodyLength::Empty));
    assert_eq!(request.uri(), "http://example.com/hello?a=b");
    assert_eq!(request.headers()["user-agent"], "x");
    assert_eq!(request.version(), http::Version::HTTP_2);
    let response = Response::builder().header("server", "y").body(()).unwrap();
    talk.server().respond(id, &response, Bytes::from_static(b"Hello")).unwrap();
    talk.run();
    let mut events = talk.client_events().into_iter();
    let Some(ClientEvent::Response(answered, response, BodyLength::Known(5))) = events.next()
    else {
        panic!("no response")
    };
    assert_eq!(answered, id);
    assert_eq!(response.headers()["content-length"], "5");
    assert!(matches!(events.next(), Some(ClientEvent::Data(_, data)) if data == "Hello"));
    assert!(matches!(events.next(), Some(ClientEvent::End(_))));
    talk.client().release_capacity(id, 5);
    assert!(talk.client().is_idle() && talk.server().is_idle());
}

#[test]
fn bodies_and_trailers_both_ways() {
    let mut talk = Talk::new(Config::default(), Config::default());
    let request = Request::post("http://example.com/").body(()).unwrap();
    let id = talk.client().send_request(&request, BodyLength::Unknown).unwrap();
    let mut data = Bytes::from(vec![b'x'; 60_000]);
    talk.client().send_data(id, &mut data, false).unwrap();
    assert!(data.is_empty());
    let mut trailers = HeaderMap::new();
    trailers.insert("x-check", HeaderValue::from_static("done"));
    talk.client().send_trailers(id, &trailers).unwrap();
    talk.run();
    let (id, ..) = talk.server_request();
    assert_eq!(talk.server_body(id), (60_000, true, Some(trailers.clone())));
    talk.server().send_informational(id, &status(103)).unwrap();
    talk.server().send_response(id, &status(200), BodyLength::Unknown).unwrap();
    let mut data = Bytes::from(vec![b'y'; 200_000]);
    talk.server().send_data(id, &mut data, false).unwrap();
    // The client's window is 65,535 at first for the connection, and 64 KiB more are buffered.
    let mut sent = 200_000 - data.len();
    let mut received = 0;
    for _ in 0..100 {
        talk.run();
        received += talk.client_consume(id);
        let before = data.len();
        talk.server().send_data(id, &mut data, false).unwrap();
        sent += before - data.len();
        if data.is_empty() && received == sent {
            break;
        }
    }
    assert_eq!((sent, received), (200_000, 200_000));
    talk.server().send_trailers(id, &trailers).unwrap();
    talk.run();
    let events = talk.client_events();
    assert!(matches!(&events[0], ClientEvent::Trailers(_, map) if *map == trailers), "{events:?}");
    assert!(matches!(&events[1], ClientEvent::End(_)));
}

/// RFC 9113, section 8.2.2: they are not sent, whoever put them there. What is left is as it was.
#[test]
fn fields_of_http11s_connection_stay_behind() {
    let mut fields = HeaderMap::new();
    for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"] {
        fields.insert(name, HeaderValue::from_static("x"));
    }
    fields.insert("x-kept", HeaderValue::from_static("1"));
    let mut talk = Talk::new(Config::default(), Config::default());
    let mut request = get("/");
    request.headers_mut().clone_from(&fields);
    request.headers_mut().insert("te", HeaderValue::from_static("gzip"));
    let id = talk.client().send_request(&request, BodyLength::Empty).unwrap();
    talk.run();
    let (_, received, _) = talk.server_request();
    let names: Vec<_> = received.headers().keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["x-kept"]);
    let mut response = status(200);
    response.headers_mut().clone_from(&fields);
    // Of requests alone (section 8.2.2).
    response.headers_mut().insert("te", HeaderValue::from_static("trailers"));
    talk.server().respond(id, &response, Bytes::new()).unwrap();
    talk.run();
    let events = talk.client_events();
    let [ClientEvent::Response(_, received, _)] = &events[..] else { panic!("{events:?}") };
    let names: Vec<_> = received.headers().keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["x-kept", "content-length"]);
}

/// RFC 7541, section 7.1.3: what nobody may index is marked, and each role decides for what it sends.
#[test]
fn secrets_are_what_the_configuration_says() {
    let mut own = Config::default();
    own.header_compression.short_cookie = 100;
    own.header_compression.never_index_set_cookie = false;
    for (config, cookie, set_cookie) in [(Config::default(), false, true), (own, true, false)] {
        let mut talk = Talk::new(config.clone(), config);
        let mut request = get("/");
        let long = HeaderValue::from_static("session=12345678901234567890");
        request.headers_mut().insert("cookie", long.clone());
        let id = talk.client().send_request(&request, BodyLength::Empty).unwrap();
        talk.run();
        assert_eq!(talk.server_request().1.headers()["cookie"].is_sensitive(), cookie);
        let mut response = status(200);
        response.headers_mut().insert("set-cookie", long);
        talk.server().respond(id, &response, Bytes::new()).unwrap();
        talk.run();
        let events = talk.client_events();
        let [ClientEvent::Response(_, received, _)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(received.headers()["set-cookie"].is_sensitive(), set_cookie);
    }
}

fn status(code: u16) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response
}

#[test]
fn a_stream_that_is_reset_is_over_on_both_sides() {
    let mut talk = Talk::new(Config::default(), Config::default());
    let id = talk.client().send_request(&get("/"), BodyLength::Empty).unwrap();
    talk.run();
    talk.server_request();
    talk.client().reset_stream(id, Reason::CANCEL);
    talk.run();
    let events = talk.server_events();
    let reset = |event: &ServerEvent| {
        matches!(event, ServerEvent::StreamReset { reason: Reason::CANCEL, by: ResetBy::Peer, .. })
    };
    assert!(events.iter().any(reset), "{events:?}");
    let late = talk.server().respond(id, &Response::new(()), Bytes::new());
    assert_eq!(late, Err(UsageError::StreamClosed));
    assert!(talk.client().is_idle() && talk.server().is_idle());
}

#[test]
fn a_graceful_shutdown_lets_what_is_under_way_finish() {
    let mut talk = Talk::new(Config::default(), Config::default());
    let id = talk.client().send_request(&get("/"), BodyLength::Empty).unwrap();
    talk.run();
    talk.server_request();
    talk.server().graceful_shutdown();
    talk.run();
    assert_eq!(talk.client().send_request(&get("/"), BodyLength::Empty), Err(UsageError::Closed));
    talk.server().respond(id, &Response::new(()), Bytes::from_static(b"last")).unwrap();
    talk.run();
    let events = talk.client_events();
    assert!(events.iter().any(|event| matches!(event, ClientEvent::Response(..))));
    talk.client().release_capacity(id, 4);
    talk.run();
    assert!(talk.is_closed());
}

#[test]
fn rfc8441_extended_connect() {
    let mut config = Config::default();
    config.settings.enable_connect_protocol = true;
    let mut talk = Talk::new(Config::default(), config);
    let mut request = Request::builder().method("CONNECT").uri("http://a/chat").body(()).unwrap();
    request.extensions_mut().insert(ConnectProtocol::new("websocket").unwrap());
    let id = talk.client().send_request(&request, BodyLength::Unknown).unwrap();
    talk.run();
    let (_, received, length) = talk.server_request();
    assert_eq!(length, BodyLength::Unknown);
    let protocol = received.extensions().get::<ConnectProtocol>().unwrap();
    assert_eq!(protocol.as_str(), "websocket");
    talk.server().send_response(id, &status(200), BodyLength::Unknown).unwrap();
    talk.server().send_data(id, &mut Bytes::from_static(b"frame"), false).unwrap();
    talk.run();
    assert_eq!(talk.client_consume(id), 5);
    let mut plain = Talk::new(Config::default(), Config::default());
    let refused = plain.client().send_request(&request, BodyLength::Unknown);
    assert_eq!(refused, Err(UsageError::ConnectProtocolDisabled));
}

#[test]
fn push_both_ways() {
    let mut config = Config::default();
    config.settings.enable_push = true;
    let mut talk = Talk::new(config, Config::default());
    let id = talk.client().send_request(&get("/"), BodyLength::Empty).unwrap();
    talk.run();
    talk.server_request();
    let promised = talk.server().push_promise(id, &get("/style.css")).unwrap();
    talk.server().respond(promised, &Response::new(()), Bytes::from_static(b"css")).unwrap();
    talk.server().respond(id, &Response::new(()), Bytes::from_static(b"html")).unwrap();
    talk.run();
    let events = talk.client_events();
    let promise = |event: &ClientEvent| matches!(event, ClientEvent::PushPromise { request, .. } if request.uri().path() == "/style.css");
    assert!(promise(&events[0]), "{events:?}");
    assert!(matches!(events[1], ClientEvent::Response(at, ..) if at == promised));
    let mut without = Talk::new(Config::default(), Config::default());
    let id = without.client().send_request(&get("/"), BodyLength::Empty).unwrap();
    without.run();
    assert_eq!(without.server().push_promise(id, &get("/x")), Err(UsageError::PushDisabled));
}

#[test]
fn the_urgent_goes_first() {
    let mut config = Config::default();
    config.settings.initial_window_size = 1 << 20;
    let mut small = Config::default();
    small.limits.write_buffer = 256 * 1024;
    let mut talk = Talk::new(config, small);
    let mut ids = Vec::new();
    for priority in ["u=5", "u=1", "u=3"] {
        let mut request = get("/");
        request.headers_mut().insert("priority", HeaderValue::from_static(priority));
        ids.push(talk.client().send_request(&request, BodyLength::Empty).unwrap());
    }
    talk.run();
    // More than the output takes at once, so that the first is under way when the others come.
    for id in &ids {
        talk.server().respond(*id, &Response::new(()), Bytes::from(vec![b'x'; 400_000])).unwrap();
    }
    let mut ends = Vec::new();
    for _ in 0..40 {
        talk.run();
        for event in talk.client_events() {
            match event {
                ClientEvent::Data(id, data) => talk.client().release_capacity(id, data.len()),
                ClientEvent::End(id) => ends.push(id),
                _ => {}
            }
        }
    }
    assert_eq!(ends, [ids[1], ids[2], ids[0]]);
}

#[test]
fn ping_tells_the_time_and_keepalive_the_end() {
    let mut config = Config::default();
    config.timeouts.keepalive_interval = Some(Duration::from_secs(10));
    let mut talk = Talk::new(config, Config::default());
    talk.client().ping();
    talk.run();
    assert!(matches!(talk.client_events()[..], [ClientEvent::Pong { .. }]));
    // A peer that answers is asked again and again.
    for _ in 0..5 {
        talk.pair.advance(Duration::from_secs(10));
        talk.run();
    }
    assert_eq!(talk.client_error, None);
    // So is one whose answer was read, and not looked at, when the time was up.
    let mut server = ServerConnection::new(Config::default());
    let mut config = Config::default();
    config.timeouts.keepalive_interval = Some(Duration::from_secs(10));
    let mut client = ClientConnection::new(config);
    let mut clock = barewire_testkit::Clock::start();
    client.handle_timeout(clock.now());
    for _ in 0..5 {
        let n = client.output().remaining();
        let asked = client.output().copy_to_bytes(n);
        assert!(server.input().push(asked).is_empty());
        while server.poll_event().unwrap().is_some() {}
        let n = server.output().remaining();
        let answered = server.output().copy_to_bytes(n);
        clock.advance(Duration::from_secs(60));
        assert!(client.input().push(answered).is_empty());
        client.handle_timeout(clock.now());
        while client.poll_event().unwrap().is_some() {}
    }
    // One that is silent is given up.
    let mut config = Config::default();
    config.timeouts.keepalive_interval = Some(Duration::from_secs(10));
    config.timeouts.settings_ack = None;
    let mut alone = ClientConnection::new(config);
    let mut clock = barewire_testkit::Clock::start();
    alone.handle_timeout(clock.now());
    for _ in 0..4 {
        let n = alone.output().remaining();
        alone.output().advance(n);
        clock.advance(Duration::from_secs(20));
        alone.handle_timeout(clock.now());
        let _ = alone.poll_event();
    }
    assert_eq!(alone.poll_event().unwrap_err().kind(), barewire_h2::ErrorKind::KeepaliveTimeout);
}

#[test]
fn what_was_not_processed_is_said_to_be() {
    let mut talk = Talk::new(Config::default(), Config::default());
    let first = talk.client().send_request(&get("/"), BodyLength::Empty).unwrap();
    talk.run();
    talk.server_request();
    talk.server().go_away(Reason::NO_ERROR);
    // Sent before the GOAWAY arrived.
    let second = talk.client().send_request(&get("/"), BodyLength::Empty).unwrap();
    talk.run();
    let events = talk.client_events();
    let unprocessed = |event: &ClientEvent| match event {
        ClientEvent::StreamReset { id, reason, by } => *id == second && by.is_unprocessed(*reason),
        _ => false,
    };
    assert!(events.iter().any(unprocessed), "{events:?}");
    assert!(talk.server_events().is_empty());
    talk.server().respond(first, &Response::new(()), Bytes::new()).unwrap();
    talk.run();
    assert!(talk.is_closed());
}

#[test]
fn a_tunnel_has_a_port_and_no_trailers() {
    let mut talk = Talk::new(Config::default(), Config::default());
    let without = Request::connect("a").body(()).unwrap();
    let refused = talk.client().send_request(&without, BodyLength::Unknown);
    assert_eq!(refused, Err(UsageError::BadTarget));
    let connect = Request::connect("a:443").body(()).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("x-done", HeaderValue::from_static("1"));
    for (code, expected) in [(200, Err(UsageError::BadField)), (403, Ok(()))] {
        let id = talk.client().send_request(&connect, BodyLength::Unknown).unwrap();
        let refused = talk.client().send_trailers(id, &trailers);
        assert_eq!(refused, Err(UsageError::BadField));
        talk.run();
        talk.server().send_response(id, &status(code), BodyLength::Unknown).unwrap();
        assert_eq!(talk.server().send_trailers(id, &trailers), expected);
        talk.run();
        let events = talk.client_events();
        let reset = |event: &ClientEvent| matches!(event, ClientEvent::StreamReset { .. });
        assert!(!events.iter().any(reset), "{events:?}");
    }
}

#[test]
fn what_is_no_authority_is_not_sent_as_one() {
    let mut client = ClientConnection::new(Config::default());
    for (host, expected) in
        [("a:1", true), ("", true), ("user@a", false), ("a b", false), ("a/b", false)]
    {
        let request = Request::get("/").header("host", host).body(()).unwrap();
        let sent = client.send_request(&request, BodyLength::Empty);
        assert_eq!(sent.is_ok(), expected, "{host}: {sent:?}");
    }
}

#[test]
fn informational_responses_have_a_limit_whatever_was_configured() {
    let mut config = Config::default();
    config.limits.max_informational = u32::MAX;
    let mut talk = Talk::new(config, Config::default());
    let id = talk.client().send_request(&get("/"), BodyLength::Empty).unwrap();
    talk.run();
    let early = status(103);
    for _ in 0..300 {
        if talk.server().send_informational(id, &early).is_err() {
            assert!(talk.client().is_idle());
            return;
        }
        talk.run();
    }
    panic!("300 were taken");
}

/// What was promised before the end was announced is delivered, whoever announced it.
#[test]
fn a_promise_is_kept_in_a_shutdown() {
    for by_client in [false, true] {
        let mut config = Config::default();
        config.settings.enable_push = true;
        let mut talk = Talk::new(config, Config::default());
        let id = talk.client().send_request(&get("/"), BodyLength::Empty).unwrap();
        talk.run();
        let promised = talk.server().push_promise(id, &get("/pushed")).unwrap();
        talk.server().respond(id, &status(200), Bytes::new()).unwrap();
        talk.run();
        match by_client {
            true => talk.client().graceful_shutdown(),
            false => talk.server().graceful_shutdown(),
        }
        talk.run();
        assert!(!talk.is_closed());
        talk.client_events();
        talk.server().respond(promised, &status(200), Bytes::from_static(b"kept")).unwrap();
        talk.run();
        assert_eq!(talk.client_consume(promised), 4);
        assert!(talk.is_closed());
    }
}

/// RFC 9113, section 6.8: what comes for streams after the last one is ignored, and holds nothing up.
#[test]
fn a_promise_after_the_last_one_is_ignored() {
    let mut config = Config::default();
    config.settings.enable_push = true;
    let mut talk = Talk::new(config, Config::default());
    let id = talk.client().send_request(&get("/"), BodyLength::Empty).unwrap();
    talk.run();
    // They pass each other.
    talk.client().go_away(Reason::NO_ERROR);
    talk.server().push_promise(id, &get("/pushed")).unwrap();
    talk.run();
    let promises = |event: &ClientEvent| matches!(event, ClientEvent::PushPromise { .. });
    assert!(!talk.client_events().iter().any(promises));
    talk.server().respond(id, &status(200), Bytes::new()).unwrap();
    talk.run();
    assert!(talk.is_closed());
}
