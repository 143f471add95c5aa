//! How a stream waits for what is next: as a task, and on a thread.

use std::task::Context;
use std::time::{Duration, Instant};

use barewire_h2::StreamId;
use barewire_rt::park::block_on_steps;
use barewire_rt::{Runtime, Transport};

use super::super::port::Wanted;
use super::super::slot::News;
use super::super::state::State;
use super::super::{lock, sooner};
use super::Stream;

/// How long a stream waits for the one that leads before it looks for itself.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long a thread waits before it looks whether there is something else: for room to write, and for anything at
/// all while its request's body has nothing to send.
const GLANCE: Duration = Duration::from_millis(20);

/// What is next for a stream.
pub(super) enum Step {
    News(News),
    /// It waits, and looks for itself at the given instant.
    Wait(Option<Instant>),
    /// Over a blocking transport: it reads, for all.
    Read(Wanted),
    /// Over a blocking transport: another one reads, and there is more to be written than there is room for.
    Write,
}

impl<R: Runtime> Stream<R> {
    /// One look at the connection, under its lock. With `moved` it is driven in any case.
    pub(super) fn step(&mut self, cx: &mut Context<'_>, starved: bool, moved: bool) -> Step {
        let (id, read) = (self.id, self.read);
        let runtime = &self.seat.line.runtime;
        let (step, changed) = self.seat.line.with(|state| {
            let step = Self::look(state, id, runtime, cx, (starved, moved, read));
            (step, state.has_changed())
        });
        if changed {
            self.seat.announce();
        }
        step
    }

    fn look(
        state: &mut State<R>,
        id: StreamId,
        runtime: &R,
        cx: &mut Context<'_>,
        (starved, moved, read): (bool, bool, Option<Duration>),
    ) -> Step {
        let mut news = if moved { None } else { state.take_news(id) };
        if news.is_none() {
            let deadline = state.streams.get_mut(&id).and_then(|slot| {
                slot.arm(starved, moved, || read.and_then(|read| runtime.now().checked_add(read)))
            });
            state.expect(deadline);
            state.drive();
            news = state.take_news(id);
        }
        if let Some(news) = news {
            state.pause(id);
            return Step::News(news);
        }
        state.wait(id, cx.waker(), starved);
        if !R::TcpStream::BLOCKING {
            let late = state.is_led_by_another(id).then(|| runtime.now().checked_add(PATIENCE));
            return Step::Wait(late.flatten());
        }
        let wanted = state.wanted();
        let deadline = wanted.and_then(|wanted| wanted.deadline);
        match wanted {
            Some(wanted) if !state.reading && (wanted.interest.read || wanted.interest.write) => {
                state.reading = true;
                Step::Read(wanted)
            }
            _ if state.has_unsent() => Step::Write,
            _ if starved => Step::Wait(None),
            _ => Step::Wait(deadline),
        }
    }

    /// Sees to it that this one is polled, if the one that leads does not do its part.
    pub(super) fn patience(&mut self, cx: &mut Context<'_>, at: Option<Instant>) {
        let runtime = &self.seat.line.runtime;
        if let Some(at) = at
            && self.patience.poll(cx, at, |at| runtime.sleep_until(at)).is_ready()
        {
            cx.waker().wake_by_ref();
        }
    }

    /// Blocks until there is something.
    pub(super) fn block(&mut self, mut moved: bool) -> News {
        block_on_steps(|cx| {
            match self.step(cx, false, std::mem::take(&mut moved)) {
                Step::News(news) => return Ok(news),
                Step::Wait(deadline) => return Err(deadline),
                Step::Read(wanted) => {
                    self.seat.line.read(wanted);
                }
                Step::Write => self.wait_for_room(),
            }
            // What has changed is looked at, at once.
            cx.waker().wake_by_ref();
            Err(None)
        })
    }

    /// Over a blocking transport, while the request's body has nothing to send: waits for the server, but not for
    /// long, since what this task does besides may be what the body waits for. Whether anything came.
    pub(super) fn glance(&self, step: Step) -> bool {
        match step {
            Step::Read(mut wanted) => {
                let until = self.seat.line.runtime.now().checked_add(GLANCE);
                wanted.deadline = sooner(wanted.deadline, until);
                let came = self.seat.line.read(wanted);
                // Who has nothing else to wait for goes on with it.
                self.seat.line.with(State::call_reader);
                came
            }
            Step::Write => {
                self.wait_for_room();
                false
            }
            Step::News(_) | Step::Wait(_) => false,
        }
    }

    fn wait_for_room(&self) {
        let line = &*self.seat.line;
        if let Some(writer) = &mut *lock(&line.writer)
            && let Some(until) = line.runtime.now().checked_add(GLANCE)
        {
            writer.wait_for_room(until);
        }
    }
}
