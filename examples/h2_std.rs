//! HTTP/2 on threads without a framework: any number of threads send on one connection, while another one waits for
//! what comes and hands it out. Nobody holds the driver's lock while waiting for the server.

use std::collections::HashMap;
use std::error::Error;
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use barewire::h2::{BodyLength, ClientConnection, ClientEvent, Config, Reason, StreamId};
use barewire::http::Request;
use barewire::server::{Body, Server, blocking};
use barewire::std::{Driver, Std, TcpStream};

type BoxError = Box<dyn Error + Send + Sync>;

struct Connection {
    driver: Driver<ClientConnection>,
    /// Who waits for which answer.
    waiting: Mutex<HashMap<StreamId, Waiting>>,
}

struct Waiting {
    body: Vec<u8>,
    answer: Sender<Result<Vec<u8>, Reason>>,
}

impl Connection {
    fn get(&self, url: &str) -> Result<String, BoxError> {
        let request = Request::get(url).body(())?;
        let (sender, answer) = mpsc::channel();
        // Within the command, so that no answer comes before it is known whose it is.
        self.driver.with(|http| {
            let id = http.send_request(&request, BodyLength::Empty)?;
            self.waiting().insert(id, Waiting { body: Vec::new(), answer: sender });
            Ok::<(), BoxError>(())
        })?;
        self.driver.flush()?;
        let body = answer.recv().map_err(|_| "the connection ended")?;
        Ok(String::from_utf8(body.map_err(|reason| format!("the stream was reset: {reason}"))?)?)
    }

    fn hand_out(&self) -> Result<(), BoxError> {
        while let Some(event) = self.driver.next_event()? {
            let (id, ended) = match event {
                ClientEvent::Data(id, part) => {
                    self.driver.with(|http| http.release_capacity(id, part.len()));
                    if let Some(waiting) = self.waiting().get_mut(&id) {
                        waiting.body.extend_from_slice(&part);
                    }
                    continue;
                }
                ClientEvent::End(id) => (id, Ok(())),
                ClientEvent::StreamReset { id, reason, .. } => (id, Err(reason)),
                _ => continue,
            };
            if let Some(Waiting { body, answer }) = self.waiting().remove(&id) {
                answer.send(ended.map(|()| body))?;
            }
        }
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<StreamId, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody to talk to.
fn shout(request: Request<Body>) -> String {
    request.uri().path().to_uppercase()
}

fn main() -> Result<(), BoxError> {
    let runtime = Std::default();
    let server = Server::bind(runtime, ([127, 0, 0, 1], 0).into())?;
    let addr = server.local_addr()?.to_string();
    runtime.spawn(server.serve(blocking(shout)));

    let stream = TcpStream::connect(addr.parse()?, None)?;
    let driver = Driver::new(ClientConnection::new(Config::default()), stream);
    let connection = Connection { driver, waiting: Mutex::default() };
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let ended = connection.hand_out();
            // However it ended, nobody waits any longer.
            connection.waiting().clear();
            ended
        });
        let get = |name| connection.get(&format!("http://{addr}/{name}"));
        let threads = ["one", "two", "three"].map(|name| scope.spawn(move || get(name)));
        let answers = threads.map(|thread| thread.join().map_err(|_| "a thread panicked"));
        // The reader goes on until the connection ends.
        connection.driver.with(|http| http.go_away(Reason::NO_ERROR));
        connection.driver.flush()?;
        for answer in answers {
            println!("{}", answer??);
        }
        reader.join().map_err(|_| "a thread panicked")?
    })
}
