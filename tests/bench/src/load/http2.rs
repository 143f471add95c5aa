//! The load generator for HTTP/2.
//!
//! Each connection has a number of requests in flight, each on a stream of its own. All that one read brings is
//! checked, then one write asks for as many answers as were complete.

mod connection;
mod request;
mod upload;
mod wire;

use std::net::SocketAddr;

pub(crate) use self::connection::{Body, Connection};
pub(crate) use self::request::Request;
pub(crate) use self::upload::upload;

use super::ready::Ready;
use super::{Budget, LoadError, Run, Stop};

/// What can be read at once: four answers of 64 KiB, as h2load does it.
const BUFFER: usize = 256 * 1024;

/// Open connections to one server.
pub(crate) struct Http2Load {
    ready: Ready,
    connections: Vec<Connection>,
    buffer: Vec<u8>,
}

impl Http2Load {
    /// Opens the connections one after the other, each with one request answered, so that no backlog overflows,
    /// no server is measured while it accepts, and every field that can be is in the tables of HPACK.
    pub(crate) fn connect(
        target: SocketAddr,
        connections: usize,
        request: &Request,
        body: Body,
    ) -> Result<Self, LoadError> {
        let mut load = Self::empty()?;
        for number in 0..connections {
            let request = request.clone();
            let connection = Connection::open(target, number, request, body, &mut load.buffer)?;
            load.add(connection)?;
        }
        Ok(load)
    }

    /// Opens one connection, on which nothing is asked for yet.
    pub(crate) fn unasked(
        target: SocketAddr,
        request: &Request,
        body: Body,
    ) -> Result<Self, LoadError> {
        let mut load = Self::empty()?;
        load.add(Connection::unasked(target, 0, request.clone(), body)?)?;
        Ok(load)
    }

    fn empty() -> Result<Self, LoadError> {
        Ok(Self { ready: Ready::new()?, connections: Vec::new(), buffer: vec![0; BUFFER] })
    }

    fn add(&mut self, connection: Connection) -> Result<(), LoadError> {
        self.ready.add(connection.stream(), self.connections.len())?;
        self.connections.push(connection);
        Ok(())
    }

    /// Asks on all connections at once, with `streams` requests in flight on each.
    pub(crate) fn run(&mut self, streams: u32, stop: Stop) -> Result<Run, LoadError> {
        let mut budget = Budget::new(stop, 1);
        let mut waiting = 0;
        let mut answers = 0;
        for connection in &mut self.connections {
            connection.check_streams(streams)?;
            (0..streams).take_while(|_| budget.take()).for_each(|_| connection.ask());
            connection.flush()?;
            waiting += usize::from(connection.in_flight() > 0);
        }
        while waiting > 0 {
            let ready = self.ready.wait(waiting)?;
            budget.look_at_the_clock();
            for number in ready {
                let Some(connection) = self.connections.get_mut(number) else { continue };
                let was_waiting = connection.in_flight() > 0;
                let complete = connection.receive(&mut self.buffer)?;
                answers += complete;
                (0..complete).take_while(|_| budget.take()).for_each(|_| connection.ask());
                connection.flush()?;
                if was_waiting && connection.in_flight() == 0 {
                    waiting -= 1;
                }
            }
        }
        Ok(Run { answers, elapsed: budget.started.elapsed() })
    }
}
