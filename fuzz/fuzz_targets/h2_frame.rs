//! Frames alone: any bytes are a frame, part of one or an error; a frame that was read is written as it was.

#![no_main]

use barewire_h2::frame::{self, Frame};
use barewire_proto::Status;
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut rest = data;
    while let Ok(Status::Complete(frame, used)) = frame::decode(rest, 16_384) {
        let mut wire = BytesMut::new();
        frame.encode(&mut wire);
        // Settings come in any order and twice, and reserved bits are left out: those are compared as read.
        let Ok(Status::Complete(again, written)) = frame::decode(&wire, 16_384) else {
            panic!("{frame:?} cannot be read back");
        };
        assert_eq!(again, frame);
        assert_eq!(written, wire.len());
        if !matches!(frame, Frame::Settings(_)) {
            assert_eq!(written, used);
        }
        rest = &rest[used..];
    }
});
