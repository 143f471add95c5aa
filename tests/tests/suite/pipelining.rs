//! Requests that do not wait for the answers before them (RFC 9112, section 9.3.2).

use std::sync::{Arc, mpsc};

use barewire_rt::Spawn;
use barewire_server::{Body, Config};
use http::{Request, Response};

use crate::harness::{Gate, Running, config, get, post, soon};
use crate::meter::Meter;

async fn target(request: Request<Body>) -> String {
    request.uri().to_string()
}

fn many(count: usize) -> String {
    (0..count).map(|n| get(&format!("/{n}"))).collect()
}

pub(crate) fn many_answers_leave_in_one_write<R: Spawn>(runtime: R) {
    let meter = Arc::new(Meter::default());
    let server = Running::metered(&runtime, &meter, Config::default(), target);
    let mut connection = server.open();
    for _ in 0..3 {
        connection.send(many(32));
        for n in 0..32 {
            assert_eq!(connection.answer().text(), format!("/{n}"));
        }
    }
    drop(connection);
    server.stop();
    assert_eq!(meter.now().writes, 3);
}

pub(crate) fn answers_come_in_the_order_of_the_requests<R: Spawn>(runtime: R) {
    for max_pipelined in [1, 8] {
        let (started, starts) = mpsc::channel();
        let first = Gate::closed();
        let passed = first.clone();
        let handler = move |request: Request<Body>| {
            let (started, gate) = (started.clone(), passed.clone());
            async move {
                let target = request.uri().to_string();
                started.send(target.clone()).unwrap();
                if target == "/0" {
                    gate.pass().await;
                }
                target
            }
        };
        let config = config(|config| config.http1.limits.max_pipelined = max_pipelined);
        let server = Running::with(&runtime, config, handler);
        let mut connection = server.open();
        connection.send(many(20));
        assert_eq!(soon(&starts), "/0");
        assert!(connection.is_silent());
        first.open();
        for n in 0..20 {
            assert_eq!(connection.answer().text(), format!("/{n}"), "of {max_pipelined}");
        }
        drop(connection);
        server.stop();
    }
}

pub(crate) fn each_body_stays_with_its_request<R: Spawn>(runtime: R) {
    let server = Running::start(&runtime, async |request: Request<Body>| {
        let echoes = request.uri() != "/ignored";
        Response::new(if echoes { request.into_body() } else { Body::from("ignored") })
    });
    let mut connection = server.open();
    let mut requests = String::new();
    for n in 0..10 {
        requests += &post("/", &format!("body {n}"));
        requests += &post("/ignored", "a body that nobody reads");
        requests += "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
        requests += "5\r\nin tw\r\n7\r\no parts\r\n0\r\n\r\n";
        requests += &get("/");
    }
    connection.send(requests);
    for n in 0..10 {
        for expected in [&*format!("body {n}"), "ignored", "in two parts", ""] {
            assert_eq!(connection.answer().text(), expected);
        }
    }
    drop(connection);
    server.stop();
}
