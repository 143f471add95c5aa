//! Limits on what is remembered and read ahead: each is what its number says, and one more is one too many.

mod support;

use barewire_h2::frame::{Frame, HEAD};
use barewire_h2::{Config, Reason, ServerConnection, ServerEvent, StreamId};
use barewire_proto::{Buf, Protocol};
use bytes::Bytes;
use support::wire::{block, preface, raw, read};

const POST: &str = ":method=POST|:scheme=http|:path=/|:authority=a";

fn feed(server: &mut ServerConnection, bytes: &[u8]) -> Vec<ServerEvent> {
    assert!(server.input().push(Bytes::copy_from_slice(bytes)).is_empty());
    std::iter::from_fn(|| server.poll_event().unwrap()).collect()
}

fn output(server: &mut ServerConnection) -> Bytes {
    let n = server.output().remaining();
    server.output().copy_to_bytes(n)
}

fn open(config: Config) -> ServerConnection {
    let mut server = ServerConnection::new(config);
    feed(&mut server, &preface());
    output(&mut server);
    server
}

/// What was under way when a stream was reset is ignored, for so many streams; older ones are reset again.
#[test]
fn resets_are_remembered_up_to_a_number() {
    for most in [1, 3] {
        let mut config = Config::default();
        config.limits.max_remembered_resets = most;
        let mut server = open(config);
        let ids = [1, 3, 5, 7];
        for id in ids {
            feed(&mut server, &raw(1, 4, id, &block(POST)));
            server.reset_stream(StreamId::new(id), Reason::CANCEL);
        }
        output(&mut server);
        // The newest first: a reset that is sent again is remembered too.
        for (age, id) in ids.into_iter().rev().enumerate() {
            feed(&mut server, &raw(0, 0, id, b"under way"));
            let mut resets = Vec::new();
            read(&output(&mut server), |frame| match frame {
                Frame::Reset { stream, reason } => resets.push((stream.value(), reason)),
                other => panic!("{other:?}"),
            });
            let again = [(id, Reason::STREAM_CLOSED)];
            assert_eq!(resets, if age < most { &[][..] } else { &again }, "stream {id}");
        }
        assert!(!server.is_draining());
    }
}

/// So many bytes are taken before any was handled, and never less than a frame needs.
#[test]
fn so_much_is_read_ahead() {
    const LEAST: usize = 16_384 + HEAD;
    for (limit, frame, expected) in [
        (100_000, 16_384, 100_000),
        (0, 16_384, LEAST),
        (LEAST - 1, 16_384, LEAST),
        (LEAST + 1, 16_384, LEAST + 1),
        (0, 50_000, 50_000 + HEAD),
    ] {
        let mut config = Config::default();
        config.limits.read_buffer = limit;
        config.settings.max_frame_size = frame as u32;
        let mut server = open(config);
        feed(&mut server, &raw(1, 4, 1, &block(POST)));
        let data = raw(0, 0, 1, &vec![b'x'; frame]);
        let sent = Bytes::from(data.repeat(200_000 / frame));
        let rest = server.input().push(sent.clone());
        assert_eq!(sent.len() - rest.len(), expected);
        assert!(server.input().allocated() <= expected.next_power_of_two());
        assert!(!server.wants_read(), "it is full");
        // It goes on as the events are taken.
        let mut handled = 0;
        while let Some(event) = server.poll_event().unwrap() {
            let ServerEvent::Data(_, data) = event else { panic!("{event:?}") };
            handled += data.len() + HEAD;
        }
        assert!(handled > 0 && server.wants_read());
        let rest = server.input().push(rest);
        assert_eq!(sent.len() - rest.len(), sent.len().min(expected + handled));
    }
}
