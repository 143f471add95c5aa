//! How far a download is, for people who wait for it.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on standard error, where that is a terminal.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Of `len` bytes, where that is known.
    pub(crate) fn begin(len: Option<u64>) -> Self {
        if !stderr().is_terminal() {
            return Self::none();
        }
        let template = match len {
            Some(_) => "{bytes} of {total_bytes} {wide_bar} {bytes_per_sec}, {eta}",
            None => "{bytes} {spinner} {bytes_per_sec}",
        };
        let bar = ProgressBar::with_draw_target(len, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(Some(bar))
    }

    /// Nothing is shown.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    pub(crate) fn advance(&self, bytes: usize) {
        if let Some(bar) = &self.0 {
            bar.inc(bytes as u64);
        }
    }
}

impl Drop for Progress {
    /// Leaves the terminal's line to whatever is said next.
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
