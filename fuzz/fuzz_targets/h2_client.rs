//! A whole HTTP/2 client that waits for three responses: any bytes end in events or in one error for ever.

#![no_main]

use barewire_h2::{BodyLength, ClientConnection, ClientEvent, Config};
use barewire_proto::Protocol;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut config = Config::default();
    config.settings.enable_push = data.first().is_some_and(|byte| byte & 1 == 1);
    let mut client = ClientConnection::new(config);
    for method in ["GET", "HEAD", "POST"] {
        let request =
            http::Request::builder().method(method).uri("http://a/").body(()).expect("good");
        let length = if method == "POST" { BodyLength::Unknown } else { BodyLength::Empty };
        client.send_request(&request, length).expect("it can be sent");
    }
    let mut rest = data.get(1..).unwrap_or_default();
    while !rest.is_empty() {
        let n = rest.len().min(5000);
        let left = client.input().push(Bytes::copy_from_slice(&rest[..n]));
        rest = &rest[n - left.len()..];
        loop {
            match client.poll_event() {
                Ok(None) => break,
                Ok(Some(ClientEvent::Data(id, data))) => client.release_capacity(id, data.len()),
                Ok(Some(_)) => {}
                Err(error) => {
                    assert_eq!(client.poll_event().expect_err("it is final"), error);
                    return;
                }
            }
        }
    }
});
