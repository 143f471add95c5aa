//! What several test binaries share.
#![allow(dead_code, unreachable_pub, reason = "not every binary uses all of it")]

pub mod subjects;
pub mod wire;

use std::collections::VecDeque;

use barewire_h2::{
    BodyLength, ClientConnection, ClientEvent, Config, Error, Rate, ServerConnection, ServerEvent,
    StreamId,
};
use barewire_testkit::{Pair, Vector, vectors};
use http::{HeaderMap, Request};

/// A client and a server, connected, with their events kept.
pub struct Talk {
    pub pair: Pair<ClientConnection, ServerConnection>,
    client: VecDeque<ClientEvent>,
    server: VecDeque<ServerEvent>,
    pub client_error: Option<Error>,
    pub server_error: Option<Error>,
}

impl Talk {
    /// Settings are exchanged already.
    pub fn new(client: Config, server: Config) -> Self {
        let mut talk = Self::of(ClientConnection::new(client), ServerConnection::new(server));
        talk.client.clear();
        talk.server.clear();
        talk
    }

    /// Of connections that were made already; their first events are kept.
    pub fn of(client: ClientConnection, server: ServerConnection) -> Self {
        let mut talk = Self {
            pair: Pair::new(client, server),
            client: VecDeque::new(),
            server: VecDeque::new(),
            client_error: None,
            server_error: None,
        };
        talk.run();
        talk
    }

    pub fn client(&mut self) -> &mut ClientConnection {
        &mut self.pair.client
    }

    pub fn server(&mut self) -> &mut ServerConnection {
        &mut self.pair.server
    }

    pub fn run(&mut self) {
        let Self { pair, client, server, client_error, server_error } = self;
        pair.settle(
            |_, event| match event {
                Ok(event) => client.push_back(event),
                Err(error) => *client_error = Some(error),
            },
            |_, event| match event {
                Ok(event) => server.push_back(event),
                Err(error) => *server_error = Some(error),
            },
        );
    }

    pub fn client_events(&mut self) -> Vec<ClientEvent> {
        self.client.drain(..).collect()
    }

    pub fn server_events(&mut self) -> Vec<ServerEvent> {
        self.server.drain(..).collect()
    }

    pub fn server_request(&mut self) -> (StreamId, Request<()>, BodyLength) {
        while let Some(event) = self.server.pop_front() {
            if let ServerEvent::Request(id, request, length) = event {
                return (id, request, length);
            }
        }
        panic!("no request");
    }

    /// Takes what came of a request's body: how much, whether it is complete, and its trailers.
    pub fn server_body(&mut self, id: StreamId) -> (usize, bool, Option<HeaderMap>) {
        let (mut len, mut end, mut trailers) = (0, false, None);
        for event in self.server_events() {
            match event {
                ServerEvent::Data(at, data) if at == id => {
                    len += data.len();
                    self.server().release_capacity(id, data.len());
                }
                ServerEvent::Trailers(at, map) if at == id => trailers = Some(map),
                ServerEvent::End(at) if at == id => end = true,
                _ => {}
            }
        }
        (len, end, trailers)
    }

    /// Takes data of one response and gives its window back.
    pub fn client_consume(&mut self, id: StreamId) -> usize {
        let mut len = 0;
        for event in self.client_events() {
            if let ClientEvent::Data(at, data) = event {
                assert_eq!(at, id);
                len += data.len();
                self.client().release_capacity(id, data.len());
            }
        }
        len
    }

    pub fn is_closed(&self) -> bool {
        self.pair.is_closed()
    }
}

/// The vectors of a role.
pub fn load(role: &str) -> Vec<Vector> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(role);
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a table can be read");
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        all.extend(
            vectors::parse(&wire::translate(&text), &name).unwrap_or_else(|e| panic!("{e}")),
        );
    }
    let mut names: Vec<_> = all.iter().map(|vector| vector.name.clone()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all.len(), "two vectors of {role} have one name");
    all
}

/// The configuration that a vector asks for.
pub fn config(vector: &Vector) -> Config {
    let mut config = Config::default();
    for (field, value) in &vector.settings {
        let number = || value.parse().unwrap_or_else(|_| panic!("{}: {value}", vector.at));
        let rate = || Rate { burst: number(), per_second: 0 };
        match field.as_str() {
            "max_concurrent_streams" => config.settings.max_concurrent_streams = number(),
            "header_table_size" => config.settings.header_table_size = number(),
            "initial_window_size" => config.settings.initial_window_size = number(),
            "max_header_list_size" => config.settings.max_header_list_size = number(),
            "enable_push" => config.settings.enable_push = value == "true",
            "enable_connect_protocol" => config.settings.enable_connect_protocol = value == "true",
            "max_continuations" => config.limits.max_continuations = number(),
            "max_header_block" => config.limits.max_header_block = number() as usize,
            "max_fields" => config.limits.max_fields = number() as usize,
            "max_body" => config.limits.max_body = number().into(),
            "max_informational" => config.limits.max_informational = number(),
            "resets" => config.limits.resets = rate(),
            "provoked_resets" => config.limits.provoked_resets = rate(),
            "settings" => config.limits.settings = rate(),
            "pings" => config.limits.pings = rate(),
            "empty_frames" => config.limits.empty_frames = rate(),
            "tiny_data" => config.limits.tiny_data = rate(),
            "priorities" => config.limits.priorities = rate(),
            "window_updates" => config.limits.window_updates = rate(),
            "unknown_frames" => config.limits.unknown_frames = rate(),
            "leniency.connection_specific_fields" => {
                config.leniency.connection_specific_fields = value == "true";
            }
            "leniency.surrounding_whitespace" => {
                config.leniency.surrounding_whitespace = value == "true"
            }
            _ => panic!("{}: no such setting: {field}", vector.at),
        }
    }
    config
}
