use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use barewire_h1::{ClientConnection, ClientEvent, ErrorKind as H1ErrorKind};
use barewire_proto::{Buf, Protocol};
use barewire_rt::{Driver, DriverError, Interest, Runtime, Transport};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Frame;

use crate::body::Body;
use crate::error::{Error, ErrorKind, Phase};
use crate::exchange::{BodyLength, Carrier, Exchange, Outset, REFUSED, Taken};
use crate::head;
use crate::shared::Lease;
use crate::timed::{Timed, TimedError, TimedEvent};
use crate::trace::debug;
use crate::upload::{Progress, Upload, length_of};
use crate::wire::{Wire, WireError};

/// A connection to a server, between and during exchanges.
pub(crate) struct Connection<R: Runtime> {
    driver: Driver<Timed<Wire<ClientConnection>>, R::TcpStream>,
    /// Its place in the pool; none while it is idle there.
    lease: Option<Lease<R>>,
    upload: Option<Upload>,
    /// The body that the server refused before any of it was sent.
    unsent: Option<Body>,
    phase: Phase,
    /// The exchange before left something that must not be followed by another one.
    spoiled: bool,
    /// The head of the last request; with `plain`, its fields are the client's defaults.
    head: Request<()>,
    plain: bool,
    /// The last poll had to wait, so the time since then counts.
    waiting: bool,
    /// How much will have been sent, ever, when the request is; [`u64::MAX`] while that is not known.
    goal: u64,
}

/// What an idle connection may keep allocated.
const KEPT: usize = 16 * 1024;

impl<R: Runtime> Connection<R> {
    pub(crate) fn new(stream: R::TcpStream, wire: Wire<ClientConnection>, lease: Lease<R>) -> Self {
        Self {
            driver: Driver::new(Timed::new(wire), stream),
            lease: Some(lease),
            upload: None,
            unsent: None,
            phase: Phase::Send,
            spoiled: false,
            head: Request::new(()),
            plain: false,
            waiting: false,
            goal: 0,
        }
    }

    /// Begins an exchange. `Expect` is among the headers if it has to be.
    pub(crate) fn begin(&mut self, outset: Outset<'_>, body: Body) -> Result<(), Error> {
        if !(outset.headers.is_empty() && self.plain) {
            *self.head.headers_mut() = head::assemble(outset.defaults, outset.headers);
            self.plain = outset.headers.is_empty();
        }
        self.head.method_mut().clone_from(outset.method);
        self.head.uri_mut().clone_from(outset.uri);
        *self.head.version_mut() = outset.version;
        let length = length_of(&body);
        let timed = self.driver.protocol_mut();
        timed.begin(outset.now, outset.total, outset.read);
        timed.inner_mut().bare_mut().send_request(&self.head, length)?;
        if length != BodyLength::Empty {
            timed.set_alarm(outset.expect);
            self.upload = Some(Upload::new(body, length, outset.expect.is_some()));
        }
        self.phase = Phase::Send;
        self.waiting = true;
        Ok(())
    }

    /// The head of the final response. A body that the server refused is not sent any further.
    pub(crate) fn poll_response(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(Response<()>, BodyLength), Error>> {
        loop {
            match ready!(self.poll_event(cx))? {
                Some(ClientEvent::Response(response, length)) => {
                    self.phase = Phase::ReceiveBody;
                    self.waiting = false;
                    let unsent = self.driver.protocol_mut().output().has_remaining();
                    if (self.upload.is_some() || unsent) && response.status() >= REFUSED {
                        debug!(status = %response.status(), "the server refused the rest of a body");
                        self.stop_sending();
                    }
                    return Poll::Ready(Ok((response, length)));
                }
                // The body belongs to a response whose head came, the others to nobody.
                Some(_) => {}
                None => return Poll::Ready(Err(self.closed())),
            }
        }
    }

    fn stop_sending(&mut self) {
        self.unsent = self.upload.take().and_then(Upload::into_untouched);
        self.spoiled = true;
        self.driver.protocol_mut().set_alarm(None);
        self.driver.protocol_mut().output().clear();
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<ClientEvent>, Error>> {
        loop {
            if let Some(upload) = &mut self.upload {
                let progress = upload.poll(cx, &mut self.driver);
                let progress = progress.map_err(|error| self.located(error))?;
                self.driver.protocol_mut().count_quiet(progress != Progress::Starved);
                match progress {
                    Progress::Done => self.upload = None,
                    // The response may have arrived before the connection broke.
                    _ if self.driver.is_write_broken() => self.stop_sending(),
                    // Waiting for the server would hold up the body that is to go on.
                    Progress::Starved if R::TcpStream::BLOCKING => return Poll::Pending,
                    Progress::Starved | Progress::Waiting => {}
                }
            }
            let output = self.driver.protocol_mut().output();
            let queued = output.total_sent().saturating_add(output.remaining() as u64);
            self.goal = if self.upload.is_some() { u64::MAX } else { queued };
            let event = match ready!(self.driver.poll_next_event(cx)) {
                Ok(event) => event,
                Err(error) => return Poll::Ready(Err(self.broken(error))),
            };
            match event {
                Some(TimedEvent::Alarm) => self.release_body(),
                Some(TimedEvent::Inner(ClientEvent::Informational(response))) => {
                    if response.status() == StatusCode::CONTINUE {
                        self.release_body();
                    }
                }
                Some(TimedEvent::Inner(ClientEvent::Writable)) => {}
                Some(TimedEvent::Inner(event)) => return Poll::Ready(Ok(Some(event))),
                None => return Poll::Ready(Ok(None)),
            }
        }
    }

    fn release_body(&mut self) {
        self.driver.protocol_mut().set_alarm(None);
        if let Some(upload) = &mut self.upload {
            upload.held = false;
        }
    }

    /// Whether any byte came back in this exchange.
    pub(crate) fn has_received(&self) -> bool {
        self.driver.protocol().received()
    }

    /// Whether any byte of this exchange's request was handed to the system.
    pub(crate) fn has_sent(&mut self) -> bool {
        self.driver.protocol_mut().has_sent()
    }

    /// The request's body, if the server refused it before any of it was sent.
    pub(crate) fn take_unsent(&mut self) -> Option<Body> {
        self.unsent.take()
    }

    /// The same, with its place in the pool.
    pub(crate) fn leased(mut self: Box<Self>, lease: Lease<R>) -> Box<Self> {
        self.lease = Some(lease);
        self
    }

    /// The phase in which the connection ended. By then what was still to be sent has been dropped.
    fn last_phase(&mut self) -> Phase {
        let sent = self.driver.protocol_mut().output().total_sent() >= self.goal;
        match self.phase {
            Phase::Send if sent => Phase::ReceiveHead,
            phase => phase,
        }
    }

    fn located(&self, error: Error) -> Error {
        match &self.lease {
            Some(lease) => error.at(lease.origin()),
            None => error,
        }
    }

    fn closed(&mut self) -> Error {
        let phase = self.last_phase();
        self.located(ErrorKind::Closed(phase).into())
    }

    fn broken(&mut self, error: DriverError<TimedError<WireError<barewire_h1::Error>>>) -> Error {
        let phase = self.last_phase();
        let kind = match error {
            DriverError::Io(error) => ErrorKind::Io(phase, error),
            DriverError::Protocol(TimedError::Expired) => ErrorKind::Timeout(phase),
            #[cfg(feature = "tls")]
            DriverError::Protocol(TimedError::Inner(WireError::Tls(error))) => {
                crate::tls::broken(phase, error)
            }
            DriverError::Protocol(TimedError::Inner(WireError::Inner(error))) => match error.kind()
            {
                H1ErrorKind::UnexpectedEnd => ErrorKind::Closed(phase),
                H1ErrorKind::WriteTimeout => ErrorKind::Timeout(Phase::Send),
                _ => ErrorKind::Protocol(phase, error),
            },
        };
        self.located(kind.into())
    }

    /// Whether an idle connection can still be used, as far as that can be told without waiting. It costs a blocking
    /// transport a system call: what came meanwhile would be taken for the answer to the next request.
    pub(crate) fn is_alive(&mut self) -> bool {
        match R::TcpStream::BLOCKING {
            true => self.has_nothing_to_read(),
            false => self.is_quiet(),
        }
    }

    /// Polls an idle connection, of which nothing should come.
    fn is_quiet(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.driver.poll_next_event(&mut cx).is_pending()
    }

    /// The same for transports that block in `wait`. With an interest in writing it returns at once, because
    /// an idle connection has room to write, and it has looked for something to read then too.
    fn has_nothing_to_read(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let stream = self.driver.transport_mut();
        let interest = Interest { read: true, write: true };
        stream.wait(&mut cx, interest, Instant::now().checked_add(Duration::from_secs(1)));
        Transport::poll_read(stream, &mut cx, &mut [0]).is_pending()
    }
}

impl<R: Runtime> Exchange for Connection<R> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if !std::mem::replace(&mut self.waiting, true) {
            self.driver.protocol_mut().restart();
        }
        let event = ready!(self.poll_event(cx));
        self.waiting = false;
        Poll::Ready(match event {
            Ok(Some(ClientEvent::Data(data))) => Some(Ok(Frame::data(data))),
            Ok(Some(ClientEvent::Trailers(trailers))) => Some(Ok(Frame::trailers(trailers))),
            Ok(Some(_)) => None,
            Ok(None) => Some(Err(self.closed())),
            Err(error) => Some(Err(error)),
        })
    }

    fn is_at_end(&mut self, cx: &mut Context<'_>) -> bool {
        matches!(self.poll_frame(cx), Poll::Ready(None))
    }

    fn finish(mut self: Box<Self>) {
        self.upload = None;
        let timed = self.driver.protocol_mut();
        timed.end();
        let sent = !timed.output().has_remaining();
        let sound = !self.spoiled && timed.inner().bare().is_reusable() && sent;
        if !sound || self.driver.is_write_broken() {
            return;
        }
        let timed = self.driver.protocol_mut();
        if timed.input().allocated().max(timed.output().allocated()) > KEPT {
            timed.input().release();
            timed.output().release();
        }
        // The transport has to listen for the end of the connection while it is idle, to know of it later.
        if !R::TcpStream::BLOCKING && !self.is_quiet() {
            return;
        }
        if let Some(lease) = self.lease.take() {
            lease.keep(self);
        }
    }

    fn abandon(mut self: Box<Self>) {
        if self.upload.is_some() {
            return;
        }
        loop {
            match self.driver.protocol_mut().poll_event() {
                Ok(Some(TimedEvent::Inner(ClientEvent::End))) => return self.finish(),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return,
            }
        }
    }
}

impl<T: Transport> Carrier for Driver<Timed<Wire<ClientConnection>>, T> {
    fn send_data(&mut self, data: &mut Bytes, end: bool) -> Result<Taken, Error> {
        self.protocol_mut().inner_mut().bare_mut().send_data(data, end)?;
        Ok(Taken::Open)
    }

    fn send_trailers(&mut self, trailers: &HeaderMap) -> Result<Taken, Error> {
        self.protocol_mut().inner_mut().bare_mut().send_trailers(trailers)?;
        Ok(Taken::Open)
    }

    /// The declared length says it.
    fn complete(&mut self) -> Result<Taken, Error> {
        Ok(Taken::Open)
    }

    fn flush(&mut self, cx: &mut Context<'_>) {
        // A body that blocks must not hold up what it gave before.
        if T::BLOCKING {
            self.poll_write_some(cx);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::connect::connect;
    use crate::hosts::Hosts;
    use crate::pool::Wish;
    use crate::shared::{Shared, acquire};
    use crate::target::Target;
    use barewire_rt::park::block_on;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;

    fn idle<R: Runtime>(runtime: R) -> (Connection<R>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let target = Target::parse(&url).unwrap();
        let origin = target.origin();
        let shared =
            Arc::new(Shared::new(runtime, Config::default(), Hosts::default(), HeaderMap::new()));
        let connection = block_on(async {
            let now = Instant::now();
            let (lease, _) = acquire(
                &shared,
                origin,
                now,
                None,
                Wish { fresh: false, shared: false, not: None },
            )
            .await
            .unwrap();
            let stream = connect(&shared, origin, None).await.unwrap();
            Connection::new(stream, Wire::Clear(ClientConnection::new(shared.h1.clone())), lease)
        });
        (connection, listener.accept().unwrap().0)
    }

    fn dies<R: Runtime>(connection: &mut Connection<R>) {
        let start = Instant::now();
        while connection.is_alive() {
            assert!(start.elapsed() < Duration::from_secs(20), "still alive");
            std::thread::yield_now();
        }
    }

    fn the_end_of_an_idle_connection_is_noticed<R: Runtime>(runtime: R) {
        let (mut connection, server) = idle(runtime.clone());
        for _ in 0..3 {
            assert!(connection.is_alive());
        }
        drop(server);
        dies(&mut connection);
        // Nobody has asked for anything that this could answer.
        let (mut connection, mut server) = idle(runtime);
        assert!(connection.is_alive());
        server.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n").unwrap();
        dies(&mut connection);
    }

    #[test]
    fn the_end_of_an_idle_connection_is_noticed_on_smol() {
        the_end_of_an_idle_connection_is_noticed(barewire_smol::Smol::default());
    }

    #[test]
    fn the_end_of_an_idle_connection_is_noticed_on_std() {
        the_end_of_an_idle_connection_is_noticed(barewire_std::Std::default());
    }
}
