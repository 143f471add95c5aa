use std::sync::mpsc;
use std::time::Duration;

use barewire_client::{Body, Client, Config, Error, ErrorKind, Phase};
use barewire_rt::Spawn;

use crate::on_each_runtime;
use crate::script::{Server, play};

on_each_runtime!(
    a_server_that_does_not_answer,
    a_body_that_stops,
    a_total_over_all,
    a_total_of_one_request,
    a_server_that_does_not_read,
    a_reader_that_takes_its_time,
    a_slow_body_is_not_a_quiet_server,
);

fn config(read: Option<u64>, total: Option<u64>) -> Config {
    let mut config = Config::default();
    config.timeouts.read = read.map(Duration::from_millis);
    config.timeouts.total = total.map(Duration::from_millis);
    config
}

fn assert_timeout(error: &Error, wanted: Phase) {
    assert!(matches!(error.kind(), ErrorKind::Timeout(phase) if *phase == wanted), "{error:?}");
    assert!(error.is_timeout() && !error.to_string().contains('\n'));
}

fn a_server_that_does_not_answer<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        peer.request();
        peer.wait_for_end();
    });
    runtime.clone().block_on(async move {
        let client = Client::builder(runtime).read_timeout(Duration::from_millis(20)).build();
        let error = client.get(server.url("/")).send().await.unwrap_err();
        assert_timeout(&error, Phase::ReceiveHead);
        assert_eq!(client.connections(server.url("/")).unwrap().in_use, 0);
    });
}

fn a_body_that_stops<R: Spawn>(runtime: R) {
    let server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
    runtime.clone().block_on(async move {
        let client = Client::builder(runtime).config(config(Some(20), None)).build();
        let mut response = client.get(server.url("/")).send().await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "half");
        assert_timeout(&response.chunk().await.unwrap_err(), Phase::ReceiveBody);
        assert!(response.chunk().await.unwrap().is_none());
        assert_eq!(client.connections(server.url("/")).unwrap().in_use, 0);
    });
}

fn a_total_over_all<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        // There is always something, and never an end.
        while peer.try_send(b"1\r\nx\r\n") {}
    });
    runtime.clone().block_on(async move {
        let client = Client::builder(runtime).config(config(None, Some(500))).build();
        let mut response = client.get(server.url("/")).send().await.unwrap();
        let error = loop {
            if let Err(error) = response.chunk().await {
                break error;
            }
        };
        assert_timeout(&error, Phase::ReceiveBody);
    });
}

fn a_total_of_one_request<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        peer.request();
        peer.answer("connected");
        peer.wait_for_end();
    });
    runtime.clone().block_on(async move {
        let client = Client::builder(runtime).config(config(None, None)).build();
        client.get(server.url("/")).send().await.unwrap().text().await.unwrap();
        let request = client.get(server.url("/")).timeout(Duration::from_millis(100));
        assert_timeout(&request.send().await.unwrap_err(), Phase::ReceiveHead);
    });
}

fn a_server_that_does_not_read<R: Spawn>(runtime: R) {
    let (sender, receiver) = mpsc::channel();
    let server = Server::once(move |peer| {
        peer.request();
        receiver.recv().unwrap();
        peer.wait_for_end();
    });
    runtime.clone().block_on(async move {
        let client = Client::builder(runtime).config(config(Some(50), None)).build();
        let endless = Body::from_read(std::io::repeat(b'x'));
        let error = client.put(server.url("/")).body(endless).send().await.unwrap_err();
        assert_timeout(&error, Phase::Send);
        sender.send(()).unwrap();
    });
}

/// The time in which nobody asks for the body does not count, however much longer than the limit it is.
fn a_reader_that_takes_its_time<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf");
        peer.send("rest");
        peer.wait_for_end();
    });
    runtime.clone().block_on(async move {
        let client = Client::builder(runtime.clone()).config(config(Some(500), None)).build();
        let response = client.get(server.url("/")).send().await.unwrap();
        runtime.sleep(Duration::from_millis(800)).await;
        assert_eq!(response.text().await.unwrap(), "halfrest");
        drop(client);
    });
}

/// Neither does the time in which the request's own body has nothing to send.
fn a_slow_body_is_not_a_quiet_server<R: Spawn>(runtime: R) {
    struct Slow(u8);
    impl std::io::Read for Slow {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            std::thread::sleep(Duration::from_millis(600));
            self.0 -= 1;
            buf[0] = b'0' + self.0;
            Ok(usize::from(self.0 > 0))
        }
    }
    let server = Server::new(vec![play(|peer| {
        peer.request();
        assert_eq!(peer.until("0\r\n\r\n"), "1\r\n1\r\n0\r\n\r\n");
        peer.answer("at last");
    })]);
    runtime.clone().block_on(async move {
        let client = Client::builder(runtime).config(config(Some(500), None)).build();
        let request = client.post(server.url("/")).body(Body::from_read(Slow(2)));
        assert_eq!(request.send().await.unwrap().text().await.unwrap(), "at last");
    });
}
