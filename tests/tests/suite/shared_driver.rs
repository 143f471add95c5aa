//! One connection and several threads: one sends while another waits to receive.

use std::sync::mpsc;
use std::thread;

use barewire_h1::{BodyLength, ClientConnection, ClientEvent, Config};
use barewire_server::Body;
use barewire_std::{Driver, Std, TcpStream};
use http::{Request, Response};

use crate::harness::{Running, soon};
use crate::pattern::Pattern;

const PIPELINED: usize = 8;

fn connect(server: &Running) -> Driver<ClientConnection> {
    let mut config = Config::default();
    config.limits.max_pipelined = PIPELINED;
    Driver::new(ClientConnection::new(config), TcpStream::connect(server.addr, None).unwrap())
}

#[test]
fn requests_are_sent_while_responses_are_awaited() {
    const REQUESTS: usize = 500;
    let server = Running::start(&Std::default(), async |request: Request<Body>| {
        request.uri().path().to_owned()
    });
    let driver = connect(&server);
    let (free, frees) = mpsc::channel();
    thread::scope(|scope| {
        let sending = &driver;
        scope.spawn(move || {
            for n in 0..REQUESTS {
                if n >= PIPELINED {
                    soon(&frees);
                }
                let request = Request::get(format!("http://test/{n}")).body(()).unwrap();
                sending.with(|client| client.send_request(&request, BodyLength::Empty)).unwrap();
                sending.flush().unwrap();
            }
        });
        for n in 0..REQUESTS {
            let mut heard = Vec::new();
            loop {
                match driver.next_event().unwrap().unwrap() {
                    ClientEvent::Response(response, _) => assert_eq!(response.status(), 200),
                    ClientEvent::Data(data) => heard.extend_from_slice(&data),
                    ClientEvent::End => break,
                    event => panic!("{event:?}"),
                }
            }
            assert_eq!(heard, format!("/{n}").as_bytes());
            // The last ones are of no use to anybody.
            let _ = free.send(());
        }
    });
    drop(driver);
    server.stop();
}

#[test]
fn a_body_is_sent_while_its_echo_is_received() {
    const SIZE: usize = 32 << 20;
    let server = Running::start(&Std::default(), async |request: Request<Body>| {
        Response::new(request.into_body())
    });
    let driver = connect(&server);
    let request = Request::post("http://test/").body(()).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            let length = BodyLength::Known(SIZE as u64);
            driver.with(|client| client.send_request(&request, length)).unwrap();
            let mut pattern = Pattern::new();
            let mut left = SIZE;
            while left > 0 {
                let mut part = pattern.take(left.min(100_000));
                left -= part.len();
                while !part.is_empty() {
                    driver.with(|client| client.send_data(&mut part, false)).unwrap();
                    driver.flush().unwrap();
                }
            }
        });
        let mut pattern = Pattern::new();
        let mut length = 0;
        loop {
            match driver.next_event().unwrap().unwrap() {
                ClientEvent::Response(response, _) => assert_eq!(response.status(), 200),
                ClientEvent::Data(data) => {
                    pattern.expect(&data);
                    length += data.len();
                }
                ClientEvent::Writable => {}
                ClientEvent::End => break,
                event => panic!("{event:?}"),
            }
        }
        assert_eq!(length, SIZE);
    });
    drop(driver);
    server.stop();
}

#[test]
fn threads_take_turns_to_receive() {
    const REQUESTS: usize = 200;
    let server = Running::start(&Std::default(), async |_: Request<Body>| {});
    let driver = connect(&server);
    let (answered, answers) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..3 {
            let answered = answered.clone();
            let driver = &driver;
            scope.spawn(move || {
                while let Some(event) = driver.next_event().unwrap() {
                    assert!(matches!(event, ClientEvent::Response(_, BodyLength::Empty)));
                    answered.send(()).unwrap();
                }
            });
        }
        for n in 0..REQUESTS {
            if n >= PIPELINED {
                soon(&answers);
            }
            let request = Request::get("http://test/").body(()).unwrap();
            driver.with(|client| client.send_request(&request, BodyLength::Empty)).unwrap();
            driver.flush().unwrap();
        }
        for _ in 0..PIPELINED {
            soon(&answers);
        }
        // Every one of them sees the end.
        server.stop();
    });
}
