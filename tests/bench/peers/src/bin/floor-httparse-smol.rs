//! httparse bare on smol: heads are parsed, nothing is built from them, the answer is prepared.
//!
//! What is between this and the epoll floor is the executor, the reactor and the parser; what is
//! between this and a server is the server.

use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};

use async_executor::Executor;
use async_io::Async;
use futures_lite::{AsyncWriteExt, future};

const MAX_HEADERS: usize = 100;

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
    let mut input = vec![0; 16 * 1024];
    let mut filled = 0;
    let mut output = Vec::with_capacity(4 * 1024);
    loop {
        // Reading first would only find that nothing is there yet.
        stream.readable().await?;
        let received = stream.get_ref().read(&mut input[filled..])?;
        if received == 0 {
            return Ok(());
        }
        filled += received;
        let mut parsed = 0;
        while let Some(length) = head_length(&input[parsed..filled])? {
            parsed += length;
            output.extend_from_slice(answer);
        }
        input.copy_within(parsed..filled, 0);
        filled -= parsed;
        stream.write_all(&output).await?;
        output.clear();
    }
}

fn head_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    match httparse::Request::new(&mut []).parse_with_uninit_headers(bytes, &mut headers) {
        Ok(httparse::Status::Complete(length)) => Ok(Some(length)),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}
