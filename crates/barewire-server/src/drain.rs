//! Who is connected, so that a shutdown reaches everybody.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use barewire_rt::{Interest, Interrupter, Spawn, Transport, Waiter};

use crate::ServeError;

/// How far a shutdown is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Serving,
    /// What was accepted is finished, nothing new begins.
    Draining,
    /// The deadline passed.
    Cutting,
    /// Some did not end although they were cut.
    GivenUp,
}

/// The connections of one server.
#[derive(Default)]
pub(crate) struct Registry {
    phase: AtomicU8,
    /// How many connections were open when the deadline passed.
    cut: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: u64,
    members: HashMap<u64, Arc<Member>>,
    /// Waits for a free place, or for the last connection to end.
    watchers: Vec<Waker>,
}

/// One connection's entry.
pub(crate) struct Member {
    waker: Mutex<Option<Waker>>,
    /// Between requests, where a blocked read may be interrupted.
    idle: AtomicBool,
    interrupted: AtomicBool,
    interrupt: Option<Interrupter>,
}

/// Takes a connection off the registry when it ends, however it ends.
pub(crate) struct Membership {
    registry: Arc<Registry>,
    member: Arc<Member>,
    id: u64,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::SeqCst) {
            0 => Phase::Serving,
            1 => Phase::Draining,
            2 => Phase::Cutting,
            _ => Phase::GivenUp,
        }
    }

    /// Goes on to a later phase and wakes everybody. Earlier phases are ignored.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::SeqCst);
        let (members, watchers) = {
            let mut state = self.lock();
            let members: Vec<_> = state.members.values().cloned().collect();
            (members, std::mem::take(&mut state.watchers))
        };
        if phase == Phase::Cutting {
            // The first time counts: with an abort and a deadline there are two.
            let _ = self.cut.compare_exchange(0, members.len(), Ordering::SeqCst, Ordering::SeqCst);
        }
        watchers.into_iter().for_each(Waker::wake);
        for member in members {
            let waker = member.waker.lock().unwrap_or_else(PoisonError::into_inner).clone();
            waker.into_iter().for_each(Waker::wake);
            if phase == Phase::Cutting {
                member.interrupt(Shutdown::Both);
            } else if member.idle.load(Ordering::SeqCst) {
                member.interrupt(Shutdown::Read);
            }
        }
    }

    pub(crate) fn join(self: &Arc<Self>, interrupt: Option<Interrupter>) -> Membership {
        let member = Arc::new(Member {
            waker: Mutex::new(None),
            idle: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
            interrupt,
        });
        let mut state = self.lock();
        let id = state.next;
        state.next += 1;
        state.members.insert(id, Arc::clone(&member));
        Membership { registry: Arc::clone(self), member, id }
    }

    pub(crate) fn cut(&self) -> usize {
        self.cut.load(Ordering::SeqCst)
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().members.len()
    }

    /// Wakes who waits for connections to end, although none has.
    pub(crate) fn wake_watchers(&self) {
        let watchers = std::mem::take(&mut self.lock().watchers);
        watchers.into_iter().for_each(Waker::wake);
    }

    /// Ready while fewer than `limit` connections are open.
    pub(crate) fn poll_below(&self, cx: &mut Context<'_>, limit: usize) -> Poll<()> {
        let mut state = self.lock();
        if state.members.len() < limit {
            return Poll::Ready(());
        }
        if !state.watchers.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.watchers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Member {
    fn interrupt(&self, how: Shutdown) {
        self.interrupted.store(true, Ordering::SeqCst);
        self.interrupt.iter().for_each(|interrupt| interrupt(how));
    }

    /// Whether an end of file is of our making and came within a head: the client did nothing wrong, and is
    /// not to be told that it did.
    fn was_cut_short(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst) && !self.idle.load(Ordering::SeqCst)
    }
}

impl Membership {
    /// Lets a read that blocks return what has arrived, and then the end of file.
    pub(crate) fn end_reading(&self) {
        self.member.interrupt(Shutdown::Read);
    }

    pub(crate) fn phase(&self) -> Phase {
        self.registry.phase()
    }

    /// Notes whom to wake at a change of phase. A task keeps its waker, so that once is enough.
    pub(crate) fn register(&self, waker: &Waker) {
        let mut slot = self.member.waker.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(waker.clone());
    }

    pub(crate) fn set_idle(&self, idle: bool) {
        self.member.idle.store(idle, Ordering::SeqCst);
    }
}

/// A connection's transport, which is not idle any more as soon as something arrived: between that and the
/// connection's next look at itself a shutdown must not take it for idle.
pub(crate) struct Watched<T> {
    transport: T,
    member: Arc<Member>,
    /// Whether anything ever came.
    touched: bool,
}

impl<T> Watched<T> {
    pub(crate) fn new(transport: T, membership: &Membership) -> Self {
        Self { transport, member: Arc::clone(&membership.member), touched: false }
    }

    /// Whether anything ever came.
    #[cfg(any(feature = "http2", feature = "tls"))]
    pub(crate) fn is_touched(&self) -> bool {
        self.touched
    }
}

impl<T: Transport> Transport for Watched<T> {
    const BLOCKING: bool = T::BLOCKING;

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = self.transport.poll_read(cx, buf);
        self.touched |= matches!(read, Poll::Ready(Ok(1..)));
        match read {
            Poll::Ready(Ok(1..)) if T::BLOCKING => self.member.idle.store(false, Ordering::SeqCst),
            Poll::Ready(Ok(0)) if T::BLOCKING && self.member.was_cut_short() => {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            _ => {}
        }
        read
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.transport.poll_write(cx, bufs)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport.poll_shutdown(cx)
    }

    fn wait(&mut self, cx: &mut Context<'_>, interest: Interest, deadline: Option<Instant>) {
        self.transport.wait(cx, interest, deadline);
    }

    fn waiter(&mut self) -> io::Result<Option<Waiter>> {
        self.transport.waiter()
    }
}

/// Waits until every connection has ended; those that have not after `timeout` are cut.
pub(crate) async fn drain<R: Spawn>(
    runtime: &R,
    registry: &Arc<Registry>,
    timeout: Duration,
) -> Result<(), ServeError> {
    if registry.len() > 0 {
        // A blocking runtime cannot wait for two things at once: the deadline is a task of its own.
        let (runtime, registry) = (runtime.clone(), Arc::downgrade(registry));
        drop(runtime.clone().spawn(async move {
            let deadline = runtime.now() + timeout;
            // In slices, since an abort may come before the deadline and all connections end before either.
            while runtime.now() < deadline {
                match registry.upgrade() {
                    // Nobody is accepted any more.
                    Some(registry) if registry.len() == 0 => return,
                    Some(registry) if registry.phase() < Phase::Cutting => {}
                    Some(_) => break,
                    None => return,
                }
                runtime.sleep_until(deadline.min(runtime.now() + DRAIN_SLICE)).await;
            }
            if let Some(registry) = registry.upgrade() {
                registry.enter(Phase::Cutting);
            }
            // A handler that blocks its thread may never return.
            runtime.sleep(CUT_TIMEOUT).await;
            if let Some(registry) = registry.upgrade() {
                registry.enter(Phase::GivenUp);
                registry.wake_watchers();
            }
        }));
    }
    poll_fn(|cx| match registry.poll_below(cx, 1) {
        Poll::Pending if registry.phase() < Phase::GivenUp => Poll::Pending,
        _ => Poll::Ready(()),
    })
    .await;
    match registry.cut() {
        0 => Ok(()),
        connections => Err(ServeError::DrainTimedOut { connections }),
    }
}

/// How soon an abort is noticed while a shutdown waits.
const DRAIN_SLICE: Duration = Duration::from_millis(100);

/// How long connections that are cut have for their tasks to end.
const CUT_TIMEOUT: Duration = Duration::from_secs(1);

impl Drop for Membership {
    fn drop(&mut self) {
        let mut state = self.registry.lock();
        state.members.remove(&self.id);
        let watchers = std::mem::take(&mut state.watchers);
        drop(state);
        watchers.into_iter().for_each(Waker::wake);
    }
}
