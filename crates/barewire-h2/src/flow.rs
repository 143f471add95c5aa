//! Windows (RFC 9113, section 5.2): what the peer may send, and when it is told that it may send more.

use crate::ErrorKind;
use crate::frame::MAX_WINDOW;

/// The window for what is received, of a stream or of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Receiving {
    /// What the peer may still send; below zero after we made it smaller.
    window: i32,
    /// What was consumed, and the peer was not told about yet.
    consumed: u32,
}

impl Receiving {
    pub(crate) fn new(window: u32) -> Self {
        Self { window: i32::try_from(window).unwrap_or(i32::MAX), consumed: 0 }
    }

    /// Takes what came off the window.
    #[inline]
    pub(crate) fn take(&mut self, n: u32) -> Result<(), ErrorKind> {
        match i32::try_from(n) {
            Ok(n) if n <= self.window => {
                self.window = self.window.saturating_sub(n);
                Ok(())
            }
            // A frame of length zero fits even a negative window.
            Ok(0) => Ok(()),
            _ => Err(ErrorKind::FlowControl),
        }
    }

    /// Gives back what was consumed. The result is what the peer is to be told, once it is half of `target`,
    /// the whole window, or as much as the peer has left of it: often enough for a sender never to wait, whoever
    /// holds the rest, and seldom enough to cost nothing.
    #[inline]
    pub(crate) fn give(&mut self, n: u32, target: u32) -> Option<u32> {
        self.consumed = self.consumed.saturating_add(n);
        let left = u32::try_from(self.window).unwrap_or(0);
        if self.consumed < (target / 2).min(left).max(1) {
            return None;
        }
        let n = std::mem::take(&mut self.consumed);
        self.window = self.window.saturating_add(i32::try_from(n).unwrap_or(i32::MAX));
        Some(n)
    }

    /// Moves the window by a change of SETTINGS_INITIAL_WINDOW_SIZE.
    pub(crate) fn shift(&mut self, by: i32) {
        self.window = self.window.saturating_add(by);
    }

    /// Whether the peer waits for us.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.window <= 0
    }
}

/// Adds what WINDOW_UPDATE or a change of SETTINGS_INITIAL_WINDOW_SIZE says to a window for sending.
pub(crate) fn widen(window: &mut i32, by: i64) -> Result<(), ErrorKind> {
    let wider = i64::from(*window).saturating_add(by);
    if wider > i64::from(MAX_WINDOW) {
        return Err(ErrorKind::WindowOverflow);
    }
    *window = i32::try_from(wider).unwrap_or(i32::MIN);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_comes_back_in_halves() {
        let mut window = Receiving::new(100);
        assert_eq!(window.take(101), Err(ErrorKind::FlowControl));
        assert_eq!(window.take(100), Ok(()));
        assert!(window.is_exhausted());
        assert_eq!(window.give(50, 100), Some(50));
        assert_eq!(window.take(51), Err(ErrorKind::FlowControl));
        assert_eq!(window.take(50), Ok(()));
        // Half of the whole window, where the peer has more than that.
        let mut open = Receiving::new(100);
        assert_eq!(open.take(49), Ok(()));
        assert_eq!((open.give(49, 100), open.take(1), open.give(1, 100)), (None, Ok(()), Some(50)));
        window.shift(-30);
        assert_eq!(window.take(0), Ok(()));
        let mut one = Receiving::new(1);
        assert_eq!((one.give(0, 1), one.give(1, 1)), (None, Some(1)));
    }

    #[test]
    fn rfc9113_6_9_1_a_window_has_an_end() {
        let mut window = MAX_WINDOW as i32 - 1;
        assert_eq!(widen(&mut window, 1), Ok(()));
        assert_eq!(widen(&mut window, 1), Err(ErrorKind::WindowOverflow));
        assert_eq!(widen(&mut window, -2 * i64::from(MAX_WINDOW)), Ok(()));
        assert_eq!(window, -i32::MAX);
    }
}
