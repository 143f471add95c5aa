//! httparse bare on smol: heads are parsed, nothing is built from them, the answer is prepared.
//!
//! What is between this and the epoll floor is the executor, the reactor and the parser; what is
//! between this and a server is the server.

use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};

use async_executor::Executor;
use async_io::Async;
use bench_peers::Answered;
use futures_lite::{AsyncWriteExt, future};

fn main() -> io::Result<()> {
    static EXECUTOR: Executor<'static> = Executor::new();
    let listener = Async::new(bench_peers::listen()?)?;
    // The accept loop is a task of its own: as the future given to `run` it would be polled at
    // every wake of any connection.
    let accepting = EXECUTOR.spawn(accept(listener, &EXECUTOR));
    async_io::block_on(EXECUTOR.run(future::or(accepting, future::pending())))
}

async fn accept(
    listener: Async<TcpListener>,
    executor: &'static Executor<'static>,
) -> io::Result<()> {
    let answer: &'static [u8] = bench_peers::prepared_answer().leak();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.get_ref().set_nodelay(true)?;
        executor
            .spawn(async move {
                if let Err(error) = serve(stream, answer).await {
                    eprintln!("floor-httparse-smol: {error}");
                }
            })
            .detach();
    }
}

async fn serve(mut stream: Async<TcpStream>, answer: &[u8]) -> io::Result<()> {
    let mut answered = Answered::new(answer);
    loop {
        // Reading first would only find that nothing is there yet.
        stream.readable().await?;
        let received = stream.get_ref().read(answered.room())?;
        if received == 0 {
            return Ok(());
        }
        stream.write_all(answered.answer(received)?).await?;
    }
}
