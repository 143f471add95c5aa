use std::time::Instant;

use crate::{Input, Output};

/// A network protocol as a pure state machine: bytes, events, time.
///
/// Verbs (`send_request`, `reset_stream`, ...) are inherent methods of each type; this trait is only what
/// a driver needs, so that one driver serves every protocol.
///
/// # The contract
///
/// Every implementation keeps these rules, and `barewire-testkit` runs them as one suite:
///
/// 1. Any method may be called in any order, any number of times. There is no duty to drain.
/// 2. `Ok(None)` from [`poll_event`](Self::poll_event) means: no event until there is more input, a
///    timeout or a command.
/// 3. Events that came before a violation are delivered first; then the same `Err` for ever. What the
///    peer is told about it is in the output by then, and still drains.
/// 4. Any split of the input gives the same events and the same error.
/// 5. The bytes put out do not depend on how the output was drained.
/// 6. [`handle_timeout`](Self::handle_timeout) too early does nothing. Everything is deterministic: no
///    clock, no hash order, randomness only from a seed given at construction.
/// 7. No allocation for each event in the steady state beyond what the event's own object needs.
///
/// No method panics, whatever the peer sends.
pub trait Protocol {
    /// What happens on the connection, in the words of the RFC.
    type Event;

    /// How the peer broke the protocol. Small and cheap to clone; a normal end is never an error.
    type Error: core::error::Error + Send + Sync + 'static;

    /// Where the driver puts what it read from the transport.
    fn input(&mut self) -> &mut Input;

    /// Where the driver takes what the transport is to send.
    fn output(&mut self) -> &mut Output;

    /// Whether more input could lead to anything now.
    ///
    /// `false` while paused, when a limit is reached, or when the peer is done. The answer may have changed
    /// after `poll_event`, `handle_timeout` and every command.
    fn wants_read(&self) -> bool;

    /// Whether nothing will come or go any more: the driver drops the transport.
    fn is_closed(&self) -> bool;

    /// The next event, `Ok(None)` when there is none for now.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol: final for the connection, repeated at every further call. The driver
    /// goes on writing the output until it is empty or [`is_closed`](Self::is_closed) says so.
    fn poll_event(&mut self) -> Result<Option<Self::Event>, Self::Error>;

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called at the latest.
    ///
    /// The answer may have changed after every other call. A deadline that moved later need not be
    /// re-armed by the driver: calling too early is a no-op.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Tells the time: the driver calls it for each wake, after it has read and before it asks for events, with the
    /// current instant. It is the only clock a protocol has. An instant earlier than the last one is ignored.
    fn handle_timeout(&mut self, now: Instant);
}
