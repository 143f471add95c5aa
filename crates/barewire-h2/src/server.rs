use std::sync::Arc;
use std::time::{Duration, Instant};

use barewire_proto::{Input, Output, Protocol};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};

use crate::connection::{Connection, Role, Tell};
use crate::encode::{self, Target};
use crate::event::Common;
use crate::fields;
use crate::message::{Facts, Fields, Form, Head};
use crate::stream::{State, Step};
use crate::streams::Key;
use crate::verbs::common_verbs;
use crate::{
    BodyLength, Config, Error, ErrorKind, PeerSettings, Priority, Reason, ServerEvent, StreamId,
    UsageError, frame, settings,
};

/// The server's end of an HTTP/2 connection.
///
/// Requests come as [`ServerEvent`]s, each on a stream of its own, and are answered in any order: with
/// [`respond`](Self::respond), or with [`send_response`](Self::send_response) and then
/// [`send_data`](Self::send_data) and [`send_trailers`](Self::send_trailers).
///
/// Who takes `Data` says with [`release_capacity`](Self::release_capacity) when it was consumed, or with
/// [`discard`](Self::discard) that it is not wanted: otherwise the client's windows stay closed.
///
/// ```
/// use barewire_h2::{ClientConnection, ClientEvent, Config, ServerConnection, ServerEvent};
/// use barewire_proto::{Buf, Bytes, Protocol};
///
/// let mut client = ClientConnection::new(Config::default());
/// let request = http::Request::get("http://example.com/hello").body(())?;
/// client.send_request(&request, barewire_h2::BodyLength::Empty)?;
///
/// let mut server = ServerConnection::new(Config::default());
/// let length = client.output().remaining();
/// let wire = client.output().copy_to_bytes(length);
/// assert!(server.input().push(wire).is_empty());
/// while let Some(event) = server.poll_event()? {
///     if let ServerEvent::Request(id, request, _) = event {
///         assert_eq!(request.uri().path(), "/hello");
///         server.respond(id, &http::Response::new(()), Bytes::from_static(b"Hello"))?;
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ServerConnection {
    inner: Connection<Server>,
    date: Option<[u8; 29]>,
}

#[derive(Debug)]
pub(crate) struct Server;

impl Role for Server {
    type Head = Request<()>;
    type Event = ServerEvent;
    const SERVER: bool = true;

    #[inline]
    fn event(common: Common) -> Option<ServerEvent> {
        common.into()
    }

    #[inline]
    fn build(fields: &mut Fields) -> Result<Head<Request<()>>, ErrorKind> {
        fields.request()
    }

    #[inline]
    fn headers(head: &Request<()>) -> &HeaderMap {
        head.headers()
    }

    fn head(
        connection: &mut Connection<Self>,
        id: StreamId,
        _: Option<Key>,
        end: bool,
        facts: &Facts,
    ) -> Result<Tell, Error> {
        let extended = facts.form == Form::ExtendedConnect;
        let length = match Connection::<Self>::body_length(end, facts.content_length) {
            _ if extended && !connection.config.settings.enable_connect_protocol => {
                Err(ErrorKind::BadProtocol)
            }
            length => length,
        };
        let length = match length {
            Ok(length) => length,
            Err(kind) => return connection.refuse_request(id, kind).map(|()| Tell::Nothing),
        };
        let mut stream = connection.new_stream(id);
        stream.step(Step::RecvHead);
        if end {
            stream.step(Step::RecvEnd);
        }
        stream.head = facts.form == Form::HeadRequest;
        stream.connect = extended || facts.form == Form::Connect;
        if let BodyLength::Known(length) = length {
            stream.body_left = length;
        }
        let early = connection.take_early(id);
        if let Some(priority) = early.or(facts.priority) {
            stream.priority = priority;
            stream.takes_turns = priority.incremental;
        }
        connection.streams.insert(stream);
        connection.active_remote = connection.active_remote.saturating_add(1);
        Ok(Tell::Head(length))
    }

    #[inline]
    fn announce(
        id: StreamId,
        head: impl FnOnce() -> Request<()>,
        tell: Tell,
    ) -> Option<ServerEvent> {
        match tell {
            Tell::Head(length) => Some(ServerEvent::Request(id, head(), length)),
            Tell::Informational | Tell::Nothing => None,
        }
    }

    fn promise(_: StreamId, _: StreamId, _: Request<()>) -> Option<ServerEvent> {
        None
    }
}

/// What is known of a response before its head is written.
struct Plan {
    key: Key,
    /// What `Content-Length` says; `None` leaves it to the caller.
    length: Option<u64>,
    /// Nothing follows the head.
    bodiless: bool,
    /// The place of the head among those that were sent before.
    known: Option<usize>,
}

impl ServerConnection {
    /// A connection that was just accepted. An `Arc` shares one configuration among many connections.
    pub fn new(config: impl Into<Arc<Config>>) -> Self {
        Self { inner: Connection::new(config.into()), date: None }
    }

    /// A connection that took over from HTTP/1.1 (RFC 7540, section 3.2), after its `101` was sent:
    /// `http2_settings` is the value of `HTTP2-Settings`, and `request` comes as the first event, on stream 1,
    /// without the fields of HTTP/1.1's connection. Its body, if any, was read before.
    ///
    /// # Errors
    ///
    /// The settings cannot be read; the upgrade is to be ignored then.
    pub fn upgraded(
        config: impl Into<Arc<Config>>,
        http2_settings: &[u8],
        mut request: Request<()>,
    ) -> Result<Self, Error> {
        let frame = settings::from_base64(http2_settings)?;
        *request.version_mut() = Version::HTTP_2;
        fields::leave_http1(request.headers_mut());
        let mut server = Self::new(config);
        let inner = &mut server.inner;
        inner.presume(&frame)?;
        let id = StreamId::new(1);
        inner.last_remote = id;
        let form = match *request.method() {
            Method::HEAD => Form::HeadRequest,
            _ => Form::Request,
        };
        let facts = Facts { form, content_length: None, priority: None, host: false };
        let tell = Server::head(inner, id, None, true, &facts)?;
        inner.first = Server::announce(id, || request, tell);
        Ok(server)
    }

    /// Sets the value of `Date` for responses that have none (RFC 9110, section 6.6.1), as an IMF-fixdate.
    /// A protocol has no clock: the caller sets it anew once a second.
    pub fn set_date(&mut self, date: [u8; 29]) {
        if self.date != Some(date) {
            self.date = Some(date);
            self.inner.answers.clear();
        }
    }

    /// Answers a request with a head and its whole body, and takes all of the body whatever its size.
    ///
    /// To a HEAD request the head says what the body's length would be, and the body is not sent.
    ///
    /// # Errors
    ///
    /// See [`send_response`](Self::send_response). Nothing is queued then.
    pub fn respond(
        &mut self,
        id: StreamId,
        response: &Response<()>,
        mut body: Bytes,
    ) -> Result<(), UsageError> {
        let length = match body.len() {
            0 => BodyLength::Empty,
            length => BodyLength::Known(length as u64),
        };
        let plan = self.plan(id, response, length)?;
        let end = plan.bodiless;
        let key = plan.key;
        self.put_head(id, response, &plan);
        if end {
            self.inner.sent_all(key);
        } else {
            self.inner.send_whole(key, &mut body);
        }
        Ok(())
    }

    /// Answers a request with a head.
    ///
    /// With [`BodyLength::Known`], `Content-Length` is written. The response is complete at once when it has no
    /// body: for [`BodyLength::Empty`], for HEAD requests, for the statuses 204 and 304. A 2xx to CONNECT opens
    /// the tunnel.
    ///
    /// # Errors
    ///
    /// The response does not fit the request or the state, or is one more pushed one than the client takes at
    /// once; nothing was queued.
    pub fn send_response(
        &mut self,
        id: StreamId,
        response: &Response<()>,
        length: BodyLength,
    ) -> Result<(), UsageError> {
        let plan = self.plan(id, response, length)?;
        self.put_head(id, response, &plan);
        if plan.bodiless {
            self.inner.sent_all(plan.key);
        } else if let (Some(stream), Some(length)) =
            (self.inner.streams.get_mut(plan.key), length.known())
        {
            stream.send_left = length;
        }
        Ok(())
    }

    /// Sends an informational response ahead of the final one: any 1xx but 101.
    ///
    /// # Errors
    ///
    /// The final one was sent already, or the status is not informational.
    pub fn send_informational(
        &mut self,
        id: StreamId,
        response: &Response<()>,
    ) -> Result<(), UsageError> {
        let status = response.status();
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(UsageError::WrongStatus);
        }
        let (_, stream) = self.inner.streams.by_id(id).ok_or(UsageError::StreamClosed)?;
        if stream.answered || !stream.state.sends() {
            return Err(UsageError::StreamClosed);
        }
        let (encoder, max) = (&mut self.inner.encoder, self.inner.peer.max_frame_size);
        frame::put_block(self.inner.output.tail(), id, false, None, max, |dst| {
            encode::response(encoder, dst, status, response.headers(), None, None);
        });
        Ok(())
    }

    /// Promises the response to a request that the client is expected to send: GET or HEAD, with an authority.
    /// It is then answered like any other, on the stream that is returned.
    ///
    /// As many may be promised and not over as the client takes streams of the server's at once. RFC 9113, section
    /// 5.1.2 does not count those that are not answered yet, but a client that has no place for more refuses them.
    ///
    /// # Errors
    ///
    /// The client takes no pushes or no more at the moment, the stream cannot carry a promise, or the request cannot
    /// be promised.
    pub fn push_promise(
        &mut self,
        id: StreamId,
        request: &Request<()>,
    ) -> Result<StreamId, UsageError> {
        let inner = &mut self.inner;
        let parent = inner.streams.by_id(id).ok_or(UsageError::StreamClosed)?;
        let may = parent.1.state.sends() && id.is_of_client();
        let most = inner.peer.max_concurrent_streams;
        if !may || !inner.peer.enable_push || most == 0 {
            return Err(UsageError::PushDisabled);
        }
        let promised = inner.streams.iter().filter(|stream| !stream.id.is_of_client());
        if promised.count() >= most as usize {
            return Err(UsageError::TooManyStreams);
        }
        if inner.is_draining() || inner.next_local > StreamId::MAX.value() {
            return Err(UsageError::Closed);
        }
        let safe = matches!(*request.method(), Method::GET | Method::HEAD);
        let target = Target::of(request)?;
        if !safe || !target.has_authority() {
            return Err(UsageError::BadTarget);
        }
        let promised = StreamId::new(inner.next_local);
        inner.next_local = inner.next_local.saturating_add(2);
        let (encoder, max) = (&mut inner.encoder, inner.peer.max_frame_size);
        frame::put_block(inner.output.tail(), id, false, Some(promised), max, |dst| {
            encode::request(encoder, dst, request, &target, None);
        });
        let mut stream = inner.new_stream(promised);
        stream.step(Step::SendPromise);
        stream.head = *request.method() == Method::HEAD;
        inner.streams.insert(stream);
        Ok(promised)
    }

    #[inline]
    fn plan(
        &mut self,
        id: StreamId,
        response: &Response<()>,
        length: BodyLength,
    ) -> Result<Plan, UsageError> {
        let (key, stream) = self.inner.streams.by_id(id).ok_or(UsageError::StreamClosed)?;
        if stream.answered || !(stream.state.sends() || stream.state == State::ReservedLocal) {
            return Err(UsageError::StreamClosed);
        }
        // What is promised counts once it is answered (RFC 9113, section 5.1.2).
        let pushed = stream.state == State::ReservedLocal;
        if pushed && self.inner.active_local >= self.inner.peer.max_concurrent_streams {
            return Err(UsageError::TooManyStreams);
        }
        let status = response.status();
        if status.is_informational() {
            return Err(UsageError::WrongStatus);
        }
        let tunnel = stream.connect && status.is_success();
        let none = status == StatusCode::NO_CONTENT;
        if (tunnel && length.known().is_some_and(|length| length > 0))
            || (none && length != BodyLength::Empty)
        {
            return Err(UsageError::BodyNotAllowed);
        }
        let head_only = stream.head || status == StatusCode::NOT_MODIFIED;
        let as_given = head_only && length == BodyLength::Empty;
        let generation = self.inner.encoder.generation();
        let known = self.inner.answers.find(status, response.headers(), generation);
        if !as_given && known.is_none() {
            encode::survey(response.headers(), length)?;
        }
        let bodiless = head_only || none || length.known() == Some(0);
        let length = if as_given || none || tunnel { None } else { length.known() };
        Ok(Plan { key, length, bodiless, known })
    }

    #[inline]
    fn put_head(&mut self, id: StreamId, response: &Response<()>, plan: &Plan) {
        match plan.known {
            Some(at) => {
                let inner = &mut self.inner;
                let (encoder, dst) = (&mut inner.encoder, inner.output.tail());
                inner.answers.put(at, encoder, dst, id, plan.bodiless, plan.length);
            }
            None => self.put_new_head(id, response, plan),
        }
        let inner = &mut self.inner;
        if let Some(stream) = inner.streams.get_mut(plan.key) {
            stream.answered = true;
            stream.connect &= response.status().is_success();
            if stream.state == State::ReservedLocal {
                stream.step(Step::SendHead);
                inner.active_local = inner.active_local.saturating_add(1);
            }
        }
    }

    fn put_new_head(&mut self, id: StreamId, response: &Response<()>, plan: &Plan) {
        let Self { inner, date } = self;
        let answers = &mut inner.answers;
        let (encoder, max) = (&mut inner.encoder, inner.peer.max_frame_size);
        let (status, headers) = (response.status(), response.headers());
        frame::put_block(inner.output.tail(), id, plan.bodiless, None, max, |dst| {
            let (start, before) = (dst.len(), encoder.generation());
            let len = encode::response(encoder, dst, status, headers, plan.length, date.as_ref());
            let block = dst.get(start..).and_then(|block| block.get(..len)).unwrap_or_default();
            answers.note(status, headers, block, before, encoder.generation());
        });
    }
}

common_verbs!(ServerConnection, ServerEvent, Server);
