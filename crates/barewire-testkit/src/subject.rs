//! What a protocol crate says about itself, once, so that everything here can test it.

use barewire_proto::Protocol;

use crate::Transcript;

/// A connection under test, with an application that answers on it and writes down what happens.
///
/// It has to be deterministic: two of the same kind, fed the same bytes, do the same.
pub trait Subject {
    /// The state machine.
    type Protocol: Protocol;

    /// The state machine, the same at every call.
    fn protocol(&mut self) -> &mut Self::Protocol;

    /// Writes an event down, and runs the commands that the application would answer it with.
    fn on_event(&mut self, event: <Self::Protocol as Protocol>::Event, transcript: &mut Transcript);

    /// Writes the error down.
    fn on_error(
        &mut self,
        error: &<Self::Protocol as Protocol>::Error,
        transcript: &mut Transcript,
    );

    /// Runs commands that wait for something other than an event. Says whether it ran one, and is then
    /// called again after the events that follow from it.
    fn on_quiet(&mut self) -> bool {
        false
    }

    /// Whether the connection was handed to another protocol, which takes all bytes from here on.
    fn is_handed_over(&mut self) -> bool {
        false
    }
}
