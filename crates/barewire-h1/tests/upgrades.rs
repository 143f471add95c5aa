//! Connections that go over to another protocol, and those that should have (RFC 9110, section 7.8; section 9.3.6).

mod support;

use barewire_h1::{BodyLength, UsageError};
use barewire_proto::Protocol;
use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Request, Response};
use support::hand::{asked, client, events, feed, output, server, status};

const OFFER: &str = "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n";

/// What a server says that switches.
fn switching() -> Response<()> {
    let mut response = status(101);
    response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("x"));
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    response
}

#[test]
fn an_upgrade_hands_the_bytes_over() {
    let mut server = asked(&format!("{OFFER}\r\nleft over"));
    server.send_response(&switching(), BodyLength::Empty).expect("it was offered");
    assert!(server.is_upgraded() && !server.is_closed() && !server.output().is_finishing());
    assert_eq!(server.input().take(), &b"left over"[..]);
    assert!(output(&mut server).starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    assert_eq!(events(&mut server), Vec::<String>::new());
    assert_eq!(server.respond(&status(200), Bytes::new()), Err(UsageError::Closed));
}

#[test]
fn an_upgrade_waits_for_the_end_of_its_request() {
    let mut server = asked(&format!("{OFFER}Content-Length: 4\r\n\r\nhe"));
    server.send_response(&switching(), BodyLength::Empty).expect("it was offered");
    assert!(!server.is_upgraded());
    feed(&mut server, "llleft over");
    assert_eq!(events(&mut server), ["2 bytes", "end"]);
    assert!(server.is_upgraded());
    assert_eq!(server.input().take(), &b"left over"[..]);
}

/// What is shut down is the server of HTTP/1.1, and not what comes after it.
#[test]
fn an_upgrade_outlives_a_graceful_shutdown() {
    let mut server = asked(&format!("{OFFER}Content-Length: 4\r\n\r\nhe"));
    server.send_response(&switching(), BodyLength::Empty).expect("it was offered");
    server.graceful_shutdown();
    feed(&mut server, "ll");
    assert_eq!(events(&mut server), ["2 bytes", "end"]);
    assert!(server.is_upgraded() && !server.output().is_finishing());
}

#[test]
fn an_upgrade_whose_request_breaks_off_is_over() {
    let mut server = asked(&format!("{OFFER}Content-Length: 4\r\n\r\nhe"));
    server.send_response(&switching(), BodyLength::Empty).expect("it was offered");
    server.input().close();
    assert_eq!(events(&mut server), ["!UnexpectedEnd"]);
    output(&mut server);
    assert!(server.is_closed() && !server.is_upgraded());
}

/// The rest of the body cannot be told from the other protocol once nobody reads it.
#[test]
fn what_follows_a_body_that_is_given_up_is_no_other_protocol() {
    let mut server = asked(&format!("{OFFER}Content-Length: 300000\r\n\r\nhe"));
    server.discard_body();
    let refused = server.send_response(&switching(), BodyLength::Empty);
    assert_eq!(refused, Err(UsageError::WrongStatus));
    server.respond(&status(200), Bytes::new()).expect("there is a request");
    assert!(output(&mut server).contains("connection: close"));
    assert!(server.output().is_finished());
}

#[test]
fn rfc9110_7_8_who_waits_is_told_to_continue_before_the_switch() {
    let mut server = asked(&format!("{OFFER}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    server.send_response(&switching(), BodyLength::Empty).expect("it was offered");
    let said = output(&mut server);
    assert!(said.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 "), "{said}");
    feed(&mut server, "hileft over");
    assert_eq!(events(&mut server), ["2 bytes", "end"]);
    assert!(server.is_upgraded());

    let mut told = asked(&format!("{OFFER}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
    told.send_informational(&status(100)).expect("the client waits");
    told.send_response(&switching(), BodyLength::Empty).expect("it was offered");
    assert_eq!(output(&mut told).matches("100 Continue").count(), 1);
}

/// A tunnel has no use for either (RFC 9110, section 9.3.6): it opens all the same.
#[test]
fn a_tunnel_opens_behind_a_body_and_in_spite_of_close() {
    let connect = "CONNECT a:1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    for (more, said) in [("\r\n", 1), ("Content-Length: 2\r\n\r\nhi", 3)] {
        let mut server = server();
        feed(&mut server, format!("{connect}{more}left over"));
        assert_eq!(events(&mut server).len(), said);
        server.send_response(&status(200), BodyLength::Empty).expect("there is a request");
        assert!(server.is_upgraded());
        assert_eq!(server.input().take(), &b"left over"[..]);
    }
}

/// The server may switch at once; what was begun is sent to its end all the same.
#[test]
fn a_client_switches_when_its_request_is_sent() {
    for options in ["upgrade", "upgrade, close"] {
        let mut client = client();
        let request = Request::post("http://a/")
            .header(header::CONNECTION, options)
            .header(header::UPGRADE, "x")
            .body(())
            .expect("a request");
        client.send_request(&request, BodyLength::Known(4)).expect("the connection is new");
        feed(&mut client, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nleft over");
        assert_eq!(events(&mut client), ["101"]);
        client.send_data(&mut Bytes::from_static(b"body"), true).expect("the body is open");
        assert!(client.is_upgraded() && !client.output().is_finishing());
        let next = client.send_request(&request, BodyLength::Empty);
        assert_eq!(next, Err(UsageError::Closed));
        assert_eq!(client.input().take(), &b"left over"[..]);
    }
}
