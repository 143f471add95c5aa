/// How often a driver goes round before it lets other tasks run.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    left: u32,
    full: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(32)
    }
}

impl Budget {
    /// A budget of `rounds` reads for each wake.
    pub fn new(rounds: u32) -> Self {
        Self { left: rounds, full: rounds }
    }

    /// Begins a new wake.
    pub fn refill(&mut self) {
        self.left = self.full;
    }

    /// Takes one round; `false` when there is none left, and the driver should yield.
    pub fn spend(&mut self) -> bool {
        let some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        some
    }
}

/// How many bytes to ask for in the next read: it follows what arrives.
///
/// A read that filled what was offered doubles the size, two in a row that used less than a quarter halve it.
#[derive(Clone, Copy, Debug)]
pub struct ReadSize {
    now: usize,
    small: u8,
}

const SMALLEST: usize = 4 * 1024;
const LARGEST: usize = 256 * 1024;

impl Default for ReadSize {
    fn default() -> Self {
        Self { now: SMALLEST, small: 0 }
    }
}

impl ReadSize {
    /// The size to ask for, in bytes.
    pub fn hint(&self) -> usize {
        self.now
    }

    /// Learns from a read of `n` bytes into a buffer of `offered`.
    pub fn record(&mut self, n: usize, offered: usize) {
        if n >= offered && offered >= self.now / 2 {
            self.now = (self.now * 2).min(LARGEST);
            self.small = 0;
        } else if n < self.now / 4 {
            self.small += 1;
            if self.small >= 2 {
                self.now = (self.now / 2).max(SMALLEST);
                self.small = 0;
            }
        } else {
            self.small = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_size_follows_what_arrives() {
        let mut size = ReadSize::default();
        for _ in 0..20 {
            size.record(size.hint(), size.hint());
        }
        assert_eq!(size.hint(), LARGEST);
        for _ in 0..40 {
            size.record(10, size.hint());
        }
        assert_eq!(size.hint(), SMALLEST);
    }
}
