//! hyper on a current-thread tokio runtime.
//!
//! With `--pipeline-flush` the answers to pipelined requests leave in one write. hyper has that off
//! by default, and with it on a large body is buffered whole: it is for the small answers.
//!
//! With `--timer` the head timeout (hyper's default of 30 seconds) is armed, which hyper leaves
//! off until it is given a timer: that is the row to compare a server with timeouts with.

use std::io;

use bench_peers::hyper_service::answer;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

fn main() -> io::Result<()> {
    let mut builder = http1::Builder::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--pipeline-flush" => builder.pipeline_flush(true),
            "--timer" => builder.timer(TokioTimer::new()),
            _ => return Err(io::Error::other(format!("unknown argument {argument}"))),
        };
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = bench_peers::listen()?;
        listener.set_nonblocking(true)?;
        serve(TcpListener::from_std(listener)?, builder).await
    })
}

async fn serve(listener: TcpListener, builder: http1::Builder) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection = builder.serve_connection(TokioIo::new(stream), service_fn(answer));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("peer-hyper: {error}");
            }
        });
    }
}
