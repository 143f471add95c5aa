//! Stalls that users of other implementations met, as scenarios of two state machines.

mod support;

use barewire_h2::{BodyLength, ClientEvent, Config, Reason, ServerEvent, StreamId};
use bytes::Bytes;
use http::{Request, Response};
use support::Talk;

fn get() -> Request<()> {
    Request::get("http://example.com/").body(()).unwrap()
}

fn windows(stream: u32, connection: u32) -> Config {
    let mut config = Config::default();
    config.settings.initial_window_size = stream;
    config.settings.connection_window = connection;
    config
}

/// Opens streams and answers each with a large body.
fn answered(talk: &mut Talk, streams: usize, length: usize) -> Vec<StreamId> {
    let mut ids = Vec::new();
    for _ in 0..streams {
        ids.push(talk.client().send_request(&get(), BodyLength::Empty).unwrap());
    }
    talk.run();
    for id in &ids {
        talk.server().respond(*id, &Response::new(()), Bytes::from(vec![b'x'; length])).unwrap();
    }
    talk.run();
    ids
}

fn take(talk: &mut Talk, received: &mut [usize], ids: &[StreamId], slow: Option<StreamId>) -> bool {
    let mut any = false;
    for event in talk.client_events() {
        if let ClientEvent::Data(id, data) = event {
            any = true;
            let at = ids.iter().position(|other| *other == id).unwrap();
            received[at] += data.len();
            if slow != Some(id) {
                talk.client().release_capacity(id, data.len());
            }
        }
    }
    talk.run();
    any
}

/// A reader that stops must not hold up the others while the connection's window has room (hyperium/hyper#2899).
#[test]
fn a_slow_reader_holds_up_nobody() {
    let mut talk = Talk::new(windows(20_000, 100_000), Config::default());
    let ids = answered(&mut talk, 4, 200_000);
    let mut received = [0; 4];
    while take(&mut talk, &mut received, &ids, Some(ids[0])) {}
    assert_eq!(received[1..], [200_000; 3]);
    assert_eq!(received[0], 20_000, "its own window, and no more");
    talk.client().release_capacity(ids[0], 20_000);
    talk.run();
    while take(&mut talk, &mut received, &ids, None) {}
    assert_eq!(received[0], 200_000);
}

/// The connection's window is used up by streams whose bodies are dropped: it comes back.
#[test]
fn a_window_that_dropped_bodies_held_comes_back() {
    let mut talk = Talk::new(windows(65_535, 65_535), Config::default());
    for turn in 0..20 {
        let ids = answered(&mut talk, 3, 65_535);
        for id in &ids {
            match turn % 2 {
                0 => talk.client().reset_stream(*id, Reason::CANCEL),
                _ => talk.client().discard(*id),
            }
        }
        talk.run();
        talk.client_events();
        talk.server_events();
    }
    let ids = answered(&mut talk, 1, 65_535);
    let mut received = [0];
    while take(&mut talk, &mut received, &ids, None) {}
    assert_eq!(received, [65_535]);
}

/// Data that came for a stream which was reset meanwhile is counted and given back, padding included.
#[test]
fn data_for_streams_that_are_gone_is_given_back() {
    use support::wire::{frame, raw};
    let mut talk = Talk::new(windows(65_535, 65_535), Config::default());
    for _ in 0..30 {
        let id = talk.client().send_request(&get(), BodyLength::Empty).unwrap();
        talk.client().reset_stream(id, Reason::CANCEL);
        let padded = [&[99][..], &[b'x'; 10_000], &[0; 99]].concat();
        let late = [frame(&format!("HEADERS 4 {id} @:status=200")), raw(0, 8, id.value(), &padded)];
        for bytes in late {
            let rest = barewire_proto::Protocol::input(talk.client()).push(bytes.into());
            assert!(rest.is_empty());
        }
        talk.run();
        assert_eq!(talk.client_error, None);
    }
}

/// One byte of window is one byte of data: nothing is reserved that a stream cannot use, and the last byte of a
/// window does not wait for more.
#[test]
fn windows_of_one_byte_move_everything() {
    let mut talk = Talk::new(windows(1, 65_535), Config::default());
    let ids = answered(&mut talk, 3, 500);
    let mut received = [0; 3];
    while take(&mut talk, &mut received, &ids, None) {}
    assert_eq!(received, [500; 3]);
}

/// A window that became negative by SETTINGS opens again when enough was given back.
#[test]
fn a_negative_window_recovers() {
    use barewire_proto::{Buf, Protocol};
    use support::wire::{frame, preface};
    let mut server = barewire_h2::ServerConnection::new(Config::default());
    let mut feed = |bytes: &[u8]| {
        assert!(server.input().push(Bytes::copy_from_slice(bytes)).is_empty());
        while let Some(event) = server.poll_event().unwrap() {
            if let ServerEvent::Request(id, ..) = event {
                server.respond(id, &Response::new(()), Bytes::from(vec![b'x'; 50])).unwrap();
            }
        }
        let n = server.output().remaining();
        let bytes = server.output().copy_to_bytes(n);
        let mut sent = 0;
        support::wire::read(&bytes, |frame| {
            if let barewire_h2::frame::Frame::Data { data, .. } = frame {
                sent += data.len();
            }
        });
        sent
    };
    feed(&preface());
    feed(&frame("SETTINGS 0 0 \\0\\x04\\0\\0\\0\\x14"));
    let get = "HEADERS 5 1 @:method=GET|:scheme=http|:path=/|:authority=a";
    assert_eq!(feed(&frame(get)), 20);
    // 20 were sent of 20: with a window of 5 the stream stands at -15.
    assert_eq!(feed(&frame("SETTINGS 0 0 \\0\\x04\\0\\0\\0\\x05")), 0);
    assert_eq!(feed(&frame("WINDOW_UPDATE 0 1 \\0\\0\\0\\x0f")), 0);
    assert_eq!(feed(&frame("WINDOW_UPDATE 0 1 \\0\\0\\0\\x0a")), 10);
    assert_eq!(feed(&frame("SETTINGS 0 0 \\0\\x04\\0\\0\\0\\xff")), 20);
}

/// Large bodies take turns: none of them waits for another's end.
#[test]
fn streams_of_one_urgency_share() {
    let mut talk = Talk::new(windows(1 << 20, 65_535), Config::default());
    let ids = answered(&mut talk, 4, 300_000);
    let mut received = [0; 4];
    for _ in 0..8 {
        take(&mut talk, &mut received, &ids, None);
    }
    let (least, most) = (received.iter().min().unwrap(), received.iter().max().unwrap());
    assert!(*least > 0 && most - least <= 70_000, "{received:?}");
}

/// A stream that has nothing to send holds nothing of the connection's window: the last byte goes to who has one,
/// and a peer that gives back only what is used up is not waited for in vain (hyperium/hyper#4003).
#[test]
fn a_body_that_pauses_reserves_nothing() {
    let mut talk = Talk::new(Config::default(), windows(1 << 20, 65_535));
    let post = Request::post("http://example.com/").body(()).unwrap();
    let pauses = talk.client().send_request(&post, BodyLength::Unknown).unwrap();
    let mut body = Bytes::from(vec![b'x'; 65_534]);
    talk.client().send_data(pauses, &mut body, false).unwrap();
    talk.run();
    let other = talk.client().send_request(&post, BodyLength::Unknown).unwrap();
    talk.client().send_data(other, &mut Bytes::from_static(b"12"), true).unwrap();
    talk.run();
    let mut received = [0; 2];
    for event in talk.server_events() {
        if let ServerEvent::Data(id, data) = event {
            received[usize::from(id == other)] += data.len();
        }
    }
    assert_eq!(received, [65_534, 1]);
    talk.server().release_capacity(pauses, 65_534);
    talk.server().release_capacity(other, 1);
    talk.run();
    assert_eq!(talk.server_body(other), (1, true, None));
}

/// As many uploads as there may be, several times over, with a window for the connection that is far smaller than
/// all of them: each is complete in the end (hyperium/hyper#3338).
#[test]
fn many_uploads_through_a_narrow_connection_all_end() {
    all_end(0);
}

/// The same when the answers need the other side's window as much (hyperium/h2#853).
#[test]
fn many_echoes_through_narrow_connections_all_end() {
    all_end(20_000);
}

/// Three hundred uploads, each answered with so many bytes once it is complete.
fn all_end(answer: usize) {
    let narrow = || windows(65_535, 65_535);
    let mut talk = Talk::new(narrow(), narrow());
    let post = Request::post("http://example.com/").body(()).unwrap();
    let (mut begun, mut answered, mut came) = (0, 0, 0);
    for _ in 0..5000 {
        while begun < 300 && talk.client().can_send_request() {
            let id = talk.client().send_request(&post, BodyLength::Unknown).unwrap();
            let mut body = Bytes::from(vec![b'x'; 20_000]);
            talk.client().send_data(id, &mut body, true).unwrap();
            assert!(body.is_empty());
            begun += 1;
        }
        talk.run();
        for event in talk.server_events() {
            match event {
                ServerEvent::Data(id, data) => {
                    talk.server().release_capacity(id, data.len());
                }
                ServerEvent::End(id) => {
                    let body = Bytes::from(vec![b'y'; answer]);
                    talk.server().respond(id, &Response::new(()), body).unwrap();
                }
                _ => {}
            }
        }
        talk.run();
        for event in talk.client_events() {
            match event {
                ClientEvent::Response(..) => answered += 1,
                ClientEvent::Data(id, data) => {
                    came += data.len();
                    talk.client().release_capacity(id, data.len());
                }
                _ => {}
            }
        }
        if (answered, came) == (300, 300 * answer) {
            return;
        }
    }
    panic!("{answered} of {begun} were answered, with {came} bytes");
}

/// Readers that hold more than half of the connection's window leave the rest of it to the others, over and over.
#[test]
fn several_slow_readers_hold_up_nobody() {
    for slow in 1..=4 {
        let mut talk = Talk::new(windows(20_000, 100_000), Config::default());
        let held = answered(&mut talk, slow, 200_000);
        talk.run();
        talk.client_events();
        let ids = answered(&mut talk, 1, 200_000);
        let mut received = [0];
        while take(&mut talk, &mut received, &ids, None) {}
        assert_eq!(received, [200_000], "beside {slow} slow readers");
        for id in held {
            talk.client().release_capacity(id, 20_000);
        }
    }
}

/// Without a buffer of its own a stream takes what fits, and is told when there is room.
#[test]
fn a_body_without_a_buffer_goes_on() {
    let mut server = Config::default();
    server.limits.send_buffer = 0;
    let mut talk = Talk::new(windows(10, 65_535), server);
    let id = talk.client().send_request(&get(), BodyLength::Empty).unwrap();
    talk.run();
    talk.server_events();
    talk.server().send_response(id, &Response::new(()), BodyLength::Unknown).unwrap();
    let mut rest = Bytes::from_static(&[b'x'; 100]);
    talk.server().send_data(id, &mut rest, true).unwrap();
    let mut received = 0;
    for _ in 0..100 {
        talk.run();
        received += talk.client_consume(id);
        for event in talk.server_events() {
            if let ServerEvent::Writable(id) = event {
                talk.server().send_data(id, &mut rest, true).unwrap();
            }
        }
    }
    assert_eq!(received, 100);
}

/// Who gives back a part and waits for more before it gives back the rest is not left waiting.
#[test]
fn a_reader_that_keeps_some_of_it_goes_on() {
    let mut talk = Talk::new(windows(100_000, 1 << 20), Config::default());
    let id = answered(&mut talk, 1, 200_000)[0];
    let came = |talk: &mut Talk| {
        let length = |event| match event {
            ClientEvent::Data(_, data) => data.len(),
            _ => 0,
        };
        talk.client_events().into_iter().map(length).sum::<usize>()
    };
    assert_eq!(came(&mut talk), 100_000);
    talk.client().release_capacity(id, 40_000);
    talk.run();
    assert_eq!(came(&mut talk), 40_000);
}
