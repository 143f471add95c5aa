use std::time::Duration;

use barewire_client::{Client, ErrorKind, Phase};
use barewire_rt::Spawn;
use http::header::{HeaderMap, HeaderValue};
use http::{Method, Request, StatusCode, Version};

use crate::on_each_runtime;
use crate::script::{Server, play};

on_each_runtime!(
    the_bytes_of_a_request,
    bodies_go_with_their_length,
    what_has_no_body,
    informational_responses_are_taken_in,
    a_body_ends_with_its_connection,
    a_body_that_is_refused_is_not_sent_on,
    a_body_is_sent_when_it_is_asked_for,
    a_body_is_sent_when_nobody_answers,
    a_server_that_takes_no_expectations,
    methods_and_the_ecosystems_types,
    statuses_as_errors,
);

fn the_bytes_of_a_request<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        let request = peer.request();
        let agent = concat!("barewire/", env!("CARGO_PKG_VERSION"));
        let lines: Vec<_> = request.split("\r\n").collect();
        assert_eq!(lines[0], "GET /a?b=c&d=e HTTP/1.1");
        assert!(lines[1].starts_with("host: 127.0.0.1:"), "{request}");
        assert_eq!(lines[2], format!("user-agent: {agent}"));
        assert_eq!(lines[3..6], ["accept: text/plain", "x-one: 1", "x-one: 2"]);
        peer.send("HTTP/1.1 200 Fine\r\nX-Two: 2\r\nContent-Length: 5\r\n\r\nHello");
    });
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let request = client
            .get(server.url("/a?b=c#fragment"))
            .query([("d", "e")])
            .header("accept", "text/plain")
            .header("x-one", "1")
            .header("x-one", 2);
        let response = request.send().await.unwrap();
        assert_eq!((response.status(), response.version()), (StatusCode::OK, Version::HTTP_11));
        assert_eq!(response.headers()["x-two"], "2");
        assert_eq!(response.url().path(), "/a");
        assert_eq!(response.content_length(), Some(5));
        assert_eq!(response.text().await.unwrap(), "Hello");
    });
}

fn bodies_go_with_their_length<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        assert!(peer.request().contains("\r\ncontent-length: 5\r\n"));
        assert_eq!(peer.exactly(5), b"hello");
        peer.answer("");
        // A method that anticipates a body says that there is none; others do not.
        assert!(peer.request().contains("\r\ncontent-length: 0\r\n"));
        peer.answer("");
        assert!(!peer.request().contains("content-length"));
        peer.answer("");
    });
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        client.post(server.url("/")).body("hello").send().await.unwrap();
        client.put(server.url("/")).send().await.unwrap();
        client.delete(server.url("/")).send().await.unwrap();
    });
}

fn what_has_no_body<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        assert!(peer.request().starts_with("HEAD / HTTP/1.1\r\n"));
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
        peer.request();
        peer.send("HTTP/1.1 204 No Content\r\n\r\n");
        peer.request();
        peer.send("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n");
    });
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let response = client.head(server.url("/")).send().await.unwrap();
        assert_eq!(response.headers()["content-length"], "1000");
        assert_eq!(response.bytes().await.unwrap(), "");
        for status in [204, 304] {
            let response = client.get(server.url("/")).send().await.unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(response.bytes().await.unwrap(), "");
        }
    });
}

fn informational_responses_are_taken_in<R: Spawn>(runtime: R) {
    let server = Server::answering(
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
         HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    );
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let response = client.get(server.url("/")).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "ok");
        drop(client);
    });
}

fn a_body_ends_with_its_connection<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        peer.request();
        peer.send("HTTP/1.0 200 OK\r\n\r\nuntil the end");
        peer.end_writing();
        peer.wait_for_end();
    });
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let request = client.get(server.url("/")).version(Version::HTTP_10);
        let response = request.send().await.unwrap();
        assert_eq!(response.version(), Version::HTTP_10);
        assert_eq!(response.text().await.unwrap(), "until the end");
        assert_eq!(client.connections(server.url("/")).unwrap().idle, 0);
    });
}

fn a_body_that_is_refused_is_not_sent_on<R: Spawn>(runtime: R) {
    let server = Server::new(vec![
        play(|peer| {
            peer.request();
            peer.exactly(100_000);
            peer.send("HTTP/1.1 413 Payload Too Large\r\ncontent-length: 8\r\n\r\ntoo much");
            // Much less than what the body would yield, which has no end.
            assert!(peer.wait_for_end() < 1 << 30);
        }),
        play(|peer| {
            peer.request();
            peer.answer("next");
        }),
    ]);
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let endless = barewire_client::Body::from_read(std::io::repeat(b'x'));
        let response = client.post(server.url("/")).body(endless).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(response.text().await.unwrap(), "too much");
        let response = client.get(server.url("/")).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "next");
    });
}

fn a_body_is_sent_when_it_is_asked_for<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        assert!(peer.request().contains("\r\nexpect: 100-continue\r\n"));
        peer.send("HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!(peer.exactly(5), b"hello");
        peer.answer("thanks");
        peer.wait_for_end();
    });
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let request = client.post(server.url("/")).body("hello");
        // Nobody waits for that long.
        let response = request.expect_continue(Duration::from_secs(1000)).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "thanks");
        assert_eq!(client.connections(server.url("/")).unwrap().idle, 1);
    });
}

fn a_body_is_sent_when_nobody_answers<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        peer.request();
        assert_eq!(peer.exactly(5), b"hello");
        peer.answer("thanks");
    });
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let request = client.post(server.url("/")).body("hello");
        let response = request.expect_continue(Duration::from_millis(20)).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "thanks");
    });
}

fn a_server_that_takes_no_expectations<R: Spawn>(runtime: R) {
    let server = Server::new(vec![
        play(|peer| {
            assert!(peer.request().contains("expect"));
            peer.send("HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n");
            assert_eq!(peer.wait_for_end(), 0);
        }),
        play(|peer| {
            assert!(!peer.request().contains("expect"));
            assert_eq!(peer.until("0\r\n\r\n"), "5\r\nhello\r\n0\r\n\r\n");
            peer.answer("thanks");
        }),
    ]);
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        // Not even a body that can be sent only once has been touched.
        let body = barewire_client::Body::from_read(&b"hello"[..]);
        let request = client.post(server.url("/")).body(body);
        let response = request.expect_continue(Duration::from_secs(1000)).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "thanks");
    });
}

fn methods_and_the_ecosystems_types<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        let request = peer.request();
        assert!(
            request.starts_with("PROPFIND /x HTTP/1.1\r\nhost: other.example\r\n"),
            "{request}"
        );
        assert!(request.contains("\r\nx-default: yes\r\n"));
        peer.exactly(3);
        peer.answer("ok");
        assert!(peer.request().starts_with("OPTIONS /"));
        peer.answer("");
    });
    runtime.clone().block_on(async move {
        let mut defaults = HeaderMap::new();
        defaults.insert("x-default", HeaderValue::from_static("yes"));
        let client = Client::builder(runtime).default_headers(defaults).build();
        let request = Request::builder()
            .method("PROPFIND")
            .uri(server.url("/x"))
            .header("host", "other.example")
            .body("xml")
            .unwrap();
        let response = client.execute(request).await.unwrap().into_http();
        assert_eq!(response.status(), StatusCode::OK);
        let mut body = response.into_body();
        assert_eq!(body.data().await.unwrap().unwrap(), "ok");
        assert!(body.data().await.unwrap().is_none());
        client.request(Method::OPTIONS, server.url("/")).send().await.unwrap();
    });
}

fn statuses_as_errors<R: Spawn>(runtime: R) {
    let server = Server::answering("HTTP/1.1 404 Not Found\r\ncontent-length: 3\r\n\r\nno!");
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let response = client.get(server.url("/")).send().await.unwrap();
        let error = response.error_for_status().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Status(StatusCode::NOT_FOUND)));
        assert_eq!((error.status(), error.phase()), (Some(StatusCode::NOT_FOUND), None::<Phase>));
        assert!(error.to_string().ends_with("answered 404 Not Found"), "{error}");
        // What had arrived already is no reason to close the connection.
        assert_eq!(client.connections(server.url("/")).unwrap().idle, 1);
        drop(client);
    });
}
