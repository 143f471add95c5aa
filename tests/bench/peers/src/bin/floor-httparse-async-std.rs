//! httparse bare on async-std: heads are parsed, nothing is built from them, the answer is prepared.
//!
//! What is between this and the epoll floor is async-std and the parser; what is between this and a
//! server is the server. async-std has as many threads as this process has cores: one.

use std::io;

use async_std::net::{TcpListener, TcpStream};
use async_std::prelude::*;
use async_std::task;
use bench_peers::Answered;

fn main() -> io::Result<()> {
    task::block_on(async {
        let listener = TcpListener::from(bench_peers::listen()?);
        let answer: &'static [u8] = bench_peers::prepared_answer().leak();
        // The accept loop is a task of its own, on the threads that the connections are on.
        task::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                task::spawn(async move {
                    if let Err(error) = serve(stream, answer).await {
                        eprintln!("floor-httparse-async-std: {error}");
                    }
                });
            }
        })
        .await
    })
}

async fn serve(mut stream: TcpStream, answer: &[u8]) -> io::Result<()> {
    let mut answered = Answered::new(answer);
    loop {
        let received = stream.read(answered.room()).await?;
        if received == 0 {
            return Ok(());
        }
        stream.write_all(answered.answer(received)?).await?;
    }
}
