//! Two state machines that talk to each other: whole exchanges.

mod support;

use barewire_h2::{BodyLength, ClientEvent, Config, Reason, ResetBy, ServerEvent, UsageError};
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
