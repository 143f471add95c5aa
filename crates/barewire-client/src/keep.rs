//! Idle connections that are looked after all the same.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use barewire_rt::{Runtime, Transport};

use crate::shared::Shared;

/// Over a blocking runtime: how often idle connections are looked at, if PINGs are no more frequent.
const ROUND: Duration = Duration::from_secs(5);

/// Drives the shared connections that nobody uses, for as long as it is polled.
pub(crate) async fn keep_alive<R: Runtime>(shared: &Arc<Shared<R>>) -> Infallible {
    if R::TcpStream::BLOCKING {
        let timeouts = &shared.config.h2.timeouts;
        // The answer to a PING has to be read before its time is up.
        let round = match timeouts.keepalive_interval {
            Some(interval) => interval.min(timeouts.keepalive_timeout / 2).min(ROUND),
            None => ROUND,
        };
        loop {
            shared.runtime.sleep(round).await;
            for line in shared.idle_lines() {
                line.look();
            }
            shared.tidy();
        }
    }
    let _leaving = Leaving(shared);
    poll_fn(|cx| poll(shared, cx)).await
}

fn poll<R: Runtime>(shared: &Shared<R>, cx: &mut Context<'_>) -> Poll<Infallible> {
    shared.set_keeper(Some(cx.waker()));
    for line in shared.idle_lines() {
        line.tend(cx.waker());
    }
    shared.tidy();
    Poll::Pending
}

/// Nobody is to be told any more.
struct Leaving<'a, R: Runtime>(&'a Shared<R>);

impl<R: Runtime> Drop for Leaving<'_, R> {
    fn drop(&mut self) {
        self.0.set_keeper(None);
    }
}
