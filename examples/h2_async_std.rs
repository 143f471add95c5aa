//! An upload over HTTP/2 on async-std, without a framework: the server holds its window shut by not saying that it
//! consumed what came, and the client waits for room instead of filling memory.

use std::error::Error;
use std::io;

use barewire::async_std::AsyncStd;
use barewire::bytes::Bytes;
use barewire::h2::{BodyLength, ClientConnection, ClientEvent, Config, Reason};
use barewire::h2::{ServerConnection, ServerEvent};
use barewire::http::{Request, Response};
use barewire::rt::{Driver, Listener, PeerAddr, Runtime, Transport};

/// Counts what came before it lets the client send more.
async fn serve(stream: impl Transport) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut config = Config::default();
    // What a client may send ahead on one stream: the memory that a request's body can cost.
    config.settings.initial_window_size = 65_535;
    let mut driver = Driver::new(ServerConnection::new(config), stream);
    let (mut received, mut most, mut held) = (0, 0, 0);
    while let Some(event) = driver.next_event().await? {
        let http = driver.protocol_mut();
        match event {
            ServerEvent::Data(id, data) => {
                received += data.len();
                held += data.len();
                most = most.max(held);
                // A program with a slow disk would say this when the disk took it.
                if held >= 32_768 {
                    http.release_capacity(id, std::mem::take(&mut held));
                }
            }
            ServerEvent::End(id) => {
                let text = format!("{received} bytes, at most {most} of them held");
                http.respond(id, &Response::new(()), text.into())?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    AsyncStd.block_on(async {
        let listener = AsyncStd.listen_tcp(([127, 0, 0, 1], 0).into(), &Default::default())?;
        let PeerAddr::Tcp(addr) = listener.local_addr()? else { unreachable!("it is TCP") };
        let server = AsyncStd.spawn(async move { serve(listener.accept().await?.0).await });

        let stream = AsyncStd.connect_tcp(addr, None).await?;
        let mut driver = Driver::new(ClientConnection::new(Config::default()), stream);
        let request = Request::post(format!("http://{addr}/")).body(())?;
        let id = driver.protocol_mut().send_request(&request, BodyLength::Known(1_000_000))?;
        let mut rest = Bytes::from(vec![b'x'; 1_000_000]);
        // Takes what fits and leaves the rest; `Writable` says when there is room again.
        driver.protocol_mut().send_data(id, &mut rest, true)?;
        let mut waits = 0;
        while let Some(event) = driver.next_event().await? {
            let http = driver.protocol_mut();
            match event {
                ClientEvent::Writable(id) => {
                    waits += 1;
                    http.send_data(id, &mut rest, true)?;
                }
                ClientEvent::Data(id, data) => {
                    println!("{}", String::from_utf8_lossy(&data));
                    http.release_capacity(id, data.len());
                }
                ClientEvent::End(_) => http.go_away(Reason::NO_ERROR),
                _ => {}
            }
        }
        println!("the client had to wait: {}", waits > 0);
        server.await.map_err(io::Error::other)?
    })
}
