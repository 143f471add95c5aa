//! hyper's client, which sends the requests of a vector one after the other.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use barewire_testkit::Vector;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response, StatusCode, header};

use crate::wire::Wire;
use crate::{End, Verdict};

type Answer = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>>>>;

/// One exchange after the other, polled by hand.
struct Client {
    sender: SendRequest<Full<Bytes>>,
    requests: VecDeque<Request<Full<Bytes>>>,
    answer: Option<Answer>,
    body: Option<(Incoming, usize)>,
    tunnel: bool,
    upgrade: Option<hyper::upgrade::OnUpgrade>,
    verdict: Verdict,
    hints: Arc<Mutex<Vec<String>>>,
    refused: Option<End>,
}

/// What hyper's client makes of a vector.
pub fn client(vector: &Vector) -> Verdict {
    let wire = Wire::default();
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok((sender, connection))) =
        pin!(http1::handshake(wire.clone())).poll(&mut context)
    else {
        unreachable!("hyper's handshake waits for nothing")
    };
    let mut connection = pin!(connection.with_upgrades());
    let mut client = Client {
        sender,
        requests: requests(vector),
        answer: None,
        body: None,
        tunnel: false,
        upgrade: None,
        verdict: Verdict::default(),
        hints: Arc::default(),
        refused: None,
    };
    let mut end = Poll::Pending;
    let mut turn = |client: &mut Client| {
        for _ in 0..6 {
            client.turn(&mut context);
            if end.is_pending() {
                end = connection.as_mut().poll(&mut context);
            }
        }
        client.turn(&mut context);
        end.is_ready()
    };
    turn(&mut client);
    // Byte by byte, so that a request can be sent between two responses.
    let step = vector.input.len().div_ceil(2000).max(1);
    let mut closed = false;
    let mut pieces = vector.input.chunks(step);
    for piece in pieces.by_ref() {
        wire.feed(piece);
        closed = turn(&mut client);
        if closed {
            break;
        }
    }
    let rest: usize = pieces.map(<[u8]>::len).sum();
    if vector.eof && !closed {
        wire.close();
        turn(&mut client);
    }
    client.verdict.end = match (client.refused.take(), end) {
        (Some(refused), _) => refused,
        (None, Poll::Pending) => End::Open,
        (None, Poll::Ready(Err(_))) => End::Refused(None),
        (None, Poll::Ready(Ok(()))) => {
            match client.upgrade.take().map(|on| pin!(on).poll(&mut context)) {
                Some(Poll::Ready(Ok(upgraded))) => {
                    let buffered = upgraded.downcast::<Wire>().map_or(0, |p| p.read_buf.len());
                    End::Upgraded(buffered + wire.unread() + rest)
                }
                _ => End::Closed,
            }
        }
    };
    client.verdict
}

impl Client {
    fn turn(&mut self, context: &mut Context<'_>) {
        if self.answer.is_none() && self.body.is_none() && self.upgrade.is_none() {
            self.send(context);
        }
        if let Some(answer) = &mut self.answer {
            let answer = answer.as_mut().poll(context);
            self.take_hints();
            match answer {
                Poll::Pending => return,
                Poll::Ready(Ok(response)) => self.answered(response),
                Poll::Ready(Err(_)) => self.refused = Some(End::Refused(None)),
            }
            self.answer = None;
        }
        self.read_body(context);
    }

    fn send(&mut self, context: &mut Context<'_>) {
        if self.requests.is_empty() || self.sender.poll_ready(context).is_pending() {
            return;
        }
        if let Some(mut request) = self.requests.pop_front() {
            let hints = Arc::clone(&self.hints);
            hyper::ext::on_informational(&mut request, move |response| {
                let status = response.status().as_str().to_owned();
                hints.lock().unwrap_or_else(PoisonError::into_inner).push(status);
            });
            self.tunnel = request.method() == hyper::Method::CONNECT;
            self.answer = Some(Box::pin(self.sender.send_request(request)));
        }
    }

    fn take_hints(&mut self) {
        let mut hints = self.hints.lock().unwrap_or_else(PoisonError::into_inner);
        self.verdict.heads.append(&mut hints);
    }

    fn answered(&mut self, mut response: Response<Incoming>) {
        let status = response.status();
        self.verdict.heads.push(status.as_str().to_owned());
        if status == StatusCode::SWITCHING_PROTOCOLS || (self.tunnel && status.is_success()) {
            self.upgrade = Some(hyper::upgrade::on(&mut response));
        } else {
            self.body = Some((response.into_body(), 0));
        }
    }

    fn read_body(&mut self, context: &mut Context<'_>) {
        while let Some((body, bytes)) = &mut self.body {
            match Pin::new(body).poll_frame(context) {
                Poll::Pending => return,
                Poll::Ready(Some(Ok(frame))) => *bytes += frame.data_ref().map_or(0, Bytes::len),
                Poll::Ready(Some(Err(_))) => {
                    self.refused = Some(End::RefusedInBody);
                    self.body = None;
                }
                Poll::Ready(None) => {
                    self.verdict.bytes += *bytes;
                    self.body = None;
                }
            }
        }
    }
}

fn requests(vector: &Vector) -> VecDeque<Request<Full<Bytes>>> {
    let default = [b"GET / HTTP/1.1".to_vec()];
    let texts = if vector.requests.is_empty() { &default[..] } else { &vector.requests };
    texts.iter().map(|text| request(text)).collect()
}

fn request(text: &[u8]) -> Request<Full<Bytes>> {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let mut builder = Request::builder()
        .method(words.next().unwrap_or_default())
        .uri(words.next().unwrap_or_default())
        .header(header::HOST, "example.com");
    let mut length = 0;
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if name == "content-length" {
            length = value.parse().unwrap_or_default();
        }
        builder = builder.header(name, value);
    }
    let body = Full::new(Bytes::from(vec![b'x'; length]));
    builder.body(body).expect("the request of a vector is one")
}
