use std::net::SocketAddr;

use barewire_client::{Client, ErrorKind, Phase, UrlError};
use barewire_rt::{ConnectError, Spawn};
use socket2::{Domain, Socket, Type};

use crate::on_each_runtime;
use crate::script::Server;

on_each_runtime!(
    a_url_that_cannot_be_used,
    a_part_that_cannot_be_sent,
    a_host_that_is_not_there,
    nobody_listens,
    a_server_that_hangs_up,
    a_response_that_is_cut_short,
    a_server_that_speaks_something_else,
    a_head_that_is_too_large,
);

fn a_url_that_cannot_be_used<R: Spawn>(runtime: R) {
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let error = client.get("example.org/a").send().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Url(UrlError::NotAbsolute)));
        let text = "unusable URL: it is not absolute: write it as http://host/path";
        assert_eq!(error.to_string(), text);
        let error = client.get("http://me:secret@example.org/").send().await.unwrap_err();
        assert!(!error.to_string().contains("secret") && error.is_request());
        // The workspace's tests are built with it; the client's own are not.
        #[cfg(not(feature = "tls"))]
        {
            let error = client.get("https://example.org/").send().await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::TlsUnavailable));
            assert!(
                error.to_string().contains("the feature `platform-roots`, or `tls`"),
                "{error}"
            );
            assert_eq!(error.origin(), Some("https://example.org"));
        }
    });
}

fn a_part_that_cannot_be_sent<R: Spawn>(runtime: R) {
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        for (name, value) in [("bad name", "x"), ("x", "a\r\nb: c")] {
            let request = client.get("http://example.org/").header(name, value);
            let error = request.send().await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::InvalidPart(_)), "{error:?}");
        }
    });
}

fn a_host_that_is_not_there<R: Spawn>(runtime: R) {
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        // RFC 6761, section 6.4: no name in `invalid` exists.
        let error = client.get("http://nobody.invalid/").send().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Resolve(_)), "{error:?}");
        assert!(error.is_connect() && error.to_string().contains("http://nobody.invalid"));
        assert_eq!(client.connections("http://nobody.invalid/").unwrap().in_use, 0);
    });
}

fn nobody_listens<R: Spawn>(runtime: R) {
    // Bound, so that nobody else gets the port meanwhile.
    let bound = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    bound.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let addr = bound.local_addr().unwrap().as_socket().unwrap();
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let error = client.get(format!("http://{addr}/secret")).send().await.unwrap_err();
        let ErrorKind::Connect(ConnectError::Failed(attempts)) = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(attempts[0].0, addr);
        assert_eq!(attempts[0].1.kind(), std::io::ErrorKind::ConnectionRefused);
        assert!(error.is_connect() && !error.to_string().contains("secret"));
        assert_eq!(error.phase(), Some(Phase::Connect));
    });
}

fn a_server_that_hangs_up<R: Spawn>(runtime: R) {
    let server = Server::once(|peer| {
        peer.request();
    });
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let error = client.get(server.url("/")).send().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Closed(Phase::ReceiveHead)), "{error:?}");
        assert!(error.to_string().ends_with("closed the connection before it answered: try again"));
    });
}

fn a_response_that_is_cut_short<R: Spawn>(runtime: R) {
    for head in ["content-length: 9\r\n\r\nhalf", "transfer-encoding: chunked\r\n\r\n9\r\nhalf"] {
        let server = Server::once(move |peer| {
            peer.request();
            peer.send(format!("HTTP/1.1 200 OK\r\n{head}"));
        });
        let client = Client::new(runtime.clone());
        runtime.clone().block_on(async move {
            let mut response = client.get(server.url("/")).send().await.unwrap();
            assert_eq!(response.chunk().await.unwrap().unwrap(), "half");
            let error = response.chunk().await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Closed(Phase::ReceiveBody)), "{error:?}");
            let error = std::io::Error::from(error);
            assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
        });
    }
}

fn a_server_that_speaks_something_else<R: Spawn>(runtime: R) {
    let server = Server::answering("220 mail.example ESMTP\r\n\r\n");
    runtime.clone().block_on(async move {
        let client = Client::new(runtime);
        let error = client.get(server.url("/")).send().await.unwrap_err();
        let ErrorKind::Protocol(Phase::ReceiveHead, broken) = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(broken.kind(), barewire_h1::ErrorKind::BadStatusLine);
    });
}

fn a_head_that_is_too_large<R: Spawn>(runtime: R) {
    let mut answer = String::from("HTTP/1.1 200 OK\r\n");
    for n in 0..20 {
        answer.push_str(&format!("x-{n}: y\r\n"));
    }
    let server = Server::answering(answer + "\r\n");
    runtime.clone().block_on(async move {
        let mut config = barewire_client::Config::default();
        config.h1.limits.max_fields = 10;
        let client = Client::builder(runtime).config(config).build();
        let error = client.get(server.url("/")).send().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Protocol(Phase::ReceiveHead, _)), "{error:?}");
    });
}
