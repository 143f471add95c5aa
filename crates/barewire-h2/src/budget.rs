//! How much a peer may make this side work: one bucket for each kind of attack (RFC 9113, section 10.5).

use std::time::Instant;

use crate::config::{Limits, Rate};
use crate::{Error, ErrorKind};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    EmptyFrame,
    Ping,
    Priority,
    ProvokedReset,
    Reset,
    Settings,
    TinyData,
    UnknownFrame,
    WindowUpdate,
}

const COSTS: usize = 9;

/// What was spent of each budget, and when it was last forgiven.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    spent: [u32; COSTS],
    since: [Option<Instant>; COSTS],
}

impl Cost {
    fn rate(self, limits: &Limits) -> Rate {
        match self {
            Self::EmptyFrame => limits.empty_frames,
            Self::Ping => limits.pings,
            Self::Priority => limits.priorities,
            Self::ProvokedReset => limits.provoked_resets,
            Self::Reset => limits.resets,
            Self::Settings => limits.settings,
            Self::TinyData => limits.tiny_data,
            Self::UnknownFrame => limits.unknown_frames,
            Self::WindowUpdate => limits.window_updates,
        }
    }

    fn kind(self) -> ErrorKind {
        match self {
            Self::EmptyFrame => ErrorKind::EmptyFrameFlood,
            Self::Ping => ErrorKind::PingFlood,
            Self::Priority => ErrorKind::PriorityFlood,
            Self::ProvokedReset => ErrorKind::ProvokedResetFlood,
            Self::Reset => ErrorKind::ResetFlood,
            Self::Settings => ErrorKind::SettingsFlood,
            Self::TinyData => ErrorKind::TinyDataFlood,
            Self::UnknownFrame => ErrorKind::UnknownFrameFlood,
            Self::WindowUpdate => ErrorKind::WindowUpdateFlood,
        }
    }
}

impl Budgets {
    /// Counts one. Time is only looked at when the burst is used up, so that who stays below pays an addition.
    #[inline]
    pub(crate) fn spend(
        &mut self,
        cost: Cost,
        limits: &Limits,
        now: Option<Instant>,
    ) -> Result<(), Error> {
        let Some(spent) = self.spent.get_mut(cost as usize) else { return Ok(()) };
        *spent = spent.saturating_add(1);
        let first = *spent == 1;
        if *spent <= cost.rate(limits).burst && !first {
            return Ok(());
        }
        self.settle(cost, limits, now)
    }

    /// Takes some back.
    #[inline]
    pub(crate) fn refund(&mut self, cost: Cost, n: u32) {
        if let Some(spent) = self.spent.get_mut(cost as usize) {
            *spent = spent.saturating_sub(n);
        }
    }

    #[cold]
    fn settle(&mut self, cost: Cost, limits: &Limits, now: Option<Instant>) -> Result<(), Error> {
        let rate = cost.rate(limits);
        let index = cost as usize;
        let (Some(spent), Some(since)) = (self.spent.get_mut(index), self.since.get_mut(index))
        else {
            return Ok(());
        };
        if let (Some(before), Some(now)) = (*since, now) {
            let seconds = now.saturating_duration_since(before).as_secs();
            if seconds > 0 {
                let forgiven = u64::from(rate.per_second).saturating_mul(seconds);
                *spent = spent.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX));
                *since = Some(now);
            }
        } else {
            *since = now;
        }
        if *spent > rate.burst { Err(cost.kind().into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use barewire_testkit::Clock;
    use std::time::Duration;

    #[test]
    fn a_burst_is_taken_and_then_a_rate() {
        let limits = Limits { pings: Rate { burst: 3, per_second: 2 }, ..Limits::default() };
        let mut clock = Clock::start();
        let mut budgets = Budgets::default();
        let mut spend = |clock: &Clock| budgets.spend(Cost::Ping, &limits, Some(clock.now()));
        for _ in 0..3 {
            assert_eq!(spend(&clock), Ok(()));
        }
        clock.advance(Duration::from_secs(1));
        assert_eq!(spend(&clock), Ok(()));
        assert_eq!(spend(&clock), Ok(()));
        assert_eq!(spend(&clock).map_err(|e| e.kind()), Err(ErrorKind::PingFlood));
    }
}
