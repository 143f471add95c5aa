use std::sync::{Arc, Mutex, mpsc};

use barewire_rt::Spawn;
use barewire_server::Body;
use bytes::Bytes;
use http::{Request, Response};

use super::trickle;
use crate::cuts::{Cuts, insist};
use crate::harness::{Running, get, soon};
use crate::pattern::Pattern;

pub(crate) fn of_reading_a_body_loses_nothing<R: Spawn>(runtime: R) {
    const FRAMED: [&[u8]; 2] = [
        b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz",
        b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n\
          10\r\nabcdefghijklmnop\r\na\r\nqrstuvwxyz\r\n0\r\nX-Last: z\r\n\r\n",
    ];
    let next = Arc::new(Mutex::new(None));
    let (sender, read) = mpsc::channel();
    let handler = {
        let next = Arc::clone(&next);
        move |request: Request<Body>| {
            let mut cuts: Cuts = next.lock().unwrap().take().unwrap();
            let read = sender.clone();
            async move {
                let mut body = request.into_body();
                let (mut whole, mut trailers) = (Vec::new(), 0);
                while let Some(frame) = insist!(cuts, body.frame()) {
                    match frame.unwrap().into_data() {
                        Ok(data) => whole.extend_from_slice(&data),
                        Err(_) => trailers += 1,
                    }
                }
                assert!(insist!(cuts, body.data()).unwrap().is_none());
                read.send((whole, trailers)).unwrap();
            }
        }
    };
    let server = Running::start(&runtime, handler);
    for (n, request) in FRAMED.into_iter().enumerate() {
        let mut connection = server.open();
        for mut cuts in Cuts::all() {
            let paces = cuts.pace();
            *next.lock().unwrap() = Some(cuts);
            let head = request.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
            connection.send(&request[..head]);
            trickle(&mut connection.writer(), &request[head..], 3, &paces);
            let (whole, trailers) = soon(&read);
            assert_eq!((&*whole, trailers), (&b"abcdefghijklmnopqrstuvwxyz"[..], n));
            assert_eq!(connection.answer().status, 200);
        }
    }
    server.stop();
}

pub(crate) fn of_sending_into_a_channel_sends_whole_parts_or_none<R: Spawn>(runtime: R) {
    const PARTS: usize = 30;
    let plans = Arc::new(Mutex::new(Cuts::all()));
    let spawning = runtime.clone();
    let handler = move |_: Request<Body>| {
        let mut cuts = plans.lock().unwrap().next().unwrap();
        let (mut sender, body) = Body::channel(1);
        drop(spawning.spawn(async move {
            let mut pattern = Pattern::new();
            for _ in 0..PARTS {
                let part: Bytes = pattern.take(1_000);
                insist!(cuts, sender.send(part.clone())).unwrap();
            }
            sender.finish();
        }));
        async { Response::new(body) }
    };
    let server = Running::start(&runtime, handler);
    let mut connection = server.open();
    for _ in Cuts::all() {
        connection.send(get("/"));
        assert_eq!(connection.answer().body, Pattern::prefix(PARTS * 1_000));
    }
    drop(connection);
    server.stop();
}
