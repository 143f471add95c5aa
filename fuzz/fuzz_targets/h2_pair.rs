//! Client against server with any interleaving of commands and deliveries: neither ever finds the other in error, and
//! what arrives is what was sent.

#![no_main]

use barewire_h2::{
    BodyLength, ClientConnection, ClientEvent, Config, Limits, Rate, Reason, ServerConnection,
    ServerEvent, StreamId,
};
use barewire_proto::{Buf, Protocol};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fn carry(from: &mut impl Protocol, to: &mut impl Protocol, most: usize) {
    let n = from.output().chunk().len().min(most);
    let bytes = Bytes::copy_from_slice(&from.output().chunk()[..n]);
    let left = to.input().push(bytes);
    from.output().advance(n - left.len());
}

fuzz_target!(|data: &[u8]| {
    let [window, setup, script @ ..] = data else { return };
    let mut config = Config::default();
    config.settings.initial_window_size = u32::from(*window) * 17;
    config.settings.enable_push = setup & 1 == 1;
    // Time stands still here, so that no budget that is a rate is ever filled again.
    let any = Rate { burst: u32::MAX, per_second: 0 };
    config.limits = Limits {
        resets: any,
        provoked_resets: any,
        settings: any,
        pings: any,
        empty_frames: any,
        tiny_data: any,
        priorities: any,
        window_updates: any,
        unknown_frames: any,
        ..config.limits
    };
    let mut client = ClientConnection::new(config.clone());
    let mut server = ServerConnection::new(config);
    let mut streams: Vec<StreamId> = Vec::new();
    let request = http::Request::post("http://a/").body(()).expect("good");
    for step in script.chunks_exact(2) {
        let n = usize::from(step[1]);
        let id = streams.get(n % streams.len().max(1)).copied();
        match (step[0] % 12, id) {
            (0, _) => streams.extend(client.send_request(&request, BodyLength::Unknown)),
            (1, Some(id)) => {
                _ = client.send_data(id, &mut Bytes::from(vec![b'x'; n * 9]), n % 4 == 0)
            }
            (2, Some(id)) => {
                _ = server.send_response(id, &http::Response::new(()), BodyLength::Unknown)
            }
            (3, Some(id)) => {
                _ = server.send_data(id, &mut Bytes::from(vec![b'x'; n * 9]), n % 4 == 0)
            }
            (4, Some(id)) => client.reset_stream(id, Reason::CANCEL),
            (5, Some(id)) => server.reset_stream(id, Reason::CANCEL),
            (6, Some(id)) => client.discard(id),
            (7, Some(id)) => server.discard(id),
            (8, Some(id)) => drop(
                server.push_promise(id, &http::Request::get("http://a/p").body(()).expect("good")),
            ),
            (9, _) if n == 0 => server.graceful_shutdown(),
            (10, _) => carry(&mut client, &mut server, n * 11 + 1),
            (11, _) => carry(&mut server, &mut client, n * 11 + 1),
            _ => {}
        }
        while let Some(event) = client.poll_event().expect("the server keeps to the protocol") {
            if let ClientEvent::Data(id, data) = event {
                assert!(data.iter().all(|byte| *byte == b'x'));
                client.release_capacity(id, data.len());
            }
        }
        while let Some(event) = server.poll_event().expect("the client keeps to the protocol") {
            if let ServerEvent::Data(id, data) = event {
                assert!(data.iter().all(|byte| *byte == b'x'));
                server.release_capacity(id, data.len());
            }
        }
    }
});
