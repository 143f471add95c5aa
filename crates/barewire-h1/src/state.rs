//! The states of the two halves of a connection, and all the ways from one to another.
//!
//! *Reading* takes messages off the input one after the other: `Head`, then `Body` if there is one, then
//! `Head` again. It is `Discard` instead of `Body` once nobody wants the rest. `Done` means that no byte will
//! be taken for a message any more: after the last message, after a violation, at the end of file. `Upgraded`
//! means that the bytes belong to another protocol.
//!
//! *Writing* puts messages out one after the other: `Idle` between them, `Body` while one is unfinished,
//! `Closed` when none will follow.
//!
//! Nothing outside of this file changes a state; a step that has no meaning in a state leaves it as it is.

/// Where the reading half is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Head,
    Body,
    Discard,
    Done,
    Upgraded,
}

/// What happens to the reading half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadStep {
    /// A head that announces a body.
    BodyBegins,
    /// The end of a body, with another message to follow or not.
    BodyEnds { last: bool },
    /// Nobody wants the rest of the body.
    Unwanted,
    /// No further message: the peer said so, or we close.
    Finish,
    /// The bytes that follow belong to another protocol.
    Upgrade,
}

impl Reading {
    pub(crate) fn step(&mut self, step: ReadStep) {
        *self = match (*self, step) {
            (Self::Head, ReadStep::BodyBegins) => Self::Body,
            (Self::Body | Self::Discard, ReadStep::BodyEnds { last: false }) => Self::Head,
            (Self::Body | Self::Discard, ReadStep::BodyEnds { last: true }) => Self::Done,
            (Self::Body, ReadStep::Unwanted) => Self::Discard,
            (Self::Head | Self::Body | Self::Discard, ReadStep::Finish) => Self::Done,
            (Self::Head, ReadStep::Upgrade) => Self::Upgraded,
            (state, _) => state,
        };
    }

    /// Whether a body is unfinished.
    pub(crate) fn is_in_body(self) -> bool {
        matches!(self, Self::Body | Self::Discard)
    }
}

/// Where the writing half is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    Idle,
    Body,
    Closed,
    Upgraded,
}

/// What happens to the writing half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteStep {
    /// A head was put out and its body follows.
    BodyBegins,
    /// The message is complete.
    Ends,
    /// No further message.
    Close,
    /// What follows belongs to another protocol.
    Upgrade,
}

impl Writing {
    pub(crate) fn step(&mut self, step: WriteStep) {
        *self = match (*self, step) {
            (Self::Idle, WriteStep::BodyBegins) => Self::Body,
            (Self::Body, WriteStep::Ends) => Self::Idle,
            (Self::Idle | Self::Body | Self::Upgraded, WriteStep::Close) => Self::Closed,
            (Self::Idle, WriteStep::Upgrade) => Self::Upgraded,
            (state, _) => state,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_reading_and_every_step() {
        use ReadStep::*;
        use Reading::*;
        let steps = [
            BodyBegins,
            BodyEnds { last: false },
            BodyEnds { last: true },
            Unwanted,
            Finish,
            Upgrade,
        ];
        for (state, after) in [
            (Head, [Body, Head, Head, Head, Done, Upgraded]),
            (Body, [Body, Head, Done, Discard, Done, Body]),
            (Discard, [Discard, Head, Done, Discard, Done, Discard]),
            (Done, [Done; 6]),
            (Upgraded, [Upgraded; 6]),
        ] {
            for (step, expected) in steps.into_iter().zip(after) {
                let mut reached = state;
                reached.step(step);
                assert_eq!(reached, expected, "{state:?} {step:?}");
            }
        }
    }

    #[test]
    fn every_state_of_writing_and_every_step() {
        use WriteStep::*;
        use Writing::*;
        let steps = [BodyBegins, Ends, Close, Upgrade];
        for (state, after) in [
            (Idle, [Body, Idle, Closed, Upgraded]),
            (Body, [Body, Idle, Closed, Body]),
            (Closed, [Closed; 4]),
            (Upgraded, [Upgraded, Upgraded, Closed, Upgraded]),
        ] {
            for (step, expected) in steps.into_iter().zip(after) {
                let mut reached = state;
                reached.step(step);
                assert_eq!(reached, expected, "{state:?} {step:?}");
            }
        }
    }
}
