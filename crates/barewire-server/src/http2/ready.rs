//! What a connection's task has to look at when it runs next.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// Which handlers were woken and which bodies were dropped. Wakes the connection's task, unless that runs and
/// will look by itself.
#[derive(Debug, Default)]
pub(super) struct Ready {
    state: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    slots: Vec<u32>,
    /// Bodies of requests that were dropped before their end.
    abandoned: Vec<u64>,
    /// There is something to be written.
    called: bool,
    running: bool,
    task: Option<Waker>,
}

impl Ready {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on everything wakes this one, which never counts as running.
    pub(super) fn serve(&self, task: &Waker) {
        self.lock().task = Some(task.clone());
    }

    /// The task runs now.
    pub(super) fn begin(&self, task: &Waker) {
        let mut state = self.lock();
        state.running = true;
        match &mut state.task {
            Some(known) => known.clone_from(task),
            None => state.task = Some(task.clone()),
        }
    }

    /// Whether there is nothing to look at any more; then wakes count again.
    pub(super) fn rest(&self) -> bool {
        let mut state = self.lock();
        let nothing = state.slots.is_empty() && state.abandoned.is_empty() && !state.called;
        state.running = !nothing;
        nothing
    }

    /// Stops running although there may be more: the task is woken for it.
    pub(super) fn pause(&self) {
        self.lock().running = false;
    }

    /// Takes over what waits. `slots` and `abandoned` are to be empty.
    pub(super) fn take(&self, slots: &mut Vec<u32>, abandoned: &mut Vec<u64>) {
        let mut state = self.lock();
        state.called = false;
        std::mem::swap(&mut state.slots, slots);
        std::mem::swap(&mut state.abandoned, abandoned);
    }

    /// Makes the connection write what there is.
    pub(super) fn call(&self) {
        self.note(|state| state.called = true);
    }

    pub(super) fn abandon(&self, exchange: u64) {
        self.note(|state| state.abandoned.push(exchange));
    }

    fn note(&self, change: impl FnOnce(&mut Waiting)) {
        let mut state = self.lock();
        change(&mut state);
        let task = if state.running { None } else { state.task.clone() };
        drop(state);
        task.into_iter().for_each(Waker::wake);
    }
}

/// Wakes one slot's handler.
#[derive(Debug)]
pub(super) struct SlotWaker {
    index: u32,
    /// Whether it is on the list already.
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl SlotWaker {
    pub(super) fn new(index: u32, ready: Arc<Ready>) -> Self {
        Self { index, queued: AtomicBool::new(false), ready }
    }

    /// It was taken off the list.
    pub(super) fn taken(&self) {
        self.queued.store(false, Ordering::SeqCst);
    }
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::SeqCst) {
            self.ready.note(|state| state.slots.push(self.index));
        }
    }
}
