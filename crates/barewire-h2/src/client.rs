use std::sync::Arc;
use std::time::{Duration, Instant};

use barewire_proto::{Input, Output, Protocol};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};

use crate::connection::{Connection, Role, Tell};
use crate::encode::{self, Target};
use crate::event::Common;
use crate::frame::Frame;
use crate::message::{Facts, Fields, Form, Head};
use crate::stream::{State, Step};
use crate::streams::Key;
use crate::verbs::common_verbs;
use crate::{
    BodyLength, ClientEvent, Config, ConnectProtocol, Error, ErrorKind, PeerSettings, Priority,
    Reason, StreamId, UsageError, frame,
};

/// The client's end of an HTTP/2 connection.
///
/// Each request has a stream of its own: [`send_request`](Self::send_request) returns its number, and when it
/// has a body, [`send_data`](Self::send_data) and [`send_trailers`](Self::send_trailers) follow. Responses come
/// as [`ClientEvent`]s in any order. Who takes `Data` says with
/// [`release_capacity`](Self::release_capacity) when it was consumed.
///
/// Requests can be sent before the server's settings came.
///
/// ```
/// use barewire_h2::{BodyLength, ClientConnection, Config};
/// use barewire_proto::{Buf, Protocol};
///
/// let mut client = ClientConnection::new(Config::default());
/// let request = http::Request::get("https://example.com/").body(())?;
/// let first = client.send_request(&request, BodyLength::Empty)?;
/// let second = client.send_request(&request, BodyLength::Empty)?;
/// assert_eq!((first.value(), second.value()), (1, 3));
/// assert!(client.output().chunk().starts_with(b"PRI * HTTP/2.0"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ClientConnection {
    inner: Connection<Client>,
}

#[derive(Debug)]
pub(crate) struct Client;

impl Role for Client {
    type Head = Response<()>;
    type Event = ClientEvent;
    const SERVER: bool = false;

    #[inline]
    fn event(common: Common) -> Option<ClientEvent> {
        common.into()
    }

    #[inline]
    fn build(fields: &mut Fields) -> Result<Head<Response<()>>, ErrorKind> {
        fields.response()
    }

    #[inline]
    fn headers(head: &Response<()>) -> &HeaderMap {
        head.headers()
    }

    fn head(
        connection: &mut Connection<Self>,
        _: StreamId,
        key: Option<Key>,
        end: bool,
        facts: &Facts,
    ) -> Result<Tell, Error> {
        let Form::Response(status) = facts.form else { return Ok(Tell::Nothing) };
        let most = connection.config.limits.max_informational;
        let Some((key, stream)) = key.and_then(|key| Some((key, connection.streams.get_mut(key)?)))
        else {
            return Ok(Tell::Nothing);
        };
        if status.is_informational() {
            stream.informational = stream.informational.saturating_add(1);
            let kind = match end {
                true => Some(ErrorKind::BadStatus),
                // They are counted to 255, which is too many whatever was configured.
                false if u32::from(stream.informational) > most.min(254) => {
                    Some(ErrorKind::TooManyInformational)
                }
                false => None,
            };
            return match kind {
                Some(kind) => connection.stream_error(key, kind).map(|()| Tell::Nothing),
                None if stream.discard => Ok(Tell::Nothing),
                None => Ok(Tell::Informational),
            };
        }
        let bodiless =
            stream.head || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
        let tunnel = stream.connect && status.is_success();
        // What the length would have been is no length here (RFC 9110, section 8.6).
        let length = match facts.content_length {
            _ if bodiless => Connection::<Self>::body_length(end, None),
            _ if tunnel => Connection::<Self>::body_length(end, None),
            length => Connection::<Self>::body_length(end, length),
        };
        let length = match length {
            Ok(length) => length,
            Err(kind) => return connection.stream_error(key, kind).map(|()| Tell::Nothing),
        };
        stream.answered = true;
        stream.connect = tunnel;
        match length {
            _ if bodiless => stream.body_left = 0,
            BodyLength::Known(length) => stream.body_left = length,
            _ => {}
        }
        let opens = stream.state == State::ReservedRemote;
        stream.step(Step::RecvHead);
        if end {
            stream.step(Step::RecvEnd);
        }
        let tell = !stream.discard;
        if opens {
            connection.active_remote = connection.active_remote.saturating_add(1);
        }
        connection.settle(key);
        Ok(if tell { Tell::Head(length) } else { Tell::Nothing })
    }

    #[inline]
    fn announce(
        id: StreamId,
        head: impl FnOnce() -> Response<()>,
        tell: Tell,
    ) -> Option<ClientEvent> {
        match tell {
            Tell::Head(length) => Some(ClientEvent::Response(id, head(), length)),
            Tell::Informational => Some(ClientEvent::Informational(id, head())),
            Tell::Nothing => None,
        }
    }

    fn promise(id: StreamId, promised: StreamId, request: Request<()>) -> Option<ClientEvent> {
        Some(ClientEvent::PushPromise { id, promised, request })
    }
}

impl ClientConnection {
    /// A connection that was just made. An `Arc` shares one configuration among many connections.
    pub fn new(config: impl Into<Arc<Config>>) -> Self {
        Self { inner: Connection::new(config.into()) }
    }

    /// A connection that took over from HTTP/1.1 after a `101` (RFC 7540, section 3.2). The response to
    /// `request`, which was sent in HTTP/1.1 with [`Config::upgrade_settings`], comes on stream 1.
    pub fn upgraded(config: impl Into<Arc<Config>>, request: &Request<()>) -> Self {
        let mut client = Self::new(config);
        let inner = &mut client.inner;
        // The 101 acknowledges those that were offered (RFC 7540, section 3.2.1).
        inner.settings_hold();
        let mut stream = inner.new_stream(StreamId::new(1));
        stream.step(Step::SendHead);
        stream.step(Step::SendEnd);
        stream.head = *request.method() == Method::HEAD;
        inner.streams.insert(stream);
        inner.active_local = 1;
        inner.next_local = 3;
        client
    }

    /// Begins a request; with [`BodyLength::Empty`] it is complete.
    ///
    /// `:authority` comes from the target, or from `Host`; fields of HTTP/1.1's connection are left out. With
    /// [`ConnectProtocol`] among the extensions of a CONNECT it is an extended one (RFC 8441).
    ///
    /// # Errors
    ///
    /// The request cannot be sent as it is, or not now; nothing was queued.
    pub fn send_request(
        &mut self,
        request: &Request<()>,
        length: BodyLength,
    ) -> Result<StreamId, UsageError> {
        let inner = &mut self.inner;
        if inner.is_draining() || inner.next_local > StreamId::MAX.value() {
            return Err(UsageError::Closed);
        }
        if inner.active_local >= inner.peer.max_concurrent_streams {
            return Err(UsageError::TooManyStreams);
        }
        let connect = *request.method() == Method::CONNECT;
        let extended = request.extensions().get::<ConnectProtocol>().is_some();
        if extended && !inner.peer.enable_connect_protocol {
            return Err(UsageError::ConnectProtocolDisabled);
        }
        if connect && length.known().is_some_and(|length| length > 0) {
            return Err(UsageError::BodyNotAllowed);
        }
        let target = Target::of(request)?;
        let end = length == BodyLength::Empty;
        encode::survey(request.headers(), length)?;
        // Methods whose meaning includes a body say so when there is none (RFC 9110, section 8.6).
        let anticipated = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
        let written = length.known().filter(|length| *length > 0 || anticipated);
        let id = StreamId::new(inner.next_local);
        inner.next_local = inner.next_local.saturating_add(2);
        let (encoder, max) = (&mut inner.encoder, inner.peer.max_frame_size);
        frame::put_block(inner.output.tail(), id, end, None, max, |dst| {
            encode::request(encoder, dst, request, &target, written);
        });
        let mut stream = inner.new_stream(id);
        stream.step(Step::SendHead);
        stream.head = *request.method() == Method::HEAD;
        stream.connect = connect;
        if end {
            stream.step(Step::SendEnd);
        } else if let Some(length) = length.known() {
            stream.send_left = length;
        }
        inner.streams.insert(stream);
        inner.active_local = inner.active_local.saturating_add(1);
        Ok(id)
    }

    /// Whether a request could be sent now: the server takes further streams, and the connection lives.
    pub fn can_send_request(&self) -> bool {
        self.is_reusable() && self.inner.active_local < self.inner.peer.max_concurrent_streams
    }

    /// Whether further requests can be sent on this connection, now or when others are over.
    pub fn is_reusable(&self) -> bool {
        !self.inner.is_draining()
            && self.inner.next_local <= StreamId::MAX.value()
            && !self.inner.input.is_closed()
    }

    /// Tells the server how urgent a response is (RFC 9218, section 7).
    pub fn send_priority_update(&mut self, id: StreamId, priority: Priority) {
        if self.inner.streams.find(id).is_some() {
            let value = priority.to_string();
            self.inner.put(&Frame::PriorityUpdate { stream: id, value: value.as_bytes() });
        }
    }
}

common_verbs!(ClientConnection, ClientEvent, Client);
