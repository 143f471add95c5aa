//! https: what ALPN leads to, and what is wrong with certificates, on every runtime.
#![cfg(all(feature = "tls", feature = "http2"))]

mod peer;

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use barewire_client::{Client, ClientBuilder, ErrorKind, Phase, blocking};
use barewire_rt::Spawn;
use barewire_testkit::limits::{TooSlow, growing};
use barewire_tls::{ClientConfig, ErrorKind as TlsErrorKind, SelfSigned};
use http::Version;

use peer::{Ending, Server, expired, stranger};

/// Runs a test that is generic over the runtime on each of them.
macro_rules! on_each_runtime {
    ($($name:ident),* $(,)?) => {
        mod on_smol {
            $(#[test] fn $name() { super::$name(barewire_smol::Smol::default()); })*
        }
        mod on_async_std {
            $(#[test] fn $name() { super::$name(barewire_async_std::AsyncStd::default()); })*
        }
        mod on_std {
            $(#[test] fn $name() { super::$name(barewire_std::Std::default()); })*
        }
    };
}

mod opening;

on_each_runtime!(
    alpn_picks_http2,
    alpn_picks_http1,
    http1_alone,
    http2_alone_is_told_when_it_is_not_there,
    many_at_once_share_what_is_being_opened,
    many_at_once_do_not_share_http1,
    certificates_that_are_not_good_enough,
    a_server_that_does_not_speak_tls,
    a_handshake_that_does_not_end,
    a_truncated_body_is_an_error,
    a_truncated_body_of_http2_is_an_error,
    large_bodies_in_tls,
);

fn made() -> SelfSigned {
    SelfSigned::new(["localhost"]).unwrap()
}

fn builder<R: Spawn>(runtime: R, trusted: &str) -> ClientBuilder<R> {
    let config = ClientConfig::builder().roots_pem(trusted).build().unwrap();
    let builder = Client::builder(runtime).tls(config);
    let here = || [([127, 0, 0, 1], 0).into()];
    builder.resolve("localhost", here()).resolve("other.example", here())
}

async fn one_connection_serves_three<R: Spawn>(
    client: &Client<R>,
    server: &Server,
    version: Version,
) {
    for n in 0..3 {
        let response = client.get(server.url(&format!("/{n}"))).send().await.unwrap();
        assert_eq!(response.version(), version);
        assert_eq!(response.text().await.unwrap(), format!("/{n}"));
    }
    assert_eq!(server.connections(), 1);
}

fn alpn_picks_http2<R: Spawn>(runtime: R) {
    let made = made();
    let server = Server::http2(&made, &["h2", "http/1.1"]);
    runtime.clone().block_on(async move {
        let client = builder(runtime, made.certificate_pem()).build();
        one_connection_serves_three(&client, &server, Version::HTTP_2).await;
    });
}

fn alpn_picks_http1<R: Spawn>(runtime: R) {
    let made = made();
    // The second one has never heard of ALPN.
    for alpn in [&["http/1.1"][..], &[]] {
        let server = Server::http1(&made, alpn, Ending::Whole);
        let (runtime, trusted) = (runtime.clone(), made.certificate_pem().to_owned());
        runtime.clone().block_on(async move {
            let client = builder(runtime, &trusted).build();
            one_connection_serves_three(&client, &server, Version::HTTP_11).await;
        });
    }
}

fn http1_alone<R: Spawn>(runtime: R) {
    let made = made();
    let server = Server::http1(&made, &["h2", "http/1.1"], Ending::Whole);
    runtime.clone().block_on(async move {
        let client = builder(runtime, made.certificate_pem()).http1_only().build();
        let response = client.get(server.url("/a")).send().await.unwrap();
        assert_eq!(response.version(), Version::HTTP_11);
        assert_eq!(response.text().await.unwrap(), "/a");
    });
}

fn http2_alone_is_told_when_it_is_not_there<R: Spawn>(runtime: R) {
    let made = made();
    let server = Server::http1(&made, &[], Ending::Whole);
    let strict = Server::http1(&made, &["http/1.1"], Ending::Whole);
    runtime.clone().block_on(async move {
        let client = builder(runtime, made.certificate_pem()).http2_prior_knowledge().build();
        let error = client.get(server.url("/")).send().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::NoHttp2), "{error:?}");
        let error = client.get(strict.url("/")).send().await.unwrap_err();
        let ErrorKind::Tls(Phase::Handshake, why) = error.kind() else { panic!("{error:?}") };
        assert_eq!(why.kind(), TlsErrorKind::NoCommonProtocol);
    });
}

async fn ask_at_once<R: Spawn>(client: &Client<R>, server: &Server, requests: usize) {
    let tasks: Vec<_> = (0..requests)
        .map(|n| {
            let (client, url) = (client.clone(), server.url(&format!("/{n}")));
            let runtime = client.runtime().clone();
            runtime.spawn(async move { client.get(url).send().await?.text().await })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap().unwrap(), format!("/{n}"));
    }
}

fn many_at_once_share_what_is_being_opened<R: Spawn>(runtime: R) {
    let made = made();
    let server = Server::http2(&made, &["h2"]);
    runtime.clone().block_on(async move {
        let client = builder(runtime, made.certificate_pem()).build();
        ask_at_once(&client, &server, 20).await;
        assert_eq!(server.connections(), 1);
    });
}

fn many_at_once_do_not_share_http1<R: Spawn>(runtime: R) {
    let made = made();
    let server = Server::http1(&made, &["http/1.1"], Ending::Whole);
    runtime.clone().block_on(async move {
        let client = builder(runtime, made.certificate_pem()).max_connections_per_host(3).build();
        ask_at_once(&client, &server, 12).await;
        assert!(server.connections() <= 3);
    });
}

fn certificates_that_are_not_good_enough<R: Spawn>(runtime: R) {
    let (good, other) = (made(), stranger());
    let server = Server::http2(&good, &["h2"]);
    let (config, pem) = expired();
    let late = Server::with(config);
    runtime.clone().block_on(async move {
        let client = builder(runtime.clone(), &other).build();
        let error = client.get(server.url("/")).send().await.unwrap_err();
        let ErrorKind::Tls(Phase::Handshake, why) = error.kind() else { panic!("{error:?}") };
        assert_eq!(why.kind(), TlsErrorKind::UnknownIssuer);
        let text = error.to_string();
        assert!(text.starts_with("TLS handshake with https://localhost:"), "{text}");
        assert!(text.contains("failed: certificate of an unknown issuer"), "{text}");
        assert!(text.contains(": add the issuer's certificate to the roots"), "{text}");
        assert!(error.is_connect() && error.phase() == Some(Phase::Handshake));

        let client = builder(runtime.clone(), good.certificate_pem()).build();
        let url = server.url("/").replace("localhost", "other.example");
        let error = client.get(url).send().await.unwrap_err();
        let ErrorKind::Tls(Phase::Handshake, why) = error.kind() else { panic!("{error:?}") };
        assert_eq!(why.kind(), TlsErrorKind::WrongName);
        assert!(error.to_string().contains("the certificate is for another name"), "{error}");

        let client = builder(runtime, &pem).build();
        let error = client.get(late.url("/")).send().await.unwrap_err();
        let ErrorKind::Tls(Phase::Handshake, why) = error.kind() else { panic!("{error:?}") };
        assert_eq!(why.kind(), TlsErrorKind::CertificateExpired);
        assert!(error.to_string().contains("certificate expired"), "{error}");
    });
}

fn a_server_that_does_not_speak_tls<R: Spawn>(runtime: R) {
    let made = made();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    let server = thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        let _ = stream.read(&mut [0; 4096]);
    });
    runtime.clone().block_on(async move {
        let client = builder(runtime, made.certificate_pem()).build();
        let error = client.get(url).send().await.unwrap_err();
        let ErrorKind::Tls(Phase::Handshake, why) = error.kind() else { panic!("{error:?}") };
        assert_eq!(why.kind(), TlsErrorKind::PlainServer);
        assert!(error.to_string().ends_with("use http:// with this port"), "{error}");
    });
    server.join().unwrap();
}

fn a_handshake_that_does_not_end<R: Spawn>(runtime: R) {
    let made = made();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    growing(Duration::from_millis(100), |limit| {
        runtime.block_on(async {
            let client =
                builder(runtime.clone(), made.certificate_pem()).connect_timeout(limit).build();
            // The system accepts, and nobody answers.
            let error = client.get(&url).send().await.unwrap_err();
            match error.kind() {
                ErrorKind::Timeout(Phase::Handshake) => {}
                _ if error.is_timeout() => return Err(TooSlow::because(error)),
                _ => panic!("{error:?}"),
            }
            assert!(error.is_timeout() && error.to_string().contains("TLS handshake"), "{error}");
            Ok(())
        })
    });
    drop(listener);
}

/// Whatever says where a body ends, its connection must not be cut before (RFC 9112, section 9.8).
fn a_truncated_body_is_an_error<R: Spawn>(runtime: R) {
    let made = made();
    for (ending, whole) in [
        (Ending::InLength, false),
        (Ending::BehindLength, true),
        (Ending::InChunks, false),
        (Ending::Silent, false),
        (Ending::Told, true),
    ] {
        let server = Server::http1(&made, &["http/1.1"], ending);
        let client = builder(runtime.clone(), made.certificate_pem()).build();
        runtime.block_on(async move {
            let response = client.get(server.url("/text")).send().await.unwrap();
            match (response.text().await, whole) {
                (Ok(text), true) => assert_eq!(text, "/text"),
                (Err(error), false) => {
                    let closed = matches!(error.kind(), ErrorKind::Closed(Phase::ReceiveBody));
                    assert!(closed, "{ending:?}: {error:?}");
                }
                (outcome, _) => panic!("{ending:?}: {outcome:?}"),
            }
        });
    }
}

fn a_truncated_body_of_http2_is_an_error<R: Spawn>(runtime: R) {
    let made = made();
    let server = Server::http2(&made, &["h2"]);
    runtime.clone().block_on(async move {
        let client = builder(runtime, made.certificate_pem()).build();
        let mut response = client.get(server.url("/cut")).send().await.unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "half");
        let error = response.chunk().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Closed(Phase::ReceiveBody)), "{error:?}");
    });
}

fn large_bodies_in_tls<R: Spawn>(runtime: R) {
    let made = made();
    let server = Server::http2(&made, &["h2"]);
    runtime.clone().block_on(async move {
        let client = builder(runtime, made.certificate_pem()).build();
        let tasks: Vec<_> = (0..4)
            .map(|n| {
                let body: Vec<u8> = (0..700_000 + n).map(|i| (i * 7) as u8).collect();
                let request = client.post(server.url("/echo")).body(body.clone());
                client.runtime().spawn(async move {
                    assert!(request.send().await.unwrap().bytes().await.unwrap() == body);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(server.connections(), 1);
    });
}

#[test]
fn eight_threads_share_one_connection_in_tls() {
    let made = made();
    let server = Server::http2(&made, &["h2"]);
    let client = builder(barewire_std::Std::default(), made.certificate_pem()).build();
    let client = blocking::Client::from(client);
    let (done, all) = channel();
    for thread in 0..8 {
        let (client, url, done) = (client.clone(), server.url(""), done.clone());
        thread::spawn(move || {
            for round in 0..20 {
                let path = format!("/{thread}/{round}");
                assert_eq!(
                    client.get(format!("{url}{path}")).send().unwrap().text().unwrap(),
                    path
                );
            }
            done.send(()).unwrap();
        });
    }
    for _ in 0..8 {
        all.recv_timeout(Duration::from_secs(30)).unwrap();
    }
    assert_eq!(server.connections(), 1);
}

/// Dropped after every number of polls, from the look-up over the handshake to the end, while another one waits
/// for the connection that it opens.
#[test]
fn who_opens_a_connection_may_be_cancelled_at_every_await() {
    use std::future::{Future, poll_fn};
    use std::pin::pin;

    let made = made();
    let server = Server::http2(&made, &["h2"]);
    let runtime = barewire_smol::Smol::default();
    for most in 0..16 {
        let client = builder(runtime.clone(), made.certificate_pem()).build();
        let fetch = |path: &str| {
            let request = client.get(server.url(path)).send();
            async move { request.await?.text().await }
        };
        let (mut opener, other) = (Some(Box::pin(fetch("/opener"))), fetch("/other"));
        runtime.block_on(async {
            let mut other = pin!(other);
            let mut polls = 0;
            let text = poll_fn(|cx| {
                if let Some(running) = &mut opener {
                    if polls == most || running.as_mut().poll(cx).is_ready() {
                        opener = None;
                    }
                    polls += 1;
                }
                other.as_mut().poll(cx)
            });
            assert_eq!(text.await.unwrap(), "/other", "after {most} polls");
        });
        drop(opener);
        let counted = client.connections(server.url("/")).unwrap();
        assert_eq!((counted.idle, counted.in_use), (1, 0), "after {most} polls");
    }
}
