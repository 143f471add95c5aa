//! Any interleaving of two connected state machines ends with all data delivered or a clear error, never in a
//! deadlock: many thousand random schedules against a model of what was sent.

mod support;

use std::collections::BTreeMap;

use barewire_h2::{
    BodyLength, ClientConnection, ClientEvent, Config, Priority, Reason, ServerConnection,
    ServerEvent, StreamId,
};
use barewire_testkit::{Link, Pair, Random};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};

/// One direction of one stream, as the model sees it.
#[derive(Debug, Default)]
struct Body {
    length: usize,
    offered: usize,
    taken: usize,
    ended: bool,
    received: usize,
    end_received: bool,
    held: Vec<usize>,
    begun: bool,
}

#[derive(Debug, Default)]
struct Stream {
    up: Body,
    down: Body,
    reset: bool,
}

fn config(random: &mut Random) -> Config {
    let mut config = Config::default();
    let sizes = [1, 100, 1000, 3000, 65_535, 200_000];
    config.settings.initial_window_size = sizes[random.within(0..=5)];
    config.settings.connection_window = [65_535, 70_000, 1 << 20][random.within(0..=2)];
    config.settings.header_table_size = [0, 100, 4096][random.within(0..=2)];
    config.settings.max_concurrent_streams = random.within(1..=20) as u32;
    config.limits.send_buffer = [1, 50, 5000, 65_536][random.within(0..=3)];
    config.limits.write_buffer = [100, 20_000, 1 << 18][random.within(0..=2)];
    // Windows of a byte make tiny frames.
    config.limits.tiny_data.burst = u32::MAX;
    config.limits.window_updates.burst = u32::MAX;
    config
}

fn payload(length: usize) -> Bytes {
    Bytes::from((0..length).map(|at| at as u8).collect::<Vec<_>>())
}

fn check(body: &mut Body, data: &Bytes) {
    for byte in data {
        assert_eq!(*byte, body.received as u8, "bytes out of order");
        body.received += 1;
    }
    body.held.push(data.len());
}

fn run(seed: u64) {
    let mut random = Random::new(seed);
    let link =
        |seed| Link::seeded(seed).max_piece([3, 40, 5000][seed as usize % 3]).capacity(1 << 14);
    let (up, down) = (link(seed), link(seed + 1));
    let client = ClientConnection::new(config(&mut random));
    let server = ServerConnection::new(config(&mut random));
    let mut pair = Pair::over(client, server, up, down);
    let mut streams: BTreeMap<StreamId, Stream> = BTreeMap::new();
    // Long bodies are rare: they take most of the time and find the least.
    let most_length = if random.one_in(20) { 5 } else { 3 + (seed % 2) as usize };
    let most = [1, 4, 12][random.within(0..=2)];
    let mut opened = 0;
    for _ in 0..20_000 {
        if opened < most && random.one_in(2) && pair.client.can_send_request() {
            let length = [0, 1, 20, 300, 1500, 20_000][random.within(0..=most_length)];
            let request = Request::post("http://a/").header("x-n", opened % 3).body(()).unwrap();
            let kind = if length == 0 { BodyLength::Empty } else { BodyLength::Unknown };
            let id = pair.client.send_request(&request, kind).unwrap();
            let mut stream = Stream::default();
            stream.up.length = length;
            stream.up.begun = true;
            stream.up.ended = length == 0;
            stream.down.length = [0, 1, 20, 300, 1500, 20_000][random.within(0..=most_length)];
            streams.insert(id, stream);
            opened += 1;
        }
        for (id, stream) in &mut streams {
            act(&mut pair, *id, stream, &mut random);
        }
        let streams = std::cell::RefCell::new(&mut streams);
        pair.settle(
            |_, event| {
                let mut streams = streams.borrow_mut();
                match event.unwrap_or_else(|error| panic!("seed {seed}: client: {error}")) {
                    ClientEvent::Data(id, data) => {
                        check(&mut streams.get_mut(&id).unwrap().down, &data)
                    }
                    ClientEvent::End(id) => streams.get_mut(&id).unwrap().down.end_received = true,
                    ClientEvent::Response(id, _, BodyLength::Empty) => {
                        streams.get_mut(&id).unwrap().down.end_received = true;
                    }
                    ClientEvent::StreamReset { id, reason, .. } => {
                        let expected = matches!(reason, Reason::CANCEL | Reason::REFUSED_STREAM);
                        assert!(expected, "seed {seed}: {id} {reason}");
                        streams.get_mut(&id).unwrap().reset = true;
                    }
                    _ => {}
                }
            },
            |_, event| {
                let mut streams = streams.borrow_mut();
                match event.unwrap_or_else(|error| panic!("seed {seed}: server: {error}")) {
                    ServerEvent::Request(id, _, length) => {
                        let stream = streams.get_mut(&id).unwrap();
                        stream.down.begun = true;
                        stream.up.end_received = length == BodyLength::Empty;
                    }
                    ServerEvent::Data(id, data) => {
                        check(&mut streams.get_mut(&id).unwrap().up, &data)
                    }
                    ServerEvent::End(id) => streams.get_mut(&id).unwrap().up.end_received = true,
                    ServerEvent::StreamReset { id, .. } => {
                        streams.get_mut(&id).unwrap().reset = true
                    }
                    _ => {}
                }
            },
        );
        let streams = streams.into_inner();
        let done = |body: &Body| body.end_received && body.received == body.length && body.ended;
        let over = |stream: &Stream| stream.reset || (done(&stream.up) && done(&stream.down));
        if opened == most && streams.values().all(over) {
            // What is still held is given back, and then nothing is left.
            for (id, stream) in streams.iter_mut() {
                pair.server.release_capacity(*id, stream.up.held.drain(..).sum());
                pair.client.release_capacity(*id, stream.down.held.drain(..).sum());
            }
            pair.settle(|_, _| {}, |_, _| {});
            assert!(
                pair.client.is_idle() && pair.server.is_idle(),
                "seed {seed}: a stream is left"
            );
            return;
        }
    }
    panic!("seed {seed}: a deadlock: {streams:?}");
}

/// What the applications on both ends do in one turn.
fn act(
    pair: &mut Pair<ClientConnection, ServerConnection>,
    id: StreamId,
    stream: &mut Stream,
    random: &mut Random,
) {
    let Stream { up, down, reset } = stream;
    if !*reset && down.begun && random.one_in(400) {
        *reset = true;
        match random.one_in(2) {
            true => pair.client.reset_stream(id, Reason::CANCEL),
            false => pair.server.reset_stream(id, Reason::CANCEL),
        }
        return;
    }
    if random.one_in(30) {
        let priority =
            Priority { urgency: random.within(0..=7) as u8, incremental: random.one_in(2) };
        pair.server.set_priority(id, priority);
        pair.client.send_priority_update(id, priority);
    }
    while !up.held.is_empty() && !random.one_in(3) {
        let n = up.held.remove(random.within(0..=up.held.len() - 1));
        pair.server.release_capacity(id, n);
    }
    while !down.held.is_empty() && !random.one_in(3) {
        let n = down.held.remove(random.within(0..=down.held.len() - 1));
        pair.client.release_capacity(id, n);
    }
    if *reset {
        return;
    }
    if down.begun && down.offered == 0 && random.one_in(3) {
        down.offered = 1;
        if down.length > 0 && random.one_in(3) {
            pair.server.respond(id, &Response::new(()), payload(down.length)).unwrap();
            down.ended = true;
            return;
        }
        let length = if down.length == 0 {
            BodyLength::Empty
        } else {
            BodyLength::Known(down.length as u64)
        };
        pair.server.send_response(id, &Response::new(()), length).unwrap();
        down.ended = down.length == 0;
    }
    send(up, random, |data, end, trailers| match trailers {
        Some(map) => pair.client.send_trailers(id, map).unwrap(),
        None => pair.client.send_data(id, data, end).unwrap(),
    });
    if down.offered > 0 {
        send(down, random, |data, end, trailers| match trailers {
            Some(map) => pair.server.send_trailers(id, map).unwrap(),
            None => pair.server.send_data(id, data, end).unwrap(),
        });
    }
}

fn send(
    body: &mut Body,
    random: &mut Random,
    mut put: impl FnMut(&mut Bytes, bool, Option<&HeaderMap>),
) {
    if body.ended || !body.begun || random.one_in(2) {
        return;
    }
    let n = random.within(1..=2000).min(body.length - body.taken);
    let end = body.taken + n == body.length && random.one_in(2);
    let mut data = payload(body.length).slice(body.taken..body.taken + n);
    put(&mut data, end, None);
    body.taken += n - data.len();
    if body.taken == body.length {
        body.ended = true;
        if !(end && data.is_empty()) {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-done", HeaderValue::from_static("1"));
            put(&mut Bytes::new(), true, Some(&trailers));
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may be asked for more schedules")]
fn every_schedule_ends() {
    let count =
        std::env::var("BAREWIRE_SCHEDULES").ok().and_then(|n| n.parse().ok()).unwrap_or(3000);
    for seed in 0..count {
        run(seed);
    }
}
