//! A TCP echo server and a client, written once and run on each of the three runtimes.

use std::io;

use barewire::async_std::AsyncStd;
use barewire::rt::socket::ListenOptions;
use barewire::rt::{AsyncRead, AsyncWrite, Listener, PeerAddr, Spawn};
use barewire::smol::Smol;
use barewire::std::Std;
use futures_lite::{AsyncReadExt, AsyncWriteExt};

async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut buf = vec![0; 4096];
    loop {
        match stream.read(&mut buf).await? {
            0 => return stream.close().await,
            n => stream.write_all(&buf[..n]).await?,
        }
    }
}

async fn serve<R: Spawn>(runtime: R, listener: R::TcpListener) {
    while let Ok((stream, _peer)) = listener.accept().await {
        drop(runtime.spawn(echo(stream)));
    }
}

async fn run<R: Spawn>(runtime: R) -> io::Result<()> {
    let listener = runtime.listen_tcp(([127, 0, 0, 1], 0).into(), &ListenOptions::default())?;
    let PeerAddr::Tcp(addr) = listener.local_addr()? else { unreachable!("it is a TCP listener") };
    drop(runtime.spawn(serve(runtime.clone(), listener)));

    let mut stream = runtime.connect_tcp(addr, None).await?;
    stream.write_all(b"hello").await?;
    let mut buf = [0; 5];
    stream.read_exact(&mut buf).await?;
    println!("{}: {} came back", R::NAME, String::from_utf8_lossy(&buf));
    Ok(())
}

fn main() -> io::Result<()> {
    let smol = Smol::default();
    smol.block_on(run(smol.clone()))?;
    AsyncStd.block_on(run(AsyncStd))?;
    let threads = Std::default();
    threads.block_on(run(threads))
}
