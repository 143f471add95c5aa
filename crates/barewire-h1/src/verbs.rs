//! The verbs that client and server have in common, written once.

/// Gives a role its common verbs.
macro_rules! common_verbs {
    ($connection:ident) => {
        impl $connection {
            /// Sends a part of the body of the message that was begun; with `end`, the last one.
            ///
            /// Takes all of `data`, or nothing while the output is full; then the event `Writable` tells when to
            /// try again. `end` takes effect when the data was taken. A body of known length ends by itself.
            ///
            /// # Errors
            ///
            /// There is no body to send, or the data does not match the declared length; nothing was queued.
            pub fn send_data(&mut self, data: &mut Bytes, end: bool) -> Result<(), UsageError> {
                let outgoing = self.outgoing.as_mut().ok_or(UsageError::NoRequest)?;
                let offered = !data.is_empty();
                let complete = outgoing.data(&mut self.output, data, end)?;
                if complete {
                    self.message_sent();
                } else if offered && !data.is_empty() {
                    self.blocked = true;
                }
                Ok(())
            }

            /// Ends a chunked body with a trailer section.
            ///
            /// # Errors
            ///
            /// The body is not chunked, or a field must not be in trailers (RFC 9110, section 6.5.1); nothing was
            /// queued.
            pub fn send_trailers(&mut self, trailers: &HeaderMap) -> Result<(), UsageError> {
                let outgoing = self.outgoing.ok_or(UsageError::NoRequest)?;
                outgoing.trailers(&mut self.output, trailers)?;
                self.message_sent();
                Ok(())
            }

            /// Ends the connection at once: what was not sent is dropped, and a message under way stays
            /// incomplete.
            pub fn abort(&mut self) {
                self.output.clear();
                self.close();
                self.dead = true;
            }

            /// Whether the body of the message that was begun is unfinished: [`send_data`](Self::send_data) or
            /// [`send_trailers`](Self::send_trailers) has to follow.
            pub fn is_sending_body(&self) -> bool {
                self.outgoing.is_some()
            }

            /// Whether the bytes belong to another protocol now: what was read already is
            /// [`input().take()`](Input::take), what is still to be sent is in the output.
            pub fn is_upgraded(&self) -> bool {
                self.reading == Reading::Upgraded
            }
        }
    };
}

pub(crate) use common_verbs;
