//! Our client and the `h2` crate's server, connected in memory.

use std::collections::HashMap;
use std::future::poll_fn;

use barewire_differential::http2::{
    Meeting, Tasks, Windows, collect, fields, joined, send, tables, trailers, windows,
};
use barewire_h2::{
    BodyLength, ClientConnection, ClientEvent, Config, ConnectProtocol, Reason, ResetBy, StreamId,
    UsageError,
};
use barewire_testkit::Random;
use bytes::Bytes;
use h2::RecvStream;
use h2::server::{Builder, SendResponse};
use http::{HeaderMap, Method, Request, Response};

/// Answers with what it is sent, as its paths say.
async fn answer(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let (head, body) = request.into_parts();
    let mut response = Response::new(());
    *response.headers_mut() = head.headers;
    response.headers_mut().remove("content-length");
    match head.uri.path() {
        "/reset" => return respond.send_reset(h2::Reason::INTERNAL_ERROR),
        "/refuse" => return respond.send_reset(h2::Reason::REFUSED_STREAM),
        "/early" => {
            let early = Response::builder().status(103).header("link", "</a>").body(());
            respond.send_informational(early.unwrap()).unwrap();
        }
        "/push" => {
            let request = Request::get("http://a/pushed").body(()).unwrap();
            let mut pushed = respond.push_request(request).unwrap();
            let mut stream = pushed.send_response(Response::new(()), false).unwrap();
            stream.send_data(Bytes::from_static(b"pushed"), true).unwrap();
        }
        "/enough" => {
            // The whole response, and no interest in the rest of the request: RST_STREAM(NO_ERROR).
            respond.send_response(response, true).unwrap();
            return;
        }
        _ => {}
    }
    if head.method == Method::CONNECT {
        let protocol = head.extensions.get::<h2::ext::Protocol>();
        if let Some(protocol) = protocol {
            response.headers_mut().insert("x-protocol", protocol.as_str().parse().unwrap());
        }
        let mut stream = respond.send_response(response, false).unwrap();
        let mut body = body;
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            body.flow_control().release_capacity(data.len()).unwrap();
            stream.send_data(data, false).unwrap();
        }
        return stream.send_data(Bytes::new(), true).unwrap();
    }
    let Ok((body, trailers)) = collect(body).await else { return };
    let mut stream = respond.send_response(response, false).unwrap();
    // It fails when the client has reset the stream.
    let _ = send(&mut stream, body.into(), trailers).await;
}

async fn serve(builder: Builder, wire: barewire_differential::Wire, tasks: Tasks, last: usize) {
    let mut connection = builder.handshake::<_, Bytes>(wire).await.unwrap();
    let mut count = 0;
    while let Some(accepted) = connection.accept().await {
        let (request, respond) = accepted.unwrap();
        tasks.spawn(answer(request, respond));
        count += 1;
        if count == last {
            connection.graceful_shutdown();
        }
    }
    poll_fn(|cx| connection.poll_closed(cx)).await.unwrap();
}

/// What came on a stream.
#[derive(Debug, Default)]
struct Exchange {
    early: Vec<u16>,
    response: Option<Response<()>>,
    body: Vec<u8>,
    trailers: Option<HeaderMap>,
    ended: bool,
    reset: Option<(Reason, ResetBy)>,
    promised: Option<StreamId>,
    /// What is still to be sent.
    rest: (Bytes, Option<HeaderMap>),
}

struct Talk {
    meeting: Meeting<ClientConnection>,
    streams: HashMap<StreamId, Exchange>,
    went_away: bool,
    pongs: usize,
}

impl Talk {
    fn new(config: Config, builder: Builder) -> Self {
        Self::that_ends_after(config, builder, usize::MAX)
    }

    /// The server shuts down once it has accepted so many requests.
    fn that_ends_after(config: Config, builder: Builder, last: usize) -> Self {
        let meeting = Meeting::new(ClientConnection::new(config), |tasks, wire| {
            tasks.spawn(serve(builder, wire, tasks.clone(), last));
        });
        let mut talk = Self { meeting, streams: HashMap::new(), went_away: false, pongs: 0 };
        talk.run();
        talk
    }

    fn run(&mut self) {
        let Self { meeting, streams, went_away, pongs } = self;
        meeting.run(|http, event| match event {
            ClientEvent::Informational(id, response) => {
                streams.entry(id).or_default().early.push(response.status().as_u16());
            }
            ClientEvent::Response(id, response, length) => {
                let exchange = streams.entry(id).or_default();
                exchange.response = Some(response);
                exchange.ended = length == BodyLength::Empty;
            }
            ClientEvent::Data(id, data) => {
                http.release_capacity(id, data.len());
                streams.entry(id).or_default().body.extend_from_slice(&data);
            }
            ClientEvent::Trailers(id, trailers) => {
                streams.entry(id).or_default().trailers = Some(trailers);
            }
            ClientEvent::End(id) => streams.entry(id).or_default().ended = true,
            ClientEvent::StreamReset { id, reason, by } => {
                streams.entry(id).or_default().reset = Some((reason, by));
            }
            ClientEvent::Writable(id) => {
                let rest = &mut streams.entry(id).or_default().rest;
                go_on(http, id, rest);
            }
            ClientEvent::PushPromise { id, promised, request } => {
                assert_eq!((request.method(), request.uri().path()), (&Method::GET, "/pushed"));
                streams.entry(id).or_default().promised = Some(promised);
            }
            ClientEvent::GoAway { reason, .. } => {
                assert_eq!(reason, Reason::NO_ERROR);
                *went_away = true;
            }
            ClientEvent::Pong { .. } => *pongs += 1,
            ClientEvent::Settings(_) => {}
        });
        assert_eq!(meeting.error(), None);
    }

    fn get(&mut self, path: &str) -> StreamId {
        let request = Request::get(format!("http://a{path}")).body(()).unwrap();
        self.meeting.ours.send_request(&request, BodyLength::Empty).unwrap()
    }

    fn post(&mut self, path: &str, body: Bytes, trailers: Option<HeaderMap>) -> StreamId {
        let request = Request::post(format!("http://a{path}")).body(()).unwrap();
        let id = self.meeting.ours.send_request(&request, BodyLength::Unknown).unwrap();
        let exchange = self.streams.entry(id).or_default();
        exchange.rest = (body, trailers);
        go_on(&mut self.meeting.ours, id, &mut exchange.rest);
        id
    }

    fn take(&mut self, id: StreamId) -> Exchange {
        self.streams.remove(&id).unwrap_or_default()
    }
}

fn go_on(http: &mut ClientConnection, id: StreamId, rest: &mut (Bytes, Option<HeaderMap>)) {
    let (body, trailers) = rest;
    http.send_data(id, body, trailers.is_none()).unwrap();
    if let Some(trailers) = trailers.take_if(|_| body.is_empty()) {
        http.send_trailers(id, &trailers).unwrap();
    }
}

#[test]
fn bodies_and_trailers_in_windows_of_any_size() {
    for Windows { config, theirs, body } in windows() {
        let mut builder = Builder::new();
        builder.initial_window_size(theirs);
        let mut talk = Talk::new(config, builder);
        for trailers in trailers() {
            let id = talk.post("/", body.clone(), trailers.clone());
            talk.run();
            let exchange = talk.take(id);
            assert!(exchange.ended);
            assert_eq!((&exchange.body[..], exchange.trailers), (&body[..], trailers));
        }
    }
}

#[test]
fn many_streams_up_to_the_servers_limit() {
    let mut builder = Builder::new();
    builder.max_concurrent_streams(50);
    let mut talk = Talk::new(Config::default(), builder);
    for _ in 0..3 {
        let ids: Vec<_> =
            (0..50).map(|_| talk.post("/", Bytes::from(vec![b'x'; 500]), None)).collect();
        let request = Request::get("http://a/").body(()).unwrap();
        let refused = talk.meeting.ours.send_request(&request, BodyLength::Empty);
        assert_eq!(refused, Err(UsageError::TooManyStreams));
        talk.run();
        for id in ids {
            assert_eq!(talk.take(id).body.len(), 500);
        }
    }
}

#[test]
fn informational_responses() {
    let mut talk = Talk::new(Config::default(), Builder::new());
    let id = talk.get("/early");
    talk.run();
    let exchange = talk.take(id);
    assert_eq!((exchange.early, exchange.ended), (vec![103], true));
}

#[test]
fn pushes() {
    let mut config = Config::default();
    config.settings.enable_push = true;
    let mut talk = Talk::new(config, Builder::new());
    let id = talk.get("/push");
    talk.run();
    let exchange = talk.take(id);
    assert!(exchange.ended);
    let pushed = talk.take(exchange.promised.expect("a promise"));
    assert_eq!((&pushed.body[..], pushed.ended), (&b"pushed"[..], true));
}

#[test]
fn resets_of_either_side() {
    let mut talk = Talk::new(Config::default(), Builder::new());
    let [reset, refused] = ["/reset", "/refuse"].map(|path| talk.get(path));
    let request = Request::post("http://a/").body(()).unwrap();
    let ours = talk.meeting.ours.send_request(&request, BodyLength::Unknown).unwrap();
    let enough = talk
        .meeting
        .ours
        .send_request(&Request::post("http://a/enough").body(()).unwrap(), BodyLength::Unknown);
    let enough = enough.unwrap();
    talk.run();
    assert_eq!(talk.take(reset).reset, Some((Reason::INTERNAL_ERROR, ResetBy::Peer)));
    let (reason, by) = talk.take(refused).reset.expect("a reset");
    assert!(by.is_unprocessed(reason));
    talk.meeting.ours.reset_stream(ours, Reason::CANCEL);
    // A response that is complete stands, although the request is not.
    let exchange = talk.take(enough);
    assert!(exchange.ended && exchange.reset.is_none(), "{exchange:?}");
    assert!(!talk.meeting.ours.is_open(enough));
    let after = talk.get("/");
    talk.run();
    assert!(talk.take(after).ended);
    assert!(talk.meeting.ours.is_idle());
}

#[test]
fn a_graceful_end_answers_what_was_accepted() {
    let mut talk = Talk::that_ends_after(Config::default(), Builder::new(), 2);
    let ids = [talk.get("/"), talk.get("/")];
    talk.run();
    assert!(talk.went_away && !talk.meeting.ours.can_send_request());
    for id in ids {
        assert!(talk.take(id).ended);
    }
    assert!(talk.meeting.peer_is_gone());
}

#[test]
fn our_own_end_is_a_normal_one() {
    let mut talk = Talk::new(Config::default(), Builder::new());
    let id = talk.get("/");
    talk.run();
    talk.meeting.ours.go_away(Reason::NO_ERROR);
    talk.run();
    assert!(talk.take(id).ended && talk.meeting.peer_is_gone());
}

#[test]
fn tunnels_of_both_kinds() {
    let mut builder = Builder::new();
    builder.enable_connect_protocol();
    let mut talk = Talk::new(Config::default(), builder);
    let plain = Request::connect("a:443").body(()).unwrap();
    let mut extended = Request::connect("http://a/chat").body(()).unwrap();
    extended.extensions_mut().insert(ConnectProtocol::new("websocket").unwrap());
    for (request, protocol) in [(plain, None), (extended, Some("websocket"))] {
        let http = &mut talk.meeting.ours;
        let id = http.send_request(&request, BodyLength::Unknown).unwrap();
        talk.run();
        for part in ["ping", "pong"] {
            talk.meeting.ours.send_data(id, &mut Bytes::from(part), false).unwrap();
            talk.run();
        }
        assert_eq!(talk.streams[&id].body, b"pingpong");
        talk.meeting.ours.send_data(id, &mut Bytes::new(), true).unwrap();
        talk.run();
        let exchange = talk.take(id);
        assert!(exchange.ended);
        let response = exchange.response.expect("a response");
        let told = response.headers().get("x-protocol").map(|value| value.to_str().unwrap());
        assert_eq!(told, protocol);
    }
}

#[test]
fn pings() {
    let mut talk = Talk::new(Config::default(), Builder::new());
    talk.meeting.ours.ping();
    talk.run();
    assert_eq!(talk.pongs, 1);
}

#[test]
fn fields_of_every_kind_with_tables_of_any_size() {
    for (seed, (config, theirs)) in tables().enumerate() {
        let ours = config.settings.header_table_size;
        let mut builder = Builder::new();
        builder.header_table_size(theirs).max_header_list_size(1 << 20);
        let mut talk = Talk::new(config, builder);
        let mut random = Random::new(seed as u64 + 100);
        for _ in 0..150 {
            let fields = fields(&mut random);
            let mut request = Request::get("http://a/").body(()).unwrap();
            *request.headers_mut() = fields.clone();
            let id = talk.meeting.ours.send_request(&request, BodyLength::Empty).unwrap();
            talk.run();
            let answer = talk.take(id).response.expect("a response");
            let answer = joined(answer.headers().clone());
            assert_eq!(answer, joined(fields), "with tables of {ours} and {theirs}");
        }
    }
}
