use std::time::Instant;

use super::Share;

/// The connections to one origin that many share.
pub(super) struct Sharing<S> {
    /// Each with the time since when it has been idle, if it is.
    connections: Vec<(S, Instant)>,
    /// One is being opened that may become one of them: who comes meanwhile waits for it.
    pub(super) opening: bool,
    refused: bool,
}

impl<S> Default for Sharing<S> {
    fn default() -> Self {
        Self { connections: Vec::new(), opening: false, refused: false }
    }
}

impl<S: Share> Sharing<S> {
    /// It is known what became of one that was being opened; others waited for it if it was `awaited`.
    pub(super) fn settle(&mut self, awaited: bool) {
        self.opening &= !awaited;
    }

    pub(super) fn add(&mut self, connection: S, now: Instant) {
        // Behind one name may be servers that differ, or one that has learnt it meanwhile.
        self.refused = false;
        self.connections.push((connection, now));
    }

    /// The server does not speak a protocol that could be shared.
    #[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "only ALPN leads there"))]
    pub(super) fn refuse(&mut self) {
        self.refused = true;
    }

    pub(super) fn is_refused(&self) -> bool {
        self.refused
    }

    /// A place on the first that has one, so that those not needed grow old.
    pub(super) fn join(&mut self, not: Option<&S>) -> Option<S> {
        let mut others = self
            .connections
            .iter()
            .map(|(connection, _)| connection)
            .filter(|connection| not.is_none_or(|not| !not.is(connection)));
        others.find(|connection| connection.join()).cloned()
    }

    pub(super) fn idle_ones(&self) -> impl Iterator<Item = &S> {
        self.connections.iter().map(|(connection, _)| connection).filter(|one| one.is_idle())
    }

    /// How many take nobody any more.
    pub(super) fn closed(&self) -> usize {
        self.connections.iter().filter(|(connection, _)| connection.is_closed()).count()
    }

    pub(super) fn idle(&self) -> usize {
        self.idle_ones().count()
    }

    /// Nobody uses one any more. It comes out if it is of no use to anybody, or there are too many.
    pub(super) fn rest(&mut self, connection: &S, now: Instant, full: bool) -> Option<S> {
        let at = self.connections.iter().position(|(known, _)| known.is(connection))?;
        if full || connection.is_closed() {
            return Some(self.connections.remove(at).0);
        }
        self.connections[at].1 = now;
        None
    }

    /// Lets go of those that nobody uses and that are old or closed.
    pub(super) fn retire(&mut self, is_old: impl Fn(&Instant) -> bool, mut gone: impl FnMut(S)) {
        let useless = |(connection, since): &(S, Instant)| {
            connection.is_idle() && (connection.is_closed() || is_old(since))
        };
        let mut at = 0;
        while let Some(entry) = self.connections.get(at) {
            match useless(entry) {
                true => gone(self.connections.remove(at).0),
                false => at += 1,
            }
        }
    }
}
