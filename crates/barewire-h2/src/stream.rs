//! The states of a stream (RFC 9113, section 5.1), and what has to be remembered of one.
//!
//! ```text
//!            SendPromise          idle           RecvPromise
//!  reserved ◀───────────────────── │ ─────────────────────▶ reserved
//!  (local)                SendHead │ RecvHead               (remote)
//!     │ SendHead                   ▼                   RecvHead │
//!     │            ┌─RecvEnd──── open ────SendEnd─┐             │
//!     ▼            ▼                              ▼             ▼
//!  half closed (remote) ──SendEnd──▶ closed ◀──RecvEnd── half closed (local)
//! ```
//!
//! A stream that is idle or closed has no entry here; RST_STREAM closes from every state.

use std::collections::VecDeque;

use bytes::Bytes;
use http::HeaderMap;

use crate::flow::Receiving;
use crate::{Priority, StreamId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Idle,
    ReservedLocal,
    ReservedRemote,
    Open,
    HalfClosedLocal,
    HalfClosedRemote,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    SendPromise,
    RecvPromise,
    SendHead,
    RecvHead,
    SendEnd,
    RecvEnd,
}

impl State {
    /// The transition table; a step that a state does not know leaves it as it is.
    pub(crate) fn after(self, step: Step) -> Self {
        match (self, step) {
            (Self::Idle, Step::SendPromise) => Self::ReservedLocal,
            (Self::Idle, Step::RecvPromise) => Self::ReservedRemote,
            (Self::Idle, Step::SendHead | Step::RecvHead) => Self::Open,
            (Self::ReservedLocal, Step::SendHead) => Self::HalfClosedRemote,
            (Self::ReservedRemote, Step::RecvHead) => Self::HalfClosedLocal,
            (Self::Open, Step::SendEnd) => Self::HalfClosedLocal,
            (Self::Open, Step::RecvEnd) => Self::HalfClosedRemote,
            (Self::HalfClosedLocal, Step::RecvEnd) => Self::Closed,
            (Self::HalfClosedRemote, Step::SendEnd) => Self::Closed,
            (state, _) => state,
        }
    }

    /// Whether the peer may still send a body.
    pub(crate) fn receives(self) -> bool {
        matches!(self, Self::Open | Self::HalfClosedLocal)
    }

    /// Whether this side may still send.
    pub(crate) fn sends(self) -> bool {
        matches!(self, Self::Open | Self::HalfClosedRemote)
    }

    /// Whether it was promised, and nothing of its response went or came (section 8.4).
    pub(crate) fn is_reserved(self) -> bool {
        matches!(self, Self::ReservedLocal | Self::ReservedRemote)
    }

    /// Whether it counts towards the limit of concurrent streams (section 5.1.2).
    pub(crate) fn is_active(self) -> bool {
        matches!(self, Self::Open | Self::HalfClosedLocal | Self::HalfClosedRemote)
    }
}

/// What is remembered of a stream that is not idle.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: StreamId,
    pub(crate) state: State,
    pub(crate) priority: Priority,
    /// Streams that nobody gave a priority take turns, so that a large one holds up nobody.
    pub(crate) takes_turns: bool,
    /// It has its place in the scheduler.
    pub(crate) scheduled: bool,
    /// The head of the response was sent (server) or received (client).
    pub(crate) answered: bool,
    /// The request is HEAD: the response has no body.
    pub(crate) head: bool,
    pub(crate) connect: bool,
    /// Nobody wants the rest of what comes in.
    pub(crate) discard: bool,
    /// The application was told that there is no room.
    pub(crate) blocked: bool,
    pub(crate) informational: u8,
    /// What may still be sent; below zero after the peer made its windows smaller (section 6.9.2).
    pub(crate) send_window: i32,
    pub(crate) receiving: Receiving,
    /// Bytes of body that were handed out and not given back.
    pub(crate) unreleased: u32,
    /// Bytes that came, and that went, since it was last looked after.
    pub(crate) came: u32,
    pub(crate) went: u32,
    /// Looked after at least once since it waits, or since it was opened.
    pub(crate) marked: bool,
    pub(crate) body_marked: bool,
    /// Both sides are done with it, and only its data is still with the application.
    pub(crate) counted_out: bool,
    /// Bytes of body that are still to come by `Content-Length`; `u64::MAX` when it is not known.
    pub(crate) body_left: u64,
    pub(crate) body_received: u64,
    /// Bytes of body that are still to be sent by the declared length; `u64::MAX` when it is not known.
    pub(crate) send_left: u64,
    /// What waits for a window, for the output, or for its turn.
    pub(crate) waiting: Option<Box<Waiting>>,
}

/// What was taken from the application and could not be sent yet.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) parts: VecDeque<Bytes>,
    pub(crate) len: usize,
    pub(crate) end: bool,
    pub(crate) trailers: Option<HeaderMap>,
}

/// Not known: as a body's length.
pub(crate) const UNKNOWN: u64 = u64::MAX;

impl Stream {
    pub(crate) fn new(id: StreamId, send_window: u32, receive_window: u32) -> Self {
        Self {
            id,
            state: State::Idle,
            priority: Priority::default(),
            takes_turns: true,
            scheduled: false,
            answered: false,
            head: false,
            connect: false,
            discard: false,
            blocked: false,
            informational: 0,
            send_window: i32::try_from(send_window).unwrap_or(i32::MAX),
            receiving: Receiving::new(receive_window),
            unreleased: 0,
            came: 0,
            went: 0,
            marked: false,
            body_marked: false,
            counted_out: false,
            body_left: UNKNOWN,
            body_received: 0,
            send_left: UNKNOWN,
            waiting: None,
        }
    }

    #[inline]
    pub(crate) fn step(&mut self, step: Step) {
        self.state = self.state.after(step);
    }

    pub(crate) fn waiting_len(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.len)
    }

    /// Whether data could go out now, as far as the stream is concerned.
    pub(crate) fn is_ready(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.len == 0 || self.send_window > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 7] = [
        State::Idle,
        State::ReservedLocal,
        State::ReservedRemote,
        State::Open,
        State::HalfClosedLocal,
        State::HalfClosedRemote,
        State::Closed,
    ];

    #[test]
    fn rfc9113_5_1_every_state_and_step() {
        use State::*;
        use Step::*;
        let steps = [SendPromise, RecvPromise, SendHead, RecvHead, SendEnd, RecvEnd];
        let table = [
            [ReservedLocal, ReservedRemote, Open, Open, Idle, Idle],
            [
                ReservedLocal,
                ReservedLocal,
                HalfClosedRemote,
                ReservedLocal,
                ReservedLocal,
                ReservedLocal,
            ],
            [
                ReservedRemote,
                ReservedRemote,
                ReservedRemote,
                HalfClosedLocal,
                ReservedRemote,
                ReservedRemote,
            ],
            [Open, Open, Open, Open, HalfClosedLocal, HalfClosedRemote],
            [
                HalfClosedLocal,
                HalfClosedLocal,
                HalfClosedLocal,
                HalfClosedLocal,
                HalfClosedLocal,
                Closed,
            ],
            [
                HalfClosedRemote,
                HalfClosedRemote,
                HalfClosedRemote,
                HalfClosedRemote,
                Closed,
                HalfClosedRemote,
            ],
            [Closed; 6],
        ];
        for (state, row) in STATES.iter().zip(table) {
            for (step, expected) in steps.iter().zip(row) {
                assert_eq!(state.after(*step), expected, "{state:?} {step:?}");
            }
        }
    }

    #[test]
    fn a_stream_is_small() {
        assert!(size_of::<Stream>() <= 112, "{}", size_of::<Stream>());
    }
}
