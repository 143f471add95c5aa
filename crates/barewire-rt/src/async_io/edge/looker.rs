use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use super::hub::{Hub, lock};

/// Looks for events of connected sockets whenever the tasks that the last ones woke have run.
///
/// An executor that runs this as a task of its own, once, answers many connections with fewer system calls.
/// Everything works without it, and while the executor does not run. It never ends; dropping it is safe.
pub fn look_ahead() -> impl Future<Output = Infallible> + Send {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    Looker { id: NEXT.fetch_add(1, Ordering::Relaxed) }
}

pub(super) struct Looker {
    id: u64,
}

impl Future for Looker {
    type Output = Infallible;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Infallible> {
        // Without a hub there are no sockets; they would have failed for the same reason.
        let Ok(hub) = Hub::get() else { return Poll::Pending };
        if hub.look() > 0 {
            // Behind the tasks that were woken.
            cx.waker().wake_by_ref();
        } else {
            self.leave(hub);
            lock(&hub.lookers).push((self.id, cx.waker().clone()));
            hub.arm();
        }
        Poll::Pending
    }
}

impl Looker {
    fn leave(&self, hub: &Hub) {
        let mut lookers = lock(&hub.lookers);
        let mine = lookers.iter().position(|(id, _)| *id == self.id);
        let left = mine.map(|mine| lookers.remove(mine));
        drop(lookers);
        // A waker may drop anything, so not under the lock.
        drop(left);
    }
}

impl Drop for Looker {
    fn drop(&mut self) {
        if let Ok(hub) = Hub::get() {
            self.leave(hub);
            // It may have been this one's turn to look.
            hub.arm();
        }
    }
}
