//! The threads of a connection, and which of them leads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::thread::{self, Thread, ThreadId};
use std::time::Instant;

/// Who leads, and who could; under the connection's lock.
#[derive(Debug, Default)]
pub(super) struct Roles {
    /// `None` while somebody is on the way.
    pub(super) leader: Option<ThreadId>,
    /// The leader is in the middle of a request and waits: it reads and writes, and begins nothing.
    pub(super) caretaker: bool,
    pub(super) spare: usize,
    pub(super) threads: usize,
    /// Threads that were started and have not come yet.
    pub(super) coming: usize,
    /// Since when nobody reads, because all are held up and no thread is to be had.
    pub(super) stranded: Option<Instant>,
}

impl Roles {
    /// Whether it is for this thread to see to it that somebody leads while it waits.
    pub(super) fn is_up_to(&self, thread: ThreadId) -> bool {
        !self.caretaker && (self.leader == Some(thread) || self.stranded.is_some())
    }
}

/// A thread of a crew, as what it waits for wakes it.
pub(super) struct Hand {
    thread: Thread,
    woken: AtomicBool,
    /// It waits for the connection, which `bell` interrupts, and is not parked.
    attends: AtomicBool,
    bell: Waker,
}

impl Wake for Hand {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::SeqCst) {
            if self.attends.load(Ordering::SeqCst) {
                self.bell.wake_by_ref();
            }
            self.thread.unpark();
        }
    }
}

impl Hand {
    /// Whether it was woken since this was last asked.
    pub(super) fn take_woken(&self) -> bool {
        self.woken.swap(false, Ordering::SeqCst)
    }

    pub(super) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::SeqCst)
    }

    /// From now on a wake reaches it in a wait for the connection, or only where it is parked.
    pub(super) fn set_attending(&self, attends: bool) {
        self.attends.store(attends, Ordering::SeqCst);
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
    /// `bell` ends a wait for the connection.
    pub(super) fn new(bell: &Waker) -> Self {
        let thread = thread::current();
        let id = thread.id();
        let (woken, attends) = (AtomicBool::new(false), AtomicBool::new(false));
        let hand = Arc::new(Hand { thread, woken, attends, bell: bell.clone() });
        Self { id, waker: Waker::from(Arc::clone(&hand)), hand }
    }
}
