//! A UDP echo server and a client that sends again what is lost.

use std::io;
use std::time::Duration;

use barewire::rt::{Runtime, UdpSocket};
use barewire::smol::{self, Smol};
use futures_lite::FutureExt;

async fn echo(socket: smol::UdpSocket) -> io::Result<()> {
    let mut buf = [0; 1500];
    loop {
        let (n, from) = socket.recv_from(&mut buf).await?;
        socket.send_to(&buf[..n], from).await?;
    }
}

/// Datagrams may be lost, so one that is not answered is sent again.
async fn ask(runtime: &Smol, socket: &smol::UdpSocket, question: &[u8]) -> io::Result<Vec<u8>> {
    let mut buf = [0; 1500];
    for wait in [1, 2, 4].map(Duration::from_secs) {
        socket.send(question).await?;
        let answered = async { socket.recv(&mut buf).await.map(Some) };
        let timed_out = async {
            runtime.sleep(wait).await;
            Ok(None)
        };
        if let Some(n) = answered.or(timed_out).await? {
            return Ok(buf[..n].to_vec());
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

fn main() -> io::Result<()> {
    let runtime = Smol::default();
    runtime.block_on(async {
        let any_port = ([127, 0, 0, 1], 0).into();
        let server = runtime.bind_udp(any_port)?;
        let addr = server.local_addr()?;
        runtime.spawn(echo(server));

        let client = runtime.bind_udp(any_port)?;
        client.connect(addr)?;
        let answer = ask(&runtime, &client, b"hello").await?;
        println!("{} came back", String::from_utf8_lossy(&answer));
        Ok(())
    })
}
