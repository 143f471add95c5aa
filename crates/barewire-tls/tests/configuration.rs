//! Who may speak to whom: names, issuers, dates, ALPN, client certificates, reload, and what is not TLS.

mod support;

use std::sync::Arc;

use barewire_proto::{Buf, Protocol};
use barewire_tls::{
    CertificateError, ClientConfig, ConfigError, Error, ErrorKind, SelfSigned, ServerConfig, Tls,
    Version, rustls,
};
use support::{Authority, Raw, drain, give, pair, settle};

fn outcome(client: &ClientConfig, server: &ServerConfig, name: &str) -> (ErrorKind, ErrorKind) {
    let (client, server) = settle(&mut pair(client, server, name));
    (client.tls_error().kind(), server.tls_error().kind())
}

fn works(client: &ClientConfig, server: &ServerConfig, name: &str) -> support::Ends {
    let mut pair = pair(client, server, name);
    let (client, server) = settle(&mut pair);
    assert_eq!((client.error, server.error), (None, None));
    assert_eq!((client.established, server.established), (1, 1));
    pair
}

/// The certificate that a client saw.
fn shown(client: &ClientConfig, server: &ServerConfig, name: &str) -> Vec<u8> {
    works(client, server, name).client.negotiated().unwrap().peer_certificates()[0].to_vec()
}

#[test]
fn a_certificate_that_does_not_do_is_refused_with_a_reason() {
    let authority = Authority::new();
    let client = authority.client().build().unwrap();
    let good = authority.server(&["localhost"]).build().unwrap();
    let dated = |from, to| {
        let made = authority.issue_with(&["localhost"], |params| {
            params.not_before = rcgen::date_time_ymd(from, 1, 1);
            params.not_after = rcgen::date_time_ymd(to, 1, 1);
        });
        ServerConfig::builder().certificate_pem(made.cert, made.key).build().unwrap()
    };
    for (server, name, here, there) in [
        (good.clone(), "other.example", ErrorKind::WrongName, ErrorKind::BadCertificate),
        (good.clone(), "127.0.0.1", ErrorKind::WrongName, ErrorKind::BadCertificate),
        (
            dated(2000, 2001),
            "localhost",
            ErrorKind::CertificateExpired,
            ErrorKind::CertificateExpired,
        ),
        (
            dated(3000, 3001),
            "localhost",
            ErrorKind::CertificateNotYetValid,
            ErrorKind::CertificateExpired,
        ),
    ] {
        assert_eq!(outcome(&client, &server, name), (here, there), "{name}");
    }
    let stranger = Authority::new().client().build().unwrap();
    let both = (ErrorKind::UnknownIssuer, ErrorKind::UnknownIssuer);
    // Both authorities have the same name: the signature tells them apart.
    let (client_kind, _) = outcome(&stranger, &good, "localhost");
    assert!(client_kind == both.0 || client_kind == ErrorKind::BadCertificate, "{client_kind:?}");
    let alone = SelfSigned::new(["localhost"]).unwrap();
    assert_eq!(outcome(&client, &alone.server().build().unwrap(), "localhost"), both);
}

#[test]
fn errors_say_who_and_what_to_do() {
    let authority = Authority::new();
    let alone = SelfSigned::new(["localhost"]).unwrap().server().build().unwrap();
    let mut pair = pair(&authority.client().build().unwrap(), &alone, "localhost");
    let (client, server) = settle(&mut pair);
    assert_eq!(
        client.tls_error().to_string(),
        "certificate of an unknown issuer, it is told unknown_ca (48) (RFC 8446, section 4.4.2.4): add \
         the issuer's certificate to the roots, if it is to be trusted"
    );
    assert!(server.tls_error().to_string().contains("the peer says unknown_ca (48)"));
    assert!(size_of_val(&client.tls_error()) <= 8);
}

#[test]
fn alpn_picks_the_first_of_the_server_that_the_client_knows() {
    let made = SelfSigned::new(["localhost"]).unwrap();
    let server = made.server().alpn(["h2", "http/1.1"]).build().unwrap();
    let client = made.client().build().unwrap();
    for (offered, picked) in [
        (vec!["http/1.1", "h2"], Some(&b"h2"[..])),
        (vec!["http/1.1"], Some(b"http/1.1")),
        (vec![], None),
    ] {
        let mut pair = works(&client.with_alpn(offered).unwrap(), &server, "localhost");
        for end in [&mut pair.client, &mut pair.server] {
            assert_eq!(end.negotiated().unwrap().alpn(), picked);
        }
    }
    let none = (ErrorKind::NoCommonProtocol, ErrorKind::NoCommonProtocol);
    assert_eq!(outcome(&client.with_alpn(["spdy/3"]).unwrap(), &server, "localhost"), none);
    assert!(matches!(client.with_alpn([""]), Err(ConfigError::BadAlpn)));
}

#[test]
fn a_server_with_other_protocols_of_alpn_is_the_same_server() {
    let made = SelfSigned::new(["localhost"]).unwrap();
    let client = made.client().alpn(["h2", "http/1.1"]).build().unwrap();
    let picked = |server: &ServerConfig| {
        let ends = works(&client, server, "localhost");
        ends.client.negotiated().unwrap().alpn().map(<[u8]>::to_vec)
    };
    let given = made.server().build().unwrap();
    assert!(given.alpn().is_empty());
    assert_eq!(picked(&given), None);
    for (protocols, wanted) in [
        (vec!["h2", "http/1.1"], Some(b"h2".to_vec())),
        (vec!["http/1.1"], Some(b"http/1.1".to_vec())),
        (vec![], None),
    ] {
        let server = given.with_alpn(protocols.clone()).unwrap();
        assert_eq!(server.alpn(), protocols.iter().map(|name| name.as_bytes()).collect::<Vec<_>>());
        assert_eq!(picked(&server), wanted);
        // Of the one it was made of nothing has changed.
        assert_eq!(picked(&given), None);
    }
    for bad in [String::new(), "x".repeat(256)] {
        assert!(matches!(given.with_alpn([bad]), Err(ConfigError::BadAlpn)));
    }
}

#[test]
fn what_is_inside_is_made_from_what_was_negotiated() {
    let made = SelfSigned::new(["localhost"]).unwrap();
    let server = made.server().alpn(["h2"]).build().unwrap();
    let client = made.client().alpn(["h2"]).build().unwrap();
    let mut pair = pair(&client, &server, "localhost");
    pair.server = Tls::server(&server, |negotiated| {
        assert!(negotiated.is_h2());
        Raw { between: true, ..Raw::default() }
    });
    settle(&mut pair);
    assert!(pair.server.inner().unwrap().between);
}

#[test]
fn a_certificate_is_chosen_by_name() {
    let authority = Authority::new();
    let (a, b) = (authority.issue(&["a.example"]), authority.issue(&["*.b.example", "b.example"]));
    let server = ServerConfig::builder()
        .certificate_pem(&a.cert, &a.key)
        .certificate_pem(&b.cert, &b.key)
        .build()
        .unwrap();
    let client = authority.client().build().unwrap();
    let first = shown(&client, &server, "a.example");
    let second = shown(&client, &server, "www.b.example");
    assert_ne!(first, second);
    assert_eq!(shown(&client, &server, "b.example"), second);
    // Nobody has that name: it is for the client to say so.
    assert_eq!(outcome(&client, &server, "c.example").0, ErrorKind::WrongName);
}

#[test]
fn clients_show_certificates_where_they_are_asked() {
    let authority = Authority::new();
    let made = authority.issue(&["client"]);
    let anonymous = authority.client().build().unwrap();
    let known = authority.client().certificate_pem(&made.cert, &made.key).build().unwrap();
    let required = authority
        .server(&["localhost"])
        .require_client_certificates_pem(authority.pem())
        .build()
        .unwrap();
    let pair = works(&known, &required, "localhost");
    assert_eq!(pair.server.negotiated().unwrap().peer_certificates().len(), 1);
    let mut pair = self::pair(&anonymous, &required, "localhost");
    let (_, server) = settle(&mut pair);
    assert_eq!(server.tls_error().kind(), ErrorKind::CertificateRequired);
    let optional = authority
        .server(&["localhost"])
        .accept_client_certificates_pem(authority.pem())
        .build()
        .unwrap();
    let pair = works(&anonymous, &optional, "localhost");
    assert!(pair.server.negotiated().unwrap().peer_certificates().is_empty());
    works(&known, &optional, "localhost");
}

#[test]
fn a_reload_is_for_new_connections_and_fails_without_harm() {
    let dir = std::env::temp_dir().join(format!("barewire-tls-reload-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    let authority = Authority::new();
    let write = |made: &support::Made| {
        std::fs::write(&cert, &made.cert).unwrap();
        std::fs::write(&key, &made.key).unwrap();
    };
    write(&authority.issue(&["localhost"]));
    let server = ServerConfig::builder().certificate_files(&cert, &key).build().unwrap();
    let clone = server.with_alpn(["h2"]).unwrap();
    let client = authority.client().build().unwrap();
    let before = shown(&client, &clone, "localhost");
    let mut old = works(&client, &clone, "localhost");

    write(&authority.issue(&["localhost"]));
    server.reload().unwrap();
    let fresh = authority.client().build().unwrap();
    let after = shown(&fresh, &clone, "localhost");
    assert_ne!(before, after);
    assert_eq!(clone.alpn(), [b"h2"]);
    old.client.inner_mut().unwrap().output.put(b"still here");
    assert_eq!(settle(&mut old).1.bytes, b"still here");

    let other = authority.issue(&["localhost"]);
    std::fs::write(&key, &other.key).unwrap();
    let Err(ConfigError::Certificate { path, why }) = server.reload() else { panic!("reloaded") };
    assert_eq!(path.as_deref(), Some(&*key));
    assert!(matches!(why, CertificateError::KeyOfAnotherCertificate));
    std::fs::remove_file(&cert).unwrap();
    let Err(ConfigError::Certificate { why, .. }) = server.reload() else { panic!("reloaded") };
    assert!(matches!(why, CertificateError::Unreadable(std::io::ErrorKind::NotFound)));
    assert_eq!(shown(&authority.client().build().unwrap(), &clone, "localhost"), after);
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn sessions_are_resumed() {
    let made = SelfSigned::new(["localhost"]).unwrap();
    let (client, server) = (made.client().build().unwrap(), made.server().build().unwrap());
    assert!(!works(&client, &server, "localhost").client.negotiated().unwrap().is_resumed());
    let pair = works(&client, &server, "localhost");
    assert!(pair.client.negotiated().unwrap().is_resumed());
    assert_eq!(pair.server.negotiated().unwrap().server_name(), Some("localhost"));
}

#[test]
fn a_configuration_of_rustls_is_taken_as_it_is() {
    let made = SelfSigned::new(["localhost"]).unwrap();
    let mut config = rustls::ServerConfig::clone(&made.server().build().unwrap().current());
    config.alpn_protocols = vec![b"own".to_vec()];
    let server = ServerConfig::from_rustls(Arc::new(config.clone())).unwrap();
    let client = made.client().alpn(["own"]).build().unwrap();
    let client = ClientConfig::from_rustls(client.current());
    assert_eq!(
        works(&client, &server, "localhost").client.negotiated().unwrap().alpn(),
        Some(&b"own"[..])
    );
    assert!(matches!(server.reload(), Err(ConfigError::NothingToReload)));
    config.max_early_data_size = 1;
    assert!(matches!(ServerConfig::from_rustls(Arc::new(config)), Err(ConfigError::EarlyData)));
}

#[test]
fn tls_1_2_works_too() {
    let made = SelfSigned::new(["localhost"]).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    let der = shown(&made.client().build().unwrap(), &made.server().build().unwrap(), "localhost");
    let _ = der;
    let server = made.server().build().unwrap();
    let mut pair = works(&made.client().build().unwrap(), &server, "localhost");
    roots.add(pair.client.negotiated().unwrap().peer_certificates()[0].clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    pair = works(&ClientConfig::from_rustls(Arc::new(config)), &server, "localhost");
    assert_eq!(pair.server.negotiated().unwrap().version(), Version::Tls12);
    pair.client.inner_mut().unwrap().output.put(b"old but good");
    pair.client.inner_mut().unwrap().output.finish();
    let (_, server) = settle(&mut pair);
    assert_eq!(server.bytes, b"old but good");
    assert!(server.ended);
}

#[test]
fn what_is_not_tls_is_told_apart() {
    let made = SelfSigned::new(["localhost"]).unwrap();
    let config = made.server().build().unwrap();
    for (bytes, kind, answer) in [
        (
            &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
            ErrorKind::PlainHttp,
            &b"HTTP/1.1 400 "[..],
        ),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ErrorKind::PlainHttp, b"HTTP/1.1 400 "),
        (b"SSH-2.0-OpenSSH_9.0\r\n", ErrorKind::NotTls, b"\x15\x03\x03\0\x02\x02\x0a"),
        (b"\0\0\0\0\0\0\0\0", ErrorKind::NotTls, b"\x15\x03\x03\0\x02\x02\x0a"),
        (b"\x16\x03\x01\0\x04\x01\0\0\0\0", ErrorKind::Malformed, b"\x15\x03"),
    ] {
        for size in [1, 3, usize::MAX] {
            let mut server = Tls::server(&config, |_| Raw::default());
            let mut failed = None;
            for piece in bytes.chunks(size.min(bytes.len())) {
                give(&mut server, piece);
                if let Err(error) = server.poll_event() {
                    failed = Some(error);
                }
            }
            let Some(Error::Tls(error)) = failed else { panic!("{}", bytes.escape_ascii()) };
            assert_eq!(error.kind(), kind, "{} by {size}", bytes.escape_ascii());
            assert!(drain(&mut server).starts_with(answer), "{}", bytes.escape_ascii());
            assert!(server.output().is_finished());
        }
    }
    let mut client =
        Tls::client(&made.client().build().unwrap(), "localhost", |_| Raw::default()).unwrap();
    assert!(matches!(client.poll_event(), Ok(None)));
    assert!(client.output().has_remaining());
    give(&mut client, b"HTTP/1.1 400 Bad Request\r\n");
    let Err(Error::Tls(error)) = client.poll_event() else { panic!() };
    assert_eq!(error.kind(), ErrorKind::PlainServer);
    assert_eq!(error.advice(), "use http:// with this port");
}

#[test]
fn bad_configurations_say_what_is_wrong() {
    let made = SelfSigned::new(["localhost"]).unwrap();
    assert!(matches!(ServerConfig::builder().build(), Err(ConfigError::NoCertificate)));
    let missing =
        ServerConfig::builder().certificate_files("/nowhere/a.pem", "/nowhere/b.pem").build();
    assert_eq!(missing.unwrap_err().to_string(), "/nowhere/a.pem: there is no such file");
    let swapped = ServerConfig::builder().certificate_pem(made.key_pem(), made.certificate_pem());
    assert_eq!(swapped.build().unwrap_err().to_string(), "holds no certificate");
    let config = made.client().build().unwrap();
    for name in ["", "a b", "host:443"] {
        let tls = Tls::client(&config, name, |_| Raw::default());
        assert!(matches!(tls, Err(ConfigError::BadServerName)), "{name}");
    }
    assert!(Tls::client(&config, "[::1]", |_| Raw::default()).is_ok());
}
