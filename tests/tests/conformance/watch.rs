//! What every frame of the server has to keep to, whatever a test is about.

use std::collections::HashMap;

use crate::client::Frame;
use crate::wire::{self, END_HEADERS, END_STREAM, PADDED, PRIORITY, kind};

/// How the server has ended its side of a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Stream,
    Reset,
}

#[derive(Default)]
pub(crate) struct Watch {
    /// The stream of a header block that is not complete.
    block: Option<u32>,
    ended: HashMap<u32, End>,
    /// The last stream of the GOAWAY before.
    last: Option<u32>,
}

impl Watch {
    #[track_caller]
    pub(crate) fn see(&mut self, frame: &Frame) {
        assert_eq!(
            frame.flags & !defined(frame.kind),
            0,
            "{frame:?}: an unused flag (section 4.1)"
        );
        assert!(has_zeros_for_padding(frame), "{frame:?}: padding (section 6.1)");
        self.watch_blocks(frame);
        self.watch_streams(frame);
        if frame.kind == kind::GOAWAY {
            let last = frame.word(0);
            assert!(self.last.is_none_or(|before| last <= before), "{frame:?} (section 6.8)");
            self.last = Some(last);
        }
    }

    /// Nothing comes between the frames of a header block (section 4.3).
    #[track_caller]
    fn watch_blocks(&mut self, frame: &Frame) {
        let continued = (frame.kind == kind::CONTINUATION).then_some(frame.stream);
        assert_eq!(self.block, continued, "{frame:?} within a header block, or without one");
        if matches!(frame.kind, kind::HEADERS | kind::PUSH_PROMISE | kind::CONTINUATION) {
            self.block = (frame.flags & END_HEADERS == 0).then_some(frame.stream);
        }
    }

    /// Who has ended a stream sends no more of it (section 5.1).
    #[track_caller]
    fn watch_streams(&mut self, frame: &Frame) {
        let message = matches!(frame.kind, kind::DATA | kind::HEADERS | kind::PUSH_PROMISE);
        match self.ended.get(&frame.stream) {
            Some(End::Stream) => assert!(!message, "{frame:?} after END_STREAM"),
            Some(End::Reset) => {
                let update = frame.kind == kind::WINDOW_UPDATE;
                assert!(!message && !update, "{frame:?} after RST_STREAM");
            }
            None => {}
        }
        if frame.kind == kind::RST_STREAM {
            self.ended.insert(frame.stream, End::Reset);
        } else if frame.ends_stream() {
            self.ended.insert(frame.stream, End::Stream);
        }
    }
}

/// The flags that a type has (section 6).
fn defined(of: u8) -> u8 {
    match of {
        kind::DATA => END_STREAM | PADDED,
        kind::HEADERS => END_STREAM | END_HEADERS | PADDED | PRIORITY,
        kind::PUSH_PROMISE => END_HEADERS | PADDED,
        kind::CONTINUATION => END_HEADERS,
        kind::SETTINGS | kind::PING => wire::ACK,
        _ => 0,
    }
}

fn has_zeros_for_padding(frame: &Frame) -> bool {
    if frame.flags & PADDED == 0
        || !matches!(frame.kind, kind::DATA | kind::HEADERS | kind::PUSH_PROMISE)
    {
        return true;
    }
    let Some((length, rest)) = frame.payload.split_first() else { return false };
    let padding = rest.len().checked_sub(usize::from(*length)).and_then(|at| rest.get(at..));
    padding.is_some_and(|padding| padding.iter().all(|byte| *byte == 0))
}
