use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use barewire_rt::Runtime;

/// What a future yields, or `None` when `deadline` passes first. A future that blocks has its own way to
/// know of the deadline: nothing is slept here before it was pending.
pub(crate) async fn before<R: Runtime, F: Future>(
    runtime: &R,
    deadline: Option<Instant>,
    future: F,
) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut sleep = None;
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        let Some(deadline) = deadline else { return Poll::Pending };
        let sleep = sleep.get_or_insert_with(|| runtime.sleep_until(deadline));
        Pin::new(sleep).poll(cx).map(|()| None)
    })
    .await
}

/// The earlier of `limit` after `now` and `total`.
pub(crate) fn earliest(
    now: Instant,
    limit: Option<Duration>,
    total: Option<Instant>,
) -> Option<Instant> {
    limit.and_then(|limit| now.checked_add(limit)).into_iter().chain(total).min()
}
