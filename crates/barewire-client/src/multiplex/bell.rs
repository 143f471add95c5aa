use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// The waker that the transport of a shared connection is polled with: it wakes whoever leads at that moment.
///
/// The transport knows one waker, while those who drive the connection come and go. A ring that nobody has
/// answered is remembered, so that the next leader learns of it.
#[derive(Default)]
pub(crate) struct Bell(Mutex<Ring>);

#[derive(Default)]
struct Ring {
    leader: Option<Waker>,
    rung: bool,
}

impl Bell {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection is about to be driven: what rang until now has been heard.
    pub(crate) fn answer(&self) {
        self.ring().rung = false;
    }

    /// Whom to wake from now on. Comes out with the waker when it has rung already.
    pub(crate) fn lead(&self, waker: Option<&Waker>) -> Option<Waker> {
        let mut ring = self.ring();
        match (waker, &mut ring.leader) {
            (Some(waker), Some(leader)) => leader.clone_from(waker),
            (waker, leader) => *leader = waker.cloned(),
        }
        if ring.rung { ring.leader.clone() } else { None }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let leader = {
            let mut ring = self.ring();
            ring.rung = true;
            ring.leader.clone()
        };
        if let Some(leader) = leader {
            leader.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_ring_that_no_leader_heard_is_the_next_ones() {
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(bell.clone());
        let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
        assert!(bell.lead(Some(&first.clone().into())).is_none());
        waker.wake_by_ref();
        assert_eq!(first.0.load(Ordering::SeqCst), 1);
        // It leaves without having looked.
        bell.lead(Some(&second.clone().into())).unwrap().wake();
        assert_eq!(second.0.load(Ordering::SeqCst), 1);
        bell.answer();
        assert!(bell.lead(None).is_none());
        waker.wake_by_ref();
        assert!(bell.lead(Some(&first.clone().into())).is_some());
        assert_eq!((first.0.load(Ordering::SeqCst), second.0.load(Ordering::SeqCst)), (1, 1));
    }
}
