//! hyper's HTTP/2, in clear text by prior knowledge, on a current-thread runtime, with its defaults.

use std::io;

use bench_peers::hyper_service::answer;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = bench_peers::listen()?;
        listener.set_nonblocking(true)?;
        serve(TcpListener::from_std(listener)?).await
    })
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    let builder = Builder::new(TokioExecutor::new());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let connection = builder.serve_connection(TokioIo::new(stream), service_fn(answer));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("peer-hyper-http2: {error}");
            }
        });
    }
}
