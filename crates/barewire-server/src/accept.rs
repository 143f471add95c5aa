//! The loop that takes connections, and what becomes of those that cannot be taken.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use barewire_rt::{Listener, Spawn, Transport};

use crate::begin::{Common, Visit};
use crate::drain::{Phase, Registry};
use crate::{Handler, log};

/// Takes connections, and gives each a task, until the server is to stop or its listener breaks.
pub(crate) async fn accept<R: Spawn, L: Listener, H: Handler>(
    runtime: R,
    listener: Arc<L>,
    max_connections: usize,
    registry: Arc<Registry>,
    common: Arc<Common<R, H>>,
) -> io::Result<()> {
    let mut pause = Pause::default();
    loop {
        poll_fn(|cx| match registry.phase() {
            Phase::Serving => registry.poll_below(cx, max_connections),
            _ => Poll::Ready(()),
        })
        .await;
        if registry.phase() != Phase::Serving {
            return Ok(());
        }
        let accepted = listener.accept().await;
        let (transport, peer) = match accepted {
            // A shutdown that comes in between finishes what was accepted, too.
            Ok(accepted) => accepted,
            Err(_) if registry.phase() != Phase::Serving => return Ok(()),
            Err(error) => {
                log::accept_failed(&error);
                match Failure::of(&error) {
                    Failure::Connection => {}
                    Failure::Resources => runtime.sleep(pause.next()).await,
                    Failure::Listener => return Err(error),
                }
                continue;
            }
        };
        pause = Pause::default();
        let membership = registry.join(transport.interrupter());
        let visit = Visit { common: Arc::clone(&common), membership, peer };
        drop(runtime.spawn(visit.serve(transport)));
    }
}

/// What an error of `accept` is about.
enum Failure {
    /// The connection that was to be accepted: the next one may be fine.
    Connection,
    /// Descriptors or memory: some of them have to be given back first.
    Resources,
    Listener,
}

impl Failure {
    fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::TimedOut
            | io::ErrorKind::WouldBlock => Self::Connection,
            io::ErrorKind::InvalidInput | io::ErrorKind::NotConnected => Self::Listener,
            // EMFILE and ENFILE among them, which have no kind of their own.
            _ => Self::Resources,
        }
    }
}

/// How long to wait before accepting again: twice as long each time, up to a second.
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(Duration::from_millis(10))
    }
}

impl Pause {
    fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = (now * 2).min(Duration::from_secs(1));
        now
    }
}
