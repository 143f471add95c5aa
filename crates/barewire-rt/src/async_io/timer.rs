use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use ::async_io::Timer;

/// A future that is ready at an instant. Cancel-safe.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct Sleep(Timer);

impl Sleep {
    /// Ready at `at`, or at once when that has passed.
    pub fn until(at: Instant) -> Self {
        Self(Timer::at(at))
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(drop)
    }
}
