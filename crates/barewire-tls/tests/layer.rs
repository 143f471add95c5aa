//! Two ends in memory: identity of the bytes, ends, backpressure, time.

mod support;

use std::time::Duration;

use barewire_proto::{Buf, Bytes, Protocol};
use barewire_testkit::{Clock, Link, Random};
use barewire_tls::{Error, ErrorKind, Event, Tls, Version};
use support::{Authority, Raw, RawError, Seen, drain, give, over, pair, settle, settle_into};

fn ends() -> support::Ends {
    let authority = Authority::new();
    let server = authority.server(&["localhost"]).build().unwrap();
    pair(&authority.client().build().unwrap(), &server, "localhost")
}

#[test]
fn bytes_go_both_ways_and_both_sides_end() {
    let mut pair = ends();
    let (mut client, mut server) = settle(&mut pair);
    assert_eq!((client.established, server.established), (1, 1));
    let negotiated = pair.server.negotiated().unwrap();
    assert_eq!(negotiated.version(), Version::Tls13);
    assert_eq!(negotiated.server_name(), Some("localhost"));
    assert!(negotiated.cipher_suite().starts_with("TLS13_"));
    assert_eq!(pair.client.negotiated().unwrap().peer_certificates().len(), 1);

    pair.client.inner_mut().unwrap().output.put(b"ping");
    pair.server.inner_mut().unwrap().output.put(b"pong");
    settle_into(&mut pair, &mut client, &mut server);
    assert_eq!((&client.bytes[..], &server.bytes[..]), (&b"pong"[..], &b"ping"[..]));

    // One half ends; the other one still sends.
    pair.client.inner_mut().unwrap().output.finish();
    settle_into(&mut pair, &mut client, &mut server);
    assert!(server.ended && !client.ended && !pair.is_closed());
    pair.server.inner_mut().unwrap().output.put(b"late");
    pair.server.inner_mut().unwrap().output.finish();
    settle_into(&mut pair, &mut client, &mut server);
    assert_eq!(client.bytes, b"ponglate");
    assert!(client.ended && pair.is_closed());
    assert_eq!((client.error, server.error), (None, None));
}

#[test]
fn output_holds_what_was_commanded_just_before() {
    let mut pair = ends();
    settle(&mut pair);
    assert!(!pair.client.output().has_remaining());
    pair.client.inner_mut().unwrap().output.put(b"now");
    assert!(pair.client.output().has_remaining());
    assert!(!pair.client.inner_mut().unwrap().output.has_remaining());
}

#[test]
fn large_transfers_are_the_same_bytes_however_they_are_cut_and_held_in_bounds() {
    const TOTAL: usize = 400_000;
    let authority = Authority::new();
    let server = authority.server(&["localhost"]).build().unwrap();
    let client = authority.client().build().unwrap();
    for seed in 0..6 {
        let mut random = Random::new(seed);
        let piece = [20_000, 1_500, 60_000][seed as usize % 3];
        let up = Link::seeded(seed).max_piece(piece).capacity(50_000);
        let down = Link::seeded(seed + 100).max_piece(piece).capacity(30_000);
        let mut pair = over(&client, &server, "localhost", up, down);
        let data: Vec<u8> = (0..TOTAL).map(|i| (i % 255) as u8 + 1).collect();
        let (mut seen_c, mut seen_s) = (Seen::default(), Seen::default());
        let (mut sent_c, mut sent_s) = (0, 0);
        for _ in 0..100_000 {
            settle_into(&mut pair, &mut seen_c, &mut seen_s);
            let mut more = false;
            for (end, sent) in [(&mut pair.client, &mut sent_c), (&mut pair.server, &mut sent_s)] {
                let held = end.output().remaining();
                assert!(held <= 140_000, "{held} bytes of records");
                let Some(inner) = end.inner_mut() else { continue };
                while *sent < TOTAL && !inner.output.is_full() {
                    let n = random.within(1..=40_000).min(TOTAL - *sent);
                    inner.output.push(Bytes::copy_from_slice(&data[*sent..*sent + n]));
                    *sent += n;
                    more = true;
                }
                if *sent == TOTAL && !inner.output.is_finishing() {
                    inner.output.finish();
                    more = true;
                }
            }
            if !more {
                break;
            }
        }
        assert_eq!((seen_c.error, seen_s.error), (None, None), "seed {seed}");
        assert!(seen_c.bytes == data && seen_s.bytes == data, "seed {seed}");
        assert!(seen_c.ended && seen_s.ended && pair.is_closed(), "seed {seed}");
    }
}

#[test]
fn who_does_not_read_makes_nobody_decrypt() {
    let authority = Authority::new();
    let config = authority.server(&["localhost"]).build().unwrap();
    let up = Link::default().capacity(50_000);
    let client = authority.client().build().unwrap();
    let mut pair = over(&client, &config, "localhost", up, Link::default());
    let (mut client, mut server) = settle(&mut pair);
    pair.server.inner_mut().unwrap().paused = true;
    pair.client.inner_mut().unwrap().output.push(Bytes::from(vec![1; 1_000_000]));
    settle_into(&mut pair, &mut client, &mut server);
    assert!(!pair.server.wants_read() && server.bytes.is_empty());
    // It can still write, with records waiting to be read.
    let now = pair.clock.now();
    assert!(pair.up.deliver(now, pair.server.input()) > 16_000);
    pair.server.inner_mut().unwrap().output.put(b"hold on");
    settle_into(&mut pair, &mut client, &mut server);
    assert_eq!(client.bytes, b"hold on");
    assert!(pair.server.inner_mut().unwrap().input.len() <= 32 * 1024);
    assert!(pair.client.inner_mut().unwrap().output.remaining() > 0);

    pair.server.inner_mut().unwrap().paused = false;
    settle_into(&mut pair, &mut client, &mut server);
    assert_eq!(server.bytes.len(), 1_000_000);
}

#[test]
fn an_end_without_close_notify_is_a_truncation() {
    let mut pair = ends();
    let (mut client, mut server) = settle(&mut pair);
    pair.server.inner_mut().unwrap().output.put(b"half of it");
    settle_into(&mut pair, &mut client, &mut server);
    pair.client.input().close();
    settle_into(&mut pair, &mut client, &mut server);
    assert_eq!(client.bytes, b"half of it");
    assert_eq!(client.tls_error().kind(), ErrorKind::Truncated);
    assert!(!client.ended && pair.client.is_closed());
}

#[test]
fn an_end_without_close_notify_may_be_tolerated_between_messages() {
    for between in [false, true] {
        let authority = Authority::new();
        let server = authority.server(&["localhost"]).build().unwrap();
        let mut pair = pair(&authority.client().build().unwrap(), &server, "localhost");
        pair.client = Tls::client(&authority.client().build().unwrap(), "localhost", move |_| {
            Raw { between, ..Raw::default() }
        })
        .unwrap()
        .tolerate_end(|raw| raw.between);
        let (mut client, mut server) = settle(&mut pair);
        pair.client.input().close();
        settle_into(&mut pair, &mut client, &mut server);
        assert_eq!((client.ended, client.error.is_some()), (between, !between));
    }
}

#[test]
fn a_connection_that_gave_up_does_not_end_well() {
    let mut pair = ends();
    let (mut client, mut server) = settle(&mut pair);
    // Its peer is cut off: no close_notify comes.
    pair.down = Link::default().cut_after(0);
    pair.server.inner_mut().unwrap().output.put(b"void");
    settle_into(&mut pair, &mut client, &mut server);
    assert_eq!(client.tls_error().kind(), ErrorKind::Truncated);
}

#[test]
fn who_is_closed_without_an_end_says_none() {
    let mut pair = ends();
    let (mut client, mut server) = settle(&mut pair);
    let inner = pair.server.inner_mut().unwrap();
    inner.output.put(b"all that comes");
    settle_into(&mut pair, &mut client, &mut server);
    pair.server.inner_mut().unwrap().gone = true;
    settle_into(&mut pair, &mut client, &mut server);
    // The driver drops the transport now.
    assert!(pair.server.is_closed() && !pair.server.output().has_remaining());
    pair.client.input().close();
    settle_into(&mut pair, &mut client, &mut server);
    assert_eq!((&client.bytes[..], client.ended), (&b"all that comes"[..], false));
    assert_eq!(client.tls_error().kind(), ErrorKind::Truncated);
}

#[test]
fn an_error_inside_comes_after_what_came_before_and_its_farewell_arrives() {
    let mut pair = ends();
    let (mut client, mut server) = settle(&mut pair);
    pair.client.inner_mut().unwrap().output.put(b"good\0bad");
    settle_into(&mut pair, &mut client, &mut server);
    assert_eq!(server.bytes, b"good");
    assert_eq!(server.error, Some(Error::Inner(RawError)));
    assert_eq!(client.bytes, b"bye");
    assert!(client.ended);
    for _ in 0..3 {
        assert!(matches!(pair.server.poll_event(), Err(Error::Inner(RawError))));
    }
    assert!(pair.server.is_closed());
}

#[test]
fn a_record_that_was_changed_is_an_error_for_ever_and_the_peer_is_told() {
    let mut pair = ends();
    let (mut client, mut server) = settle(&mut pair);
    pair.client.inner_mut().unwrap().output.put(b"first");
    let good = drain(&mut pair.client);
    pair.client.inner_mut().unwrap().output.put(b"second");
    let mut bad = drain(&mut pair.client);
    *bad.last_mut().unwrap() ^= 1;
    give(&mut pair.server, &[good, bad].concat());
    settle_into(&mut pair, &mut client, &mut server);
    assert_eq!(server.bytes, b"first");
    let error = server.tls_error();
    assert_eq!(error.kind(), ErrorKind::Decrypt);
    assert_eq!(error.alert().unwrap().name(), "bad_record_mac");
    assert!(matches!(pair.server.poll_event(), Err(Error::Tls(again)) if again == error));
    let told = client.tls_error();
    assert!(told.is_from_peer() && told.alert() == error.alert());
}

#[test]
fn who_says_nothing_runs_out_of_time() {
    let authority = Authority::new();
    let config = authority.server(&["localhost"]).build().unwrap();
    let mut server = Tls::server(&config, |_| Raw::default());
    let clock = Clock::start();
    server.handle_timeout(clock.now());
    let due = server.poll_timeout().unwrap();
    assert_eq!(due, clock.now() + Duration::from_secs(10));
    server.handle_timeout(due - Duration::from_nanos(1));
    assert!(matches!(server.poll_event(), Ok(None)));
    server.handle_timeout(due);
    let Err(Error::Tls(error)) = server.poll_event() else { panic!("no error") };
    assert_eq!(error.kind(), ErrorKind::HandshakeTimeout);
    assert!(server.is_closed());
}

#[test]
fn an_idle_connection_holds_no_buffers() {
    let mut pair = ends();
    settle(&mut pair);
    pair.client.inner_mut().unwrap().output.put(b"hello");
    settle(&mut pair);
    for _ in 0..8 {
        if !pair.advance_to_timeout() {
            break;
        }
        settle(&mut pair);
    }
    for end in [&mut pair.client, &mut pair.server] {
        assert_eq!((end.input().allocated(), end.output().allocated()), (0, 0));
    }
    assert_eq!(pair.next_timeout(), None);
}

#[test]
fn an_upgrade_keeps_the_connection() {
    let mut ends = ends();
    let (mut client, mut server) = settle(&mut ends);
    ends.client.inner_mut().unwrap().output.put(b"before");
    let mut ends = barewire_testkit::Pair::new(
        ends.client.map(|_old| Raw { paused: false, ..Raw::default() }),
        ends.server,
    );
    ends.client.inner_mut().unwrap().output.put(b" after");
    settle_into(&mut ends, &mut client, &mut server);
    assert_eq!(server.bytes, b"before after");
}

#[test]
fn close_says_so() {
    let mut pair = ends();
    let (mut client, mut server) = settle(&mut pair);
    pair.client.inner_mut().unwrap().output.put(b"last words");
    pair.client.close();
    settle_into(&mut pair, &mut client, &mut server);
    assert!(server.ended && server.error.is_none() && pair.client.is_closed());
    assert_eq!(server.bytes, b"last words");
}

#[test]
fn established_comes_first() {
    let authority = Authority::new();
    let config = authority.server(&["localhost"]).build().unwrap();
    let mut client = Tls::client(&authority.client().build().unwrap(), "localhost", |_| {
        let mut raw = Raw::default();
        raw.output.put(b"at once");
        raw
    })
    .unwrap();
    let mut server = Tls::server(&config, |_| Raw::default());
    let mut events = Vec::new();
    for _ in 0..10 {
        let _ = client.poll_event();
        give(&mut server, &drain(&mut client));
        while let Ok(Some(event)) = server.poll_event() {
            events.push(event);
        }
        give(&mut client, &drain(&mut server));
    }
    assert_eq!(events.len(), 2);
    assert_eq!(events[0], Event::Established);
}
