use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::thread;

use barewire_h1::{
    BodyLength, ClientConnection, ClientEvent, Config, ServerConnection, ServerEvent,
};
use barewire_rt::{Driver, Listener, PeerAddr, Spawn, Transport};
use barewire_server::Body;
use barewire_tests::scratch::Scratch;
use http::{HeaderMap, Request, Response};

use super::trickle;
use crate::cuts::{Cuts, insist};
use crate::harness::{Running, any};
use crate::pattern::Pattern;

const REQUESTS: &[u8] = b"GET /1 HTTP/1.1\r\nHost: test\r\n\r\n\
    POST /2 HTTP/1.1\r\nHost: test\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz\
    POST /3 HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n\
    a\r\n0123456789\r\n6\r\nabcdef\r\n0\r\nX-Sum: 16\r\n\r\n\
    GET /4 HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";

/// What a server was told, and what it answers to it.
const TOLD: &str = "GET /1; POST /2; [abcdefghijklmnopqrstuvwxyz] end; \
    POST /3; [0123456789abcdef] x-sum: \"16\"; end; GET /4; ";

pub(crate) fn of_a_servers_driver_loses_nothing<R: Spawn>(runtime: R) {
    let mut made = 0;
    for mut cuts in Cuts::all() {
        let paces = cuts.pace();
        let listener = runtime.listen_tcp(any(), &Default::default()).unwrap();
        let Ok(PeerAddr::Tcp(addr)) = listener.local_addr() else { unreachable!() };
        let peer = thread::spawn(move || {
            let mut stream = TcpStream::connect(addr).unwrap();
            trickle(&mut stream, REQUESTS, 7, &paces);
            let mut answers = String::new();
            stream.read_to_string(&mut answers).unwrap();
            answers
        });
        let told = runtime.block_on(async {
            let (stream, _) = listener.accept().await.unwrap();
            let mut driver = Driver::new(ServerConnection::new(Config::default()), stream);
            serve(&mut driver, &mut cuts).await
        });
        assert_eq!(told, TOLD);
        let answers = peer.join().unwrap();
        assert_eq!(answers.matches("HTTP/1.1 200 OK\r\n").count(), 4, "{answers}");
        for target in ["/1", "/2", "/3", "/4"] {
            assert!(answers.contains(&format!("\r\n\r\n{target}")), "{answers}");
        }
        made += cuts.made;
    }
    assert!(made > 100, "only {made} futures were dropped");
}

/// Answers each request with its target and returns what it was told.
async fn serve<T: Transport>(driver: &mut Driver<ServerConnection, T>, cuts: &mut Cuts) -> String {
    let mut told = String::new();
    let mut target = String::new();
    while let Some(event) = insist!(cuts, driver.next_event()).unwrap() {
        let ends = match event {
            ServerEvent::Request(request, length) => {
                target = request.uri().to_string();
                told += &format!("{} {target}; ", request.method());
                length == BodyLength::Empty
            }
            ServerEvent::Data(data) => {
                // However it is cut, it is the same data.
                let data = String::from_utf8_lossy(&data);
                match told.strip_suffix("] ") {
                    Some(before) => told = format!("{before}{data}] "),
                    None => told += &format!("[{data}] "),
                }
                false
            }
            ServerEvent::Trailers(trailers) => {
                told += &trailers.iter().map(|(n, v)| format!("{n}: {v:?}; ")).collect::<String>();
                false
            }
            ServerEvent::End => {
                told += "end; ";
                true
            }
            ServerEvent::Writable => false,
        };
        if ends {
            let answer = std::mem::take(&mut target).into();
            driver.protocol_mut().respond(&Response::new(()), answer).unwrap();
            insist!(cuts, driver.flush()).unwrap();
        }
    }
    told
}

pub(crate) fn of_a_flush_sends_nothing_twice<R: Spawn>(runtime: R) {
    const LARGE: usize = 4 << 20;
    let mut made = 0;
    for mut cuts in Cuts::all().step_by(3) {
        // A Unix socket holds little, and always the same.
        let scratch = Scratch::new();
        let path = scratch.path().join("socket");
        let listener = runtime.listen_unix(&path, &Default::default()).unwrap();
        let peer = thread::spawn(move || {
            let mut stream = UnixStream::connect(path).unwrap();
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
            // Slower than anybody writes.
            let mut answer = Vec::new();
            let mut gulp = [0; 1000];
            loop {
                match stream.read(&mut gulp).unwrap() {
                    0 => return answer,
                    n => answer.extend_from_slice(&gulp[..n]),
                }
            }
        });
        runtime.block_on(async {
            let (stream, _) = listener.accept().await.unwrap();
            let mut driver = Driver::new(ServerConnection::new(Config::default()), stream);
            let event = driver.next_event().await.unwrap();
            assert!(matches!(event, Some(ServerEvent::Request(..))));
            let length = BodyLength::Known(LARGE as u64);
            driver.protocol_mut().send_response(&Response::new(()), length).unwrap();
            let mut pattern = Pattern::new();
            let mut left = LARGE;
            while left > 0 {
                let mut part = pattern.take(left.min(50_000));
                left -= part.len();
                while !part.is_empty() {
                    driver.protocol_mut().send_data(&mut part, false).unwrap();
                    insist!(cuts, driver.flush()).unwrap();
                }
            }
            assert!(insist!(cuts, driver.next_event()).unwrap().is_none());
        });
        let answer = peer.join().unwrap();
        let body = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        assert_eq!(answer.len() - body, LARGE);
        Pattern::new().expect(&answer[body..]);
        made += cuts.made;
    }
    assert!(made > 10, "only {made} futures were dropped");
}

pub(crate) fn of_a_clients_driver_loses_nothing<R: Spawn>(runtime: R) {
    const PARTS: usize = 20;
    let server = Running::start(&runtime, async |request: Request<Body>| {
        let (parts, body) = request.into_parts();
        let mut response = Response::new(body);
        response.headers_mut().insert("x-target", parts.uri.path().parse().unwrap());
        response
    });
    for mut cuts in Cuts::all() {
        runtime.block_on(async {
            let stream = runtime.connect_tcp(server.addr, None).await.unwrap();
            let mut driver = Driver::new(ClientConnection::new(Config::default()), stream);
            for n in 0..5 {
                let mut sent = Pattern::new();
                let request = Request::post(format!("http://test/{n}")).body(()).unwrap();
                driver.protocol_mut().send_request(&request, BodyLength::Unknown).unwrap();
                // Few enough that they fit the system's buffers: nobody reads the echo meanwhile.
                for _ in 0..PARTS {
                    let mut part = sent.take(1_000);
                    while !part.is_empty() {
                        driver.protocol_mut().send_data(&mut part, false).unwrap();
                        insist!(cuts, driver.flush()).unwrap();
                    }
                }
                let mut trailers = HeaderMap::new();
                trailers.insert("x-n", n.into());
                driver.protocol_mut().send_trailers(&trailers).unwrap();
                let (mut heard, mut length, mut heads, mut trailing) = (Pattern::new(), 0, 0, 0);
                loop {
                    match insist!(cuts, driver.next_event()).unwrap().unwrap() {
                        ClientEvent::Response(response, BodyLength::Unknown) => {
                            assert_eq!(response.headers()["x-target"], *format!("/{n}"));
                            heads += 1;
                        }
                        ClientEvent::Data(data) => {
                            heard.expect(&data);
                            length += data.len();
                        }
                        ClientEvent::Trailers(echoed) => {
                            assert_eq!(echoed, trailers);
                            trailing += 1;
                        }
                        ClientEvent::End => break,
                        event => panic!("{event:?}"),
                    }
                }
                assert_eq!((length, heads, trailing), (PARTS * 1_000, 1, 1));
            }
            assert!(driver.protocol().is_reusable());
        });
    }
    server.stop();
}
