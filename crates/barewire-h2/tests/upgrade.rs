//! `Upgrade: h2c` (RFC 7540, section 3.2): HTTP/2 where HTTP/1.1 has left off.

mod support;

use barewire_h2::{
    BodyLength, ClientConnection, ClientEvent, Config, ServerConnection, ServerEvent, StreamId,
};
use barewire_proto::{Buf, Protocol};
use bytes::Bytes;
use http::{Request, Response};
use support::Talk;

fn get(path: &str) -> Request<()> {
    Request::get(format!("http://example.com{path}")).body(()).unwrap()
}

#[test]
fn h2c_goes_on_where_http11_left_off() {
    let config = Config::default();
    let settings = config.upgrade_settings();
    let request = get("/upgraded");
    let client = ClientConnection::upgraded(config, &request);
    let server =
        ServerConnection::upgraded(Config::default(), settings.as_bytes(), request).unwrap();
    let mut talk = Talk::of(client, server);
    let (id, request, length) = talk.server_request();
    assert_eq!((id.value(), length), (1, BodyLength::Empty));
    assert_eq!(request.uri().path(), "/upgraded");
    talk.server().respond(id, &Response::new(()), Bytes::from_static(b"hi")).unwrap();
    talk.run();
    let answered =
        |event: &ClientEvent| matches!(event, ClientEvent::Response(at, ..) if *at == id);
    assert!(talk.client_events().iter().any(answered));
    let next = talk.client().send_request(&get("/"), BodyLength::Empty).unwrap();
    assert_eq!(next.value(), 3);
    assert!(ServerConnection::upgraded(Config::default(), b"%%%%", get("/")).is_err());
}

#[test]
fn rfc7540_3_2_1_settings_of_the_offer_hold_at_once() {
    let mut config = Config::default();
    config.settings.initial_window_size = 10;
    let (settings, request) = (config.upgrade_settings(), get("/"));
    let mut client = ClientConnection::upgraded(config, &request);
    let mut server =
        ServerConnection::upgraded(Config::default(), settings.as_bytes(), request).unwrap();
    let id = StreamId::new(1);
    // The server answers before it has heard anything of HTTP/2.
    server.respond(id, &Response::new(()), Bytes::from_static(b"a body of 22 bytes, ok")).unwrap();
    while server.output().has_remaining() {
        let put = server.output().chunk().to_vec();
        server.output().advance(put.len());
        assert!(client.input().push(put.into()).is_empty());
    }
    let mut windows = 0;
    while let Some(event) = client.poll_event().unwrap() {
        if let ClientEvent::Data(at, data) = event {
            assert_eq!((at, &data[..]), (id, &b"a body of "[..]));
            client.release_capacity(id, data.len());
            windows += 1;
        }
    }
    assert_eq!(windows, 1);
    let mut talk = Talk::of(client, server);
    talk.run();
    let rest = talk.client_events().iter().find_map(|event| match event {
        ClientEvent::Data(_, data) => Some(data.clone()),
        _ => None,
    });
    assert_eq!(rest.as_deref(), Some(&b"22 bytes, "[..]));
}

#[test]
fn rfc9113_8_2_2_fields_of_http11s_connection_stay_behind() {
    let settings = Config::default().upgrade_settings();
    let request = Request::get("http://a/")
        .version(http::Version::HTTP_11)
        .header("host", "a")
        .header("connection", "Upgrade, HTTP2-Settings")
        .header("connection", "X-Hop")
        .header("upgrade", "h2c")
        .header("http2-settings", &settings)
        .header("keep-alive", "3")
        .header("proxy-connection", "x")
        .header("te", "gzip")
        .header("x-hop", "1")
        .header("x-end", "2")
        .body(())
        .unwrap();
    let mut server =
        ServerConnection::upgraded(Config::default(), settings.as_bytes(), request).unwrap();
    let Ok(Some(ServerEvent::Request(_, request, _))) = server.poll_event() else {
        panic!("the request comes first")
    };
    assert_eq!(request.version(), http::Version::HTTP_2);
    let names: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["host", "x-end"]);
}
