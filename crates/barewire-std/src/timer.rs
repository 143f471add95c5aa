use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::Instant;

/// A future that is ready at an instant: polling it blocks the thread until then.
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct Sleep(Instant);

impl Sleep {
    /// Ready at `at`, or at once when that has passed.
    pub fn until(at: Instant) -> Self {
        Self(at)
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        thread::sleep(self.0.saturating_duration_since(Instant::now()));
        Poll::Ready(())
    }
}
