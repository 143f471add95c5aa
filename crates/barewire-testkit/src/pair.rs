//! A client and a server in one struct, with a clock that the test moves.

use std::time::{Duration, Instant};

use barewire_proto::Protocol;

use crate::{Clock, Link};

/// A client and a server, connected in memory.
///
/// [`run`](Self::run) goes on until nothing can happen without time passing; [`advance`](Self::advance)
/// lets it pass. The two state machines see what they would see behind sockets: bytes in pieces, the end of
/// file when the other side has finished its output or is closed, and one call of `handle_timeout` for each
/// wake.
#[derive(Debug)]
pub struct Pair<C: Protocol, S: Protocol> {
    /// The client.
    pub client: C,
    /// The server.
    pub server: S,
    /// The time of both.
    pub clock: Clock,
    /// From the client to the server.
    pub up: Link,
    /// From the server to the client.
    pub down: Link,
    client_failed: bool,
    server_failed: bool,
}

impl<C: Protocol, S: Protocol> Pair<C, S> {
    /// A pair over links that deliver everything at once.
    pub fn new(client: C, server: S) -> Self {
        Self::over(client, server, Link::default(), Link::default())
    }

    /// A pair over links of the test's choice: first the one from the client to the server.
    pub fn over(client: C, server: S, up: Link, down: Link) -> Self {
        let clock = Clock::start();
        Self { client, server, clock, up, down, client_failed: false, server_failed: false }
    }

    /// Moves bytes and hands out events until nothing happens any more at this instant.
    ///
    /// An error is handed out once; the output that goes with it still leaves.
    pub fn run(
        &mut self,
        mut on_client: impl FnMut(&mut C, Result<C::Event, C::Error>),
        mut on_server: impl FnMut(&mut S, Result<S::Event, S::Error>),
    ) {
        loop {
            let now = self.clock.now();
            let mut moved = wake(&mut self.client, now, &mut self.client_failed, &mut on_client);
            moved |= wake(&mut self.server, now, &mut self.server_failed, &mut on_server);
            moved |= carry(&mut self.client, &mut self.up, &mut self.server, now);
            moved |= carry(&mut self.server, &mut self.down, &mut self.client, now);
            if !moved {
                return;
            }
        }
    }

    /// As [`run`](Self::run), and lets time pass until nothing is under way on the links.
    pub fn settle(
        &mut self,
        mut on_client: impl FnMut(&mut C, Result<C::Event, C::Error>),
        mut on_server: impl FnMut(&mut S, Result<S::Event, S::Error>),
    ) {
        loop {
            self.run(&mut on_client, &mut on_server);
            let now = self.clock.now();
            let next = [self.up.next_delivery(), self.down.next_delivery()];
            // What is due and was not delivered waits for a reader, not for time.
            match next.into_iter().flatten().filter(|&at| at > now).min() {
                Some(at) => self.clock.advance_to(at),
                None => return,
            }
        }
    }

    /// Lets time pass.
    pub fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
    }

    /// Lets time pass until the next deadline of either side. Says whether there is one.
    pub fn advance_to_timeout(&mut self) -> bool {
        match self.next_timeout() {
            Some(at) => {
                self.clock.advance_to(at);
                true
            }
            None => false,
        }
    }

    /// The next deadline of either side.
    pub fn next_timeout(&self) -> Option<Instant> {
        [self.client.poll_timeout(), self.server.poll_timeout()].into_iter().flatten().min()
    }

    /// Whether both sides are closed.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed() && self.server.is_closed()
    }
}

fn wake<P: Protocol>(
    protocol: &mut P,
    now: Instant,
    failed: &mut bool,
    on_event: &mut impl FnMut(&mut P, Result<P::Event, P::Error>),
) -> bool {
    let mut any = false;
    protocol.handle_timeout(now);
    loop {
        match protocol.poll_event() {
            Ok(None) => return any,
            Ok(Some(event)) => on_event(protocol, Ok(event)),
            Err(_) if *failed => return any,
            Err(error) => {
                *failed = true;
                on_event(protocol, Err(error));
            }
        }
        any = true;
    }
}

fn carry(from: &mut impl Protocol, link: &mut Link, to: &mut impl Protocol, now: Instant) -> bool {
    let mut moved = link.send(now, from.output()) > 0;
    if from.is_closed() {
        link.cut();
    }
    if to.wants_read() {
        let was_closed = to.input().is_closed();
        moved |= link.deliver(now, to.input()) > 0;
        moved |= was_closed != to.input().is_closed();
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::echo::{Echo, EchoEvent};

    #[test]
    fn lines_go_over_a_bad_link_and_come_back() {
        let up = Link::seeded(1).max_piece(3).delay(Duration::from_millis(20));
        let down = Link::seeded(2).max_piece(2).capacity(4);
        let mut pair = Pair::over(Echo::default(), Echo::default(), up, down);
        pair.client.say(b"one\ntwo\n");
        let mut heard = Vec::new();
        pair.settle(
            |_, event| heard.push(event),
            |server, event| {
                if let Ok(EchoEvent::Line(line)) = event {
                    server.say(&line);
                    server.say(b"\n");
                }
            },
        );
        let lines = [EchoEvent::Line("one".into()), EchoEvent::Line("two".into())];
        assert_eq!(heard, lines.map(Ok));
        assert!(pair.clock.elapsed() <= Duration::from_millis(20));
    }

    #[test]
    fn an_error_is_told_once_and_the_farewell_arrives() {
        let mut pair = Pair::new(Echo::default(), Echo::default());
        pair.client.say(b"\0");
        let (mut heard, mut errors) = (Vec::new(), 0);
        pair.settle(|_, event| heard.push(event), |_, event| errors += usize::from(event.is_err()));
        assert_eq!((errors, heard), (1, vec![Ok(EchoEvent::Line("bye".into()))]));
    }
}
