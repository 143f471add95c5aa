use std::sync::mpsc;
use std::time::Duration;

use barewire_client::{Body, Client, Config, Error, ErrorKind, Phase};
use barewire_rt::Spawn;
use barewire_testkit::limits::{TooSlow, growing};

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

const SHORT: Duration = Duration::from_millis(20);

fn config(read: Option<Duration>, total: Option<Duration>) -> Config {
    let mut config = Config::default();
    config.timeouts.read = read;
    config.timeouts.total = total;
    config
}

/// What the limit did not strike before it came.
fn in_time<T>(came: Result<T, Error>) -> Result<T, TooSlow> {
    came.map_err(|error| match error.is_timeout() {
        true => TooSlow::because(error),
        false => panic!("{error:?}"),
    })
}

/// Whether the limit struck in no earlier phase.
fn strikes(error: &Error, wanted: Phase) -> Result<(), TooSlow> {
    match error.kind() {
        ErrorKind::Timeout(phase) if *phase != wanted => Err(TooSlow::because(error)),
        _ => {
            assert_timeout(error, wanted);
            Ok(())
        }
    }
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
        let client = Client::builder(runtime).read_timeout(SHORT).build();
        let error = client.get(server.url("/")).send().await.unwrap_err();
        assert_timeout(&error, Phase::ReceiveHead);
        assert_eq!(client.connections(server.url("/")).unwrap().in_use, 0);
    });
}

fn a_body_that_stops<R: Spawn>(runtime: R) {
    growing(SHORT, |limit| {
        let mut server = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
        let runtime = runtime.clone();
        runtime.clone().block_on(async move {
            let client = Client::builder(runtime).config(config(Some(limit), None)).build();
            let sent = client.get(server.url("/")).send().await;
            let mut response = server.unless_slow(in_time(sent))?;
            assert_eq!(response.chunk().await.unwrap().unwrap(), "half");
            assert_timeout(&response.chunk().await.unwrap_err(), Phase::ReceiveBody);
            assert!(response.chunk().await.unwrap().is_none());
            assert_eq!(client.connections(server.url("/")).unwrap().in_use, 0);
            Ok(())
        })
    });
}

fn a_total_over_all<R: Spawn>(runtime: R) {
    growing(10 * SHORT, |limit| {
        let mut server = Server::once(|peer| {
            peer.request();
            peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            // There is always something, and never an end.
            while peer.try_send(b"1\r\nx\r\n") {}
        });
        let runtime = runtime.clone();
        runtime.clone().block_on(async move {
            let client = Client::builder(runtime).config(config(None, Some(limit))).build();
            let sent = client.get(server.url("/")).send().await;
            let mut response = server.unless_slow(in_time(sent))?;
            let error = loop {
                if let Err(error) = response.chunk().await {
                    break error;
                }
            };
            assert_timeout(&error, Phase::ReceiveBody);
            Ok(())
        })
    });
}

fn a_total_of_one_request<R: Spawn>(runtime: R) {
    growing(SHORT, |limit| {
        let server = Server::once(|peer| {
            peer.request();
            peer.answer("connected");
            peer.wait_for_end();
        });
        let runtime = runtime.clone();
        runtime.clone().block_on(async move {
            let client = Client::builder(runtime).config(config(None, None)).build();
            client.get(server.url("/")).send().await.unwrap().text().await.unwrap();
            let request = client.get(server.url("/")).timeout(limit);
            strikes(&request.send().await.unwrap_err(), Phase::ReceiveHead)
        })
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
        let client = Client::builder(runtime).config(config(Some(SHORT), None)).build();
        let endless = Body::from_read(std::io::repeat(b'x'));
        let error = client.put(server.url("/")).body(endless).send().await.unwrap_err();
        assert_timeout(&error, Phase::Send);
        sender.send(()).unwrap();
    });
}

/// The time in which nobody asks for the body does not count, however much longer than the limit it is.
fn a_reader_that_takes_its_time<R: Spawn>(runtime: R) {
    growing(5 * SHORT, |limit| {
        let (sent, all_sent) = mpsc::channel();
        let mut server = Server::once(move |peer| {
            peer.request();
            peer.send("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf");
            peer.send("rest");
            sent.send(()).unwrap();
            peer.wait_for_end();
        });
        let runtime = runtime.clone();
        runtime.clone().block_on(async move {
            let client = Client::builder(runtime.clone()).config(config(Some(limit), None)).build();
            let sent = client.get(server.url("/")).send().await;
            let response = server.unless_slow(in_time(sent))?;
            all_sent.recv().unwrap();
            runtime.sleep(2 * limit).await;
            assert_eq!(response.text().await.unwrap(), "halfrest");
            drop(client);
            Ok(())
        })
    });
}

/// Neither does the time in which the request's own body has nothing to send.
fn a_slow_body_is_not_a_quiet_server<R: Spawn>(runtime: R) {
    struct Slow(u8, Duration);
    impl std::io::Read for Slow {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            std::thread::sleep(self.1);
            self.0 -= 1;
            buf[0] = b'0' + self.0;
            Ok(usize::from(self.0 > 0))
        }
    }
    growing(5 * SHORT, |limit| {
        let mut server = Server::new(vec![play(|peer| {
            peer.request();
            assert_eq!(peer.until("0\r\n\r\n"), "1\r\n1\r\n0\r\n\r\n");
            // Nobody waits for it any more when the machine was slow.
            peer.try_send(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nat last");
        })]);
        let runtime = runtime.clone();
        runtime.clone().block_on(async move {
            let client = Client::builder(runtime).config(config(Some(limit), None)).build();
            let slow = Slow(2, 2 * limit);
            let request = client.post(server.url("/")).body(Body::from_read(slow));
            let response = server.unless_slow(in_time(request.send().await))?;
            assert_eq!(response.text().await.unwrap(), "at last");
            Ok(())
        })
    });
}
