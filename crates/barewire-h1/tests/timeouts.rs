//! Time: what a connection waits for, how long, and what it then says. The clock is the test's.

mod support;

use std::time::Duration;

use barewire_h1::{Config, ServerConnection};
use barewire_proto::{Buf, Protocol};
use barewire_testkit::Clock;
use bytes::Bytes;
use http::Response;
use support::hand::{client, events, feed, output, server, status};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";

/// A connection and the time it is told.
struct Timed<P> {
    connection: P,
    clock: Clock,
}

impl<P: Protocol<Error = barewire_h1::Error>> Timed<P>
where
    P::Event: support::hand::Word,
{
    fn new(connection: P) -> Self {
        let mut timed = Self { connection, clock: Clock::start() };
        timed.wait(Duration::ZERO);
        timed
    }

    /// One wake, so much later.
    fn wait(&mut self, by: Duration) -> Vec<String> {
        self.clock.advance(by);
        self.connection.handle_timeout(self.clock.now());
        events(&mut self.connection)
    }

    fn feed(&mut self, bytes: impl AsRef<[u8]>) -> Vec<String> {
        self.connection.handle_timeout(self.clock.now());
        feed(&mut self.connection, bytes);
        events(&mut self.connection)
    }

    /// Lets deadlines pass, and says after how long something happened.
    fn until_something(&mut self) -> (Duration, Vec<String>) {
        let begin = self.clock.elapsed();
        for _ in 0..20 {
            let Some(at) = self.connection.poll_timeout() else { break };
            self.clock.advance_to(at);
            let words = self.wait(Duration::ZERO);
            if !words.is_empty() || self.connection.is_closed() {
                return (self.clock.elapsed() - begin, words);
            }
        }
        panic!("nothing happens any more");
    }
}

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_client_that_says_nothing_is_left_without_a_word() {
    let mut server = Timed::new(server());
    assert_eq!(server.until_something(), (s(30), vec![]));
    assert!(server.connection.is_closed());
    assert_eq!(output(&mut server.connection), "");
}

#[test]
fn a_head_that_drips_is_answered_with_408() {
    let mut server = Timed::new(server());
    for byte in GET.as_bytes().chunks(1).take(6) {
        assert!(server.feed(byte).is_empty());
        assert!(server.wait(Duration::from_millis(4_900)).is_empty());
    }
    let (after, words) = server.until_something();
    assert_eq!(
        (s(30), &words[..]),
        (after + Duration::from_millis(29_400), &["!HeadTimeout".into()][..])
    );
    let said = output(&mut server.connection);
    assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("connection: close"), "{said}");
    assert!(server.connection.output().is_finished());
}

#[test]
fn the_time_of_a_head_begins_with_its_first_byte() {
    let mut server = Timed::new(server());
    assert_eq!(server.feed(GET), ["GET /"]);
    server.connection.respond(&Response::new(()), Bytes::new()).expect("there is a request");
    output(&mut server.connection);
    server.wait(Duration::ZERO);
    assert!(server.wait(s(50)).is_empty());
    assert!(server.feed("G").is_empty());
    assert!(server.wait(s(29)).is_empty());
    assert_eq!(server.wait(s(2)), ["!HeadTimeout"]);
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let mut server = Timed::new(server());
    assert_eq!(server.feed(GET), ["GET /"]);
    // Nobody hurries the application.
    assert!(server.wait(s(1000)).is_empty());
    server.connection.respond(&Response::new(()), Bytes::new()).expect("there is a request");
    output(&mut server.connection);
    server.wait(Duration::ZERO);
    assert_eq!(server.until_something(), (s(60), vec![]));
    assert!(server.connection.is_closed());
    assert_eq!(output(&mut server.connection), "");
}

#[test]
fn a_connection_is_idle_when_its_response_was_taken() {
    let mut server = Timed::new(server());
    server.feed(GET);
    let body = Bytes::from(vec![b'x'; 1000]);
    server.connection.respond(&Response::new(()), body).expect("there is a request");
    for _ in 0..100 {
        // A slow reader, not an idle one.
        server.connection.output().advance(1);
        assert!(server.wait(s(20)).is_empty());
        assert!(!server.connection.output().is_finishing(), "closed while it was sending");
    }
    output(&mut server.connection);
    server.wait(Duration::ZERO);
    assert!(server.wait(s(59)).is_empty());
    assert_eq!(server.feed(GET), ["GET /"]);
}

#[test]
fn a_body_that_drips_is_answered_with_408() {
    let mut server = Timed::new(server());
    assert_eq!(server.feed(POST), ["POST / +"]);
    for _ in 0..5 {
        // Just enough in each period.
        assert_eq!(server.feed(vec![b'x'; 1024]), ["1024 bytes"]);
        assert!(server.wait(s(30)).is_empty());
    }
    assert_eq!(server.feed(vec![b'x'; 1023]), ["1023 bytes"]);
    let (after, words) = server.until_something();
    assert_eq!(words, ["!BodyTimeout"]);
    assert!((s(30)..s(31)).contains(&after), "{after:?}");
    let said = output(&mut server.connection);
    assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("connection: close"), "{said}");
}

#[test]
fn chunks_that_drip_are_measured_by_what_they_carry() {
    let mut server = Timed::new(server());
    server.feed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    // A kilobyte of framing a period carries two hundred bytes.
    let mut words = Vec::new();
    for _ in 0..10 {
        words = server.feed("1\r\nx\r\n".repeat(200));
        words.extend(server.wait(s(16)));
        if words.iter().any(|word| word.starts_with('!')) {
            break;
        }
    }
    assert_eq!(words.last().map(String::as_str), Some("!BodyTimeout"));
}

/// As a driver reads: whenever it tells the time there is a little more.
#[test]
fn a_body_of_which_some_has_always_just_come_is_late_all_the_same() {
    let mut server = Timed::new(server());
    assert_eq!(server.feed(POST).len(), 1);
    let begin = server.clock.elapsed();
    let words = loop {
        feed(&mut server.connection, "x");
        let words = server.wait(Duration::from_millis(100));
        if words.last().is_some_and(|word| word.starts_with('!')) {
            break words;
        }
        assert!(server.clock.elapsed() - begin < s(60), "it drips for ever");
    };
    assert_eq!(words, ["1 bytes", "!BodyTimeout"]);
    assert!(server.clock.elapsed() - begin >= s(30));
}

/// The framing of a body is part of it: bytes that only wait for their line's end are no progress.
#[test]
fn a_chunk_or_trailer_that_does_not_go_on_is_answered_with_408() {
    for part in ["5", "5\r\nhello", "5\r\nhello\r", "5;name=", "0\r\n", "0\r\nx-sum: 1\r\n"] {
        let mut server = Timed::new(server());
        server.feed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        server.feed(part);
        let (after, words) = server.until_something();
        assert_eq!(words, ["!BodyTimeout"], "{part:?}");
        assert!((s(30)..s(31)).contains(&after), "{part:?} {after:?}");
    }
}

/// What nobody asked for yet is not late.
#[test]
fn a_body_that_nobody_reads_is_not_late() {
    let mut server = Timed::new(server());
    server.feed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5");
    feed(&mut server.connection, "\r\nhello");
    for _ in 0..10 {
        server.clock.advance(s(20));
        server.connection.handle_timeout(server.clock.now());
    }
    assert_eq!(events(&mut server.connection), ["5 bytes"]);
}

/// RFC 9110, section 10.1.1: the client does right to wait for as long as the application says nothing.
#[test]
fn a_body_that_was_not_asked_for_is_not_late() {
    for discarded in [false, true] {
        let mut server = Timed::new(server());
        let expect =
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n";
        assert_eq!(server.feed(expect), ["POST / +"]);
        if discarded {
            server.connection.discard_body();
        }
        assert!(server.wait(s(31)).is_empty());
        assert!(server.wait(s(1000)).is_empty());
        if !discarded {
            server.connection.send_informational(&status(100)).expect("the client waits");
            output(&mut server.connection);
            assert!(server.wait(s(1)).is_empty());
            assert_eq!(server.until_something().1, ["!BodyTimeout"]);
        }
    }
}

/// A driver that wakes late has read before it tells the time.
#[test]
fn what_came_in_time_is_not_late() {
    let mut server = Timed::new(server());
    assert!(server.feed(&GET[..20]).is_empty());
    feed(&mut server.connection, &GET[20..]);
    assert_eq!(server.wait(s(31)), ["GET /"]);
    server.connection.respond(&Response::new(()), Bytes::new()).expect("there is a request");
    output(&mut server.connection);
    server.wait(Duration::ZERO);
    feed(&mut server.connection, GET);
    assert_eq!(server.wait(s(61)), ["GET /"]);
    server.connection.respond(&Response::new(()), Bytes::new()).expect("there is a request");
    output(&mut server.connection);
    assert!(server.feed(&GET[..20]).is_empty());
    feed(&mut server.connection, &GET[20..25]);
    assert_eq!(server.wait(s(31)), ["!HeadTimeout"]);
}

#[test]
fn a_reader_that_takes_nothing_is_dropped() {
    let mut server = Timed::new(server());
    server.feed(GET);
    let body = Bytes::from(vec![b'x'; 1000]);
    server.connection.respond(&Response::new(()), body).expect("there is a request");
    assert!(server.wait(Duration::ZERO).is_empty());
    let (after, words) = server.until_something();
    assert_eq!((after, &words[..]), (s(30), &["!WriteTimeout".into()][..]));
    assert!(server.connection.is_closed());
}

#[test]
fn a_client_drops_a_server_that_takes_nothing() {
    let mut client = Timed::new(client());
    let request = http::Request::get("http://a/").body(()).expect("a request");
    let sent = client.connection.send_request(&request, barewire_h1::BodyLength::Empty);
    sent.expect("the connection is new");
    assert!(client.wait(Duration::ZERO).is_empty());
    assert_eq!(client.until_something(), (s(30), vec!["!WriteTimeout".into()]));
    assert!(client.connection.is_closed());
}

#[test]
fn the_answer_has_time_to_arrive_before_the_close() {
    for eof in [false, true] {
        let mut server = Timed::new(server());
        assert_eq!(server.feed("nonsense\r\n"), ["!BadTarget"]);
        output(&mut server.connection);
        server.wait(Duration::ZERO);
        // The write side is shut; what the peer still sends is read and forgotten.
        assert!(server.connection.output().is_finished() && !server.connection.is_closed());
        assert!(server.connection.wants_read());
        server.feed(vec![b'x'; 10_000]);
        if eof {
            server.connection.input().close();
            server.wait(Duration::ZERO);
            assert!(server.connection.is_closed());
        } else {
            assert_eq!(server.wait(Duration::from_millis(1_999)), ["!BadTarget"]);
            assert!(!server.connection.is_closed());
            server.wait(Duration::from_millis(1));
            assert!(server.connection.is_closed());
        }
    }
}

#[test]
fn buffers_are_given_back_after_a_second() {
    let mut server = Timed::new(server());
    server.feed(GET);
    server.connection.respond(&Response::new(()), Bytes::new()).expect("there is a request");
    output(&mut server.connection);
    server.wait(Duration::ZERO);
    assert!(server.connection.input().allocated() > 0);
    server.wait(s(1));
    let held = server.connection.input().allocated() + server.connection.output().allocated();
    assert_eq!(held, 0);
    assert_eq!(server.feed(GET), ["GET /"]);
}

#[test]
fn without_time_limits_nothing_is_waited_for() {
    let mut config = Config::default();
    config.timeouts.head = None;
    config.timeouts.idle = None;
    config.timeouts.body_progress = None;
    config.timeouts.write_progress = None;
    let mut server = Timed::new(ServerConnection::new(config));
    assert_eq!(server.connection.poll_timeout(), None);
    server.feed("GET");
    assert_eq!(server.connection.poll_timeout(), None);
    server.feed(" / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    server.wait(s(1_000_000));
    assert_eq!(server.feed("lo"), ["2 bytes", "end"]);
}
