//! Any interleaving of two connected state machines ends with all data delivered or a clear error, never in a
//! deadlock: many thousand random schedules against a model of what was sent. Servers push, either side closes in one
//! step or in two, and settings change in the middle.

mod support;

use std::collections::BTreeMap;

use barewire_h2::frame::{Frame, SettingsFrame};
use barewire_h2::{
    BodyLength, ClientConnection, ClientEvent, Config, Priority, Reason, ResetBy, ServerConnection,
    ServerEvent, Settings, StreamId, UsageError,
};
use barewire_proto::{Output, Protocol};
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
    /// The client knows of it: it sent the request, or saw the promise.
    known: bool,
}

/// What a side announced last, as its peer obeys it, below what it takes in truth: a window that was made smaller and
/// is made as large as before in the end never holds more than the receiver counts.
#[derive(Debug)]
struct Announced {
    truth: Settings,
    left: u32,
    lowered: bool,
}

impl Announced {
    fn new(config: &Config, random: &mut Random) -> Self {
        let left = if random.one_in(2) { 10 } else { 0 };
        Self { truth: config.settings.clone(), left, lowered: false }
    }

    /// Now and then, says something else, or what is true again. The last word is the truth.
    fn change(&mut self, output: &mut Output, random: &mut Random) {
        let due = self.lowered || self.left > 0;
        if !due || output.is_finishing() || !random.one_in(10) {
            return;
        }
        let Settings { initial_window_size, header_table_size, max_frame_size, .. } = self.truth;
        let mut frame = SettingsFrame {
            initial_window_size: Some(initial_window_size),
            header_table_size: Some(header_table_size),
            max_frame_size: Some(max_frame_size),
            max_concurrent_streams: Some(self.truth.max_concurrent_streams),
            ..SettingsFrame::default()
        };
        self.lowered = self.left > 0 && !random.one_in(3);
        if self.lowered {
            self.left -= 1;
            let mut lower = |value: &mut Option<u32>, least: u32| {
                *value = value.map(|most| random.within(least as usize..=most as usize) as u32);
            };
            lower(&mut frame.initial_window_size, 0);
            lower(&mut frame.header_table_size, 0);
            lower(&mut frame.max_frame_size, 16_384);
            lower(&mut frame.max_concurrent_streams, 0);
        }
        Frame::Settings(frame).encode(output.tail());
    }
}

fn config(random: &mut Random) -> Config {
    let mut config = Config::default();
    let sizes = [1, 100, 1000, 3000, 65_535, 200_000];
    config.settings.initial_window_size = sizes[random.within(0..=5)];
    config.settings.connection_window = [65_535, 70_000, 1 << 20][random.within(0..=2)];
    config.settings.header_table_size = [0, 100, 4096][random.within(0..=2)];
    config.settings.max_concurrent_streams = random.within(1..=20) as u32;
    config.settings.max_frame_size = [16_384, 17_000][random.within(0..=1)];
    config.settings.enable_push = random.one_in(2);
    config.limits.send_buffer = [1, 50, 5000, 65_536][random.within(0..=3)];
    config.limits.write_buffer = [100, 20_000, 1 << 18][random.within(0..=2)];
    // Windows of a byte make tiny frames.
    config.limits.tiny_data.burst = u32::MAX;
    config.limits.window_updates.burst = u32::MAX;
    // Nobody but these tests acknowledges what it did not announce.
    config.limits.settings.burst = u32::MAX;
    config
}

fn payload(range: std::ops::Range<usize>) -> Bytes {
    Bytes::from(range.map(|at| at as u8).collect::<Vec<_>>())
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
    let (client, server) = (config(&mut random), config(&mut random));
    let mut of_client = Announced::new(&client, &mut random);
    let mut of_server = Announced::new(&server, &mut random);
    let mut close = random.one_in(3).then(|| random.within(0..=3));
    let client = ClientConnection::new(client);
    let server = ServerConnection::new(server);
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
            stream.known = true;
            stream.up.begun = true;
            stream.up.ended = length == 0;
            stream.down.length = [0, 1, 20, 300, 1500, 20_000][random.within(0..=most_length)];
            streams.insert(id, stream);
            opened += 1;
        }
        let mut promised = Vec::new();
        for (id, stream) in &mut streams {
            promised.extend(promise(&mut pair, *id, stream, &mut random));
            act(&mut pair, *id, stream, &mut random);
        }
        streams.extend(promised);
        of_client.change(pair.client.output(), &mut random);
        of_server.change(pair.server.output(), &mut random);
        if close.is_some() && random.one_in(20) {
            match close.take() {
                Some(0) => pair.server.graceful_shutdown(),
                Some(1) => pair.server.go_away(Reason::NO_ERROR),
                Some(2) => pair.client.graceful_shutdown(),
                _ => pair.client.go_away(Reason::NO_ERROR),
            }
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
                    ClientEvent::PushPromise { promised, .. } => {
                        streams.get_mut(&promised).unwrap().known = true;
                    }
                    ClientEvent::StreamReset { id, reason, by } => {
                        let expected = matches!(reason, Reason::CANCEL | Reason::REFUSED_STREAM);
                        assert!(expected, "seed {seed}: {id} {reason}");
                        let stream = streams.get_mut(&id).unwrap();
                        let lost = by == ResetBy::GoAway && stream.down.begun;
                        assert!(!lost, "seed {seed}: {id} was begun, and may be sent again");
                        stream.reset = true;
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
        let all = opened == most || pair.client.is_draining();
        if all && streams.values().all(over) {
            // What is still held is given back, and then nothing is left.
            for (id, stream) in streams.iter_mut() {
                pair.server.release_capacity(*id, stream.up.held.drain(..).sum());
                pair.client.release_capacity(*id, stream.down.held.drain(..).sum());
            }
            let draining = pair.client.is_draining() || pair.server.is_draining();
            pair.settle(|_, _| {}, |_, _| {});
            assert!(!draining || pair.is_closed(), "seed {seed}: the connection is left");
            assert!(
                pair.client.is_idle() && pair.server.is_idle(),
                "seed {seed}: a stream is left"
            );
            return;
        }
    }
    panic!("seed {seed}: a deadlock: {streams:?}");
}

/// The server may promise something beside a response.
fn promise(
    pair: &mut Pair<ClientConnection, ServerConnection>,
    id: StreamId,
    stream: &Stream,
    random: &mut Random,
) -> Option<(StreamId, Stream)> {
    if !stream.down.begun || stream.reset || !random.one_in(40) {
        return None;
    }
    let request = Request::get("http://a/pushed").body(()).unwrap();
    let promised = match pair.server.push_promise(id, &request) {
        Ok(promised) => promised,
        Err(
            UsageError::Closed
            | UsageError::PushDisabled
            | UsageError::StreamClosed
            | UsageError::TooManyStreams,
        ) => return None,
        Err(error) => panic!("{id}: {error}"),
    };
    let mut stream = Stream::default();
    stream.up.ended = true;
    stream.up.end_received = true;
    stream.down.begun = true;
    stream.down.length = [0, 1, 20, 300, 1500][random.within(0..=4)];
    Some((promised, stream))
}

/// What the applications on both ends do in one turn.
fn act(
    pair: &mut Pair<ClientConnection, ServerConnection>,
    id: StreamId,
    stream: &mut Stream,
    random: &mut Random,
) {
    let Stream { up, down, reset, known } = stream;
    if !*reset && down.begun && random.one_in(400) {
        *reset = true;
        match *known && random.one_in(2) {
            true => pair.client.reset_stream(id, Reason::CANCEL),
            false => pair.server.reset_stream(id, Reason::CANCEL),
        }
        return;
    }
    if random.one_in(30) {
        let priority =
            Priority { urgency: random.within(0..=7) as u8, incremental: random.one_in(2) };
        pair.server.set_priority(id, priority);
        if !pair.client.output().is_finishing() {
            pair.client.send_priority_update(id, priority);
        }
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
        let whole = down.length > 0 && random.one_in(3);
        let length = if down.length == 0 {
            BodyLength::Empty
        } else {
            BodyLength::Known(down.length as u64)
        };
        let response = Response::new(());
        let answered = match whole {
            true => pair.server.respond(id, &response, payload(0..down.length)),
            false => pair.server.send_response(id, &response, length),
        };
        match answered {
            Ok(()) => down.offered = 1,
            // The client takes no further pushed stream at the moment.
            Err(UsageError::TooManyStreams) if !id.is_of_client() => return,
            Err(error) => panic!("{id}: {error}"),
        }
        down.ended = whole || down.length == 0;
        if whole {
            return;
        }
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
    let mut data = payload(body.taken..body.taken + n);
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
