//! The client's verbs: what they put out, what they refuse, and when a connection can be used again.

mod support;

use barewire_h1::{BodyLength, ClientConnection, Limits, UsageError};
use barewire_proto::Protocol;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use http::{Method, Request, Version};
use support::hand::{client, events, feed, output};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

fn request(method: &str, uri: &str) -> Request<()> {
    Request::builder().method(method).uri(uri).body(()).expect("a request")
}

/// A client that has sent a GET.
fn asking() -> ClientConnection {
    let mut client = client();
    client.send_request(&request("GET", "http://a/"), BodyLength::Empty).expect("it is new");
    assert!(!output(&mut client).is_empty());
    client
}

#[test]
fn requests_as_they_leave() {
    use BodyLength::{Empty, Known, Unknown};
    for (method, uri, length, expected) in [
        ("GET", "http://a/b?c", Empty, "GET /b?c HTTP/1.1\r\nhost: a\r\n\r\n"),
        ("GET", "http://a:81", Empty, "GET / HTTP/1.1\r\nhost: a:81\r\n\r\n"),
        ("GET", "http://[::1]:81/", Empty, "GET / HTTP/1.1\r\nhost: [::1]:81\r\n\r\n"),
        ("OPTIONS", "http://a/", Empty, "OPTIONS / HTTP/1.1\r\nhost: a\r\n\r\n"),
        ("POST", "http://a/", Empty, "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n"),
        ("PUT", "http://a/", Known(2), "PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi"),
        ("GET", "http://a/", Known(2), "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi"),
        (
            "PATCH",
            "http://a/",
            Unknown,
            "PATCH / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        ),
        ("CONNECT", "a:443", Empty, "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n"),
    ] {
        let mut client = client();
        client.send_request(&request(method, uri), length).expect("it can be sent");
        if client.is_sending_body() {
            client.send_data(&mut Bytes::from_static(b"hi"), true).expect("it has its length");
        }
        assert_eq!(output(&mut client), expected);
        assert!(!client.is_idle() && !client.is_sending_body());
    }
}

#[test]
fn misuse_is_told_and_changes_nothing() {
    use BodyLength::{Empty, Known, Unknown};
    use UsageError::*;
    let mut old = request("POST", "http://a/");
    *old.version_mut() = Version::HTTP_10;
    let mut new = request("GET", "http://a/");
    *new.version_mut() = Version::HTTP_2;
    let mut contradiction = request("POST", "http://a/");
    contradiction.headers_mut().insert("content-length", HeaderValue::from_static("3"));
    let mut coding = request("POST", "http://a/");
    coding.headers_mut().insert("transfer-encoding", HeaderValue::from_static("gzip, chunked"));
    let mut nowhere = request("CONNECT", "a:443");
    *nowhere.uri_mut() = "http://a/".parse().expect("a target");
    for (request, length, expected) in [
        (request("GET", "/b"), Empty, BadTarget),
        (request("GET", "*"), Empty, BadTarget),
        (request("CONNECT", "a:443"), Known(2), BodyNotAllowed),
        (nowhere, Empty, BadTarget),
        (old, Unknown, WrongVersion),
        (new, Empty, WrongVersion),
        (contradiction, Known(2), LengthMismatch),
        (coding, Unknown, LengthMismatch),
    ] {
        let mut client = client();
        assert_eq!(client.send_request(&request, length), Err(expected), "{request:?}");
        assert_eq!(output(&mut client), "", "{request:?}");
        assert!(client.is_idle() && client.is_reusable(), "{request:?}");
        client.send_request(&plain(), Empty).expect("the connection stands");
    }
}

fn plain() -> Request<()> {
    request("GET", "http://a/")
}

#[test]
fn one_request_at_a_time_unless_more_are_wanted() {
    let mut client = asking();
    let again = client.send_request(&plain(), BodyLength::Empty);
    assert_eq!(again, Err(UsageError::TooManyRequests));
    feed(&mut client, OK);
    assert_eq!(events(&mut client), ["200"]);
    client.send_request(&plain(), BodyLength::Empty).expect("the first is answered");
}

#[test]
fn a_body_keeps_to_its_length() {
    let mut client = client();
    let post = request("POST", "http://a/");
    client.send_request(&post, BodyLength::Known(4)).expect("it is new");
    let again = client.send_request(&post, BodyLength::Empty);
    assert_eq!(again, Err(UsageError::MessageUnfinished));
    let long = Bytes::from_static(b"hello");
    assert_eq!(client.send_data(&mut long.clone(), true), Err(UsageError::LengthMismatch));
    assert_eq!(client.send_data(&mut long.slice(..3), true), Err(UsageError::LengthShort));
    assert_eq!(client.send_trailers(&HeaderMap::new()), Err(UsageError::TrailersNotAllowed));
    assert_eq!(client.send_data(&mut long.slice(..4), true), Ok(()));
    assert_eq!(client.send_data(&mut long.clone(), true), Err(UsageError::NoRequest));
    assert!(output(&mut client).ends_with("\r\n\r\nhell"));
}

#[test]
fn a_connection_is_reusable_when_both_say_so() {
    let mut client = asking();
    assert!(client.is_reusable());
    feed(&mut client, OK);
    events(&mut client);
    assert!(client.is_idle() && client.is_reusable());
    // What nobody asked for spoils it, even before it is looked at.
    feed(&mut client, "x");
    assert!(!client.is_reusable());
    assert_eq!(events(&mut client), ["!UnexpectedResponse"]);

    let mut ended = asking();
    feed(&mut ended, OK);
    events(&mut ended);
    ended.input().close();
    assert!(!ended.is_reusable());
    assert_eq!(events(&mut ended), Vec::<String>::new());
    assert!(ended.is_closed());
    let late = ended.send_request(&plain(), BodyLength::Empty);
    assert_eq!(late, Err(UsageError::Closed));
}

#[test]
fn nothing_is_sent_once_the_server_says_that_it_closes() {
    let mut client = asking();
    feed(&mut client, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n");
    assert_eq!(events(&mut client), ["200 +"]);
    assert!(!client.is_reusable());
    let late = client.send_request(&plain(), BodyLength::Empty);
    assert_eq!(late, Err(UsageError::Closed));
    feed(&mut client, "hi");
    assert_eq!(events(&mut client), ["2 bytes", "end"]);
    assert!(client.is_closed());
}

#[test]
fn an_answer_before_the_body_ends_the_use_of_the_connection() {
    let mut client = client();
    client.send_request(&request("POST", "http://a/"), BodyLength::Known(5)).expect("it is new");
    client.send_data(&mut Bytes::from_static(b"he"), false).expect("the body is open");
    feed(&mut client, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(events(&mut client), ["401"]);
    assert!(!client.is_reusable());
    let next = client.send_request(&plain(), BodyLength::Empty);
    assert!(next.is_err());
}

#[test]
fn a_body_that_waits_is_sent_after_100() {
    let mut client = client();
    let mut post = request("POST", "http://a/");
    post.headers_mut().insert("expect", HeaderValue::from_static("100-continue"));
    client.send_request(&post, BodyLength::Known(2)).expect("it is new");
    assert!(output(&mut client).ends_with("\r\n\r\n"));
    feed(&mut client, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(events(&mut client), ["(100)"]);
    client.send_data(&mut Bytes::from_static(b"hi"), true).expect("the body is open");
    assert_eq!(output(&mut client), "hi");
    feed(&mut client, OK);
    assert_eq!(events(&mut client), ["200"]);
    assert!(client.is_reusable());
}

#[test]
fn a_full_output_is_told_when_it_has_room() {
    let mut client = client();
    client.send_request(&request("POST", "http://a/"), BodyLength::Unknown).expect("it is new");
    let mut large = Bytes::from(vec![b'x'; Limits::default().write_buffer]);
    client.send_data(&mut large, false).expect("the body is open");
    assert!(large.is_empty());
    let mut more = Bytes::from_static(b"more");
    client.send_data(&mut more, true).expect("the body is open");
    assert_eq!(more.len(), 4, "all or nothing");
    assert_eq!(events(&mut client), Vec::<String>::new());
    output(&mut client);
    assert_eq!(events(&mut client), ["writable"]);
    client.send_data(&mut more, true).expect("the body is open");
    assert_eq!(output(&mut client), "4\r\nmore\r\n0\r\n\r\n");
    assert!(!client.is_sending_body());
}

#[test]
fn whether_a_request_may_have_been_seen_is_known() {
    let mut client = asking();
    assert!(!client.is_response_begun());
    feed(&mut client, "H");
    events(&mut client);
    assert!(client.is_response_begun());
}

#[test]
fn a_proxy_gets_the_absolute_form() {
    let mut client = client();
    client.set_absolute_form(true);
    client
        .send_request(&request("GET", "http://u:p@a:81/b"), BodyLength::Empty)
        .expect("it is new");
    assert_eq!(output(&mut client), "GET http://a:81/b HTTP/1.1\r\nhost: a:81\r\n\r\n");
}

#[test]
fn a_method_is_sent_as_it_is() {
    let mut client = client();
    let mut odd = request("GET", "http://a/");
    *odd.method_mut() = Method::from_bytes(b"m-Search").expect("a token");
    client.send_request(&odd, BodyLength::Empty).expect("it is new");
    assert!(output(&mut client).starts_with("m-Search / HTTP/1.1\r\n"));
}
