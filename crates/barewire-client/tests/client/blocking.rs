use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use barewire_client::Body;
use barewire_client::blocking::Client;
use barewire_rt::Spawn;
use http::Request;

use crate::on_each_runtime;
use crate::script::{Peer, Server, play};

on_each_runtime!(
    the_same_names,
    a_host_has_the_addresses_that_were_set,
    a_response_is_a_reader,
    a_response_is_an_iterator,
    threads_share_a_client,
    one_exchange_feeds_another,
);

fn the_same_names<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        assert!(peer.request().starts_with("PUT /?q=1 HTTP/1.1\r\n"));
        assert_eq!(peer.until("0\r\n\r\n"), "5\r\nhello\r\n0\r\n\r\n");
        peer.answer("one");
        assert!(peer.request().starts_with("PATCH / HTTP/1.1\r\n"));
        peer.answer("two");
        peer.wait_for_end();
    });
    let client = Client::new(runtime);
    let request = client.put(server.url("/")).query([("q", "1")]);
    let response = request.body(Body::from_read(&b"hello"[..])).send().unwrap();
    assert_eq!(response.error_for_status().unwrap().text().unwrap(), "one");
    let request = Request::patch(server.url("/")).body(()).unwrap();
    assert_eq!(client.execute(request).unwrap().bytes().unwrap(), "two");
    assert_eq!(client.connections(server.url("/")).unwrap().idle, 1);
    drop(client);
}

fn a_host_has_the_addresses_that_were_set<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        assert!(peer.request().contains("\r\nhost: xn--bcher-kva.example:1"));
        peer.answer("one");
        peer.wait_for_end();
    });
    let addr: SocketAddr = server.url("").trim_start_matches("http://").parse().unwrap();
    let client = Client::builder(runtime).resolve("Bücher.example", [addr]).build();
    let response = client.get("http://bücher.example:1/").send().unwrap();
    assert_eq!(response.text().unwrap(), "one");
    drop(client);
}

fn a_response_is_a_reader<R: Spawn>(runtime: R) {
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n0123456789");
    let client = Client::new(runtime);
    let mut response = client.get(server.url("/")).send().unwrap();
    let mut buf = [0; 4];
    response.read_exact(&mut buf).unwrap();
    assert_eq!(&buf, b"0123");
    assert_eq!(response.content_length(), Some(6));
    assert_eq!(response.chunk().unwrap().unwrap(), "456789");
    assert_eq!(response.read(&mut buf).unwrap(), 0);
    drop(client);
}

fn a_response_is_an_iterator<R: Spawn>(runtime: R) {
    let server = Server::answering(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\nx: y\r\n\r\n",
    );
    let client = Client::new(runtime);
    let mut response = client.get(server.url("/")).send().unwrap();
    let chunks: Vec<_> = response.chunks().map(Result::unwrap).collect();
    assert_eq!(chunks.concat(), b"abc");
    assert_eq!(response.trailers().unwrap()["x"], "y");
    drop(client);
}

fn threads_share_a_client<R: Spawn>(runtime: R) {
    let server = Server::new((0..4).map(|_| play(Peer::echo_paths)).collect());
    let client = Client::builder(runtime).max_connections_per_host(4).build();
    let held: Vec<_> =
        (0..4).map(|n| client.get(server.url(&format!("/first/{n}"))).send().unwrap()).collect();
    for (n, response) in held.into_iter().enumerate() {
        assert_eq!(response.text().unwrap(), format!("/first/{n}"));
    }
    thread::scope(|scope| {
        for thread in 0..8 {
            let (client, server) = (&client, &server);
            scope.spawn(move || {
                for n in 0..20 {
                    let path = format!("/{thread}/{n}");
                    let text = client.get(server.url(&path)).send().unwrap().text().unwrap();
                    assert_eq!(text, path);
                }
            });
        }
    });
    let counts = client.connections(server.url("/")).unwrap();
    assert_eq!((counts.idle, counts.in_use), (4, 0));
    drop(client);
}

/// Two exchanges in one thread, one of which is the body of the other.
fn one_exchange_feeds_another<R: Spawn>(runtime: R) {
    struct Feed(barewire_client::blocking::Response);
    impl Read for Feed {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.read(buf)
        }
    }
    let source = Server::once(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n");
        peer.send([b'x'; 200_000]);
        peer.wait_for_end();
    });
    let sink = Server::once(|peer| {
        peer.request();
        assert_eq!(peer.exactly(200_000), [b'x'; 200_000]);
        peer.answer("got it");
    });
    let client = Client::new(runtime);
    let response = client.get(source.url("/")).send().unwrap();
    let body = Body::from_read_sized(Feed(response), 200_000);
    assert_eq!(client.put(sink.url("/")).body(body).send().unwrap().text().unwrap(), "got it");
    drop(client);
}

/// Who waits for readiness may not have been told yet; who may block asks the system.
#[test]
fn what_came_meanwhile_answers_no_request() {
    let (go, goes) = mpsc::channel::<()>();
    let (sender, sent) = mpsc::channel();
    let unasked = move |peer: &mut Peer| {
        peer.request();
        peer.answer("one");
        goes.recv().unwrap();
        peer.answer("not");
        sender.send(()).unwrap();
        peer.wait_for_end();
    };
    let asked = |peer: &mut Peer| {
        peer.request();
        peer.answer("two");
        peer.wait_for_end();
    };
    let server = Server::new(vec![play(unasked), play(asked)]);
    let client = Client::new(crate::threads());
    let get = || client.get(server.url("/")).send().unwrap().text().unwrap();
    assert_eq!(get(), "one");
    go.send(()).unwrap();
    sent.recv().unwrap();
    assert_eq!(get(), "two");
    drop(client);
}
