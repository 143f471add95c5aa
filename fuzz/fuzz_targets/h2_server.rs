//! A whole HTTP/2 server: any bytes behind a good preface, in any pieces, end in the same events, and in a GOAWAY where
//! they break the protocol.

#![no_main]

use barewire_h2::frame::PREFACE;
use barewire_h2::{BodyLength, Config, ServerConnection, ServerEvent};
use barewire_proto::{Buf, Protocol};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fn outcome(pieces: &mut dyn Iterator<Item = &[u8]>) -> (Vec<String>, Vec<u8>) {
    let mut server = ServerConnection::new(Config::default());
    let (mut said, mut output) = (Vec::new(), Vec::new());
    for piece in pieces {
        let _ = server.input().push(Bytes::copy_from_slice(piece));
        loop {
            match server.poll_event() {
                Ok(None) => break,
                Err(error) => {
                    said.push(error.to_string());
                    break;
                }
                Ok(Some(event)) => {
                    said.push(format!("{event:?}"));
                    match event {
                        ServerEvent::Request(id, _, BodyLength::Empty) | ServerEvent::End(id) => {
                            let body = Bytes::from_static(b"ok");
                            let _ = server.respond(id, &http::Response::new(()), body);
                        }
                        ServerEvent::Data(id, data) => server.release_capacity(id, data.len()),
                        _ => {}
                    }
                }
            }
        }
        let length = server.output().remaining();
        output.extend_from_slice(&server.output().copy_to_bytes(length));
        if server.poll_event().is_err() {
            break;
        }
    }
    (said, output)
}

fuzz_target!(|data: &[u8]| {
    if data.len() > 16_384 {
        return;
    }
    let wire = [&PREFACE[..], data].concat();
    let whole = outcome(&mut std::iter::once(&wire[..]));
    let split = outcome(&mut wire.chunks(7));
    assert_eq!(whole, split);
});
