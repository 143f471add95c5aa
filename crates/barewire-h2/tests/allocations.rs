//! The seventh rule: what an exchange allocates once the buffers are there. A binary of its own, since the count is of
//! the whole process.

#[path = "support/wire.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with other binaries")]
mod wire;

use barewire_h2::{Config, ServerConnection, ServerEvent};
use barewire_proto::{Buf, Protocol};
use barewire_testkit::allocations::{self, INSTRUMENTED_SYSTEM, StatsAlloc, System};
use bytes::Bytes;
use http::Response;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn rule_7_steady_state() {
    let mut server = ServerConnection::new(Config::default());
    let mut feed = |bytes: &[u8]| {
        let mut rest = bytes;
        while !rest.is_empty() {
            let spare = server.input().spare(rest.len());
            let n = spare.len().min(rest.len());
            spare[..n].copy_from_slice(&rest[..n]);
            server.input().commit(n);
            rest = &rest[n..];
        }
        let mut events = 0;
        while let Some(event) = server.poll_event().expect("the sample is valid") {
            if let ServerEvent::Request(id, ..) = event {
                events += 1;
                let response = Response::new(());
                server.respond(id, &response, Bytes::from_static(b"Hello")).expect("it is open");
            }
        }
        let n = server.output().remaining();
        server.output().advance(n);
        events
    };
    feed(&wire::preface());
    // The first puts user-agent and authority into the table, the others are indices alone.
    let mut first = vec![0x82, 0x84, 0x86, 0x41, 1, b'a', 0x7a, 3];
    first.extend(b"h2l");
    let indexed = [0x82, 0x84, 0x86, 0xbf, 0xbe];
    feed(&wire::raw(1, 5, 1, &first));
    let mut stream = 3;
    let mut counts = Vec::with_capacity(40);
    for round in 0..40 {
        let mut batch = Vec::new();
        for _ in 0..32 {
            batch.extend(wire::raw(1, 5, stream, &indexed));
            stream += 2;
        }
        let mut events = 0;
        let count = allocations::during(|| events = feed(&batch));
        assert_eq!(events, 32);
        if round >= 8 {
            counts.push(count);
        }
    }
    // The thread that runs the tests allocates a little of its own beside this one, once, at the end of a round perhaps.
    counts.sort_unstable();
    counts.truncate(counts.len() - 2);
    // The map of each request: its entries and its index.
    let most = counts.last().expect("there were more rounds");
    assert!(*most <= 2 * 32, "{most} allocations for 32 requests");
}
