//! One stream on which the request's body and the response's go at the same time, and may wait for each other.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use barewire_client::{Body, blocking};
use barewire_h2::{BodyLength, Config, ServerEvent};
use barewire_rt::Spawn;
use bytes::{Bytes, BytesMut};
use futures_lite::future::zip;
use http::Response;
use http_body::Frame;

use crate::bodies::pattern;
use crate::peer::{Server, Talk, echo_path};
use crate::{client, on_each_runtime, threads};

on_each_runtime!(
    each_part_comes_back_before_the_next_one,
    a_part_may_come_from_another_thread,
    a_part_may_come_from_the_same_task,
    all_of_it_goes_both_ways,
    the_server_may_speak_first,
    others_on_the_connection_go_on,
    threads_send_and_receive_at_once,
);

/// Answers at once, and sends back what comes as it comes. Under `/greet` it begins with a greeting.
fn echo() -> impl FnMut(&mut Talk, ServerEvent) + Send {
    let mut unsent = HashMap::<_, BytesMut>::new();
    let mut ended = Vec::new();
    move |talk: &mut Talk, event: ServerEvent| {
        let id = match event {
            ServerEvent::Request(id, request, BodyLength::Unknown | BodyLength::Known(_))
                if request.uri().path() != "/other" =>
            {
                talk.h2.send_response(id, &Response::new(()), BodyLength::Unknown).unwrap();
                let greeting: &[u8] = match request.uri().path() {
                    "/greet" => b"greeting",
                    _ => b"",
                };
                unsent.insert(id, greeting.into());
                id
            }
            ServerEvent::Data(id, data) if unsent.contains_key(&id) => {
                unsent.get_mut(&id).unwrap().extend_from_slice(&data);
                id
            }
            ServerEvent::End(id) if unsent.contains_key(&id) => {
                ended.push(id);
                id
            }
            ServerEvent::Writable(id) => id,
            event => return echo_path(talk, event),
        };
        if let Some(left) = unsent.get_mut(&id) {
            let mut data = left.split().freeze();
            // A client that has what it wanted is gone.
            let _ = talk.h2.send_data(id, &mut data, ended.contains(&id));
            left.extend_from_slice(&data);
        }
    }
}

fn server() -> Server {
    Server::new(Config::default(), |_| echo())
}

/// Parts that are handed over one by one.
#[derive(Clone, Default)]
struct Parts(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    parts: VecDeque<Option<Bytes>>,
    waker: Option<Waker>,
}

impl Parts {
    fn put(&self, part: Option<Bytes>) {
        let mut queue = self.0.lock().unwrap();
        queue.parts.push_back(part);
        if let Some(waker) = queue.waker.take() {
            waker.wake();
        }
    }
}

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let mut queue = self.0.lock().unwrap();
        match queue.parts.pop_front() {
            Some(part) => Poll::Ready(part.map(|part| Ok(Frame::data(part)))),
            None => {
                queue.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

fn part(n: usize) -> Bytes {
    Bytes::from(format!("part {n}"))
}

fn each_part_comes_back_before_the_next_one<R: Spawn>(runtime: R) {
    let server = server();
    runtime.clone().block_on(async move {
        let parts = Parts::default();
        let post = client(runtime).post(server.url("/")).body(Body::stream(parts.clone()));
        let mut response = post.send().await.unwrap();
        for n in 0..30 {
            parts.put(Some(part(n)));
            assert_eq!(response.chunk().await.unwrap().unwrap(), part(n));
        }
        parts.put(None);
        assert_eq!(response.chunk().await.unwrap(), None);
    });
}

/// A thread that hands over a part for each number that it is told, and then the end.
fn feeder(parts: Parts, told: Receiver<usize>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        told.iter().for_each(|n| parts.put(Some(part(n))));
        parts.put(None);
    })
}

fn a_part_may_come_from_another_thread<R: Spawn>(runtime: R) {
    let server = server();
    let (tell, told) = channel();
    let parts = Parts::default();
    let feeder = feeder(parts.clone(), told);
    runtime.clone().block_on(async move {
        let post = client(runtime).post(server.url("/")).body(Body::stream(parts));
        let mut response = post.send().await.unwrap();
        for n in 0..30 {
            tell.send(n).unwrap();
            assert_eq!(response.chunk().await.unwrap().unwrap(), part(n));
        }
        drop(tell);
        assert_eq!(response.chunk().await.unwrap(), None);
    });
    feeder.join().unwrap();
}

/// Whoever waits for the server must not keep the other half of its task from feeding the body.
fn a_part_may_come_from_the_same_task<R: Spawn>(runtime: R) {
    let server = server();
    runtime.clone().block_on(async move {
        let parts = Parts::default();
        let post = client(runtime.clone()).post(server.url("/")).body(Body::stream(parts.clone()));
        let receive = async {
            let mut response = post.send().await.unwrap();
            let mut all = Vec::new();
            while let Some(data) = response.chunk().await.unwrap() {
                all.extend_from_slice(&data);
            }
            all
        };
        let feed = async {
            for n in 0..10 {
                parts.put(Some(part(n)));
                futures_lite::future::yield_now().await;
            }
            parts.put(None);
        };
        let (received, ()) = zip(receive, feed).await;
        let wanted: Vec<u8> = (0..10).flat_map(part).collect();
        assert_eq!(received, wanted);
    });
}

fn all_of_it_goes_both_ways<R: Spawn>(runtime: R) {
    let server = server();
    runtime.clone().block_on(async move {
        let body = pattern(5_000_000);
        let reader = Body::from_read(io::Cursor::new(body.clone()));
        let response = client(runtime).post(server.url("/")).body(reader).send().await.unwrap();
        assert!(response.bytes().await.unwrap() == body);
        assert_eq!(server.connections(), 1);
    });
}

fn the_server_may_speak_first<R: Spawn>(runtime: R) {
    let server = server();
    runtime.clone().block_on(async move {
        let parts = Parts::default();
        let post = client(runtime).post(server.url("/greet")).body(Body::stream(parts.clone()));
        let mut response = post.send().await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "greeting");
        parts.put(Some(part(1)));
        parts.put(None);
        assert_eq!(response.bytes().await.unwrap(), part(1));
    });
}

/// Requests on a connection on which a body has nothing to send for a while.
fn others_on_the_connection_go_on<R: Spawn>(runtime: R) {
    let server = server();
    runtime.clone().block_on(async move {
        let client = client(runtime.clone());
        let parts = Parts::default();
        let post = client.post(server.url("/")).body(Body::stream(parts.clone()));
        let mut response = post.send().await.unwrap();
        let slow = runtime.spawn(async move {
            let mut all = Vec::new();
            while let Some(data) = response.chunk().await.unwrap() {
                all.extend_from_slice(&data);
            }
            all
        });
        let start = Instant::now();
        let others: Vec<_> = (0..4)
            .map(|_| {
                let (client, url) = (client.clone(), server.url("/other"));
                runtime.spawn(async move {
                    for _ in 0..25 {
                        let response = client.get(&url).send().await.unwrap();
                        assert_eq!(response.text().await.unwrap(), "/other");
                    }
                })
            })
            .collect();
        for other in others {
            other.await.unwrap();
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        parts.put(Some(part(1)));
        parts.put(None);
        assert_eq!(slow.await.unwrap(), part(1));
        assert_eq!(server.connections(), 1);
    });
}

/// The blocking client: eight threads, each with a stream of its own on one connection.
fn threads_send_and_receive_at_once<R: Spawn>(runtime: R) {
    let server = server();
    let client = blocking::Client::from(client(runtime));
    assert_eq!(client.get(server.url("/other")).send().unwrap().text().unwrap(), "/other");
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let (client, url) = (client.clone(), server.url("/"));
            thread::spawn(move || {
                let (tell, told) = channel();
                let parts = Parts::default();
                let feeder = feeder(parts.clone(), told);
                let mut response = client.post(url).body(Body::stream(parts)).send().unwrap();
                for n in 0..10 {
                    let n = n * 10 + thread;
                    tell.send(n).unwrap();
                    assert_eq!(response.chunk().unwrap().unwrap(), part(n));
                }
                drop(tell);
                assert_eq!(response.chunk().unwrap(), None);
                feeder.join().unwrap();
                let large = pattern(300_000 + thread);
                let body = Body::from_read(io::Cursor::new(large.clone()));
                let response = client.post(server_url(&response)).body(body).send().unwrap();
                assert!(response.bytes().unwrap() == large);
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(server.connections(), 1);
    let counted = client.connections(server.url("/")).unwrap();
    assert_eq!((counted.idle, counted.in_use), (1, 0));
}

fn server_url(response: &blocking::Response) -> String {
    response.url().to_string()
}

/// A reader that blocks until somebody has written, as a pipe does.
struct Pipe(Receiver<Vec<u8>>);

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let part = self.0.recv().unwrap_or_default();
        buf[..part.len()].copy_from_slice(&part);
        Ok(part.len())
    }
}

/// A reader that blocks holds up the thread that sends, and what it gave before is with the server by then.
#[test]
fn a_reader_may_wait_for_the_server() {
    let (write, read) = channel();
    let server = Server::new(Config::default(), move |_| {
        let mut echo = echo();
        let write = write.clone();
        let mut seen = 0;
        move |talk: &mut Talk, event: ServerEvent| {
            if let ServerEvent::Data(_, data) = &event {
                seen += data.len();
                // The next part is written when the one before has come.
                let _ = write.send(if seen < 50 { b"12345".to_vec() } else { Vec::new() });
            } else if let ServerEvent::Request(..) = event {
                let _ = write.send(b"12345".to_vec());
            }
            echo(talk, event);
        }
    });
    let client = blocking::Client::from(client(threads()));
    let response = client.post(server.url("/")).body(Body::from_read(Pipe(read))).send().unwrap();
    assert_eq!(response.bytes().unwrap(), "12345".repeat(10));
}
