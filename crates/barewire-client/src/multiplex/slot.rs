use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use barewire_h2::{BodyLength, Reason, ResetBy};
use bytes::Bytes;
use http::{HeaderMap, Response};

use super::sooner;
use crate::error::{ErrorKind, Phase};
use crate::open_error::own;

/// What is known of one stream and was not taken yet.
#[derive(Default)]
pub(super) struct Slot {
    /// Who waits.
    pub(super) waker: Option<Waker>,
    /// It waits for its own body, not for the server: it cannot be the one that reads.
    pub(super) starved: bool,
    pub(super) head: Option<(Response<()>, BodyLength)>,
    pub(super) data: VecDeque<Bytes>,
    pub(super) trailers: Option<HeaderMap>,
    pub(super) ended: bool,
    pub(super) reset: Option<(Reason, ResetBy)>,
    /// The server has asked for the body, or is past being waited for.
    pub(super) go_on: bool,
    /// There is room for more of the request's body.
    pub(super) room: bool,
    pub(super) received: bool,
    pub(super) total: Option<Instant>,
    pub(super) quiet: Option<Instant>,
    pub(super) alarm: Option<Instant>,
    pub(super) expired: bool,
}

/// What a stream has to say.
pub(super) enum News {
    Head(Response<()>, BodyLength),
    Data(Bytes),
    Trailers(HeaderMap),
    End,
    Reset(Reason, ResetBy),
    /// The connection is over.
    Over(Over),
    /// A deadline of this stream has passed.
    Expired,
    /// The request's body may go on.
    GoOn,
    Room,
}

/// How a connection came to its end, as each of its users is told.
#[derive(Clone)]
pub(super) enum Over {
    Closed,
    Io(Arc<io::Error>),
    Protocol(barewire_h2::Error),
    #[cfg(feature = "tls")]
    Tls(barewire_tls::TlsError),
}

impl Over {
    pub(super) fn into_kind(self, phase: Phase) -> ErrorKind {
        match self {
            Self::Closed => ErrorKind::Closed(phase),
            Self::Io(error) => ErrorKind::Io(phase, own(error)),
            Self::Protocol(error) => match error.kind() {
                barewire_h2::ErrorKind::UnexpectedEnd => ErrorKind::Closed(phase),
                barewire_h2::ErrorKind::WriteTimeout => ErrorKind::Timeout(Phase::Send),
                _ => ErrorKind::Http2(phase, error),
            },
            #[cfg(feature = "tls")]
            Self::Tls(error) => crate::tls::broken(phase, error),
        }
    }
}

impl Slot {
    /// When it has to be looked at, whatever comes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        sooner(sooner(self.total, self.quiet), self.alarm)
    }

    /// Counts the time without anything from now on, unless it is counted already. Not while the stream waits
    /// for its own body, or when something moved.
    pub(super) fn arm(
        &mut self,
        starved: bool,
        moved: bool,
        until: impl FnOnce() -> Option<Instant>,
    ) -> Option<Instant> {
        self.waker = None;
        if starved || moved {
            self.quiet = None;
        }
        if !starved && self.quiet.is_none() {
            self.quiet = until();
        }
        self.deadline()
    }

    /// Something moved on the stream.
    pub(super) fn touch(&mut self) {
        self.quiet = None;
    }

    /// What it holds of the window, when its user is gone.
    pub(super) fn held(&self) -> usize {
        self.data.iter().map(Bytes::len).sum()
    }
}
