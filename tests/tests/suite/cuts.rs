//! Dropping futures halfway, in a systematic way.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::mpsc::{self, Receiver, Sender};
use std::task::Poll;

/// Decides after how many polls each future is dropped, and lets a peer keep pace with the polls.
pub(crate) struct Cuts {
    plan: Plan,
    polls: u32,
    /// How many futures were dropped before they were ready.
    pub(crate) made: u32,
    paces: Option<Sender<()>>,
    /// Whether the peer goes ahead of each poll, too.
    ahead: bool,
}

enum Plan {
    /// Each future gets so many polls; before each one, another is dropped that got none.
    Every { polls: u32, fresh: bool },
    /// The one that gets this poll, counted over all futures, is dropped after it.
    Once { at: u32 },
    /// Any number of polls from none to three, by a seed.
    Random { state: u32 },
}

impl Cuts {
    fn new(plan: Plan) -> Self {
        Self { plan, polls: 0, made: 0, paces: None, ahead: false }
    }

    /// Enough of them that a future is dropped at each of its awaits.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let every = (1..=4).map(|polls| Plan::Every { polls, fresh: false });
        let once = (1..=20).map(|at| Plan::Once { at });
        let random =
            (1..=8u32).map(|seed| Plan::Random { state: u32::wrapping_mul(seed, 0x9e37_79b9) });
        every.chain(once).chain(random).map(Self::new)
    }

    /// Who receives gets a message after each poll that was not ready: a peer that sends a piece for each of
    /// them goes as slowly as possible.
    pub(crate) fn pace(&mut self) -> Receiver<()> {
        let (paces, receiver) = mpsc::channel();
        self.paces = Some(paces);
        receiver
    }

    /// As [`pace`](Self::pace), with a message before each poll, too: for futures that block when they are
    /// first polled.
    pub(crate) fn pace_ahead(&mut self) -> Receiver<()> {
        self.ahead = true;
        self.pace()
    }

    fn allowance(&mut self) -> u32 {
        match &mut self.plan {
            Plan::Every { polls, fresh } => {
                *fresh = !*fresh;
                if *fresh { 0 } else { *polls }
            }
            Plan::Once { at } if self.polls < *at => *at - self.polls,
            Plan::Once { .. } => u32::MAX,
            Plan::Random { state } => {
                *state ^= *state << 13;
                *state ^= *state >> 17;
                *state ^= *state << 5;
                *state % 4
            }
        }
    }

    fn step(&self) {
        // The peer may have nothing left to do.
        let _ = self.paces.as_ref().map(|paces| paces.send(()));
    }

    /// Runs a future as long as the plan lets it: `None` when it was dropped.
    pub(crate) async fn run<F: Future>(&mut self, future: F) -> Option<F::Output> {
        let mut left = self.allowance();
        if left == 0 {
            return None;
        }
        let mut future = pin!(future);
        let output = poll_fn(|cx| {
            self.polls += 1;
            if self.ahead {
                self.step();
            }
            let polled = future.as_mut().poll(cx);
            if let Poll::Ready(output) = polled {
                return Poll::Ready(Some(output));
            }
            self.step();
            left -= 1;
            if left > 0 { Poll::Pending } else { Poll::Ready(None) }
        })
        .await;
        self.made += u32::from(output.is_none());
        output
    }
}

/// Makes a future again and again, until one of them is not dropped before it is ready.
macro_rules! insist {
    ($cuts:expr, $future:expr) => {
        loop {
            match $cuts.run($future).await {
                Some(output) => break output,
                None => futures_lite::future::yield_now().await,
            }
        }
    };
}
pub(crate) use insist;
