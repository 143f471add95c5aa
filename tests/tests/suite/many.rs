//! A thousand connections at once.

use std::sync::mpsc;

use barewire_rt::Spawn;
use barewire_server::Body;
use http::Request;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::{Connection, Gate, Running, get, soon};

const MANY: usize = 1_000;

/// Lets this process open as many files as the system allows it, and says how many connections there may be: both ends
/// of each are ours, and other tests run beside this one, the same on other runtimes among them.
fn as_many_as_may_be() -> usize {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let files = limit.maximum.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    MANY.min(files / 10)
}

pub(crate) fn each_is_answered<R: Spawn>(runtime: R) {
    let many = as_many_as_may_be();
    let (started, starts) = mpsc::channel();
    let gate = Gate::closed();
    let passed = gate.clone();
    let handler = move |request: Request<Body>| {
        let (started, gate) = (started.clone(), passed.clone());
        async move {
            started.send(()).unwrap();
            gate.pass().await;
            request.uri().to_string()
        }
    };
    let server = Running::start(&runtime, handler);
    let mut connections: Vec<_> = (0..many).map(|_| server.open()).collect();
    for round in 0..3 {
        for (n, connection) in connections.iter_mut().enumerate() {
            connection.send(get(&format!("/{round}/{n}")));
        }
        // The first time round, all of them are in the handler at the same moment.
        for _ in 0..many {
            soon(&starts);
        }
        assert_eq!(server.handle.connections(), many);
        gate.open();
        for (n, connection) in connections.iter_mut().enumerate() {
            assert_eq!(connection.answer().text(), format!("/{round}/{n}"));
        }
    }
    // Half of them leave, the others are closed by the server.
    connections.truncate(many / 2);
    server.stop();
    for connection in &mut connections {
        assert_eq!(Connection::rest(connection), b"");
    }
}
