//! The verbs that client and server have in common, written once.

/// Gives a role its common verbs and the trait `Protocol`.
macro_rules! common_verbs {
    ($connection:ident, $event:ident, $role:ident) => {
        impl $connection {
            /// Sends a part of a stream's body; with `end`, the last one.
            ///
            /// Takes what can go now and what fits into the stream's buffer
            /// ([`Limits::send_buffer`](crate::Limits::send_buffer)), and leaves the rest in `data`; then
            /// `Writable` tells when there is room. `end` takes effect once all was taken.
            ///
            /// # Errors
            ///
            /// The stream cannot take a body: it is over, its head was not sent, or the data does not fit the
            /// declared length. Nothing was queued.
            pub fn send_data(
                &mut self,
                id: StreamId,
                data: &mut Bytes,
                end: bool,
            ) -> Result<(), UsageError> {
                self.inner.send_data(id, data, end)
            }

            /// Ends a stream's body with a trailer section, behind all of its data.
            ///
            /// # Errors
            ///
            /// As [`send_data`](Self::send_data), or a field is one of HTTP/1.1's connection, or the stream is a
            /// tunnel.
            pub fn send_trailers(
                &mut self,
                id: StreamId,
                trailers: &HeaderMap,
            ) -> Result<(), UsageError> {
                self.inner.send_trailers(id, trailers)
            }

            /// Puts an end to a stream: no event follows for it, and what it waited to send is dropped. Nothing
            /// happens when the stream is over already.
            pub fn reset_stream(&mut self, id: StreamId, reason: Reason) {
                self.inner.reset_stream(id, reason);
            }

            /// Says that `n` bytes of `Data` were consumed, so that the peer may send as many more. The
            /// peer is told once half of a window came together, or as much as it has left.
            ///
            /// What a stream holds when it is reset is given back without this.
            pub fn release_capacity(&mut self, id: StreamId, n: usize) {
                self.inner.release_capacity(id, n);
            }

            /// Says that nobody wants the rest of what comes in on a stream: its window is given back, and no
            /// further `Data`, `Trailers` or `End` come for it.
            ///
            /// A client resets the stream with CANCEL. A server goes on with its response, and resets the stream
            /// with NO_ERROR after that if the request is not complete by then (RFC 9113, section 8.1).
            pub fn discard(&mut self, id: StreamId) {
                self.inner.discard(id);
            }

            /// Asks whether the peer is there; the answer is the event `Pong`. At most 16 are under way.
            pub fn ping(&mut self) {
                self.inner.ping();
            }

            /// Says that no further stream of the peer's will be taken. Those that it opened before go on, and the
            /// connection closes after the last one.
            pub fn go_away(&mut self, reason: Reason) {
                self.inner.go_away(reason);
            }

            /// Closes in two steps, so that no request is lost that is under way: GOAWAY announces the end, and
            /// when the peer must have seen it, a second one says which stream was the last
            /// (RFC 9113, section 6.8).
            pub fn graceful_shutdown(&mut self) {
                self.inner.graceful_shutdown();
            }

            /// Ends the connection at once: what was not sent is dropped.
            pub fn abort(&mut self) {
                self.inner.abort();
            }

            /// Sets how urgent a stream's data is beside that of others.
            pub fn set_priority(&mut self, id: StreamId, priority: Priority) {
                if let Some(key) = self.inner.streams.find(id) {
                    self.inner.prioritise(key, priority);
                }
            }

            /// How many bytes [`send_data`](Self::send_data) would take now.
            pub fn capacity(&self, id: StreamId) -> usize {
                self.inner.capacity(id)
            }

            /// Whether this side may still send on a stream.
            pub fn is_open(&self, id: StreamId) -> bool {
                self.inner.is_open(id)
            }

            /// Whether the connection comes to its end: a GOAWAY went either way, or it failed.
            pub fn is_draining(&self) -> bool {
                self.inner.is_draining()
            }

            /// Whether no stream is open.
            pub fn is_idle(&self) -> bool {
                self.active_streams() == 0
            }

            /// How many streams are open, those of both sides together.
            pub fn active_streams(&self) -> usize {
                self.inner.active_local.saturating_add(self.inner.active_remote) as usize
            }

            /// What the peer announced; the protocol's defaults until then.
            pub fn peer_settings(&self) -> &PeerSettings {
                &self.inner.peer
            }

            /// The time that the last PING took.
            pub fn rtt(&self) -> Option<Duration> {
                self.inner.rtt
            }
        }

        impl Protocol for $connection {
            type Event = $event;
            type Error = Error;

            fn input(&mut self) -> &mut Input {
                &mut self.inner.input
            }

            fn output(&mut self) -> &mut Output {
                &mut self.inner.output
            }

            fn wants_read(&self) -> bool {
                self.inner.wants_read()
            }

            fn is_closed(&self) -> bool {
                self.inner.is_closed()
            }

            fn poll_event(&mut self) -> Result<Option<$event>, Error> {
                self.inner.poll()
            }

            fn poll_timeout(&self) -> Option<Instant> {
                self.inner.poll_timeout()
            }

            fn handle_timeout(&mut self, now: Instant) {
                self.inner.handle_timeout(now);
            }
        }
    };
}

pub(crate) use common_verbs;
