//! Where handlers live while they wait, and are polled first.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use barewire_h2::StreamId;
use http::Response;
use pin_project_lite::pin_project;

use super::ready::{Ready, SlotWaker};
use super::response::Sending;
use crate::Body;
use crate::handler::contain;
use crate::log::Access;

/// The slots of a connection: as many as handlers ever waited at the same time, and one more. A slot stays where
/// it is, and is used again.
pub(super) struct Slots<F> {
    slots: Vec<Pin<Box<Slot<F>>>>,
    free: Vec<u32>,
    woken: VecDeque<u32>,
    fresh: Vec<u32>,
    ready: Arc<Ready>,
}

pin_project! {
    /// A handler that waits, or a response's body that is sent.
    pub(super) struct Slot<F> {
        #[pin]
        handling: Option<F>,
        id: Option<StreamId>,
        sending: Option<Sending>,
        access: Access,
        waker: Waker,
        wake: Arc<SlotWaker>,
    }
}

impl<F> Slots<F> {
    pub(super) fn new(ready: Arc<Ready>) -> Self {
        let (slots, free, fresh) = (Vec::new(), Vec::new(), Vec::new());
        Self { slots, free, woken: VecDeque::new(), fresh, ready }
    }

    /// A slot that nobody uses.
    pub(super) fn vacant(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| self.grow())
    }

    #[cold]
    fn grow(&mut self) -> u32 {
        let index = u32::try_from(self.slots.len()).expect("fewer than 2^32 streams");
        let wake = Arc::new(SlotWaker::new(index, Arc::clone(&self.ready)));
        self.slots.push(Box::pin(Slot {
            handling: None,
            id: None,
            sending: None,
            access: Access::default(),
            waker: Waker::from(Arc::clone(&wake)),
            wake,
        }));
        index
    }

    pub(super) fn get(&mut self, index: u32) -> Pin<&mut Slot<F>> {
        self.slots[index as usize].as_mut()
    }

    /// The exchange is over. Runs destructors of the application's.
    pub(super) fn free(&mut self, index: u32) {
        self.slots[index as usize].as_mut().clear();
        self.free.push(index);
    }

    /// Takes over who was woken; the bodies that were dropped are put into `abandoned`.
    pub(super) fn take_woken(&mut self, abandoned: &mut Vec<u64>) {
        self.ready.take(&mut self.fresh, abandoned);
        self.woken.extend(self.fresh.drain(..));
    }

    /// The next slot that was woken.
    pub(super) fn next_woken(&mut self) -> Option<u32> {
        let index = self.woken.pop_front()?;
        self.slots[index as usize].wake.taken();
        Some(index)
    }

    /// Polls a slot once more before the transport is looked at.
    pub(super) fn wake(&mut self, index: u32) {
        self.woken.push_back(index);
    }
}

impl<F> Drop for Slots<F> {
    fn drop(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.as_mut().clear());
    }
}

impl<F> Slot<F> {
    /// Takes the slot for a stream.
    pub(super) fn begin(self: Pin<&mut Self>, id: StreamId, access: Access) {
        let slot = self.project();
        *slot.id = Some(id);
        *slot.access = access;
    }

    /// `None` when nobody uses it.
    pub(super) fn id(&self) -> Option<StreamId> {
        self.id
    }

    pub(super) fn access(self: Pin<&mut Self>) -> &mut Access {
        self.project().access
    }

    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// The body that is sent, if the response has begun.
    pub(super) fn sending(self: Pin<&mut Self>) -> Option<(&mut Sending, &Waker)> {
        let slot = self.project();
        slot.sending.as_mut().map(|sending| (sending, &*slot.waker))
    }

    pub(super) fn send(self: Pin<&mut Self>, sending: Sending) {
        *self.project().sending = Some(sending);
    }

    pub(super) fn set(self: Pin<&mut Self>, handling: F) {
        self.project().handling.set(Some(handling));
    }

    /// Drops the handler, which is not ready or has panicked.
    pub(super) fn give_up(self: Pin<&mut Self>) {
        let mut slot = self.project();
        contain(|| slot.handling.set(None));
    }

    #[inline]
    fn clear(mut self: Pin<&mut Self>) {
        if self.handling.is_some() {
            self.as_mut().give_up();
        }
        let slot = self.project();
        if slot.sending.is_some() {
            contain(|| *slot.sending = None);
        }
        *slot.id = None;
    }
}

impl<F: Future<Output = Response<Body>>> Slot<F> {
    /// Polls the handler; once it is ready it is dropped.
    pub(super) fn poll(self: Pin<&mut Self>, response: &mut Option<Response<Body>>) {
        let mut slot = self.project();
        let mut cx = Context::from_waker(slot.waker);
        let Some(future) = slot.handling.as_mut().as_pin_mut() else { return };
        if let Poll::Ready(ready) = future.poll(&mut cx) {
            // What the application hung on to it is not dropped under the connection's lock.
            response.insert(ready).extensions_mut().clear();
            slot.handling.set(None);
        }
    }
}
