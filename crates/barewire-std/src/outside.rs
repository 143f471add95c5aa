//! Waiting for a stream that somebody else holds.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};
use std::time::Instant;

use barewire_rt::{Interest, Waiter};
use rustix::event::{PollFd, PollFlags};

use crate::alarm::Alarm;
use crate::half::Shared;
use crate::link::Wanted;
use crate::poll;

/// What a stream and the thread that waits for it share: see
/// [`Transport::waiter`](barewire_rt::Transport::waiter).
#[derive(Debug)]
pub(crate) struct Outside<S: AsFd> {
    shared: Arc<Shared<S>>,
    alarm: Alarm,
    wanted: Mutex<Option<Wanted>>,
    /// One of the constants below.
    state: AtomicU8,
    readable: AtomicBool,
}

/// Nobody waits.
const AWAKE: u8 = 0;
/// A thread is in `poll(2)`, or will be.
const WAITING: u8 = 1;
/// It was woken. Whoever wakes a thread that waits rings the alarm too, and the thread resets it.
const WOKEN: u8 = 2;

impl<S: AsFd + Send + Sync + 'static> Outside<S> {
    pub(crate) fn new(shared: Arc<Shared<S>>) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            shared,
            alarm: Alarm::new()?,
            wanted: Mutex::new(None),
            state: AtomicU8::new(AWAKE),
            readable: AtomicBool::new(false),
        }))
    }

    pub(crate) fn waiter(self: &Arc<Self>) -> Waiter {
        let outside = Arc::clone(self);
        Waiter::new(move || outside.wait(), Waker::from(Arc::clone(self)))
    }

    fn wait(&self) {
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Wanted { interest, deadline }) = wanted else { return };
        let order = Ordering::SeqCst;
        if self.state.compare_exchange(AWAKE, WAITING, order, order).is_err() {
            self.state.store(AWAKE, order);
            return;
        }
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        let mut fds = [
            PollFd::new(&self.alarm, PollFlags::IN),
            PollFd::new(&self.shared.socket, poll::flags(interest)),
        ];
        // A peer that is gone makes its socket ready for ever: it is only looked at for a reason.
        let looks = interest.read || interest.write;
        let polled = poll::poll(&mut fds[..1 + usize::from(looks)], left);
        // When the system refuses to wait, the next system call on the socket tells why.
        if polled.is_err() || poll::ready(&fds[1], interest).read {
            self.readable.store(true, order);
        }
        if self.state.swap(AWAKE, order) == WOKEN {
            // Both ends are ours: it cannot fail.
            let _ = self.alarm.reset();
        }
    }
}

impl<S: AsFd> Outside<S> {
    /// Notes what there is to wait for.
    pub(crate) fn want(&self, interest: Interest, deadline: Option<Instant>) {
        let wanted = Wanted { interest, deadline };
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = Some(wanted);
    }

    /// Whether a wait has found something to read.
    pub(crate) fn take_readable(&self) -> bool {
        self.readable.swap(false, Ordering::SeqCst)
    }
}

impl<S: AsFd + Send + Sync> Wake for Outside<S> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(WOKEN, Ordering::SeqCst) == WAITING {
            self.alarm.ring();
        }
    }
}
