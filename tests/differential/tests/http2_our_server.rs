//! Our server and the `h2` crate's client, connected in memory.

use std::collections::HashMap;
use std::future::Future;

use barewire_differential::http2::{
    Meeting, Outcome, Windows, collect, fields, joined, send, tables, trailers, windows,
};
use barewire_h2::{
    BodyLength, Config, ConnectProtocol, Reason, ResetBy, ServerConnection, ServerEvent, StreamId,
};
use barewire_testkit::Random;
use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use http::{HeaderMap, Method, Request, Response, StatusCode};

/// A request, its body and its trailers.
type Received = (Request<()>, Vec<u8>, Option<HeaderMap>);

/// Answers with what it is sent, as its paths say.
#[derive(Default)]
struct Service {
    requests: HashMap<StreamId, Received>,
    sending: HashMap<StreamId, (Bytes, Option<HeaderMap>)>,
    resets: Vec<(StreamId, Reason, bool)>,
    goaways: Vec<Reason>,
    pongs: usize,
}

impl Service {
    fn react(&mut self, http: &mut ServerConnection, event: ServerEvent) {
        match event {
            ServerEvent::Request(id, request, length) => {
                let tunnel = request.method() == Method::CONNECT;
                self.requests.insert(id, (request, Vec::new(), None));
                if tunnel {
                    http.send_response(id, &Response::new(()), BodyLength::Unknown).unwrap();
                } else if length == BodyLength::Empty {
                    self.answer(http, id);
                }
            }
            ServerEvent::Data(id, data) => {
                http.release_capacity(id, data.len());
                let (request, body, _) = self.requests.get_mut(&id).expect("a request before data");
                if request.method() == Method::CONNECT {
                    http.send_data(id, &mut data.clone(), false).unwrap();
                }
                body.extend_from_slice(&data);
            }
            ServerEvent::Trailers(id, trailers) => {
                self.requests.get_mut(&id).expect("a request before trailers").2 = Some(trailers);
            }
            ServerEvent::End(id) if self.requests[&id].0.method() == Method::CONNECT => {
                http.send_data(id, &mut Bytes::new(), true).unwrap();
            }
            ServerEvent::End(id) => self.answer(http, id),
            ServerEvent::StreamReset { id, reason, by } => {
                self.resets.push((id, reason, by == ResetBy::Peer));
            }
            ServerEvent::Writable(id) => self.send(http, id),
            ServerEvent::GoAway { reason, .. } => self.goaways.push(reason),
            ServerEvent::Pong { .. } => self.pongs += 1,
            ServerEvent::Refused { error, .. } => panic!("a good request was refused: {error}"),
            ServerEvent::Priority(..) | ServerEvent::Settings(_) => {}
        }
    }

    fn answer(&mut self, http: &mut ServerConnection, id: StreamId) {
        let (request, body, trailers) = self.requests.remove(&id).expect("a complete request");
        let mut response = Response::new(());
        *response.headers_mut() = request.headers().clone();
        response.headers_mut().remove("content-length");
        match request.uri().path() {
            "/reset" => return http.reset_stream(id, Reason::INTERNAL_ERROR),
            "/refuse" => return http.reset_stream(id, Reason::REFUSED_STREAM),
            "/early" => {
                let early = Response::builder().status(103).header("link", "</a>").body(());
                http.send_informational(id, &early.unwrap()).unwrap();
            }
            "/push" => {
                let request = Request::get("http://a/pushed").body(()).unwrap();
                let pushed = http.push_promise(id, &request).unwrap();
                http.respond(pushed, &Response::new(()), Bytes::from_static(b"pushed")).unwrap();
            }
            _ => {}
        }
        http.send_response(id, &response, BodyLength::Unknown).unwrap();
        self.sending.insert(id, (body.into(), trailers));
        self.send(http, id);
    }

    fn send(&mut self, http: &mut ServerConnection, id: StreamId) {
        let Some((body, trailers)) = self.sending.get_mut(&id) else { return };
        http.send_data(id, body, trailers.is_none()).unwrap();
        if body.is_empty() {
            if let Some(trailers) = trailers {
                http.send_trailers(id, trailers).unwrap();
            }
            self.sending.remove(&id);
        }
    }
}

struct Talk<T> {
    meeting: Meeting<ServerConnection>,
    service: Service,
    outcome: Outcome<T>,
}

impl<T: 'static> Talk<T> {
    fn new<F: Future<Output = T> + 'static>(
        config: Config,
        builder: Builder,
        script: impl FnOnce(SendRequest<Bytes>) -> F + 'static,
    ) -> Self {
        let mut outcome = None;
        let meeting = Meeting::new(ServerConnection::new(config), |tasks, wire| {
            let more = tasks.clone();
            outcome = Some(tasks.spawn(async move {
                let (requests, connection) = builder.handshake(wire).await.unwrap();
                more.spawn(connection);
                script(requests.ready().await.unwrap()).await
            }));
        });
        let outcome = outcome.expect("it was called");
        let mut talk = Self { meeting, service: Service::default(), outcome };
        talk.run();
        talk
    }

    fn run(&mut self) {
        let Self { meeting, service, .. } = self;
        meeting.run(|http, event| service.react(http, event));
        assert_eq!(meeting.error(), None);
    }

    #[track_caller]
    fn outcome(&self) -> T {
        self.outcome.take().expect("the client came to its end")
    }
}

fn post(path: &str) -> Request<()> {
    Request::post(format!("http://a{path}")).body(()).unwrap()
}

fn get(path: &str) -> Request<()> {
    Request::get(format!("http://a{path}")).body(()).unwrap()
}

#[test]
fn bodies_and_trailers_in_windows_of_any_size() {
    for Windows { config, theirs, body } in windows() {
        let mut builder = Builder::new();
        builder.initial_window_size(theirs);
        let talk = Talk::new(config, builder, move |mut requests| async move {
            for trailers in trailers() {
                let (response, mut stream) = requests.send_request(post("/"), false).unwrap();
                // Both at once: the server's answer may need the window before the request is sent.
                send(&mut stream, body.clone(), trailers.clone()).await.unwrap();
                let response = response.await.unwrap();
                assert_eq!(response.status(), StatusCode::OK);
                let (echo, echoed) = collect(response.into_body()).await.unwrap();
                assert_eq!((&echo[..], echoed), (&body[..], trailers));
            }
        });
        talk.outcome();
    }
}

#[test]
fn many_streams_at_once() {
    let talk = Talk::new(Config::default(), Builder::new(), |mut requests| async move {
        let mut under_way = Vec::new();
        for _ in 0..100 {
            let (response, mut stream) = requests.send_request(post("/"), false).unwrap();
            stream.send_data(Bytes::from(vec![b'x'; 500]), true).unwrap();
            under_way.push(response);
        }
        for response in under_way {
            assert_eq!(collect(response.await.unwrap().into_body()).await.unwrap().0.len(), 500);
        }
    });
    talk.outcome();
}

#[test]
fn informational_responses() {
    let talk = Talk::new(Config::default(), Builder::new(), |mut requests| async move {
        let (mut response, _) = requests.send_request(get("/early"), true).unwrap();
        let early = std::future::poll_fn(|cx| response.poll_informational(cx)).await;
        let early = early.expect("there is one").unwrap();
        assert_eq!(
            (early.status().as_u16(), &early.headers()["link"]),
            (103, &"</a>".parse().unwrap())
        );
        assert_eq!(response.await.unwrap().status(), StatusCode::OK);
    });
    talk.outcome();
}

#[test]
fn pushes() {
    let mut builder = Builder::new();
    builder.enable_push(true);
    let talk = Talk::new(Config::default(), builder, |mut requests| async move {
        let (mut response, _) = requests.send_request(get("/push"), true).unwrap();
        let mut promises = response.push_promises();
        let (request, pushed) = promises.push_promise().await.expect("one").unwrap().into_parts();
        assert_eq!((request.method(), request.uri().path()), (&Method::GET, "/pushed"));
        let pushed = collect(pushed.await.unwrap().into_body()).await.unwrap();
        assert_eq!(pushed.0, b"pushed");
        assert_eq!(response.await.unwrap().status(), StatusCode::OK);
        assert!(promises.push_promise().await.is_none());
    });
    talk.outcome();
}

#[test]
fn resets_of_either_side() {
    let mut talk = Talk::new(Config::default(), Builder::new(), |mut requests| async move {
        for (path, reason) in
            [("/reset", h2::Reason::INTERNAL_ERROR), ("/refuse", h2::Reason::REFUSED_STREAM)]
        {
            let (response, _) = requests.send_request(get(path), true).unwrap();
            let error = response.await.unwrap_err();
            assert!(error.is_remote() && error.is_reset());
            assert_eq!(error.reason(), Some(reason));
        }
        let (_response, mut stream) = requests.send_request(post("/"), false).unwrap();
        stream.send_data(Bytes::from_static(b"never mind"), false).unwrap();
        // The others go on.
        let (response, _) = requests.send_request(get("/"), true).unwrap();
        response.await.unwrap();
        stream.send_reset(h2::Reason::CANCEL);
        requests
    });
    let requests = talk.outcome();
    talk.run();
    assert_eq!(talk.service.resets, [(StreamId::new(5), Reason::CANCEL, true)]);
    drop(requests);
    talk.run();
    // The client says GOAWAY when nobody can send requests any more.
    assert_eq!(talk.service.goaways, [Reason::NO_ERROR]);
    assert!(talk.meeting.peer_is_gone());
}

#[test]
fn a_graceful_end_answers_what_was_accepted() {
    let mut talk = Talk::new(Config::default(), Builder::new(), |mut requests| async move {
        let (response, stream) = requests.send_request(post("/"), false).unwrap();
        (requests, response, stream)
    });
    let (mut requests, response, mut stream) = talk.outcome();
    talk.meeting.ours.graceful_shutdown();
    talk.run();
    let late = talk.meeting.tasks.spawn(async move {
        let late = requests.clone().ready().await.err();
        stream.send_data(Bytes::from_static(b"hello"), true).unwrap();
        let answer = collect(response.await.unwrap().into_body()).await.unwrap().0;
        (late, requests.send_request(get("/"), true).err(), answer)
    });
    talk.run();
    let (late, refused, answer) = late.take().expect("the client came to its end");
    assert!(late.is_some_and(|error| error.is_go_away()) && refused.is_some());
    assert_eq!(answer, b"hello");
    assert!(talk.meeting.peer_is_gone());
}

#[test]
fn tunnels_of_both_kinds() {
    let mut config = Config::default();
    config.settings.enable_connect_protocol = true;
    let mut talk = Talk::new(config, Builder::new(), |mut requests| async move {
        let plain = Request::connect("a:443").body(()).unwrap();
        let mut extended = Request::connect("http://a/chat").body(()).unwrap();
        extended.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
        while !requests.is_extended_connect_protocol_enabled() {
            std::future::poll_fn(|cx| requests.poll_ready(cx)).await.unwrap();
            let (response, _) = requests.send_request(get("/"), true).unwrap();
            response.await.unwrap();
        }
        for request in [plain, extended] {
            let (response, mut stream) = requests.send_request(request, false).unwrap();
            let mut body = response.await.unwrap().into_body();
            for part in ["ping", "pong"] {
                stream.send_data(Bytes::from(part), false).unwrap();
                assert_eq!(body.data().await.unwrap().unwrap(), part);
            }
            stream.send_data(Bytes::new(), true).unwrap();
            // The end comes with a frame that is empty.
            while let Some(data) = body.data().await {
                assert!(data.unwrap().is_empty());
            }
        }
    });
    talk.outcome();
    talk.run();
    let kinds = talk.service.requests.values().map(|(request, ..)| {
        request.extensions().get::<ConnectProtocol>().map(|protocol| protocol.as_str().to_owned())
    });
    let mut kinds: Vec<_> = kinds.collect();
    kinds.sort();
    assert_eq!(kinds, [None, Some("websocket".to_owned())]);
}

#[test]
fn pings_of_both_sides() {
    let mut talk = Talk::new(Config::default(), Builder::new(), |requests| async move { requests });
    talk.meeting.ours.ping();
    talk.run();
    assert_eq!(talk.service.pongs, 1);
}

#[test]
fn fields_of_every_kind_with_tables_of_any_size() {
    for (seed, (config, theirs)) in tables().enumerate() {
        let ours = config.settings.header_table_size;
        let mut builder = Builder::new();
        builder.header_table_size(theirs).max_header_list_size(1 << 20);
        let talk = Talk::new(config, builder, move |mut requests| async move {
            let mut random = Random::new(seed as u64 + 1);
            for _ in 0..150 {
                let fields = fields(&mut random);
                let mut request = get("/");
                *request.headers_mut() = fields.clone();
                requests = requests.ready().await.unwrap();
                let (response, _) = requests.send_request(request, true).unwrap();
                let mut answer = response.await.unwrap().into_parts().0.headers;
                answer.remove("date");
                assert_eq!(answer, joined(fields), "with tables of {ours} and {theirs}");
            }
        });
        talk.outcome();
    }
}
