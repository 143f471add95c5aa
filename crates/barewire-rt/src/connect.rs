use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::Runtime;

/// How long the next address waits for the one before it: RFC 8305, section 8, recommends 250 ms.
pub const CONNECT_STAGGER: Duration = Duration::from_millis(250);

/// No address could be connected to.
#[derive(Debug)]
pub enum ConnectError {
    /// There was no address to try.
    NoAddress,
    /// Each address failed; the errors are in the order in which the attempts ended.
    Failed(Vec<(SocketAddr, io::Error)>),
    /// The deadline passed first.
    TimedOut,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress => f.write_str("the host name has no address"),
            Self::Failed(attempts) => {
                for (i, (addr, error)) in attempts.iter().enumerate() {
                    let separator = if i == 0 { "" } else { "; " };
                    write!(f, "{separator}{addr}: {error}")?;
                }
                Ok(())
            }
            Self::TimedOut => f.write_str("no address answered in time"),
        }
    }
}

impl std::error::Error for ConnectError {}

impl From<ConnectError> for io::Error {
    fn from(error: ConnectError) -> Self {
        let kind = match &error {
            ConnectError::NoAddress => io::ErrorKind::NotFound,
            ConnectError::Failed(attempts) => {
                attempts.first().map_or(io::ErrorKind::Other, |(_, e)| e.kind())
            }
            ConnectError::TimedOut => io::ErrorKind::TimedOut,
        };
        Self::new(kind, error)
    }
}

/// Orders addresses for connecting: the resolver's order, with the families taking turns
/// (RFC 8305, section 4).
///
/// ```
/// let addrs: Vec<std::net::SocketAddr> =
///     ["[::1]:1", "[::2]:1", "10.0.0.1:1"].iter().map(|a| a.parse().unwrap()).collect();
/// let ordered = barewire_rt::interleave(addrs);
/// assert_eq!(ordered[1], "10.0.0.1:1".parse().unwrap());
/// ```
pub fn interleave(addrs: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addrs.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addrs.into_iter().partition(|addr| addr.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered = Vec::with_capacity(first.len() + second.len());
    loop {
        let pair = [first.next(), second.next()];
        if pair.iter().all(Option::is_none) {
            return ordered;
        }
        ordered.extend(pair.into_iter().flatten());
    }
}

/// Connects to the first of several addresses that answers (RFC 8305, section 5): the next one is tried when
/// `stagger` has passed or all before it have failed.
///
/// Async runtimes get it as [`Runtime::connect_tcp_any`]. Cancel-safe: dropping it closes the sockets.
///
/// # Errors
///
/// See [`ConnectError`].
pub async fn connect_any<R: Runtime>(
    runtime: R,
    addrs: Vec<SocketAddr>,
    stagger: Duration,
    deadline: Option<Instant>,
) -> Result<R::TcpStream, ConnectError> {
    if addrs.is_empty() {
        return Err(ConnectError::NoAddress);
    }
    type Attempt<'a, S> = (SocketAddr, Pin<Box<dyn Future<Output = io::Result<S>> + Send + 'a>>);
    let mut waiting = addrs.into_iter();
    let mut running: Vec<Attempt<'_, R::TcpStream>> = Vec::new();
    let mut failed = Vec::new();
    let mut next = runtime.sleep_until(runtime.now());
    let mut limit = deadline.map(|at| runtime.sleep_until(at));
    poll_fn(|cx| {
        if limit.as_mut().is_some_and(|limit| Pin::new(limit).poll(cx).is_ready()) {
            return Poll::Ready(Err(ConnectError::TimedOut));
        }
        loop {
            let mut i = 0;
            while let Some((addr, attempt)) = running.get_mut(i) {
                match attempt.as_mut().poll(cx) {
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    // The deadline is everybody's: an attempt may be the first to see that it is over.
                    Poll::Ready(Err(error))
                        if error.kind() == io::ErrorKind::TimedOut
                            && deadline.is_some_and(|at| at <= runtime.now()) =>
                    {
                        return Poll::Ready(Err(ConnectError::TimedOut));
                    }
                    Poll::Ready(Err(error)) => {
                        failed.push((*addr, error));
                        drop(running.swap_remove(i));
                    }
                    Poll::Pending => i += 1,
                }
            }
            let due = running.is_empty() || Pin::new(&mut next).poll(cx).is_ready();
            if !due {
                return Poll::Pending;
            }
            let Some(addr) = waiting.next() else {
                return match running.is_empty() {
                    true => Poll::Ready(Err(ConnectError::Failed(std::mem::take(&mut failed)))),
                    false => Poll::Pending,
                };
            };
            let runtime = &runtime;
            running.push((addr, Box::pin(runtime.connect_tcp(addr, deadline))));
            next = runtime.sleep(stagger);
        }
    })
    .await
}
