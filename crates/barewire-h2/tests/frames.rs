//! Frames alone: one table of what each type looks like feeds the reader and the writer.

use barewire_h2::frame::{self, Dependency, Frame, FrameHead, Kind, SettingsFrame};
use barewire_h2::{ErrorKind, Reason, StreamId};
use barewire_proto::Status;
use bytes::BytesMut;
use proptest::prelude::*;

/// The least that SETTINGS_MAX_FRAME_SIZE can be.
const MAX: u32 = 16_384;

const ONE: StreamId = StreamId::new(1);

/// The frame that bytes begin with, and how many it has.
fn decoded(bytes: &[u8]) -> Result<Status<Frame<'_>>, ErrorKind> {
    frame::decode(bytes, MAX).map_err(|error| error.kind())
}

fn encoded(frame: &Frame<'_>) -> Vec<u8> {
    let mut wire = BytesMut::new();
    frame.encode(&mut wire);
    wire.to_vec()
}

/// Each type, with everything that it can have.
fn frames() -> Vec<(Frame<'static>, Vec<u8>)> {
    let dependency = Dependency { on: StreamId::new(3), exclusive: true, weight: 15 };
    let settings = SettingsFrame {
        header_table_size: Some(4096),
        smallest_header_table_size: Some(0),
        enable_push: Some(false),
        max_concurrent_streams: Some(100),
        initial_window_size: Some(0x7fff_ffff),
        max_frame_size: Some(16_384),
        max_header_list_size: Some(u32::MAX),
        enable_connect_protocol: Some(true),
        no_rfc7540_priorities: Some(true),
    };
    let unknown = FrameHead { length: 2, kind: Kind::Unknown(0xbe), flags: 0xff, stream: ONE };
    vec![
        (
            Frame::Data { stream: ONE, data: b"hi", end_stream: true, padding: None },
            b"\0\0\x02\0\x01\0\0\0\x01hi".to_vec(),
        ),
        (
            Frame::Data { stream: ONE, data: b"hi", end_stream: false, padding: Some(2) },
            b"\0\0\x05\0\x08\0\0\0\x01\x02hi\0\0".to_vec(),
        ),
        (
            Frame::Headers {
                stream: ONE,
                fragment: b"\x82",
                end_headers: true,
                end_stream: true,
                dependency: None,
                padding: None,
            },
            b"\0\0\x01\x01\x05\0\0\0\x01\x82".to_vec(),
        ),
        (
            Frame::Headers {
                stream: ONE,
                fragment: b"\x82",
                end_headers: false,
                end_stream: false,
                dependency: Some(dependency),
                padding: Some(0),
            },
            b"\0\0\x07\x01\x28\0\0\0\x01\0\x80\0\0\x03\x0f\x82".to_vec(),
        ),
        (
            Frame::Priority { stream: ONE, dependency },
            b"\0\0\x05\x02\0\0\0\0\x01\x80\0\0\x03\x0f".to_vec(),
        ),
        (
            Frame::Reset { stream: ONE, reason: Reason::CANCEL },
            b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08".to_vec(),
        ),
        (
            Frame::Settings(settings),
            [
                &b"\0\0\x36\x04\0\0\0\0\0\0\x01\0\0\0\0\0\x01\0\0\x10\0\0\x02\0\0\0\0"[..],
                b"\0\x03\0\0\0\x64\0\x04\x7f\xff\xff\xff\0\x05\0\0\x40\0\0\x06\xff\xff\xff\xff",
                b"\0\x08\0\0\0\x01\0\x09\0\0\0\x01",
            ]
            .concat(),
        ),
        (Frame::SettingsAck, b"\0\0\0\x04\x01\0\0\0\0".to_vec()),
        (
            Frame::PushPromise {
                stream: ONE,
                promised: StreamId::new(2),
                fragment: b"\x82",
                end_headers: true,
                padding: Some(1),
            },
            b"\0\0\x07\x05\x0c\0\0\0\x01\x01\0\0\0\x02\x82\0".to_vec(),
        ),
        (
            Frame::Ping { ack: true, payload: *b"01234567" },
            b"\0\0\x08\x06\x01\0\0\0\0\x30\x31\x32\x33\x34\x35\x36\x37".to_vec(),
        ),
        (
            Frame::GoAway { last: ONE, reason: Reason::ENHANCE_YOUR_CALM, debug: b"why" },
            b"\0\0\x0b\x07\0\0\0\0\0\0\0\0\x01\0\0\0\x0bwhy".to_vec(),
        ),
        (
            Frame::WindowUpdate { stream: ONE, increment: 0x7fff_ffff },
            b"\0\0\x04\x08\0\0\0\0\x01\x7f\xff\xff\xff".to_vec(),
        ),
        (
            Frame::Continuation { stream: ONE, fragment: b"\x82", end_headers: true },
            b"\0\0\x01\x09\x04\0\0\0\x01\x82".to_vec(),
        ),
        (
            Frame::PriorityUpdate { stream: ONE, value: b"u=1" },
            b"\0\0\x07\x10\0\0\0\0\0\0\0\0\x01u=1".to_vec(),
        ),
        (
            Frame::Unknown { head: unknown, payload: b"??" },
            b"\0\0\x02\xbe\xff\0\0\0\x01??".to_vec(),
        ),
    ]
}

/// Whole, growing byte by byte, and with a tail that stays untouched.
#[test]
fn each_type_is_written_and_read_as_the_figures_show_it() {
    for (frame, mut bytes) in frames() {
        assert_eq!(encoded(&frame), bytes, "{frame:?}");
        for end in 0..bytes.len() {
            assert_eq!(decoded(&bytes[..end]), Ok(Status::Partial), "{frame:?} of {end} bytes");
        }
        let used = bytes.len();
        bytes.extend(b"tail");
        assert_eq!(decoded(&bytes), Ok(Status::Complete(frame, used)));
    }
}

#[test]
fn reserved_bits_and_flags_without_a_meaning_are_left_out() {
    let wire = b"\0\0\x04\x08\xff\x80\0\0\x01\x80\0\0\x02";
    let frame = Frame::WindowUpdate { stream: ONE, increment: 2 };
    assert_eq!(decoded(wire), Ok(Status::Complete(frame, wire.len())));
    let wire = b"\0\0\0\0\xf6\x80\0\0\x01";
    let frame = Frame::Data { stream: ONE, data: b"", end_stream: false, padding: None };
    assert_eq!(decoded(wire), Ok(Status::Complete(frame, wire.len())));
}

#[test]
fn what_a_frame_alone_can_get_wrong() {
    use ErrorKind::*;
    let rows: [(&[u8], ErrorKind); 25] = [
        // Above the limit, which is known before the payload came.
        (b"\0\x40\x01\0\0\0\0\0\x01", FrameTooLarge),
        (b"\xff\xff\xff\xbe\0\0\0\0\0", FrameTooLarge),
        // On the connection, or on a stream.
        (b"\0\0\0\0\0\0\0\0\0", BadStreamId),
        (b"\0\0\0\x01\0\0\0\0\0", BadStreamId),
        (b"\0\0\x05\x02\0\0\0\0\0\0\0\0\x01\0", BadStreamId),
        (b"\0\0\x04\x03\0\0\0\0\0\0\0\0\0", BadStreamId),
        (b"\0\0\0\x04\0\0\0\0\x01", BadStreamId),
        (b"\0\0\x04\x05\0\0\0\0\0\0\0\0\x02", BadStreamId),
        (b"\0\0\x08\x06\0\0\0\0\x0101234567", BadStreamId),
        (b"\0\0\x08\x07\0\0\0\0\x01\0\0\0\0\0\0\0\0", BadStreamId),
        (b"\0\0\0\x09\0\0\0\0\0", BadStreamId),
        (b"\0\0\x04\x10\0\0\0\0\x01\0\0\0\x01", BadStreamId),
        // Too long or too short for the type.
        (b"\0\0\x04\x02\0\0\0\0\x01\0\0\0\0", FrameSize),
        (b"\0\0\x05\x03\0\0\0\0\x01\0\0\0\0\0", FrameSize),
        (b"\0\0\x07\x04\0\0\0\0\0\0\0\0\0\0\0\0", FrameSize),
        (b"\0\0\x01\x04\x01\0\0\0\0\0", FrameSize),
        (b"\0\0\x03\x05\0\0\0\0\x01\0\0\x02", FrameSize),
        (b"\0\0\x07\x06\0\0\0\0\x000123456", FrameSize),
        (b"\0\0\x07\x07\0\0\0\0\0\0\0\0\0\0\0\0", FrameSize),
        (b"\0\0\x03\x08\0\0\0\0\x01\0\0\x01", FrameSize),
        (b"\0\0\x03\x10\0\0\0\0\0\0\0\x01", FrameSize),
        (b"\0\0\x04\x01\x20\0\0\0\x01\0\0\0\0", FrameSize),
        // Padding that is no shorter than the payload.
        (b"\0\0\x02\0\x08\0\0\0\x01\x02x", PaddingTooLong),
        (b"\0\0\x01\x01\x0c\0\0\0\x01\x01", PaddingTooLong),
        (b"\0\0\x04\x08\0\0\0\0\0\x80\0\0\0", ZeroIncrement),
    ];
    for (wire, expected) in rows {
        assert_eq!(decoded(wire), Err(expected), "{}", wire.escape_ascii());
    }
}

#[test]
fn a_block_is_cut_where_the_receiver_says() {
    let block: Vec<u8> = (0..100).collect();
    for (length, expected) in [(0, 1), (10, 1), (11, 2), (20, 2), (100, 10)] {
        let mut wire = BytesMut::from(&b"before"[..]);
        frame::put_block(&mut wire, ONE, true, None, 10, |dst| {
            dst.extend_from_slice(&block[..length]);
        });
        let (mut rest, mut joined, mut ends) = (&wire[6..], Vec::new(), Vec::new());
        while let Ok(Status::Complete(frame, used)) = decoded(rest) {
            match frame {
                Frame::Headers { fragment, end_headers, end_stream, .. } => {
                    assert!(end_stream && ends.is_empty());
                    joined.extend_from_slice(fragment);
                    ends.push(end_headers);
                }
                Frame::Continuation { fragment, end_headers, .. } => {
                    joined.extend_from_slice(fragment);
                    ends.push(end_headers);
                }
                frame => panic!("{frame:?}"),
            }
            rest = &rest[used..];
        }
        assert_eq!((rest, &joined[..]), (&b""[..], &block[..length]));
        assert_eq!(ends.len(), expected);
        assert!(ends.iter().rev().skip(1).all(|end| !end) && ends.last() == Some(&true));
    }
}

proptest! {
    /// What was read is written as it was, but for what has no meaning.
    #[test]
    fn any_bytes_are_a_frame_a_part_of_one_or_an_error(
        kind in 0u8..20,
        flags in any::<u8>(),
        stream in prop_oneof![Just(0), any::<u32>()],
        payload in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let length = (payload.len() as u32).to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        let wire = [head, payload].concat();
        if let Ok(status) = decoded(&wire) {
            let Status::Complete(frame, used) = status else { panic!("it is whole") };
            prop_assert_eq!(used, wire.len());
            let again = encoded(&frame);
            prop_assert_eq!(decoded(&again), Ok(Status::Complete(frame, again.len())));
        }
    }
}
