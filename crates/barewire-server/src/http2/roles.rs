//! The threads of a connection, and which of them leads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::thread::{self, Thread, ThreadId};

/// Who leads, and who could; under the connection's lock.
#[derive(Debug, Default)]
pub(super) struct Roles {
    /// `None` while somebody has to be found.
    pub(super) leader: Option<ThreadId>,
    pub(super) spare: usize,
    pub(super) threads: usize,
}

impl Roles {
    /// Makes room for another leader, if this thread is the one.
    pub(super) fn step_down(&mut self) -> bool {
        let leads = self.leader.is_some() && self.leader == Some(thread::current().id());
        if leads {
            self.leader = None;
        }
        leads
    }
}

/// A thread of a crew, as what it waits for wakes it.
pub(super) struct Hand {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Hand {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::Release) {
            self.thread.unpark();
        }
    }
}

impl Hand {
    /// Whether it was woken since this was last asked.
    pub(super) fn take_woken(&self) -> bool {
        self.woken.swap(false, Ordering::Acquire)
    }

    pub(super) fn park(&self) {
        while !self.take_woken() {
            thread::park();
        }
    }
}

/// The thread that runs.
pub(super) struct Me {
    pub(super) id: ThreadId,
    pub(super) hand: Arc<Hand>,
    pub(super) waker: Waker,
}

impl Me {
    pub(super) fn new() -> Self {
        let thread = thread::current();
        let id = thread.id();
        let hand = Arc::new(Hand { thread, woken: AtomicBool::new(false) });
        Self { id, waker: Waker::from(Arc::clone(&hand)), hand }
    }
}
