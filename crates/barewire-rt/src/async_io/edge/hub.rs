use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use async_io::Async;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::Edges;
use crate::async_io::alarm::Alarm;

/// The epoll instance of all connected sockets.
///
/// Somebody always is to look at it next. While it is *armed*, that is the reactor: it wakes [`OnReactor`],
/// which looks and arms it again. When a look woke several tasks and an executor has a
/// [`Looker`](super::looker::Looker), it is not armed but *handed over*: the looker is queued behind those tasks
/// and looks again when they have run, for as long as there is something to see, and then arms it. Under load,
/// looking is one system call for many events that way, and no thread of the reactor takes part.
///
/// An executor may stop running its tasks, or one of them may hold its thread up. So an alarm watches over a hub
/// that is handed over, and arms it when nobody looked for [`PATIENCE`].
pub(super) struct Hub {
    epoll: Async<OwnedFd>,
    sockets: Mutex<HashMap<u64, Arc<Edges>>>,
    next_key: AtomicU64,
    /// Empty: what a look allocated, kept for the next one.
    wakers: Mutex<Vec<Waker>>,
    looks: AtomicU64,
    is_armed: AtomicBool,
    reactor_waker: Waker,
    /// Lookers that wait to be handed over to.
    pub(super) lookers: Mutex<Vec<(u64, Waker)>>,
    watch: Mutex<Option<Watch>>,
    is_watched: AtomicBool,
}

struct Watch {
    /// It goes off for as long as it is kept.
    _alarm: Alarm,
    looks: u64,
}

/// So many events are taken in one look.
const EVENTS: usize = 256;

/// How long nobody has to have looked at a hub that is handed over before the reactor has it back.
const PATIENCE: Duration = Duration::from_millis(5);

/// A look that woke so many tasks is worth another one when they have run.
const SEVERAL: usize = 2;

impl Hub {
    pub(super) fn get() -> io::Result<&'static Self> {
        static HUB: OnceLock<Hub> = OnceLock::new();
        if let Some(hub) = HUB.get() {
            return Ok(hub);
        }
        let new = Self::new()?;
        let hub = HUB.get_or_init(|| new);
        hub.arm();
        Ok(hub)
    }

    fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: Async::new_nonblocking(epoll::create(CreateFlags::CLOEXEC)?)?,
            sockets: Mutex::default(),
            next_key: AtomicU64::new(0),
            wakers: Mutex::default(),
            looks: AtomicU64::new(0),
            is_armed: AtomicBool::new(false),
            reactor_waker: Waker::from(Arc::new(OnReactor)),
            lookers: Mutex::default(),
            watch: Mutex::default(),
            is_watched: AtomicBool::new(false),
        })
    }

    /// Registers a socket; the key is for [`remove`](Self::remove). Keys are not used twice, so that an event that
    /// was on its way when its socket was removed meets nobody.
    pub(super) fn add(&self, socket: impl AsFd, edges: &Arc<Edges>) -> io::Result<u64> {
        let key = self.next_key.fetch_add(1, Ordering::Relaxed);
        lock(&self.sockets).insert(key, Arc::clone(edges));
        let interest = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        if let Err(error) = epoll::add(&self.epoll, socket, EventData::new_u64(key), interest) {
            lock(&self.sockets).remove(&key);
            return Err(error.into());
        }
        Ok(key)
    }

    pub(super) fn remove(&self, socket: impl AsFd, key: u64) {
        // Fails for nothing but a descriptor that somebody else closed.
        let _ = epoll::delete(&self.epoll, socket);
        let removed = lock(&self.sockets).remove(&key);
        // A waker may drop anything, so not under the lock.
        drop(removed);
    }

    /// Takes the events that there are; how many tasks it woke.
    pub(super) fn look(&self) -> usize {
        self.looks.fetch_add(1, Ordering::Relaxed);
        let mut events = [const { MaybeUninit::uninit() }; EVENTS];
        // It does not wait, so it cannot be interrupted; what it misses stays for the next look.
        let Ok((events, _)) = epoll::wait(&self.epoll, &mut events, Some(&Timespec::default()))
        else {
            return 0;
        };
        let mut wakers = std::mem::take(&mut *lock(&self.wakers));
        let sockets = lock(&self.sockets);
        for event in events {
            if let Some(edges) = sockets.get(&event.data.u64()) {
                edges.note(event.flags, &mut wakers);
            }
        }
        drop(sockets);
        let woken = wakers.len();
        for waker in wakers.drain(..) {
            // One that panics must not keep the others asleep.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
        *lock(&self.wakers) = wakers;
        woken
    }

    /// Has the reactor look next. Nothing is lost if it is armed already, or if events came before.
    pub(super) fn arm(&self) {
        self.is_armed.store(true, Ordering::SeqCst);
        let mut cx = Context::from_waker(&self.reactor_waker);
        loop {
            match self.epoll.poll_readable(&mut cx) {
                Poll::Pending => return,
                // What the reactor said last; it is asked anew.
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => {
                    // The system is out of memory: once more in a while.
                    self.is_armed.store(false, Ordering::SeqCst);
                    return self.watch();
                }
            }
        }
    }

    fn on_reactor(&self) {
        self.is_armed.store(false, Ordering::SeqCst);
        if self.look() >= SEVERAL {
            let looker = lock(&self.lookers).pop();
            if let Some((_, waker)) = looker {
                self.watch();
                return waker.wake();
            }
        }
        self.arm();
    }

    /// Sees to it that somebody looks soon.
    fn watch(&self) {
        if self.is_watched.swap(true, Ordering::SeqCst) {
            return;
        }
        let looks = self.looks.load(Ordering::Relaxed);
        let mut alarm = Alarm::at(Instant::now() + PATIENCE);
        let waker = Waker::from(Arc::new(OnAlarm));
        let mut watch = lock(&self.watch);
        let polled = Pin::new(&mut alarm).poll(&mut Context::from_waker(&waker));
        *watch = Some(Watch { _alarm: alarm, looks });
        drop(watch);
        if polled.is_ready() {
            self.on_alarm();
        }
    }

    fn on_alarm(&self) {
        let watch = lock(&self.watch).take();
        self.is_watched.store(false, Ordering::SeqCst);
        if self.is_armed.load(Ordering::SeqCst) {
            return;
        }
        match watch {
            Some(watch) if watch.looks == self.looks.load(Ordering::Relaxed) => self.arm(),
            _ => self.watch(),
        }
    }
}

struct OnReactor;

impl Wake for OnReactor {
    fn wake(self: Arc<Self>) {
        if let Ok(hub) = Hub::get() {
            hub.on_reactor();
        }
    }
}

struct OnAlarm;

impl Wake for OnAlarm {
    fn wake(self: Arc<Self>) {
        if let Ok(hub) = Hub::get() {
            hub.on_alarm();
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
