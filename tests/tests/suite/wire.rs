//! The client's side of HTTP/2, by hand: a state machine of ours over a socket of the standard library.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use barewire_h2::{BodyLength, ClientConnection, ClientEvent, Config, Reason, StreamId};
use barewire_proto::{Buf, Protocol};
use barewire_tls::Tls;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, Response};

use crate::harness::PATIENCE;

/// Any protocol over a blocking socket, one step at a time.
pub(crate) struct Wire<P> {
    pub(crate) protocol: P,
    pub(crate) stream: TcpStream,
}

impl<P: Protocol> Wire<P> {
    pub(crate) fn new(addr: SocketAddr, protocol: P) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut wire = Self { protocol, stream };
        wire.protocol.handle_timeout(Instant::now());
        wire
    }

    /// Sends all that the protocol has to say.
    pub(crate) fn flush(&mut self) {
        loop {
            let output = self.protocol.output();
            if !output.has_remaining() {
                break;
            }
            let n = match self.stream.write(output.chunk()) {
                Ok(n) => n,
                // The server was faster: what it said is still to be read.
                Err(_) => output.remaining(),
            };
            output.advance(n);
        }
    }

    /// The next event; `None` at the end of the connection, however it comes.
    #[track_caller]
    pub(crate) fn event(&mut self) -> Option<Result<P::Event, P::Error>> {
        loop {
            match self.protocol.poll_event() {
                Ok(Some(event)) => return Some(Ok(event)),
                Ok(None) => {}
                Err(error) => {
                    self.flush();
                    return Some(Err(error));
                }
            }
            self.flush();
            if self.protocol.is_closed() || self.protocol.input().is_closed() {
                return None;
            }
            let spare = self.protocol.input().spare(16 * 1024);
            match self.stream.read(spare) {
                Ok(0) => self.protocol.input().close(),
                Ok(n) => self.protocol.input().commit(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("nothing comes"),
                Err(_) => return None,
            }
        }
    }
}

/// Something that speaks HTTP/2.
pub(crate) trait Speaks: Protocol {
    fn h2(&mut self) -> &mut ClientConnection;
    fn inner(event: Self::Event) -> Option<ClientEvent>;
}

impl Speaks for ClientConnection {
    fn h2(&mut self) -> &mut ClientConnection {
        self
    }

    fn inner(event: ClientEvent) -> Option<ClientEvent> {
        Some(event)
    }
}

impl Speaks for Tls<ClientConnection> {
    fn h2(&mut self) -> &mut ClientConnection {
        self.inner_mut().expect("the handshake is done")
    }

    fn inner(event: Self::Event) -> Option<ClientEvent> {
        match event {
            barewire_tls::Event::Established => None,
            barewire_tls::Event::Inner(event) => Some(event),
        }
    }
}

/// An HTTP/2 client.
pub(crate) struct Peer<P = ClientConnection> {
    wire: Wire<P>,
    /// What came while something else was waited for.
    early: VecDeque<ClientEvent>,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: Response<()>,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn status(&self) -> u16 {
        self.head.status().as_u16()
    }
}

impl Peer {
    pub(crate) fn open(addr: SocketAddr) -> Self {
        Self::with(addr, Config::default())
    }

    pub(crate) fn with(addr: SocketAddr, config: Config) -> Self {
        Self::over(Wire::new(addr, ClientConnection::new(config)))
    }
}

impl<P: Speaks> Peer<P> {
    pub(crate) fn over(wire: Wire<P>) -> Self {
        Self { wire, early: VecDeque::new() }
    }

    pub(crate) fn h2(&mut self) -> &mut ClientConnection {
        self.wire.protocol.h2()
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.wire.stream
    }

    pub(crate) fn flush(&mut self) {
        self.wire.flush();
    }

    /// Asks for a target without a body; it leaves with the next flush or wait.
    #[track_caller]
    pub(crate) fn get(&mut self, target: &str) -> StreamId {
        self.request(Method::GET, target, BodyLength::Empty)
    }

    #[track_caller]
    pub(crate) fn request(&mut self, method: Method, target: &str, length: BodyLength) -> StreamId {
        let uri = format!("http://test{target}");
        self.send(&Request::builder().method(method).uri(uri).body(()).unwrap(), length)
    }

    #[track_caller]
    pub(crate) fn send(&mut self, request: &Request<()>, length: BodyLength) -> StreamId {
        self.h2().send_request(request, length).unwrap()
    }

    /// Sends a body, as the server takes it.
    #[track_caller]
    pub(crate) fn upload(&mut self, id: StreamId, mut data: Bytes) {
        self.h2().send_data(id, &mut data, true).unwrap();
        while !data.is_empty() {
            self.wait(|event| matches!(event, ClientEvent::Writable(one) if *one == id));
            self.h2().send_data(id, &mut data, true).unwrap();
        }
        self.flush();
    }

    /// The next event that is as wanted; others are kept. Events of settings are dropped.
    #[track_caller]
    pub(crate) fn wait(&mut self, wanted: impl Fn(&ClientEvent) -> bool) -> ClientEvent {
        self.find(&wanted).expect("the connection stands")
    }

    #[track_caller]
    fn find(&mut self, wanted: &impl Fn(&ClientEvent) -> bool) -> Option<ClientEvent> {
        if let Some(at) = self.early.iter().position(wanted) {
            return self.early.remove(at);
        }
        loop {
            let event = match self.wire.event()? {
                Ok(event) => P::inner(event),
                Err(error) => panic!("{error}"),
            };
            match event {
                Some(event) if wanted(&event) => return Some(event),
                Some(event) => self.early.push_back(event),
                None => {}
            }
        }
    }

    /// The response on a stream, whole. Windows are given back as it comes.
    #[track_caller]
    pub(crate) fn answer(&mut self, id: StreamId) -> Answer {
        self.outcome(id).unwrap_or_else(|reason| panic!("{id} was reset: {reason}"))
    }

    /// The response on a stream, or why it was reset.
    #[track_caller]
    pub(crate) fn outcome(&mut self, id: StreamId) -> Result<Answer, Reason> {
        let is = |event: &ClientEvent| of(event) == Some(id);
        let (mut head, mut body, mut trailers) = (None, BytesMut::new(), None);
        loop {
            match self.wait(is) {
                ClientEvent::Response(_, response, length) => {
                    head = Some(response);
                    if length == BodyLength::Empty {
                        break;
                    }
                }
                ClientEvent::Data(_, data) => {
                    self.h2().release_capacity(id, data.len());
                    body.extend_from_slice(&data);
                }
                ClientEvent::Trailers(_, fields) => trailers = Some(fields),
                ClientEvent::End(_) => break,
                ClientEvent::StreamReset { reason, .. } => return Err(reason),
                _ => {}
            }
        }
        let head = head.expect("the head comes first");
        self.flush();
        Ok(Answer { head, body: body.freeze(), trailers })
    }

    /// Sends a body while the one of the response comes, which is as long, and returns that.
    #[track_caller]
    pub(crate) fn echo(&mut self, id: StreamId, mut data: Bytes) -> Vec<u8> {
        let (length, mut back) = (data.len(), Vec::new());
        while back.len() < length {
            if !data.is_empty() {
                self.h2().send_data(id, &mut data, true).unwrap();
            }
            match self.wait(|event| of(event).is_none_or(|one| one == id)) {
                ClientEvent::Data(_, data) => {
                    self.h2().release_capacity(id, data.len());
                    back.extend_from_slice(&data);
                }
                ClientEvent::StreamReset { reason, .. } => panic!("{reason}"),
                _ => {}
            }
        }
        back
    }

    /// The rest of a body of which some was read.
    #[track_caller]
    pub(crate) fn answer_behind(&mut self, id: StreamId) -> Vec<u8> {
        let mut rest = Vec::new();
        loop {
            match self.wait(|event| of(event) == Some(id)) {
                ClientEvent::Data(_, data) => {
                    self.h2().release_capacity(id, data.len());
                    rest.extend_from_slice(&data);
                }
                ClientEvent::End(_) => return rest,
                ClientEvent::StreamReset { reason, .. } => panic!("{reason}"),
                _ => {}
            }
        }
    }

    /// Waits until the server closes the connection: what came and was not waited for.
    #[track_caller]
    pub(crate) fn until_the_end(&mut self) -> Vec<ClientEvent> {
        while let Some(event) = self.wire.event() {
            match event {
                Ok(event) => self.early.extend(P::inner(event)),
                Err(_) => break,
            }
        }
        self.early.drain(..).collect()
    }
}

/// Bytes by which a test knows that nothing was lost, repeated or moved.
pub(crate) fn pattern(length: usize) -> Bytes {
    barewire_tests::scratch::noise(length).into()
}

/// The stream that an event is about.
fn of(event: &ClientEvent) -> Option<StreamId> {
    match event {
        ClientEvent::Informational(id, _)
        | ClientEvent::Response(id, ..)
        | ClientEvent::Data(id, _)
        | ClientEvent::Trailers(id, _)
        | ClientEvent::End(id)
        | ClientEvent::StreamReset { id, .. } => Some(*id),
        _ => None,
    }
}
