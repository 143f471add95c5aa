//! A server of HTTP/2: the state machine over plain blocking sockets, and a closure that answers.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use barewire_h2::{BodyLength, Config, Reason, ServerConnection, ServerEvent, StreamId};
use barewire_proto::{Buf, Protocol};
use bytes::Bytes;
use http::{HeaderMap, Response};

/// One connection, seen from the server.
pub(crate) struct Talk {
    /// Which one, in the order of their coming.
    pub(crate) number: usize,
    pub(crate) h2: ServerConnection,
    /// Bodies that are being sent.
    pub(crate) sending: HashMap<StreamId, (Bytes, Option<HeaderMap>)>,
    /// What has come of each request's body.
    pub(crate) received: HashMap<StreamId, Vec<u8>>,
    pub(crate) paths: HashMap<StreamId, String>,
    /// Where to tell the test of something.
    pub(crate) note: Sender<String>,
    /// Cut the connection after what there is to say.
    pub(crate) hang_up: bool,
    /// Do not answer anything more.
    pub(crate) mute: bool,
    /// Do not read before this instant.
    pub(crate) deaf: Option<Instant>,
    /// How many times the client has asked whether anybody is there.
    pub(crate) pings: usize,
    frames: Frames,
}

/// Counts a client's PING frames, which the state machine answers by itself.
struct Frames {
    /// Bytes until the next frame's head is complete. The preface comes first.
    skip: usize,
    head: Vec<u8>,
}

impl Frames {
    const HEAD: usize = 9;

    /// How many of the frames that begin in these bytes are PINGs, and no answers to one.
    fn pings(&mut self, mut bytes: &[u8]) -> usize {
        let mut pings = 0;
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let wanted = (Self::HEAD - self.head.len()).min(bytes.len());
            self.head.extend_from_slice(&bytes[..wanted]);
            bytes = &bytes[wanted..];
            if let [a, b, c, kind, flags, ..] = self.head[..]
                && self.head.len() == Self::HEAD
            {
                self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
                pings += usize::from((kind, flags) == (6, 0));
                self.head.clear();
            }
        }
        pings
    }
}

impl Talk {
    pub(crate) fn note(&self, text: impl Into<String>) {
        let _ = self.note.send(text.into());
    }

    /// Answers with a body, in one part or as the client takes it.
    pub(crate) fn answer(&mut self, id: StreamId, body: impl Into<Bytes>) {
        let _ = self.h2.respond(id, &Response::new(()), body.into());
    }

    /// Sends a body bit by bit, and trailers behind it.
    pub(crate) fn stream(
        &mut self,
        id: StreamId,
        body: impl Into<Bytes>,
        trailers: Option<HeaderMap>,
    ) {
        self.h2.send_response(id, &Response::new(()), BodyLength::Unknown).unwrap();
        self.sending.insert(id, (body.into(), trailers));
        self.push(id);
    }

    pub(crate) fn push(&mut self, id: StreamId) {
        let Some((body, trailers)) = self.sending.get_mut(&id) else { return };
        let end = trailers.is_none();
        if self.h2.send_data(id, body, end).is_err() {
            self.sending.remove(&id);
        } else if body.is_empty() {
            if let Some(trailers) = trailers {
                self.h2.send_trailers(id, trailers).unwrap();
            }
            self.sending.remove(&id);
        }
    }

    /// Sends a frame that the state machine knows nothing of.
    pub(crate) fn raw(&mut self, frame: &[u8]) {
        self.h2.output().put(frame);
    }

    pub(crate) fn reset(&mut self, id: StreamId, reason: Reason) {
        self.h2.reset_stream(id, reason);
    }
}

/// The server. Dropping it waits for its connections to end, and fails if one of them panicked.
pub(crate) struct Server {
    addr: SocketAddr,
    thread: Option<JoinHandle<()>>,
    stop: Arc<Mutex<bool>>,
    pub(crate) notes: Receiver<String>,
    commands: Arc<Mutex<Vec<Sender<Command>>>>,
}

type Command = Box<dyn FnOnce(&mut Talk) + Send>;

impl Server {
    pub(crate) fn new<F, G>(config: Config, mut make: F) -> Self
    where
        F: FnMut(usize) -> G + Send + 'static,
        G: FnMut(&mut Talk, ServerEvent) + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let stop = Arc::new(Mutex::new(false));
        let stopped = stop.clone();
        let (note, notes) = channel();
        let config = Arc::new(config);
        let commands = Arc::new(Mutex::new(Vec::new()));
        let all = commands.clone();
        let thread = thread::spawn(move || {
            let mut running = Vec::new();
            for number in 0.. {
                let (stream, _) = listener.accept().unwrap();
                if *stopped.lock().unwrap() {
                    break;
                }
                let (command, given) = channel();
                all.lock().unwrap().push(command);
                let talk = Talk {
                    number,
                    h2: ServerConnection::new(config.clone()),
                    sending: HashMap::new(),
                    received: HashMap::new(),
                    paths: HashMap::new(),
                    note: note.clone(),
                    hang_up: false,
                    mute: false,
                    deaf: None,
                    pings: 0,
                    frames: Frames {
                        skip: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len(),
                        head: Vec::new(),
                    },
                };
                let mut react = make(number);
                running.push(thread::spawn(move || serve(stream, talk, &given, &mut react)));
            }
            for connection in running {
                connection.join().unwrap();
            }
        });
        Self { addr, thread: Some(thread), stop, notes, commands }
    }

    /// A server that answers every request with its own path, once its body has come.
    pub(crate) fn echo_paths(config: Config) -> Self {
        Self::new(config, |_| echo_path)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Has a connection do something.
    pub(crate) fn tell(&self, connection: usize, command: impl FnOnce(&mut Talk) + Send + 'static) {
        let _ = self.commands.lock().unwrap()[connection].send(Box::new(command));
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.commands.lock().unwrap().len()
    }

    pub(crate) fn note(&self) -> String {
        self.notes.recv_timeout(Duration::from_secs(20)).expect("the server has nothing to say")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        *self.stop.lock().unwrap() = true;
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.thread.take()
            && !thread::panicking()
        {
            thread.join().unwrap();
        }
    }
}

/// Answers a request with its path and, if there was one, the length of its body.
pub(crate) fn echo_path(talk: &mut Talk, event: ServerEvent) {
    let (id, request) = match event {
        ServerEvent::Request(id, request, BodyLength::Empty) => (id, Some(request)),
        ServerEvent::Request(id, request, _) => {
            talk.paths.insert(id, request.uri().path().to_owned());
            return;
        }
        ServerEvent::End(id) => (id, None),
        _ => return,
    };
    let body = match request {
        Some(request) => request.uri().path().to_owned(),
        None => {
            // One that was dealt with in another way.
            let Some(path) = talk.paths.remove(&id) else { return };
            let received = talk.received.remove(&id).unwrap_or_default();
            format!("{path} {}", received.len())
        }
    };
    talk.answer(id, body);
}

fn serve(
    mut stream: TcpStream,
    mut talk: Talk,
    commands: &Receiver<Command>,
    react: &mut dyn FnMut(&mut Talk, ServerEvent),
) {
    stream.set_nodelay(true).unwrap();
    // Commands of the test are looked for this often.
    stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < end, "the client does not end connection {}", talk.number);
        for command in commands.try_iter() {
            command(&mut talk);
        }
        talk.h2.handle_timeout(Instant::now());
        let mut over = false;
        loop {
            match talk.h2.poll_event() {
                Ok(Some(event)) => {
                    match &event {
                        ServerEvent::Data(id, data) => {
                            talk.h2.release_capacity(*id, data.len());
                            talk.received.entry(*id).or_default().extend_from_slice(data);
                        }
                        ServerEvent::Writable(id) => talk.push(*id),
                        _ => {}
                    }
                    react(&mut talk, event);
                }
                Ok(None) => break,
                Err(error) => {
                    talk.note(format!("error: {error}"));
                    over = true;
                    break;
                }
            }
        }
        while talk.h2.output().has_remaining() {
            let output = talk.h2.output();
            let sent = match stream.write(output.chunk()) {
                Ok(sent) => sent,
                Err(_) => return,
            };
            talk.h2.output().advance(sent);
        }
        if over || talk.hang_up || talk.h2.is_closed() {
            let _ = stream.shutdown(Shutdown::Both);
            talk.note("hung up");
            return;
        }
        if talk.mute {
            match stream.read(&mut [0; 4096]) {
                Ok(0) => return,
                Err(error) if !is_early(&error) => return,
                _ => continue,
            }
        }
        if !talk.h2.wants_read() || talk.deaf.is_some_and(|until| Instant::now() < until) {
            thread::park_timeout(Duration::from_millis(5));
            continue;
        }
        let spare = talk.h2.input().spare(65536);
        match stream.read(spare) {
            Ok(0) => talk.h2.input().close(),
            Ok(n) => {
                talk.pings += talk.frames.pings(&spare[..n]);
                talk.h2.input().commit(n);
            }
            Err(error) if is_early(&error) => {}
            Err(_) => return,
        }
    }
}

fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
