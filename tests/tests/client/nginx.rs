//! The pool against nginx, which tells for each request on which connection it came, and as which one there.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use barewire_rt::Spawn;
use barewire_tests::port::Port;
use barewire_tests::process::{PATIENCE, Server, Signal, peer};
use barewire_tests::scratch::Scratch;

use crate::caller::{Caller, Via};

const TEMPLATE: &str = "nginx_pool.conf";

/// nginx with directives that limit its connections.
struct Nginx {
    /// Taken out when it is to end.
    server: Option<Server>,
    /// Its own, while it is down too.
    port: Port,
    limits: &'static str,
    state: Scratch,
}

/// Which connection of nginx's a request came on, and as which request there.
type Place = (u64, u64);

impl Nginx {
    fn start(limits: &'static str) -> Option<Self> {
        Self::with(limits, "off")
    }

    /// With a master process, which replaces its workers when it is told to.
    fn with_master(limits: &'static str) -> Option<Self> {
        Self::with(limits, "on")
    }

    fn with(limits: &'static str, master: &str) -> Option<Self> {
        let state = Scratch::new();
        let server = peer::nginx_with(TEMPLATE, &filled_in(master, limits), state.path())?;
        let port = server.port().expect("nginx cannot have the system pick it").clone();
        Some(Self { server: Some(server), port, limits, state })
    }

    fn url(&self) -> String {
        format!("http://{}/", self.port.addr())
    }

    fn server(&mut self) -> &mut Server {
        self.server.as_mut().unwrap()
    }

    /// Waits for a line of its log.
    fn until(&mut self, part: &str) -> String {
        loop {
            let line = self.server().process_mut().next_error_line().expect("nginx runs");
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Where nginx's log has the next request.
    fn logged(&mut self) -> Place {
        let line = self.until("request ");
        let fields: Vec<_> = line.split(' ').collect();
        assert_eq!((fields[0], fields[3]), ("request", "200"), "{line}");
        (fields[1].parse().unwrap(), fields[2].parse().unwrap())
    }

    /// Waits until it has closed its connections. One that is closed while a request is on its way is another test's.
    fn closes_what_is_idle<R: Spawn>(&self, runtime: &R) {
        let deadline = Instant::now() + PATIENCE;
        while established(self.port.addr()) {
            assert!(Instant::now() < deadline, "nginx closes no idle connection");
            runtime.block_on(runtime.sleep(Duration::from_millis(10)));
        }
    }

    fn stop(&mut self) {
        let server = self.server.take().unwrap();
        server.process().signal(Signal::QUIT);
        server.finish().expect_success();
    }

    fn start_again(&mut self) {
        let limits = filled_in("off", self.limits);
        self.server = peer::start_nginx(self.port.clone(), TEMPLATE, &limits, self.state.path());
        assert!(self.server.is_some(), "somebody took nginx's port");
    }
}

impl Drop for Nginx {
    /// A master that is killed would leave its worker behind.
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.process().signal(Signal::TERM);
            server.finish();
        }
    }
}

/// Whether a connection to this address stands, of which the server has not ended its side; where the system has no
/// table of them, some time passes.
fn established(addr: SocketAddr) -> bool {
    let Ok(table) = std::fs::read_to_string("/proc/net/tcp") else {
        std::thread::sleep(Duration::from_millis(400));
        return false;
    };
    let local = format!("0100007F:{:04X}", addr.port());
    let mut columns = table.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    // The second column is the local address, the fourth the state: ESTABLISHED is 1.
    columns.any(|line| line[1] == local && line[3] == "01")
}

fn filled_in<'a>(master: &'a str, limits: &'a str) -> [(&'a str, &'a str); 2] {
    [("@MASTER@", master), ("@LIMITS@", limits)]
}

/// Where nginx's answer says that the request came.
fn place(answer: &str) -> Place {
    let (connection, request) = answer.split_once(' ').unwrap();
    (connection.parse().unwrap(), request.parse().unwrap())
}

fn client<R: Spawn>(runtime: R, via: Via) -> Caller<R> {
    Caller::new(runtime, via, |client| client)
}

pub(crate) fn many_requests_share_a_connection<R: Spawn>(runtime: R, via: Via) {
    let Some(mut nginx) = Nginx::start("") else { return };
    let client = client(runtime, via);
    let mut first = None;
    for n in 1..=20 {
        let told = match n % 4 {
            0 => client.post(&nginx.url(), "some data"),
            _ => client.get(&nginx.url()),
        };
        let logged = nginx.logged();
        assert_eq!(place(&told.unwrap()), logged);
        assert_eq!(logged, (*first.get_or_insert(logged.0), n));
    }
}

pub(crate) fn a_limit_of_requests_is_followed<R: Spawn>(runtime: R, via: Via) {
    let Some(mut nginx) = Nginx::start("keepalive_requests 3;") else { return };
    let client = client(runtime, via);
    let mut connections = Vec::new();
    for n in 0..10 {
        // The second and later ones on a connection are of both kinds.
        let told = match n % 2 {
            0 => client.get(&nginx.url()),
            _ => client.post(&nginx.url(), "some data"),
        };
        let (connection, request) = nginx.logged();
        assert_eq!(place(&told.unwrap()), (connection, request));
        assert_eq!(request, n % 3 + 1);
        connections.push(connection);
    }
    connections.dedup();
    assert_eq!(connections.len(), 4);
}

pub(crate) fn connections_that_idled_out_are_replaced<R: Spawn>(runtime: R, via: Via) {
    let Some(mut nginx) = Nginx::start("keepalive_timeout 50ms;") else { return };
    let client = client(runtime.clone(), via);
    let mut last = None;
    for _ in 0..4 {
        // A POST is not sent twice, so that the end has to be noticed before it is sent.
        let told = place(&client.post(&nginx.url(), "some data").unwrap());
        assert_eq!(told, nginx.logged());
        assert_ne!(last.replace(told.0), Some(told.0));
        nginx.closes_what_is_idle(&runtime);
    }
}

pub(crate) fn a_close_that_crosses_a_request_is_not_noticed<R: Spawn>(runtime: R, via: Via) {
    let Some(nginx) = Nginx::start("keepalive_timeout 10ms;") else { return };
    let client = client(runtime.clone(), via);
    let deadline = Instant::now() + PATIENCE;
    let (mut closed, mut last) = (0, None);
    // A machine that is busy may need more than one round.
    for n in (0..60).cycle() {
        let (connection, _) = place(&client.get(&nginx.url()).unwrap());
        closed += u32::from(last.is_some_and(|last| last != connection));
        last = Some(connection);
        if n == 59 && closed > 0 {
            break;
        }
        assert!(Instant::now() < deadline, "none was closed");
        // From somewhat too early to somewhat too late.
        runtime.block_on(runtime.sleep(Duration::from_micros(9_000 + 50 * n)));
    }
}

pub(crate) fn a_restart_is_not_noticed<R: Spawn>(runtime: R, via: Via) {
    let Some(mut nginx) = Nginx::start("") else { return };
    let client = client(runtime, via);
    for n in 1..=2 {
        assert_eq!(place(&client.get(&nginx.url()).unwrap()).1, n);
    }
    nginx.stop();
    nginx.start_again();
    // As one that is not sent twice.
    assert_eq!(place(&client.post(&nginx.url(), "some data").unwrap()).1, 1);
    assert_eq!(place(&client.get(&nginx.url()).unwrap()).1, 2);
    nginx.stop();
    let error = client.get(&nginx.url()).unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    nginx.start_again();
    assert_eq!(place(&client.get(&nginx.url()).unwrap()).1, 1);
}

pub(crate) fn a_reload_is_not_noticed<R: Spawn>(runtime: R, via: Via) {
    let Some(mut nginx) = Nginx::with_master("") else { return };
    let client = client(runtime, via);
    assert_eq!(place(&client.get(&nginx.url()).unwrap()).1, 1);
    for _ in 0..3 {
        assert!(place(&client.get(&nginx.url()).unwrap()).1 > 1);
        nginx.server().process().signal(Signal::HUP);
        // While one worker takes over from the other.
        for _ in 0..50 {
            client.get(&nginx.url()).unwrap();
        }
        nginx.until("exited with code 0");
        client.get(&nginx.url()).unwrap();
    }
}
