use std::future::Future;
use std::io;
use std::net::{TcpListener, TcpStream};

use async_executor::Executor;
use async_io::Async;
use futures_lite::future;

/// Serves each connection in a task of its own, on the one thread that this is called on.
///
/// # Errors
///
/// The listener cannot be made.
pub fn accept_on_smol<F>(
    name: &'static str,
    serve: impl Fn(Async<TcpStream>) -> F + Send + 'static,
) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    static EXECUTOR: Executor<'static> = Executor::new();
    let listener = Async::new(crate::listen()?)?;
    // The accept loop is a task of its own: as the future given to `run` it would be polled at
    // every wake of any connection.
    let accepting = EXECUTOR.spawn(accept(listener, &EXECUTOR, name, serve));
    async_io::block_on(EXECUTOR.run(future::or(accepting, future::pending())))
}

async fn accept<F>(
    listener: Async<TcpListener>,
    executor: &'static Executor<'static>,
    name: &'static str,
    serve: impl Fn(Async<TcpStream>) -> F,
) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await?;
        stream.get_ref().set_nodelay(true)?;
        let serving = serve(stream);
        executor
            .spawn(async move {
                if let Err(error) = serving.await {
                    eprintln!("{name}: {error}");
                }
            })
            .detach();
    }
}
