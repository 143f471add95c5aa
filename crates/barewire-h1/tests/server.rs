//! The server's verbs: what they put out, what they refuse, and what becomes of the connection.

mod support;

use barewire_h1::{BodyLength, Config, ServerConnection, UsageError};
use barewire_proto::{Buf, Protocol};
use bytes::Bytes;
use http::Response;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use support::hand::{asked, events, feed, output, server, status};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn with(code: u16, name: HeaderName, value: &'static str) -> Response<()> {
    let mut response = status(code);
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

#[test]
fn responses_as_they_leave() {
    use BodyLength::{Empty, Known, Unknown};
    let head = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    let old = "GET / HTTP/1.0\r\n\r\n";
    let kept = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let close = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    for (request, code, length, expected) in [
        (GET, 200, Empty, "200 OK\r\ncontent-length: 0\r\n\r\n"),
        (GET, 200, Known(2), "200 OK\r\ncontent-length: 2\r\n\r\nhi"),
        (GET, 200, Known(0), "200 OK\r\ncontent-length: 0\r\n\r\n"),
        (GET, 200, Unknown, "200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
        (GET, 204, Empty, "204 No Content\r\n\r\n"),
        (GET, 304, Empty, "304 Not Modified\r\n\r\n"),
        (GET, 304, Known(9), "304 Not Modified\r\ncontent-length: 9\r\n\r\n"),
        (GET, 299, Empty, "299 \r\ncontent-length: 0\r\n\r\n"),
        (head, 200, Known(2), "200 OK\r\ncontent-length: 2\r\n\r\n"),
        (head, 200, Unknown, "200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
        (head, 200, Empty, "200 OK\r\n\r\n"),
        (close, 200, Empty, "200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
        (old, 200, Known(2), "200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi"),
        (old, 200, Unknown, "200 OK\r\nconnection: close\r\n\r\nhi"),
        (kept, 200, Known(2), "200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi"),
        (kept, 200, Unknown, "200 OK\r\nconnection: close\r\n\r\nhi"),
    ] {
        let mut server = asked(request);
        server.send_response(&status(code), length).expect("it can be sent");
        if server.is_sending_body() {
            server.send_data(&mut Bytes::from_static(b"hi"), true).expect("it has its length");
        }
        assert_eq!(output(&mut server), format!("HTTP/1.1 {expected}"), "{request:?} {length:?}");
        let closes = expected.contains("close");
        assert_eq!((server.is_idle(), server.output().is_finished()), (!closes, closes));
    }
}

#[test]
fn misuse_is_told_and_changes_nothing() {
    use UsageError::*;
    type Command = fn(&mut ServerConnection) -> Result<(), UsageError>;
    let commands: [(&str, Command, UsageError); 12] = [
        ("1xx is not final", |s| s.send_response(&status(103), BodyLength::Empty), WrongStatus),
        (
            "101 was not asked for",
            |s| s.send_response(&status(101), BodyLength::Empty),
            WrongStatus,
        ),
        ("final is not 1xx", |s| s.send_informational(&status(200)), WrongStatus),
        ("101 is final", |s| s.send_informational(&status(101)), WrongStatus),
        (
            "204 with a body",
            |s| s.send_response(&status(204), BodyLength::Known(1)),
            BodyNotAllowed,
        ),
        (
            "another length in the head",
            |s| s.send_response(&with(200, header::CONTENT_LENGTH, "3"), BodyLength::Known(2)),
            LengthMismatch,
        ),
        (
            "a length that is none",
            |s| s.send_response(&with(200, header::CONTENT_LENGTH, "+2"), BodyLength::Known(2)),
            LengthMismatch,
        ),
        (
            "a length and chunks",
            |s| s.send_response(&with(200, header::CONTENT_LENGTH, "2"), BodyLength::Unknown),
            LengthMismatch,
        ),
        (
            "chunks and a length",
            |s| {
                s.send_response(
                    &with(200, header::TRANSFER_ENCODING, "chunked"),
                    BodyLength::Known(2),
                )
            },
            LengthMismatch,
        ),
        (
            "a coding that we do not do",
            |s| s.send_response(&with(200, header::TRANSFER_ENCODING, "gzip"), BodyLength::Unknown),
            LengthMismatch,
        ),
        ("data before a head", |s| s.send_data(&mut Bytes::from_static(b"x"), true), NoRequest),
        ("trailers before a head", |s| s.send_trailers(&HeaderMap::new()), NoRequest),
    ];
    for (name, command, expected) in commands {
        let mut server = asked(GET);
        assert_eq!(command(&mut server), Err(expected), "{name}");
        assert_eq!(output(&mut server), "", "{name}");
        server.respond(&status(200), Bytes::from_static(b"hi")).expect(name);
        assert!(output(&mut server).ends_with("\r\n\r\nhi"), "{name}");
        assert!(server.is_idle(), "{name}");
    }
}

#[test]
fn a_body_keeps_to_its_length() {
    let mut server = asked(GET);
    server.send_response(&status(200), BodyLength::Known(4)).expect("there is a request");
    let mut long = Bytes::from_static(b"hello");
    assert_eq!(server.send_data(&mut long, false), Err(UsageError::LengthMismatch));
    assert_eq!(long.len(), 5);
    assert_eq!(server.send_data(&mut long.slice(..2), true), Err(UsageError::LengthShort));
    assert_eq!(server.send_trailers(&HeaderMap::new()), Err(UsageError::TrailersNotAllowed));
    let again = server.send_response(&status(200), BodyLength::Empty);
    assert_eq!(again, Err(UsageError::MessageUnfinished));
    assert_eq!(server.send_data(&mut long.slice(..4), false), Ok(()));
    assert!(output(&mut server).ends_with("\r\n\r\nhell"));
    assert!(server.is_idle());
    let more = server.send_response(&status(200), BodyLength::Empty);
    assert_eq!(more, Err(UsageError::NoRequest));
}

#[test]
fn trailers_leave_after_the_last_chunk() {
    let mut server = asked(GET);
    server.send_response(&status(200), BodyLength::Unknown).expect("there is a request");
    server.send_data(&mut Bytes::new(), false).expect("nothing is sent, nothing ends");
    let mut trailers = HeaderMap::new();
    for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::HOST] {
        trailers.insert(name, HeaderValue::from_static("1"));
        assert_eq!(server.send_trailers(&trailers), Err(UsageError::TrailersNotAllowed));
        trailers.clear();
    }
    trailers.append("x-a", HeaderValue::from_static("1"));
    trailers.append("x-a", HeaderValue::from_static("2"));
    server.send_trailers(&trailers).expect("the body is chunked");
    assert!(output(&mut server).ends_with("chunked\r\n\r\n0\r\nx-a: 1\r\nx-a: 2\r\n\r\n"));
    assert!(server.is_idle());
}

#[test]
fn many_answers_leave_in_one_piece() {
    let mut config = Config::default();
    config.limits.max_pipelined = 16;
    let mut server = ServerConnection::new(config);
    feed(&mut server, GET.repeat(16));
    assert_eq!(events(&mut server).len(), 16);
    for i in 0..16u8 {
        server.respond(&status(200), Bytes::from(vec![b'a' + i])).expect("there is a request");
    }
    let one = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n_";
    assert_eq!(server.output().chunk().len(), 16 * one.len());
    let order: String = output(&mut server).split("\r\n\r\n").skip(1).map(|p| &p[..1]).collect();
    assert_eq!(order, "abcdefghijklmnop");
}

#[test]
fn no_more_requests_are_held_than_wanted() {
    let mut config = Config::default();
    config.limits.max_pipelined = 2;
    let mut server = ServerConnection::new(config);
    feed(&mut server, GET.repeat(4));
    assert_eq!(events(&mut server).len(), 2);
    // The rest stays in the transport, but for what tells an end of file from a request.
    let mut read = 0;
    while server.wants_read() {
        feed(&mut server, GET);
        read += GET.len();
        assert!(read < 64 * 1024, "it reads on and on");
    }
    server.respond(&status(200), Bytes::new()).expect("there is a request");
    assert_eq!(events(&mut server).len(), 1);
    server.respond(&status(200), Bytes::new()).expect("there is a request");
    server.respond(&status(200), Bytes::new()).expect("there is a request");
    assert_eq!(events(&mut server).len(), 2);
}

#[test]
fn a_violation_is_answered_in_its_turn() {
    let mut config = Config::default();
    config.limits.max_pipelined = 4;
    let mut server = ServerConnection::new(config);
    feed(&mut server, format!("{GET}{GET}nonsense\r\n{GET}"));
    assert_eq!(events(&mut server), ["GET /", "GET /"]);
    server.respond(&status(200), Bytes::new()).expect("there is a request");
    assert_eq!(events(&mut server), Vec::<String>::new());
    server.respond(&status(404), Bytes::new()).expect("there is another request");
    assert_eq!(events(&mut server), ["!BadTarget"]);
    let codes: Vec<_> = output(&mut server).match_indices("HTTP/1.1 ").map(|(at, _)| at).collect();
    assert_eq!(codes.len(), 3);
    assert!(server.output().is_finished());
}

#[test]
fn a_streamed_response_ends_although_a_violation_waits_behind_it() {
    let mut config = Config::default();
    config.limits.max_pipelined = 4;
    config.limits.write_buffer = 64 * 1024;
    let mut server = ServerConnection::new(config);
    feed(&mut server, format!("{GET}nonsense\r\n"));
    assert_eq!(events(&mut server), ["GET /"]);
    server.send_response(&status(200), BodyLength::Unknown).expect("there is a request");
    let mut part = Bytes::from(vec![b'x'; 70_000]);
    server.send_data(&mut part, false).expect("the body is open");
    let mut rest = Bytes::from_static(b"the rest");
    server.send_data(&mut rest, true).expect("the body is open");
    assert!(!rest.is_empty(), "the output is full");
    assert_eq!(events(&mut server), Vec::<String>::new());
    output(&mut server);
    assert_eq!(events(&mut server), ["writable"]);
    server.send_data(&mut rest, true).expect("the body is open");
    assert_eq!(events(&mut server), ["!BadTarget"]);
    let said = output(&mut server);
    assert!(said.starts_with("8\r\nthe rest\r\n0\r\n\r\nHTTP/1.1 400 "), "{said}");
}

#[test]
fn a_body_that_nobody_wants_is_read_or_ends_the_connection() {
    for (length, kept) in [(1000, true), (300 * 1024, false)] {
        let mut server =
            asked(&format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"));
        server.discard_body();
        server.respond(&status(200), Bytes::new()).expect("there is a request");
        let said = output(&mut server);
        assert_eq!(!said.contains("connection: close"), kept, "{said}");
        feed(&mut server, vec![b'x'; 1000]);
        feed(&mut server, GET);
        let next = events(&mut server);
        assert_eq!(next, if kept { vec!["GET /".to_owned()] } else { vec![] });
        assert_eq!(server.output().is_finished(), !kept);
    }
}

#[test]
fn a_response_may_come_before_the_body() {
    let mut server = asked("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    server.respond(&status(401), Bytes::new()).expect("there is a request");
    assert!(output(&mut server).starts_with("HTTP/1.1 401 "));
    feed(&mut server, "llo");
    assert_eq!(events(&mut server), ["3 bytes", "end"]);
    feed(&mut server, GET);
    assert_eq!(events(&mut server), ["GET /"]);
}

#[test]
fn a_client_that_waits_is_told_to_continue_or_the_connection_ends() {
    let expect = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    let mut server = asked(expect);
    assert!(server.expects_continue());
    server.send_informational(&status(100)).expect("the client waits");
    assert_eq!(output(&mut server), "HTTP/1.1 100 Continue\r\n\r\n");
    assert!(!server.expects_continue());
    feed(&mut server, "hi");
    assert_eq!(events(&mut server), ["2 bytes", "end"]);
    server.respond(&status(200), Bytes::new()).expect("there is a request");
    assert!(server.is_idle());

    // Whether the body follows, nobody can tell.
    let mut server = asked(expect);
    server.respond(&status(413), Bytes::new()).expect("there is a request");
    assert!(output(&mut server).contains("connection: close"));
    feed(&mut server, GET);
    assert_eq!(events(&mut server).len(), 0);

    // The body came unasked: the client waits no more.
    let mut server = asked(&format!("{expect}hi"));
    assert!(!server.expects_continue());
    server.respond(&status(200), Bytes::new()).expect("there is a request");
    assert!(!output(&mut server).contains("connection: close"));
    assert!(server.is_idle());

    // Nor is it taken for one who waits while the next request's body is on its way.
    let mut config = Config::default();
    config.limits.max_pipelined = 2;
    let mut server = ServerConnection::new(config);
    feed(
        &mut server,
        format!("{expect}hiPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"),
    );
    assert_eq!(events(&mut server), ["POST / +", "2 bytes", "end", "POST /2 +"]);
    assert!(!server.expects_continue());
    server.respond(&status(200), Bytes::new()).expect("there is a request");
    assert!(!output(&mut server).contains("connection: close"));
}

#[test]
fn early_hints_are_not_for_http_1_0() {
    let mut server = asked("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(server.send_informational(&status(103)), Err(UsageError::WrongVersion));
    let mut server = asked(GET);
    let hint = with(103, header::LINK, "</a.css>; rel=preload");
    server.send_informational(&hint).expect("the request is unanswered");
    server.send_informational(&hint).expect("the request is unanswered");
    server.respond(&status(200), Bytes::new()).expect("there is a request");
    let said = output(&mut server);
    assert_eq!(
        said.matches("HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n").count(),
        2
    );
    assert_eq!(server.send_informational(&hint), Err(UsageError::NoRequest));
}

/// A driver must find nothing to do, or it would spin.
#[test]
fn an_end_of_file_behind_an_unanswered_request_is_quiet() {
    let mut server = asked(GET);
    server.input().close();
    assert_eq!(events(&mut server), Vec::<String>::new());
    assert!(!server.wants_read() && !server.is_closed());
    server.send_response(&status(200), BodyLength::Unknown).expect("there is a request");
    server.send_data(&mut Bytes::from_static(b"hi"), false).expect("the body is open");
    assert_eq!(events(&mut server), Vec::<String>::new());
    assert!(!server.wants_read() && !server.is_closed());
    server.send_data(&mut Bytes::new(), true).expect("the body is open");
    assert!(output(&mut server).ends_with("2\r\nhi\r\n0\r\n\r\n"));
    assert_eq!(events(&mut server), Vec::<String>::new());
    assert!(server.is_closed());
}

#[test]
fn a_graceful_shutdown_finishes_what_was_accepted() {
    let mut idle = server();
    idle.graceful_shutdown();
    assert!(idle.is_closed());

    let mut busy = asked(&format!("{GET}{GET}"));
    busy.graceful_shutdown();
    busy.respond(&status(200), Bytes::from_static(b"hi")).expect("there is a request");
    let said = output(&mut busy);
    assert!(said.contains("connection: close") && said.ends_with("hi"), "{said}");
    assert!(busy.output().is_finished());
    assert_eq!(events(&mut busy), Vec::<String>::new());

    // A request that had begun to arrive was accepted.
    let mut begun = server();
    feed(&mut begun, &GET[..10]);
    assert_eq!(events(&mut begun), Vec::<String>::new());
    begun.graceful_shutdown();
    feed(&mut begun, &GET[10..]);
    assert_eq!(events(&mut begun), ["GET /"]);
    begun.respond(&status(200), Bytes::new()).expect("there is a request");
    assert!(output(&mut begun).contains("connection: close"));
    assert!(begun.output().is_finished());
}

#[test]
fn the_date_is_the_callers() {
    let mut server = asked(GET);
    server.set_date(*b"Sun, 06 Nov 1994 08:49:37 GMT");
    server.respond(&status(200), Bytes::new()).expect("there is a request");
    assert!(output(&mut server).contains("\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    feed(&mut server, GET);
    events(&mut server);
    let own = with(200, header::DATE, "Mon, 07 Nov 1994 08:49:37 GMT");
    server.respond(&own, Bytes::new()).expect("there is a request");
    assert_eq!(output(&mut server).matches("date: ").count(), 1);
}

/// Whatever is allowed has room.
#[test]
fn a_chunk_extension_may_be_longer_than_the_read_buffer() {
    let mut config = Config::default();
    config.limits.max_chunk_extension = 1 << 20;
    let mut server = ServerConnection::new(config);
    feed(&mut server, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;");
    assert_eq!(events(&mut server).len(), 1);
    for _ in 0..1023 {
        assert!(server.wants_read());
        feed(&mut server, [b'a'; 1024]);
        assert_eq!(events(&mut server), Vec::<String>::new());
    }
    feed(&mut server, "\r\nx\r\n0\r\n\r\n");
    assert_eq!(events(&mut server), ["1 bytes", "end"]);
}
