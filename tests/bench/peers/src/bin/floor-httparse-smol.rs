//! httparse bare on smol: heads are parsed, nothing is built from them, the answer is prepared.
//!
//! What is between this and the epoll floor is the executor, the reactor and the parser; what is
//! between this and a server is the server.

use std::io::{self, Read};
use std::net::TcpStream;

use async_io::Async;
use bench_peers::Answered;
use futures_lite::AsyncWriteExt;

fn main() -> io::Result<()> {
    let answer: &'static [u8] = bench_peers::prepared_answer().leak();
    bench_peers::accept_on_smol("floor-httparse-smol", move |stream| serve(stream, answer))
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
