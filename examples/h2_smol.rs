//! HTTP/2 on smol without a framework: many requests at once over one connection, answered out of order by a server
//! that is the same file. The driver moves bytes and time; what is left to do is to react to events.

use std::error::Error;
use std::io;

use barewire::h2::{BodyLength, ClientConnection, ClientEvent, Config, Reason};
use barewire::h2::{ServerConnection, ServerEvent};
use barewire::http::{HeaderMap, HeaderValue, Request, Response, header};
use barewire::rt::{Driver, Listener, PeerAddr, Runtime, Transport};
use barewire::smol::Smol;

/// Answers every pair of requests in the other order, and says so in a trailer.
async fn serve(stream: impl Transport) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut driver = Driver::new(ServerConnection::new(Config::default()), stream);
    let mut waiting = None;
    // `None` is the normal end: the client said GOAWAY and closed.
    while let Some(event) = driver.next_event().await? {
        let ServerEvent::Request(id, request, _) = event else { continue };
        let Some((first, head)) = waiting.replace((id, request)) else { continue };
        let http = driver.protocol_mut();
        for (id, request) in [waiting.take(), Some((first, head))].into_iter().flatten() {
            let mut body = format!("{} on stream {id}", request.uri().path()).into();
            http.send_response(id, &Response::new(()), BodyLength::Unknown)?;
            // A small body fits in any case; a large one would wait for `Writable` with what is left in `body`.
            http.send_data(id, &mut body, false)?;
            let trailers = [(header::SERVER, HeaderValue::from_static("barewire"))];
            http.send_trailers(id, &HeaderMap::from_iter(trailers))?;
        }
        // What the commands put out leaves with the next `next_event`, in one write.
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let smol = Smol::default();
    smol.block_on(async {
        let listener = smol.listen_tcp(([127, 0, 0, 1], 0).into(), &Default::default())?;
        let PeerAddr::Tcp(addr) = listener.local_addr()? else { unreachable!("it is TCP") };
        let server = smol.spawn(async move { serve(listener.accept().await?.0).await });

        let stream = smol.connect_tcp(addr, None).await?;
        let mut driver = Driver::new(ClientConnection::new(Config::default()), stream);
        for path in ["one", "two", "three", "four"] {
            let request = Request::get(format!("http://{addr}/{path}")).body(())?;
            driver.protocol_mut().send_request(&request, BodyLength::Empty)?;
        }
        while let Some(event) = driver.next_event().await? {
            let http = driver.protocol_mut();
            match event {
                ClientEvent::Data(id, data) => {
                    println!("{}", String::from_utf8_lossy(&data));
                    // Each stream and the connection have a window, which reading alone does not open again.
                    http.release_capacity(id, data.len());
                }
                ClientEvent::Trailers(id, trailers) => println!("stream {id}: {trailers:?}"),
                ClientEvent::End(_) if http.is_idle() => http.go_away(Reason::NO_ERROR),
                _ => {}
            }
        }
        server.await.map_err(io::Error::other)?
    })
}
