//! What several test binaries share.
#![allow(dead_code, unreachable_pub, reason = "not every binary uses all of it")]

use std::collections::VecDeque;

use barewire_h2::{
    BodyLength, ClientConnection, ClientEvent, Config, Error, ServerConnection, ServerEvent, StreamId,
};
use barewire_testkit::Pair;
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
        let pair = Pair::new(ClientConnection::new(client), ServerConnection::new(server));
        let mut talk = Self {
            pair,
            client: VecDeque::new(),
            server: VecDeque::new(),
            client_error: None,
            server_error: None,
        };
        talk.run();
        talk.client.clear();
        talk.server.clear();
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
