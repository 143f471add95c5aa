use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use barewire_proto::{Buf, Protocol};

use crate::wire::Wire;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Futures of a peer, polled in turn. Clones are the same tasks.
#[derive(Clone, Default)]
pub struct Tasks(Rc<RefCell<Vec<Task>>>);

/// What a task ended with; `None` while it goes on.
pub type Outcome<T> = Rc<RefCell<Option<T>>>;

impl Tasks {
    /// Adds one.
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Outcome<T> {
        let outcome = Outcome::default();
        let slot = Rc::clone(&outcome);
        self.0.borrow_mut().push(Box::pin(async move {
            let value = future.await;
            *slot.borrow_mut() = Some(value);
        }));
        outcome
    }

    /// Polls each once. Whether one ended.
    pub(super) fn turn(&self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        let mut tasks = self.0.take();
        let before = tasks.len();
        tasks.retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
        let ended = tasks.len() < before;
        // Those that were added meanwhile come last.
        tasks.append(&mut self.0.borrow_mut());
        *self.0.borrow_mut() = tasks;
        ended
    }
}

/// A state machine of ours connected to tasks of a peer.
pub struct Meeting<P: Protocol> {
    /// Our side.
    pub ours: P,
    /// What the peer does.
    pub tasks: Tasks,
    wire: Wire,
    /// How many bytes go at once.
    piece: usize,
    error: Option<P::Error>,
}

impl<P: Protocol> Meeting<P> {
    /// `peer` is given its transport.
    pub fn new(ours: P, peer: impl FnOnce(&Tasks, Wire)) -> Self {
        let (tasks, wire) = (Tasks::default(), Wire::default());
        peer(&tasks, wire.clone());
        Self { ours, tasks, wire, piece: 7000, error: None }
    }

    /// What ended the connection on our side.
    pub fn error(&self) -> Option<&P::Error> {
        self.error.as_ref()
    }

    /// Whether the peer ended its write side.
    pub fn peer_is_gone(&self) -> bool {
        self.wire.is_finished()
    }

    /// Goes on until nothing moves any more.
    pub fn run(&mut self, mut react: impl FnMut(&mut P, P::Event)) {
        let mut quiet = 0;
        // A task may wake another one without a byte moving.
        while quiet < 4 {
            let mut moved = self.tasks.turn();
            let mut bytes = &self.wire.take_output()[..];
            while !bytes.is_empty() && self.error.is_none() {
                let spare = self.ours.input().spare(bytes.len().min(self.piece));
                let n = spare.len().min(bytes.len());
                spare[..n].copy_from_slice(&bytes[..n]);
                self.ours.input().commit(n);
                bytes = &bytes[n..];
                let handled = self.handle(&mut react);
                assert!(n > 0 || handled, "our input is full and nothing comes out of it");
                moved = true;
            }
            if self.wire.is_finished() && !self.ours.input().is_closed() {
                self.ours.input().close();
                moved = true;
            }
            moved |= self.handle(&mut react);
            while self.ours.output().has_remaining() {
                let output = self.ours.output();
                let n = output.chunk().len().min(self.piece);
                self.wire.feed(&output.chunk()[..n]);
                output.advance(n);
                moved = true;
            }
            if self.ours.output().is_finished() {
                self.wire.close();
            }
            quiet = if moved { 0 } else { quiet + 1 };
        }
    }

    fn handle(&mut self, react: &mut impl FnMut(&mut P, P::Event)) -> bool {
        let mut handled = false;
        while self.error.is_none() {
            match self.ours.poll_event() {
                Ok(Some(event)) => react(&mut self.ours, event),
                Ok(None) => break,
                Err(error) => self.error = Some(error),
            }
            handled = true;
        }
        handled
    }
}
